// SIP messages that the grammar of RFC 3261 §25 allows, however unusual: what every parser must take.
// All text here is byte strings, one character a byte.
import fc from 'fast-check';

/** A message, and what a parser must find in it. */
export interface GrammaticalMessage {
  readonly text: string;
  /** Empty in a response. */
  readonly method: string;
  readonly status: number;
  readonly cseqNumber: number;
  readonly callId: string;
  readonly fromTag: string;
  readonly toTag: string | undefined;
  readonly branch: string;
  readonly body: string;
  readonly headerCount: number;
}

/** Identifiers come from small pools, so that messages meet in transactions and dialogs. */
export interface Pools {
  readonly callIds: readonly string[];
  readonly branches: readonly string[];
  readonly tags: readonly string[];
  /** `host:port` of sent-by and Contact. */
  readonly addresses: readonly string[];
  readonly maxCSeq: number;
}

export const POOLS: Pools = {
  callIds: ['a@peer', 'b@peer', '(<c>)"d'],
  branches: ['z9hG4bK1', 'z9hG4bK2', "z9hG4bK-.!%66*_+`'~", 'z9hG4bK'],
  tags: ['one', 'two', "~1'+`*%!-."],
  addresses: ['192.0.2.1', 'h.example.com:5062', '[2001:db8::9]:5060'],
  maxCSeq: 2 ** 31 - 1,
};

const TOKEN_CHARACTERS = [..."abcXYZ019-.!%*_+`'~"];
const METHODS = 'INVITE ACK BYE CANCEL OPTIONS REGISTER INFO MESSAGE SUBSCRIBE NOTIFY UPDATE PRACK REFER PUBLISH'.split(
  ' ',
);

const byteString = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const token = fc.string({ unit: fc.constantFrom(...TOKEN_CHARACTERS), minLength: 1, maxLength: 12 });
const method = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('INVITE', 'INVITE', 'ACK', 'BYE', 'CANCEL') },
  { weight: 4, arbitrary: fc.constantFrom(...METHODS) },
  { weight: 1, arbitrary: token },
);

/** Blanks that count as one, a fold among them (LWS). */
const blank = fc.constantFrom(' ', ' ', ' ', '\t', '  ', '\r\n ', ' \r\n\t');
const optionalBlank = fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: blank });

const text = fc
  .string({ unit: 'grapheme', maxLength: 16 })
  .map((value) => byteString(value.replace(/[\p{Cc}"\\\u2028\u2029]/gu, '')));
const quoted = fc
  .array(fc.oneof(text, fc.constantFrom('\\"', '\\\\', '\\\0', '<', '>', ',', ';', '@')), { maxLength: 4 })
  .map((parts) => `"${parts.join('')}"`);

const user = fc
  .array(fc.oneof(fc.stringMatching(/^[a-zA-Z0-9\-_.!~*'()&=+$,;?/]{1,8}$/), fc.constantFrom('%00', '%40', '%25')), {
    minLength: 1,
    maxLength: 3,
  })
  .map((parts) => parts.join(''));
const host = fc.constantFrom('example.com', 'a-b.example.', '192.0.2.7', '[2001:db8::1]', '[::ffff:192.0.2.2]');
const port = fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined });
const uriParameters = fc
  .array(fc.constantFrom(';lr', ';transport=tcp', ';user=phone', ';n%61me=v%41', ';x'), { maxLength: 2 })
  .map((parts) => parts.join(''));
const sipUri = fc
  .tuple(fc.constantFrom('sip', 'sips', 'SIP'), fc.option(user, { nil: undefined }), host, port, uriParameters)
  .map(
    ([scheme, name, domain, number, parameters]) =>
      `${scheme}:${name === undefined ? '' : `${name}@`}${domain}${number === undefined ? '' : `:${number}`}${parameters}`,
  );
const requestUri = fc.oneof(
  { weight: 6, arbitrary: sipUri },
  { weight: 1, arbitrary: fc.constantFrom('tel:+15550100;phone-context=x', 'urn:service:sos') },
);
const addressUri = fc.oneof(
  { weight: 6, arbitrary: sipUri },
  { weight: 1, arbitrary: fc.constantFrom('tel:+15550100', 'isbn:2983792873', 'http://www.example.com') },
);

/** A name-addr, and a parameter behind it when there is a tag. */
function address(tag: fc.Arbitrary<string | undefined>): fc.Arbitrary<{ text: string; tag: string | undefined }> {
  const name = fc.oneof(
    fc.constant(''),
    quoted,
    fc.tuple(token, blank, token).map((parts) => parts.join('')),
  );
  const extra = fc.oneof(
    fc.constant(''),
    fc.tuple(token, quoted).map(([key, value]) => `;x-${key}=${value}`),
  );
  return fc
    .tuple(name, optionalBlank, addressUri, optionalBlank, optionalBlank, tag, extra)
    .map(([display, before, uri, after, within, value, parameter]) => ({
      text: `${display}${before}<${uri}>${parameter}${value === undefined ? '' : `${after};${within}tag${after}=${within}${value}`}`,
      tag: value,
    }));
}

/** Spellings of a header's name. */
function nameOf(name: string, compact?: string): fc.Arbitrary<string> {
  const spellings = [name, name.toLowerCase(), name.toUpperCase()];
  if (compact !== undefined) spellings.push(compact, compact.toUpperCase());
  return fc.constantFrom(...spellings);
}

function line(name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .tuple(name, fc.constantFrom('', '', ' ', '\t'), optionalBlank, value, fc.constantFrom('', '', ' '))
    .map(([key, before, after, content, end]) => `${key}${before}:${after}${content}${end}\r\n`);
}

const OTHER_VALUES = fc.oneof(text, quoted, fc.constantFrom('', ';;,,;;,;', '1\r\n 2\r\n\t3', 'a, b, c'));
const otherHeader = fc.oneof(
  line(
    token.map((name) => `X-${name}`),
    OTHER_VALUES,
  ),
  line(nameOf('Subject', 's'), OTHER_VALUES),
  line(nameOf('Require'), fc.constantFrom('100rel', 'nothing, at-all')),
  line(nameOf('Supported', 'k'), fc.constantFrom('', '100rel, timer')),
  line(nameOf('Date'), fc.constantFrom('Sat, 21 Nov 2026 08:00:00 GMT', 'now')),
  line(nameOf('Route'), fc.constantFrom('<sip:192.0.2.9;lr>', '<sip:192.0.2.9;lr>, "x" <sip:192.0.2.8>')),
);

/** @param body how a body is delimited: a stream needs its length, a datagram does not */
export function grammaticalMessage(
  body: 'declared' | 'declared-or-open',
  pools: Pools = POOLS,
): fc.Arbitrary<GrammaticalMessage> {
  const tag = fc.constantFrom(...pools.tags);
  const sentBy = fc.constantFrom(...pools.addresses);
  const via = fc
    .tuple(
      blank,
      optionalBlank,
      fc.constantFrom('UDP', 'TCP', 'TLS', 'X-1'),
      sentBy,
      fc.constantFrom(...pools.branches),
      optionalBlank,
    )
    .map(([space, slash, transport, by, branch, around]) => ({
      text: `SIP${slash}/${slash}2.0${slash}/${slash}${transport}${space}${by}${around};${around}branch${around}=${around}${branch};rport`,
      branch,
    }));
  const parts = fc.record({
    status: fc.oneof(
      { weight: 4, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: 100, max: 699 }) },
    ),
    method,
    uri: requestUri,
    reason: text,
    via,
    lowerVias: fc.array(via, { maxLength: 2 }),
    viaSeparator: fc.boolean(),
    from: address(tag),
    to: address(fc.oneof(tag, fc.constant(undefined))),
    callId: fc.constantFrom(...pools.callIds),
    cseqNumber: fc.integer({ min: 0, max: pools.maxCSeq }),
    cseqBlank: blank,
    lengthBlank: optionalBlank,
    maxForwards: fc.constantFrom('70', '0', '0068', '255'),
    contact: fc.option(
      fc
        .tuple(fc.constantFrom(...pools.addresses), fc.constantFrom('', '', '', ';expires=3600'))
        .map(([at, rest]) => `<sip:c@${at}>${rest}`),
      { nil: undefined },
    ),
    others: fc.array(otherHeader, { maxLength: 5 }),
    body: fc.oneof(
      fc.constant(''),
      fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    ),
    isOpen: body === 'declared' ? fc.constant(false) : fc.boolean(),
  });
  const names = fc.tuple(
    nameOf('Via', 'v'),
    nameOf('From', 'f'),
    nameOf('To', 't'),
    nameOf('Call-ID', 'i'),
    nameOf('CSeq'),
    nameOf('Content-Length', 'l'),
  );
  return fc.tuple(parts, names, fc.infiniteStream(fc.nat())).map(([p, [v, f, t, i, c, l], order]) => {
    const vias = [p.via, ...p.lowerVias].map((each) => each.text);
    const viaLines = p.viaSeparator ? [`${v}: ${vias.join(' , ')}\r\n`] : vias.map((each) => `${v} : ${each}\r\n`);
    const lines = [
      `${f}:${p.from.text}\r\n`,
      `${t}: ${p.to.text}\r\n`,
      `${i}:  ${p.callId}\r\n`,
      `${c}: ${p.cseqNumber}${p.cseqBlank}${p.method}\r\n`,
      `Max-Forwards: ${p.maxForwards}\r\n`,
      ...(p.contact === undefined ? [] : [`m:${p.contact}\r\n`]),
      ...(p.isOpen ? [] : [`${l}:${p.lengthBlank}${p.body.length}\r\n`]),
      ...p.others,
    ];
    const shuffled = [viaLines.join('')];
    for (const next of lines) shuffled.splice((order.next().value ?? 0) % (shuffled.length + 1), 0, next);
    const start = p.status === 0 ? `${p.method} ${p.uri} SIP/2.0` : `SIP/2.0 ${p.status} ${p.reason}`;
    return {
      text: `${start}\r\n${shuffled.join('')}\r\n${p.body}`,
      method: p.status === 0 ? p.method : '',
      status: p.status,
      cseqNumber: p.cseqNumber,
      callId: p.callId,
      fromTag: p.from.tag ?? '',
      toTag: p.to.tag,
      branch: p.via.branch,
      body: p.body,
      headerCount: lines.length + viaLines.length,
    };
  });
}
