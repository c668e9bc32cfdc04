// A set of numbers in ascending order, with insertion and removal in well under a microsecond at 100,000 entries:
// short sorted chunks in a sorted list.

const MAX_CHUNK = 256;

export class SortedNumbers {
  readonly #chunks: number[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Adds a number that is not in the set. */
  add(value: number): void {
    this.#size += 1;
    const at = Math.min(this.#chunkFor(value), this.#chunks.length - 1);
    const chunk = this.#chunks[at];
    if (chunk === undefined) {
      this.#chunks.push([value]);
      return;
    }
    chunk.splice(lowerBound(chunk, value), 0, value);
    if (chunk.length > MAX_CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(MAX_CHUNK / 2));
  }

  /** Removes a number; false when it is not in the set. */
  delete(value: number): boolean {
    const at = this.#chunkFor(value);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return false;
    const index = lowerBound(chunk, value);
    if (chunk[index] !== value) return false;
    chunk.splice(index, 1);
    if (chunk.length === 0) this.#chunks.splice(at, 1);
    this.#size -= 1;
    return true;
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const chunk of this.#chunks) yield* chunk;
  }

  /** Hands the numbers over in ascending order while `wanted` says so: faster than the iterator. */
  visitWhile(wanted: (value: number) => boolean): void {
    for (const chunk of this.#chunks) {
      for (const value of chunk) if (!wanted(value)) return;
    }
  }

  /** Index of the first chunk whose last number is not less than `value`. */
  #chunkFor(value: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const last = this.#chunks[middle]?.at(-1) ?? 0;
      if (last < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function lowerBound(chunk: readonly number[], value: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunk[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
