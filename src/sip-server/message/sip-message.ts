// One parsed message: offsets into the received bytes, decoded only where asked for. RFC 3261 §7.
// Text is held as byte strings (latin1, one character a byte), so what passes through stays byte-exact whatever its encoding.
import { HEADER_ID, headerBit, type KnownHeader } from './header-names.js';
import { type NameAddress, parseOnlyAddress } from './name-address.js';
import { parseTopVia, type TopVia } from './via.js';

/** Numbers kept for each header: id, name start, name end, value start, value end. */
export const SPAN = 5;

/** Why a message cannot be taken as it is, and the status that a request deserves for it. */
export interface MessageProblem {
  readonly status: 400 | 416 | 501 | 505;
  readonly reason: string;
}

export interface StartLine {
  /** Empty in a response. */
  readonly method: string;
  /** Empty in a response. */
  readonly uri: string;
  /** 0 in a request. */
  readonly status: number;
  readonly reason: string;
}

/** Where the headers of a message lie within its bytes. */
export interface HeaderLayout {
  /** {@link SPAN} numbers a header, in order. */
  readonly spans: readonly number[];
  /** Offset just after the empty line. */
  readonly headersEnd: number;
  /** The known headers that are there, by `headerBit`. */
  readonly present: number;
  /** Those that are there more than once. */
  readonly repeated: number;
  /** Some value goes on over several lines. */
  readonly isFolded: boolean;
}

export interface CSeq {
  readonly number: number;
  readonly method: string;
}

export class SipMessage {
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  readonly reason: string;
  /** The first thing found wrong, or null. */
  problem: MessageProblem | null = null;
  readonly #bytes: Buffer;
  readonly #layout: HeaderLayout;
  readonly #bodyEnd: number;
  #head: string | undefined;
  #from: NameAddress | null | undefined;
  #to: NameAddress | null | undefined;
  #via: TopVia | null | undefined;
  #cseq: CSeq | null | undefined;

  /** @param bytes starts with the start line */
  constructor(startLine: StartLine, bytes: Buffer, layout: HeaderLayout, bodyEnd: number) {
    this.method = startLine.method;
    this.uri = startLine.uri;
    this.status = startLine.status;
    this.reason = startLine.reason;
    this.#bytes = bytes;
    this.#layout = layout;
    this.#bodyEnd = bodyEnd;
  }

  get isRequest(): boolean {
    return this.status === 0;
  }

  get byteLength(): number {
    return this.#bodyEnd;
  }

  get headerCount(): number {
    return this.#layout.spans.length / SPAN;
  }

  /** Start line, headers and the empty line, as received. */
  get head(): string {
    this.#head ??= this.#bytes.toString('latin1', 0, this.#layout.headersEnd);
    return this.#head;
  }

  get body(): string {
    return this.#layout.headersEnd === this.#bodyEnd
      ? ''
      : this.#bytes.toString('latin1', this.#layout.headersEnd, this.#bodyEnd);
  }

  get hasBody(): boolean {
    return this.#bodyEnd > this.#layout.headersEnd;
  }

  /** The id of the header at `index` (`HEADER_ID`), 0 for one that the server does not read. */
  idAt(index: number): number {
    return this.#layout.spans[index * SPAN] as number;
  }

  /** The name at `index`, spelt as received. */
  nameAt(index: number): string {
    const at = index * SPAN;
    return this.head.slice(this.#layout.spans[at + 1], this.#layout.spans[at + 2]);
  }

  /** The value at `index`, unfolded. */
  valueAt(index: number): string {
    const at = index * SPAN;
    const value = this.head.slice(this.#layout.spans[at + 3], this.#layout.spans[at + 4]);
    return this.#layout.isFolded && value.includes('\r\n') ? unfold(value) : value;
  }

  /** Offsets of the raw value at `index` within {@link head}. */
  valueSpanAt(index: number): readonly [number, number] {
    const at = index * SPAN;
    return [this.#layout.spans[at + 3] as number, this.#layout.spans[at + 4] as number];
  }

  /** Index of the first header of this name, -1 when there is none. */
  indexOf(name: KnownHeader): number {
    if (!this.has(name)) return -1;
    const { spans } = this.#layout;
    const id = HEADER_ID[name];
    let at = 0;
    while (spans[at] !== id) at += SPAN;
    return at / SPAN;
  }

  has(name: KnownHeader): boolean {
    return (this.#layout.present & headerBit(name)) !== 0;
  }

  /** Some header of the set, made of `headerBit`s, is there more than once. */
  repeatsAny(headers: number): boolean {
    return (this.#layout.repeated & headers) !== 0;
  }

  /** The value of the first header of this name. */
  value(name: KnownHeader): string | undefined {
    const index = this.indexOf(name);
    return index === -1 ? undefined : this.valueAt(index);
  }

  /** The values of all headers of this name, in order, not split at commas. */
  values(name: KnownHeader): string[] {
    const values: string[] = [];
    if (!this.has(name)) return values;
    const id = HEADER_ID[name];
    for (let index = 0; index < this.headerCount; index++)
      if (this.idAt(index) === id) values.push(this.valueAt(index));
    return values;
  }

  get callId(): string {
    return this.value('call-id') ?? '';
  }

  /** Null when missing or unreadable. */
  get from(): NameAddress | null {
    if (this.#from === undefined) this.#from = parseOnlyAddress(this.value('from') ?? '');
    return this.#from;
  }

  get to(): NameAddress | null {
    if (this.#to === undefined) this.#to = parseOnlyAddress(this.value('to') ?? '');
    return this.#to;
  }

  get via(): TopVia | null {
    if (this.#via === undefined) this.#via = parseTopVia(this.value('via') ?? '');
    return this.#via;
  }

  /** There are Vias below the topmost one. */
  get hasFurtherVias(): boolean {
    return this.repeatsAny(headerBit('via')) || (this.value('via')?.length ?? 0) > (this.via?.length ?? 0);
  }

  get cseq(): CSeq | null {
    if (this.#cseq === undefined) this.#cseq = parseCSeq(this.value('cseq') ?? '');
    return this.#cseq;
  }
}

/** RFC 3261 §7.3.1: a fold and the blanks around it count as one space. */
function unfold(value: string): string {
  return value
    .split('\r\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(' ');
}

const CSEQ = /^(\d{1,10})[ \t]+([!%'*+\-.0-9A-Z_`a-z~]+)$/;

/** RFC 3261 §8.1.1.5: the number is less than 2**31. */
export function parseCSeq(value: string): CSeq | null {
  const match = CSEQ.exec(value);
  if (match === null) return null;
  const number = Number(match[1]);
  return number < 2 ** 31 ? { number, method: match[2] as string } : null;
}
