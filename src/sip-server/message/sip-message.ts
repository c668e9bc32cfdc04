// One parsed message: offsets into the received bytes, decoded only where asked for. RFC 3261 §7.
// Text is held as byte strings (latin1, one character a byte), so what passes through stays byte-exact whatever its encoding.
import { HEADER_ID, type KnownHeader } from './header-names.js';
import { type NameAddress, parseNameAddress } from './name-address.js';
import { parseTopVia, type TopVia } from './via.js';

/** Numbers kept for each header: id, name start, name end, value start, value end. */
export const SPAN = 5;

/** Why a message cannot be taken as it is, and the status that a request deserves for it. */
export interface MessageProblem {
  readonly status: 400 | 505;
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
  readonly #spans: readonly number[];
  readonly #headersEnd: number;
  readonly #bodyEnd: number;
  readonly #isFolded: boolean;
  #head: string | undefined;
  #from: NameAddress | null | undefined;
  #to: NameAddress | null | undefined;
  #via: TopVia | null | undefined;
  #cseq: CSeq | null | undefined;

  /**
   * @param bytes starts with the start line
   * @param spans {@link SPAN} numbers a header
   * @param headersEnd offset just after the empty line
   */
  constructor(
    startLine: StartLine,
    bytes: Buffer,
    spans: readonly number[],
    headersEnd: number,
    bodyEnd: number,
    isFolded: boolean,
  ) {
    this.method = startLine.method;
    this.uri = startLine.uri;
    this.status = startLine.status;
    this.reason = startLine.reason;
    this.#bytes = bytes;
    this.#spans = spans;
    this.#headersEnd = headersEnd;
    this.#bodyEnd = bodyEnd;
    this.#isFolded = isFolded;
  }

  get isRequest(): boolean {
    return this.status === 0;
  }

  get byteLength(): number {
    return this.#bodyEnd;
  }

  get headerCount(): number {
    return this.#spans.length / SPAN;
  }

  /** Start line, headers and the empty line, as received. */
  get head(): string {
    this.#head ??= this.#bytes.toString('latin1', 0, this.#headersEnd);
    return this.#head;
  }

  get body(): string {
    return this.#headersEnd === this.#bodyEnd ? '' : this.#bytes.toString('latin1', this.#headersEnd, this.#bodyEnd);
  }

  get hasBody(): boolean {
    return this.#bodyEnd > this.#headersEnd;
  }

  /** The id of the header at `index` (`HEADER_ID`), 0 for one that the server does not read. */
  idAt(index: number): number {
    return this.#spans[index * SPAN] as number;
  }

  /** The name at `index`, spelt as received. */
  nameAt(index: number): string {
    const at = index * SPAN;
    return this.head.slice(this.#spans[at + 1], this.#spans[at + 2]);
  }

  /** The value at `index`, unfolded. */
  valueAt(index: number): string {
    const at = index * SPAN;
    const value = this.head.slice(this.#spans[at + 3], this.#spans[at + 4]);
    return this.#isFolded ? value.replace(/[ \t]*\r\n[ \t]+/g, ' ').trim() : value;
  }

  /** Offsets of the raw value at `index` within {@link head}. */
  valueSpanAt(index: number): readonly [number, number] {
    const at = index * SPAN;
    return [this.#spans[at + 3] as number, this.#spans[at + 4] as number];
  }

  /** Index of the first header of this name, -1 when there is none. */
  indexOf(name: KnownHeader): number {
    const id = HEADER_ID[name];
    for (let at = 0; at < this.#spans.length; at += SPAN) if (this.#spans[at] === id) return at / SPAN;
    return -1;
  }

  has(name: KnownHeader): boolean {
    return this.indexOf(name) !== -1;
  }

  count(name: KnownHeader): number {
    const id = HEADER_ID[name];
    let count = 0;
    for (let at = 0; at < this.#spans.length; at += SPAN) if (this.#spans[at] === id) count++;
    return count;
  }

  /** The value of the first header of this name. */
  value(name: KnownHeader): string | undefined {
    const index = this.indexOf(name);
    return index === -1 ? undefined : this.valueAt(index);
  }

  /** The values of all headers of this name, in order, not split at commas. */
  values(name: KnownHeader): string[] {
    const id = HEADER_ID[name];
    const values: string[] = [];
    for (let at = 0; at < this.#spans.length; at += SPAN) {
      if (this.#spans[at] === id) values.push(this.valueAt(at / SPAN));
    }
    return values;
  }

  get callId(): string {
    return this.value('call-id') ?? '';
  }

  /** Null when missing or unreadable. */
  get from(): NameAddress | null {
    if (this.#from === undefined) this.#from = parseNameAddress(this.value('from') ?? '');
    return this.#from;
  }

  get to(): NameAddress | null {
    if (this.#to === undefined) this.#to = parseNameAddress(this.value('to') ?? '');
    return this.#to;
  }

  get via(): TopVia | null {
    if (this.#via === undefined) this.#via = parseTopVia(this.value('via') ?? '');
    return this.#via;
  }

  get cseq(): CSeq | null {
    if (this.#cseq === undefined) this.#cseq = parseCSeq(this.value('cseq') ?? '');
    return this.#cseq;
  }
}

const CSEQ = /^(\d{1,10})[ \t]+([!%'*+\-.0-9A-Z_`a-z~]+)$/;

/** RFC 3261 §8.1.1.5: the number is less than 2**31. */
export function parseCSeq(value: string): CSeq | null {
  const match = CSEQ.exec(value);
  if (match === null) return null;
  const number = Number(match[1]);
  return number < 2 ** 31 ? { number, method: match[2] as string } : null;
}
