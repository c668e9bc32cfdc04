// A set of numbers in ascending order, with insertion and removal in well under a microsecond at 100,000 entries:
// short sorted chunks in a sorted list. Chunks are typed arrays, so that numbers above 2^31 need no objects.

const CHUNK = 128;
const HALF = CHUNK / 2;

interface Chunk {
  /** Room to grow: `CHUNK` numbers at most. */
  numbers: Float64Array;
  size: number;
}

export class SortedNumbers {
  readonly #chunks: Chunk[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The lowest number; infinity for none. */
  get first(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : ((this.#chunks[0] as Chunk).numbers[0] as number);
  }

  /** Adds a number that is not in the set. */
  add(value: number): void {
    const chunks = this.#chunks;
    this.#size += 1;
    if (chunks.length === 0) {
      chunks.push({ numbers: Float64Array.of(value, 0, 0, 0), size: 1 });
      return;
    }
    const at = Math.min(this.#chunkFor(value), chunks.length - 1);
    const chunk = chunks[at] as Chunk;
    if (chunk.size === CHUNK) {
      const upper = new Float64Array(CHUNK);
      upper.set(chunk.numbers.subarray(HALF));
      chunk.size = HALF;
      chunks.splice(at + 1, 0, { numbers: upper, size: HALF });
      insert(value < (upper[0] as number) ? chunk : (chunks[at + 1] as Chunk), value);
    } else insert(chunk, value);
  }

  /** Removes a number; false when it is not in the set. */
  delete(value: number): boolean {
    const at = this.#chunkFor(value);
    const chunk = this.#chunks[at];
    if (chunk === undefined) return false;
    const { numbers } = chunk;
    const index = lowerBound(chunk, value);
    if (index === chunk.size || numbers[index] !== value) return false;
    const last = --chunk.size;
    for (let i = index; i < last; i++) numbers[i] = numbers[i + 1] as number;
    // One stays, for the next number.
    if (last === 0 && this.#chunks.length > 1) this.#chunks.splice(at, 1);
    this.#size -= 1;
    return true;
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (const { numbers, size } of this.#chunks) yield* numbers.subarray(0, size);
  }

  /** Writes the lowest numbers, ascending, at most so many; returns how many there are. */
  copyLowest(most: number, to: Float64Array): number {
    let copied = 0;
    for (let at = 0; at < this.#chunks.length && copied < most; at++) {
      const { numbers, size } = this.#chunks[at] as Chunk;
      for (let i = 0; i < size && copied < most; i++) to[copied++] = numbers[i] as number;
    }
    return copied;
  }

  /** Index of the first chunk whose last number is not less than `value`. */
  #chunkFor(value: number): number {
    const chunks = this.#chunks;
    // An empty chunk is alone.
    if (chunks.length === 1) return 0;
    let low = 0;
    let high = chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const { numbers, size } = chunks[middle] as Chunk;
      if ((numbers[size - 1] as number) < value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function insert(chunk: Chunk, value: number): void {
  const { size } = chunk;
  if (size === chunk.numbers.length) {
    const larger = new Float64Array(Math.min(CHUNK, size * 4));
    larger.set(chunk.numbers);
    chunk.numbers = larger;
  }
  const { numbers } = chunk;
  let at = size;
  while (at > 0 && (numbers[at - 1] as number) > value) {
    numbers[at] = numbers[at - 1] as number;
    at -= 1;
  }
  numbers[at] = value;
  chunk.size = size + 1;
}

/** Index of the first number that is not less than `value`; the chunk's size for none. */
function lowerBound({ numbers, size }: Chunk, value: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((numbers[middle] as number) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
