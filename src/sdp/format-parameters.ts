// `a=fmtp` by meaning: whether two sides of a codec understand each other, and what is then true of both.
// RFC 3264 leaves it to each codec: G.729 RFC 7261, G.723.1 RFC 4856, AMR RFC 4867 §8.3.1, iLBC RFC 3952 §5, Opus RFC 7587
// §7.1, telephone-event RFC 4733 §2.4.1.
import { isSameCodec, withParameters } from './codecs.js';
import type { SdpCodec } from './description.js';

type Parameters = ReadonlyMap<string, string>;

/** What both sides agree on, by the names and values to write; null when packets of one would mean nothing to the other. */
type Rule = (stated: Parameters, other: Parameters) => Parameters | null;

/**
 * The parameters to state to one side for audio that is passed between both as it is: those that `receiver`, who gets what that
 * side sends, stated itself, less what the two do not share. Null when they cannot be joined.
 */
export function agreedParameters(receiver: SdpCodec, sender: SdpCodec): { readonly fmtp: string | undefined } | null {
  const name = receiver.name.toLowerCase();
  if (name === 'telephone-event') return agreedEvents(receiver.fmtp, sender.fmtp);
  const stated = parse(receiver.fmtp);
  const other = parse(sender.fmtp);
  const agreed = (RULES[name] ?? allTheSame)(stated, other);
  if (agreed === null) return null;
  return { fmtp: agreed === stated ? receiver.fmtp : write(agreed) };
}

/** The same codec, and parameters that can be joined. */
export function canJoin(a: SdpCodec, b: SdpCodec): boolean {
  return isSameCodec(a, b) && agreedParameters(a, b) !== null;
}

/** `codec` as `other` has to be told of it; null when they are not the same or cannot be joined. */
export function joined(codec: SdpCodec, other: SdpCodec): SdpCodec | null {
  const agreed = isSameCodec(codec, other) ? agreedParameters(codec, other) : null;
  if (agreed === null) return null;
  return agreed.fmtp === codec.fmtp ? codec : withParameters(codec, agreed.fmtp);
}

/** A silence compression that is on unless a side says no, and off for both as soon as one does. */
function switchedOffByOne(name: string): Rule {
  return (stated, other) => {
    const isOff = (parameters: Parameters) => parameters.get(name)?.toLowerCase() === 'no';
    return isOff(stated) || isOff(other) ? new Map([...stated, [name, 'no']]) : stated;
  };
}

/** Each side says what it can receive, and the other may send less: nothing of it can disagree. */
const declarative: Rule = (stated) => stated;

/** RFC 3952 §5: of two modes the one with the longer frames, which is 30 ms unless said otherwise. */
const longerFrames: Rule = (stated, other) => {
  const isShort = (parameters: Parameters) => parameters.get('mode') === '20';
  return isShort(stated) && !isShort(other) ? new Map([...stated, ['mode', '30']]) : stated;
};

/** What changes the payload itself: both sides have to mean the same (RFC 4867 §8.3.1). */
const AMR_FRAMING: readonly (readonly [name: string, assumed: string])[] = [
  ['octet-align', '0'],
  ['crc', '0'],
  ['robust-sorting', '0'],
  ['interleaving', ''],
];

/** A set of modes is answered as it was offered, or by the answerer's where the offer had none. */
const sameFramingAndModes: Rule = (stated, other) => {
  const framing = (parameters: Parameters) =>
    AMR_FRAMING.map(([name, assumed]) => parameters.get(name) ?? (isAligned(parameters, name) ? '1' : assumed)).join();
  if (framing(stated) !== framing(other)) return null;
  const modes = modeSet(stated);
  const otherModes = modeSet(other);
  if (modes !== null && otherModes !== null && modes !== otherModes) return null;
  const text = other.get('mode-set');
  return text === undefined || text === stated.get('mode-set') ? stated : new Map([...stated, ['mode-set', text]]);
};

/** RFC 4867 §8.1: CRC, robust sorting and interleaving imply octet-aligned operation. */
function isAligned(parameters: Parameters, name: string): boolean {
  if (name !== 'octet-align') return false;
  return parameters.get('crc') === '1' || parameters.get('robust-sorting') === '1' || parameters.has('interleaving');
}

function modeSet(parameters: Parameters): string | null {
  const value = parameters.get('mode-set');
  if (value === undefined) return null;
  const modes = new Set(value.split(',').map((mode) => Number(mode.trim())));
  return [...modes].sort((a, b) => a - b).join();
}

/** Of a codec without a rule nothing may differ. */
const allTheSame: Rule = (stated, other) => {
  const isSame = stated.size === other.size && [...stated].every(([name, value]) => other.get(name) === value);
  return isSame ? stated : null;
};

const RULES: Readonly<Record<string, Rule>> = {
  pcma: declarative,
  pcmu: declarative,
  g722: declarative,
  gsm: declarative,
  cn: declarative,
  g729: switchedOffByOne('annexb'),
  g723: switchedOffByOne('annexa'),
  ilbc: longerFrames,
  amr: sameFramingAndModes,
  'amr-wb': sameFramingAndModes,
  opus: declarative,
};

// ---- telephone-event -------------------------------------------------------------------------------------------------

/** RFC 4733 §2.4.1: a side that names no events has the sixteen keys. */
const KEYS = '0-15';
const MAX_EVENT = 255;

function agreedEvents(stated: string | undefined, other: string | undefined): { fmtp: string | undefined } | null {
  if ((stated ?? KEYS) === (other ?? KEYS)) return { fmtp: stated };
  const events = eventSet(stated ?? KEYS);
  const others = eventSet(other ?? KEYS);
  const common = [...events].filter((event) => others.has(event));
  if (common.length === 0) return null;
  return { fmtp: common.length === events.size ? stated : ranges(common.sort((a, b) => a - b)) };
}

function eventSet(text: string): Set<number> {
  const events = new Set<number>();
  for (const part of text.split(',')) {
    const range = /^\s*(?:events=)?(\d{1,3})(?:-(\d{1,3}))?\s*$/i.exec(part);
    if (range === null) continue;
    const from = Number(range[1]);
    const to = Math.min(Number(range[2] ?? range[1]), MAX_EVENT);
    for (let event = from; event <= to; event++) events.add(event);
  }
  return events;
}

function ranges(events: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const event of events) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] === event - 1) last[1] = event;
    else parts.push([event, event]);
  }
  return parts.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)).join();
}

// ---- text ------------------------------------------------------------------------------------------------------------

/** Names are compared without case; a later one of the same name counts for nothing. */
function parse(fmtp: string | undefined): Parameters {
  const parameters = new Map<string, string>();
  for (const part of (fmtp ?? '').split(';')) {
    const at = part.indexOf('=');
    const name = (at === -1 ? part : part.slice(0, at)).trim().toLowerCase();
    if (name !== '' && !parameters.has(name)) parameters.set(name, at === -1 ? '' : part.slice(at + 1).trim());
  }
  return parameters;
}

function write(parameters: Parameters): string | undefined {
  const text = [...parameters].map(([name, value]) => (value === '' ? name : `${name}=${value}`)).join('; ');
  return text === '' ? undefined : text;
}
