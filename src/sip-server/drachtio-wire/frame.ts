// Framing of the drachtio socket: `<length>#<payload>`, the length in decimal bytes, frames without a separator.

const HASH = 0x23;
const ZERO = 0x30;
const NINE = 0x39;
/** A sixth digit closes the connection, so an application's message has at most 99,999 bytes. */
const MAX_DIGITS = 5;

/** Cuts what an application sends into payloads. */
export class FrameReader {
  /** Bytes that must be there before another look is worth it. */
  #needed = 0;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** The payloads that a segment completes, in order; null when the stream is no drachtio stream. */
  push(chunk: Buffer): Buffer[] | null {
    const payloads: Buffer[] = [];
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return payloads;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    this.#needed = 0;
    let at = 0;
    while (at < bytes.length) {
      const hash = endOfLength(bytes, at);
      if (hash === 'invalid') return null;
      if (hash === 'incomplete') break;
      const start = hash + 1;
      const end = start + Number(bytes.toString('latin1', at, hash));
      if (end > bytes.length) {
        this.#needed = end - at;
        break;
      }
      payloads.push(bytes.subarray(start, end));
      at = end;
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#bytes = bytes.length - at;
    return payloads;
  }
}

function endOfLength(bytes: Buffer, from: number): number | 'invalid' | 'incomplete' {
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === HASH) return at === from ? 'invalid' : at;
    if (byte < ZERO || byte > NINE || at - from >= MAX_DIGITS) return 'invalid';
  }
  return 'incomplete';
}

/** One frame; `payload` has one character a byte. */
export function frameOf(payload: string): string {
  return `${payload.length}#${payload}`;
}
