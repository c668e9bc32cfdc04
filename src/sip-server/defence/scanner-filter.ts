// Finds the User-Agents of scanners in the bytes of a request, before anything is parsed. RFC 3261 §7.3.1, §20.41.

/** Programs that only look for victims. sipsak is not among them: operators watch their own servers with it. */
export const SCANNER_USER_AGENTS: readonly string[] = [
  'friendly-scanner',
  'friendly-request',
  'sipvicious',
  'sundayddr',
  'sip-scan',
  'sipscan',
  'sipcli',
  'pplsip',
  'vaxsipuseragent',
  'siparmyknife',
  'iwar',
  'sivus',
];

const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const TAB = 0x09;
const COLON = 0x3a;
const NAME = Uint8Array.from(Buffer.from('user-agent', 'latin1'));

export class ScannerFilter {
  readonly #patterns: readonly Uint8Array[];
  /** The bytes that a pattern may begin with, in either case. */
  readonly #firsts = new Uint8Array(256);

  /** @param userAgents parts of a User-Agent, in any case */
  constructor(userAgents: readonly string[]) {
    this.#patterns = userAgents
      .filter((text) => text !== '')
      .map((text) => Uint8Array.from(Buffer.from(text.toLowerCase(), 'latin1')));
    for (const pattern of this.#patterns) {
      const first = pattern[0] as number;
      this.#firsts[first] = 1;
      this.#firsts[Buffer.from(String.fromCharCode(first).toUpperCase(), 'latin1')[0] as number] = 1;
    }
  }

  /** True for a request whose User-Agent has one of the patterns in it. */
  matches(bytes: Uint8Array): boolean {
    if (this.#patterns.length === 0 || isResponse(bytes)) return false;
    const { length } = bytes;
    for (let at = 0; at < length; at++) {
      if (bytes[at] !== LF) continue;
      const next = bytes[at + 1];
      if (next === CR || next === LF) return false;
      if (next !== 0x55 && next !== 0x75) continue;
      const valueStart = afterName(bytes, at + 1);
      if (valueStart !== -1 && this.#isIn(bytes, valueStart, valueEnd(bytes, valueStart))) return true;
    }
    return false;
  }

  #isIn(bytes: Uint8Array, start: number, end: number): boolean {
    for (let at = start; at < end; at++) {
      if (this.#firsts[bytes[at] as number] === 0) continue;
      for (let index = 0; index < this.#patterns.length; index++) {
        if (equalsAt(bytes, at, end, this.#patterns[index] as Uint8Array)) return true;
      }
    }
    return false;
  }
}

function isResponse(bytes: Uint8Array): boolean {
  // "SIP/": no method has a slash in it.
  return bytes[3] === 0x2f && lower(bytes[0]) === 0x73 && lower(bytes[1]) === 0x69 && lower(bytes[2]) === 0x70;
}

/** Where the value begins of a line that is a User-Agent header, else -1. */
function afterName(bytes: Uint8Array, lineStart: number): number {
  if (!equalsAt(bytes, lineStart, bytes.length, NAME)) return -1;
  let at = lineStart + NAME.length;
  while (bytes[at] === SPACE || bytes[at] === TAB) at++;
  return bytes[at] === COLON ? at + 1 : -1;
}

/** A folded value goes on over lines that begin with blanks. */
function valueEnd(bytes: Uint8Array, start: number): number {
  let at = start;
  for (; at < bytes.length; at++) {
    if (bytes[at] === LF && bytes[at + 1] !== SPACE && bytes[at + 1] !== TAB) return at;
  }
  return at;
}

function equalsAt(bytes: Uint8Array, at: number, end: number, pattern: Uint8Array): boolean {
  if (at + pattern.length > end) return false;
  for (let index = 0; index < pattern.length; index++) {
    if (lower(bytes[at + index]) !== pattern[index]) return false;
  }
  return true;
}

function lower(byte: number | undefined): number {
  if (byte === undefined) return -1;
  return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte;
}
