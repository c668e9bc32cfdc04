// Test kit: says what is wrong with an answer, by RFC 3264 §6 and the sections that codecs and attributes add to it. It shares no
// code with what it judges: it reads the lines by itself and knows nothing of policies, legs or relays.

interface Format {
  readonly payloadType: string;
  /** Lower case, as in `a=rtpmap`; of a static payload type without one, the payload type. */
  readonly encoding: string;
  readonly parameters: ReadonlyMap<string, string>;
}

interface Section {
  readonly type: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly Format[];
  readonly attributes: readonly string[];
  readonly direction: string;
  readonly address: string | undefined;
}

interface Parsed {
  readonly origin: readonly string[];
  readonly timing: string | undefined;
  readonly sections: readonly Section[];
  readonly problems: readonly string[];
}

const DIRECTIONS = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];
const STATIC: Readonly<Record<string, string>> = {
  0: 'pcmu/8000',
  3: 'gsm/8000',
  4: 'g723/8000',
  8: 'pcma/8000',
  9: 'g722/8000',
  13: 'cn/8000',
  18: 'g729/8000',
};

/** Everything that makes `answer` no legal answer to `offer`, or one that invents what the offer did not hold. */
export function violationsOfAnswer(answer: string, offer: string): string[] {
  const asked = parse(offer);
  const said = parse(answer);
  const wrong = [...said.problems];
  // §6: as many m-lines, in the same order; §6 too: the t= line is the offer's.
  if (said.sections.length !== asked.sections.length) wrong.push('another number of m-lines');
  if (said.timing !== asked.timing) wrong.push('another t= line');
  for (const [index, section] of said.sections.entries()) {
    const offered = asked.sections[index];
    if (offered === undefined) break;
    wrong.push(...violationsOfSection(section, offered).map((text) => `m-line ${index}: ${text}`));
  }
  return wrong;
}

/** What is wrong with an offer by itself. */
export function violationsOfOffer(offer: string): string[] {
  const { sections, problems } = parse(offer);
  return [...problems, ...(sections.length === 0 ? ['no m-line'] : [])];
}

/** What is wrong with a later description of the same side in the same session (RFC 3264 §8). */
export function violationsOfChange(before: string, after: string): string[] {
  const [old, next] = [parse(before), parse(after)];
  const wrong: string[] = [];
  if (old.origin[1] !== next.origin[1]) wrong.push('another session id');
  if (next.sections.length < old.sections.length) wrong.push('fewer m-lines');
  const rise = Number(next.origin[2]) - Number(old.origin[2]);
  const withoutVersion = (sdp: string) => sdp.replace(/^o=.*$/m, '');
  if (withoutVersion(before) === withoutVersion(after) && rise !== 0) wrong.push('a version raised for nothing');
  if (withoutVersion(before) !== withoutVersion(after) && rise !== 1)
    wrong.push(`a change, and a version ${rise} higher`);
  return wrong;
}

function violationsOfSection(section: Section, offered: Section): string[] {
  const wrong: string[] = [];
  if (section.type !== offered.type) wrong.push(`${section.type} for ${offered.type}`);
  if (section.protocol !== offered.protocol) wrong.push(`${section.protocol} for ${offered.protocol}`);
  if (offered.port === 0 && section.port !== 0) wrong.push('a stream accepted that was not offered');
  if (section.port === 0) return wrong;
  if (section.address === undefined) wrong.push('no c= line');
  const common = section.formats.filter((format) => {
    const match = offered.formats.find(({ payloadType }) => payloadType === format.payloadType);
    if (match === undefined || match.encoding !== format.encoding) {
      wrong.push(`${format.payloadType} ${format.encoding} was not offered`);
      return false;
    }
    wrong.push(...violationsOfParameters(format, match));
    return true;
  });
  const isAudible = ({ encoding }: Format) => !/^(telephone-event|cn)\//.test(encoding);
  if (section.type === 'audio' && !common.some(isAudible)) wrong.push('no codec');
  // RFC 4733 §2.1: events are on the timeline of a codec.
  const rates = new Set(section.formats.filter(isAudible).map(({ encoding }) => encoding.split('/')[1]));
  for (const { encoding } of section.formats.filter((format) => !isAudible(format))) {
    if (!rates.has(encoding.split('/')[1])) wrong.push(`${encoding} goes with no codec`);
  }
  wrong.push(...violationsOfDirection(section, offered));
  const has = (of: Section, attribute: string) => of.attributes.includes(attribute);
  // RFC 5761 §5.1.1.
  if (has(section, 'rtcp-mux') && !has(offered, 'rtcp-mux')) wrong.push('rtcp-mux was not offered');
  const isSecret = section.protocol.includes('SAVP');
  const hasKeys = section.attributes.some((attribute) => /^(crypto|fingerprint):/.test(attribute));
  if (isSecret !== hasKeys) wrong.push(isSecret ? 'SRTP without keys' : 'keys for plain RTP');
  return wrong;
}

/** §6.1; a stream on hold by the old way, an address of zeros, is sent nothing (§8.4). */
function violationsOfDirection(section: Section, offered: Section): string[] {
  const isHeld = offered.address === '0.0.0.0' || offered.address === '::';
  const receives = ['sendrecv', 'recvonly'].includes(offered.direction) && !isHeld;
  const sends = ['sendrecv', 'sendonly'].includes(offered.direction);
  const wrong: string[] = [];
  if (!receives && ['sendrecv', 'sendonly'].includes(section.direction)) wrong.push('sends to who does not receive');
  if (!sends && ['sendrecv', 'recvonly'].includes(section.direction)) wrong.push('receives from who does not send');
  return wrong;
}

function violationsOfParameters(format: Format, offered: Format): string[] {
  const { parameters, encoding } = format;
  const [said, asked] = [parameters, offered.parameters];
  const differs = (name: string, assumed: string) => (said.get(name) ?? assumed) !== (asked.get(name) ?? assumed);
  const wrong: string[] = [];
  switch (encoding.split('/')[0]) {
    case 'g729':
      // RFC 7261 §3.2: who offered without Annex B is answered without.
      if (asked.get('annexb') === 'no' && said.get('annexb') !== 'no') wrong.push('annexb=no was offered');
      break;
    case 'amr':
    case 'amr-wb':
      // RFC 4867 §8.3.1.
      for (const name of ['octet-align', 'crc', 'robust-sorting'])
        if (differs(name, '0')) wrong.push(`another ${name}`);
      if (asked.has('mode-set') && said.get('mode-set') !== asked.get('mode-set')) wrong.push('another mode-set');
      break;
    case 'ilbc':
      // RFC 3952 §5: 20 ms only when both want it.
      if ((asked.get('mode') ?? '30') === '30' && said.get('mode') === '20') wrong.push('mode=20 was not offered');
      break;
    case 'telephone-event': {
      const events = (from: ReadonlyMap<string, string>) => numbersOf([...from.keys()][0] ?? '0-15');
      for (const event of events(said)) if (!events(asked).has(event)) wrong.push(`event ${event} was not offered`);
      break;
    }
  }
  return wrong;
}

function numbersOf(ranges: string): Set<number> {
  return new Set(
    ranges.split(',').flatMap((range) => {
      const [from = 0, to = from] = range.split('-').map(Number);
      return Array.from({ length: to - from + 1 }, (_, at) => from + at);
    }),
  );
}

// ---- reading ---------------------------------------------------------------------------------------------------------

function parse(sdp: string): Parsed {
  const lines = sdp.split(/\r?\n/).filter((line) => line !== '');
  const problems: string[] = [];
  const firstMedia = lines.findIndex((line) => line.startsWith('m='));
  const head = firstMedia === -1 ? lines : lines.slice(0, firstMedia);
  const value = (letter: string, from: readonly string[]) =>
    from.find((line) => line.startsWith(`${letter}=`))?.slice(2);
  if (head[0] !== 'v=0') problems.push('no v=0');
  if (!/^vos[iuep]*c?b*(?:t)/.test(head.map((line) => line[0]).join(''))) problems.push('lines out of order');
  const origin = (value('o', head) ?? '').split(' ');
  if (origin.length !== 6 || !/^\d+$/.test(origin[2] ?? '')) problems.push('an o= line that is none');
  const sections: Section[] = [];
  let block: string[] = [];
  for (const line of [...lines.slice(Math.max(firstMedia, 0)), 'm=']) {
    if (line.startsWith('m=') && block.length > 0) {
      sections.push(readSection(block, head, problems));
      block = [];
    }
    block.push(line);
  }
  return { origin, timing: value('t', head), sections, problems };
}

function readSection(block: readonly string[], head: readonly string[], problems: string[]): Section {
  const [, type = '', port = '', protocol = '', list = ''] =
    /^m=(\S+) (\d+)(?:\/\d+)? (\S+) (.+)$/.exec(block[0] ?? '') ?? [];
  if (type === '') problems.push(`no m-line: ${block[0]}`);
  const attributes = block.filter((line) => line.startsWith('a=')).map((line) => line.slice(2));
  const general = head.filter((line) => line.startsWith('a=')).map((line) => line.slice(2));
  const directions = attributes.filter((attribute) => DIRECTIONS.includes(attribute));
  if (directions.length > 1) problems.push('two directions');
  const connection = [...block, ...head].find((line) => line.startsWith('c='));
  const payloadTypes = list.split(' ').filter((text) => text !== '');
  if (new Set(payloadTypes).size !== payloadTypes.length) problems.push('a payload type twice');
  const isRtp = type === 'audio' && protocol.includes('RTP/') && Number(port) !== 0;
  const formats = payloadTypes.map((payloadType) => {
    const map = attributes.find((attribute) => attribute.startsWith(`rtpmap:${payloadType} `));
    const encoding = map?.slice(map.indexOf(' ') + 1).toLowerCase() ?? STATIC[payloadType];
    if (isRtp && encoding === undefined && Number(payloadType) >= 96) problems.push(`no rtpmap for ${payloadType}`);
    const fmtp = attributes.find((attribute) => attribute.startsWith(`fmtp:${payloadType} `));
    const text = fmtp?.slice(fmtp.indexOf(' ') + 1) ?? '';
    const parameters = new Map(
      text.split(';').flatMap((part): [string, string][] => {
        const [name = '', ...rest] = part.trim().split('=');
        return name === '' ? [] : [[name.toLowerCase(), rest.join('=')]];
      }),
    );
    return { payloadType, encoding: (encoding ?? payloadType).replace(/\/1$/, ''), parameters };
  });
  for (const attribute of attributes) {
    const named = /^(?:rtpmap|fmtp):(\d+) /.exec(attribute)?.[1];
    if (named !== undefined && !payloadTypes.includes(named)) problems.push(`a=${attribute} of no format`);
    if (/^(?:max)?ptime:/.test(attribute) && !/:[1-9]\d*$/.test(attribute)) problems.push(`a=${attribute}`);
  }
  return {
    type,
    port: Number(port),
    protocol,
    formats,
    attributes,
    direction: directions[0] ?? general.find((attribute) => DIRECTIONS.includes(attribute)) ?? 'sendrecv',
    address: connection?.split(' ')[2],
  };
}
