// The address of a packet as four numbers, read from its text without allocating: what lists and tables are asked with.
// RFC 4291 §2.2. One object is read into again and again.

const ZERO = 0x30;
const DOT = 0x2e;
const COLON = 0x3a;

export class SourceAddress {
  family: 4 | 6 = 4;
  /** 32 bits each, signed; an IPv4 address is `word0` alone, the others are 0. */
  word0 = 0;
  word1 = 0;
  word2 = 0;
  word3 = 0;
  readonly #groups = new Uint16Array(8);
  #v4 = 0;

  /** Takes over an address; false when the text is none, and the object then holds nothing of use. Scopes (`%eth0`) are left out. */
  read(text: string): boolean {
    if (text.indexOf(':') === -1) {
      if (!this.#readV4(text, 0, text.length)) return false;
      this.#setV4(this.#v4);
      return true;
    }
    const scope = text.indexOf('%');
    if (!this.#readGroups(text, scope === -1 ? text.length : scope)) return false;
    const groups = this.#groups;
    this.family = 6;
    this.word0 = pair(groups, 0);
    this.word1 = pair(groups, 2);
    this.word2 = pair(groups, 4);
    this.word3 = pair(groups, 6);
    // RFC 4291 §2.5.5.2: ::ffff:0:0/96 holds IPv4 addresses.
    if (this.word0 === 0 && this.word1 === 0 && this.word2 === 0xffff) this.#setV4(this.word3);
    return true;
  }

  #setV4(value: number): void {
    this.family = 4;
    this.word0 = value;
    this.word1 = 0;
    this.word2 = 0;
    this.word3 = 0;
  }

  #readV4(text: string, from: number, end: number): boolean {
    let value = 0;
    let octet = 0;
    let digits = 0;
    let dots = 0;
    for (let at = from; at < end; at++) {
      const code = text.charCodeAt(at);
      if (code === DOT) {
        if (digits === 0 || ++dots > 3) return false;
        value = (value << 8) | octet;
        octet = 0;
        digits = 0;
        continue;
      }
      const digit = code - ZERO;
      if (digit < 0 || digit > 9 || (digits > 0 && octet === 0)) return false;
      octet = octet * 10 + digit;
      digits++;
      if (octet > 255) return false;
    }
    if (dots !== 3 || digits === 0) return false;
    this.#v4 = (value << 8) | octet;
    return true;
  }

  /** Reads the eight groups of an IPv6 address. */
  #readGroups(text: string, end: number): boolean {
    const groups = this.#groups;
    let at = 0;
    let count = 0;
    let gap = -1;
    if (text.charCodeAt(0) === COLON) {
      if (text.charCodeAt(1) !== COLON) return false;
      gap = 0;
      at = 2;
    }
    while (at < end) {
      const start = at;
      let value = 0;
      for (let digit = hexDigit(text, at, end); digit !== -1; digit = hexDigit(text, at, end)) {
        value = (value << 4) | digit;
        at++;
        if (at - start > 4) return false;
      }
      if (at === start) return false;
      if (at < end && text.charCodeAt(at) === DOT) {
        if (count > 6 || !this.#readV4(text, start, end)) return false;
        groups[count++] = this.#v4 >>> 16;
        groups[count++] = this.#v4 & 0xffff;
        break;
      }
      if (count === 8) return false;
      groups[count++] = value;
      if (at === end) break;
      if (text.charCodeAt(at) !== COLON) return false;
      at++;
      if (at === end) return false;
      if (text.charCodeAt(at) === COLON) {
        if (gap !== -1) return false;
        gap = count;
        at++;
      }
    }
    if (gap === -1) return count === 8;
    if (count > 7) return false;
    for (let moved = 1; moved <= count - gap; moved++) groups[8 - moved] = groups[count - moved] as number;
    for (let filled = gap; filled < 8 - (count - gap); filled++) groups[filled] = 0;
    return true;
  }
}

function pair(groups: Uint16Array, at: number): number {
  return ((groups[at] as number) << 16) | (groups[at + 1] as number);
}

/** The digit at a place, -1 when there is none. */
function hexDigit(text: string, at: number, end: number): number {
  if (at >= end) return -1;
  const code = text.charCodeAt(at);
  if (code >= ZERO && code <= 0x39) return code - ZERO;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
