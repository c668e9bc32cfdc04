// Cuts a stream of bytes into lines of a bounded length, however its pieces fall.

const LINE_FEED = 0x0a;

export class LineSplitter {
  readonly #maxBytes: number;
  #pieces: Buffer[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** The lines that a piece completes, without their ends; null once a line is too long: the stream is of no use then. */
  push(piece: Buffer): readonly Buffer[] | null {
    const lines: Buffer[] = [];
    let start = 0;
    for (;;) {
      const end = piece.indexOf(LINE_FEED, start);
      const part = piece.subarray(start, end === -1 ? piece.length : end);
      this.#bytes += part.length;
      if (this.#bytes > this.#maxBytes) return null;
      this.#pieces.push(part);
      if (end === -1) return lines;
      lines.push(this.#pieces.length === 1 ? part : Buffer.concat(this.#pieces));
      this.#pieces = [];
      this.#bytes = 0;
      start = end + 1;
    }
  }
}
