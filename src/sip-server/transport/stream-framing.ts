// Cuts a byte stream into messages by Content-Length, and sees CRLF keepalives between them. RFC 3261 §18.3, RFC 5626 §3.5.1.

export type StreamEvent =
  | { readonly kind: 'message'; readonly bytes: Buffer }
  /** A double CRLF between messages, to be answered with a single one. */
  | { readonly kind: 'keepalive' }
  /** The stream cannot be cut any further; `bytes` is what was seen of the message. */
  | { readonly kind: 'broken'; readonly cause: 'malformed' | 'too-large'; readonly bytes: Buffer };

export interface StreamLimits {
  /** Largest message, bytes. */
  readonly maxMessageBytes: number;
  /** Largest start line and headers together, bytes. */
  readonly maxHeaderBytes: number;
}

const EMPTY = Buffer.alloc(0);
const CR = 0x0d;
const LF = 0x0a;
const HEAD_END = '\r\n\r\n';

export class StreamFraming {
  readonly #limits: StreamLimits;
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes that must be there before another look is worth it. */
  #needed = 0;
  #isBroken = false;

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  /** Bytes kept of a message that has not come whole. */
  get waitingBytes(): number {
    return this.#bytes;
  }

  /** Takes a segment; returns what it completes, in order. After `broken` nothing more comes. */
  push(chunk: Buffer): StreamEvent[] {
    const events: StreamEvent[] = [];
    if (this.#isBroken) return events;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return events;
    let rest = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#needed = 0;
    const { maxMessageBytes, maxHeaderBytes } = this.#limits;
    for (;;) {
      rest = this.#skipKeepalives(rest, events);
      if (rest.length === 0) break;
      const headEnd = rest.indexOf(HEAD_END, 0, 'latin1');
      if (headEnd === -1 || headEnd > maxHeaderBytes) {
        // The last three bytes may belong to the end of the head.
        if (rest.length >= maxHeaderBytes + HEAD_END.length) return this.#break(events, 'too-large', rest);
        break;
      }
      const bodyLength = contentLengthOf(rest.toString('latin1', 0, headEnd + 2));
      if (bodyLength === null) return this.#break(events, 'malformed', rest.subarray(0, headEnd + 4));
      const total = headEnd + 4 + bodyLength;
      if (total > maxMessageBytes) return this.#break(events, 'too-large', rest.subarray(0, headEnd + 4));
      if (rest.length < total) {
        this.#needed = total;
        break;
      }
      events.push({ kind: 'message', bytes: rest.subarray(0, total) });
      rest = rest.subarray(total);
    }
    this.#bytes = rest.length;
    // A small remainder does not hold on to a large segment.
    if (rest.length === 0) this.#chunks = [];
    else this.#chunks = [rest.buffer.byteLength > 4 * rest.length ? Buffer.from(rest) : rest];
    return events;
  }

  #skipKeepalives(bytes: Buffer, events: StreamEvent[]): Buffer {
    let at = 0;
    while (bytes[at] === CR && bytes[at + 1] === LF) {
      if (bytes[at + 2] === CR && bytes[at + 3] === LF) {
        events.push({ kind: 'keepalive' });
        at += 4;
      } else if (at + 2 < bytes.length && bytes[at + 2] !== CR) at += 2;
      else if (at + 3 < bytes.length) at += 2;
      else break;
    }
    return at === 0 ? bytes : bytes.subarray(at);
  }

  #break(events: StreamEvent[], cause: 'malformed' | 'too-large', bytes: Buffer): StreamEvent[] {
    this.#isBroken = true;
    this.#chunks = [];
    this.#bytes = 0;
    events.push({ kind: 'broken', cause, bytes: bytes.length === 0 ? EMPTY : bytes });
    return events;
  }
}

const CONTENT_LENGTH = /(?:content-length|l)[ \t]*:/iy;

/**
 * 0 when absent (a Deviation from RFC 3261 §18.3, which demands it on streams), null when it cannot be trusted.
 * @param head start line and headers, each with its CRLF
 */
function contentLengthOf(head: string): number | null {
  let length: number | null = null;
  let lineEnd = head.indexOf('\r\n');
  while (lineEnd !== -1) {
    const lineStart = lineEnd + 2;
    lineEnd = head.indexOf('\r\n', lineStart);
    CONTENT_LENGTH.lastIndex = lineStart;
    if (lineEnd === -1 || !CONTENT_LENGTH.test(head)) continue;
    const valueStart = CONTENT_LENGTH.lastIndex;
    while (isBlank(head.charCodeAt(lineEnd + 2))) lineEnd = head.indexOf('\r\n', lineEnd + 2);
    const text = head.slice(valueStart, lineEnd).trim();
    if (!/^\d{1,9}$/.test(text)) return null;
    const value = Number(text);
    if (length !== null && length !== value) return null;
    length = value;
  }
  return length ?? 0;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
