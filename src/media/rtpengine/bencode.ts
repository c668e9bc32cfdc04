// Bencoding, the notation of rtpengine's ng protocol: integers, byte strings, lists and dictionaries.
// rtpengine writes a dictionary's keys in no order, so none is asked for; text is UTF-8.

/** What a request may hold; bytes stand for a blob. */
export type NgArgument =
  | string
  | number
  | Uint8Array
  | readonly NgArgument[]
  | { readonly [key: string]: NgArgument | undefined };

/** What a reply may hold. A dictionary has no prototype. */
export type NgValue = string | number | readonly NgValue[] | NgDictionary;
export interface NgDictionary {
  readonly [key: string]: NgValue | undefined;
}

/** Deeper than any reply is; a reply that is deeper is not one. */
const MAX_DEPTH = 32;

const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const MINUS = 0x2d;
const LETTER_D = 0x64;
const LETTER_E = 0x65;
const LETTER_I = 0x69;
const LETTER_L = 0x6c;

/** Keys whose value is undefined are left out. */
export function encodeBencode(value: NgArgument): Buffer {
  const parts: Uint8Array[] = [];
  append(parts, value);
  return Buffer.concat(parts);
}

function append(parts: Uint8Array[], value: NgArgument): void {
  if (typeof value === 'number') {
    parts.push(Buffer.from(`i${Math.trunc(value)}e`));
  } else if (typeof value === 'string') {
    const bytes = Buffer.from(value);
    parts.push(Buffer.from(`${bytes.length}:`), bytes);
  } else if (value instanceof Uint8Array) {
    parts.push(Buffer.from(`${value.length}:`), value);
  } else if (Array.isArray(value)) {
    parts.push(Buffer.from('l'));
    for (const item of value as readonly NgArgument[]) append(parts, item);
    parts.push(Buffer.from('e'));
  } else {
    parts.push(Buffer.from('d'));
    for (const [key, item] of Object.entries(value as { readonly [key: string]: NgArgument | undefined })) {
      if (item === undefined) continue;
      append(parts, key);
      append(parts, item);
    }
    parts.push(Buffer.from('e'));
  }
}

/** The one value that the bytes are, or undefined when they are anything else. */
export function decodeBencode(bytes: Uint8Array): NgValue | undefined {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  return reader.isAtEnd ? value : undefined;
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Undefined, and the reader is spoilt, when no value starts here. */
  value(depth: number): NgValue | undefined {
    if (depth > MAX_DEPTH) return undefined;
    switch (this.#bytes[this.#at]) {
      case LETTER_I:
        this.#at += 1;
        return this.#integer(LETTER_E, true);
      case LETTER_L:
        this.#at += 1;
        return this.#list(depth);
      case LETTER_D:
        this.#at += 1;
        return this.#dictionary(depth);
      default:
        return this.#text();
    }
  }

  #list(depth: number): readonly NgValue[] | undefined {
    const items: NgValue[] = [];
    while (!this.#takes(LETTER_E)) {
      const item = this.value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #dictionary(depth: number): NgDictionary | undefined {
    const entries: Record<string, NgValue> = Object.create(null);
    while (!this.#takes(LETTER_E)) {
      const key = this.#text();
      const item = key === undefined ? undefined : this.value(depth + 1);
      if (key === undefined || item === undefined) return undefined;
      entries[key] = item;
    }
    return entries;
  }

  #text(): string | undefined {
    const length = this.#integer(COLON, false);
    if (length === undefined || length > this.#bytes.length - this.#at) return undefined;
    const start = this.#at;
    this.#at += length;
    return this.#bytes.toString('utf8', start, this.#at);
  }

  /** Digits up to `end`; a number beyond what is exact is none. */
  #integer(end: number, isSigned: boolean): number | undefined {
    const isNegative = isSigned && this.#takes(MINUS);
    let value = 0;
    let digits = 0;
    for (; ; digits += 1) {
      const octet = this.#bytes[this.#at];
      if (octet === undefined || octet < ZERO || octet > NINE) break;
      value = value * 10 + octet - ZERO;
      this.#at += 1;
    }
    if (digits === 0 || !Number.isSafeInteger(value) || !this.#takes(end)) return undefined;
    return isNegative ? -value : value;
  }

  #takes(octet: number): boolean {
    if (this.#bytes[this.#at] !== octet) return false;
    this.#at += 1;
    return true;
  }
}
