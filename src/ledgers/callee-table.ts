// A table by number with open addressing: a cell of a few numbers each, side by side in one buffer, so that a callee costs one
// touch of memory and the garbage collector nothing. Which cells may be forgotten is its owner's business.

/** Numbers a cell has: its key and what its owner keeps; as 32-bit words twice as many. */
const STRIDE = 4;
const FIRST_SLOTS = 1_024;
/** Cells looked at for one to forget. */
const SAMPLED = 8;

/** Where a cell's fields stand, from `slot * CELL_NUMBERS` or `slot * CELL_WORDS` on. The key is number 0. */
export const CELL_NUMBERS = STRIDE;
export const CELL_WORDS = STRIDE * 2;

export class CalleeTable {
  /** Replaced when the table grows: to be read anew after `add`. */
  numbers: Float64Array;
  /** The same memory. */
  words: Int32Array;
  readonly #maxSize: number;
  readonly #ageOf: (slot: number) => number;
  readonly #onForgotten: (key: number, slot: number) => void;
  #mask = FIRST_SLOTS - 1;
  #size = 0;
  #hand = 0;

  /**
   * Holds `maxSize` cells at most. `ageOf` says of a cell how long it has been of no use: beyond the bound the oldest of a few
   * goes for each that comes; infinity for one that may go whenever the table grows. `onForgotten` is told before a cell goes.
   */
  constructor(maxSize: number, ageOf: (slot: number) => number, onForgotten: (key: number, slot: number) => void) {
    this.#maxSize = maxSize;
    this.#ageOf = ageOf;
    this.#onForgotten = onForgotten;
    this.numbers = new Float64Array(FIRST_SLOTS * STRIDE);
    this.words = new Int32Array(this.numbers.buffer);
  }

  get size(): number {
    return this.#size;
  }

  /** The slot of a key (a whole number that is not 0); -1 for none. */
  find(key: number): number {
    const { numbers } = this;
    const mask = this.#mask;
    for (let slot = hashOf(key) & mask; ; slot = (slot + 1) & mask) {
      const found = numbers[slot * STRIDE] as number;
      if (found === key) return slot;
      if (found === 0) return -1;
    }
  }

  /** Adds a key that is not there, with nought in all fields; returns its slot. */
  add(key: number): number {
    if (this.#size >= this.#maxSize) this.#forgetOne();
    else if (this.#size * 2 > this.#mask) this.#grow();
    this.#size += 1;
    return this.#put(key);
  }

  remove(slot: number): void {
    const { numbers } = this;
    const mask = this.#mask;
    this.#size -= 1;
    // Those behind it move up, as far as they stand where they do only because it stood there.
    let free = slot;
    for (let next = (slot + 1) & mask; numbers[next * STRIDE] !== 0; next = (next + 1) & mask) {
      const home = hashOf(numbers[next * STRIDE] as number) & mask;
      if (((next - home) & mask) < ((next - free) & mask)) continue;
      numbers.copyWithin(free * STRIDE, next * STRIDE, (next + 1) * STRIDE);
      free = next;
    }
    numbers.fill(0, free * STRIDE, (free + 1) * STRIDE);
  }

  #put(key: number): number {
    const { numbers } = this;
    const mask = this.#mask;
    let slot = hashOf(key) & mask;
    while (numbers[slot * STRIDE] !== 0) slot = (slot + 1) & mask;
    numbers[slot * STRIDE] = key;
    return slot;
  }

  /** Forgets the oldest of the next few. */
  #forgetOne(): void {
    const { numbers } = this;
    let oldest = -1;
    let oldestAge = -1;
    for (let looked = 0; looked < SAMPLED; ) {
      this.#hand = (this.#hand + 1) & this.#mask;
      if (numbers[this.#hand * STRIDE] === 0) continue;
      looked += 1;
      const age = this.#ageOf(this.#hand);
      if (age <= oldestAge) continue;
      oldest = this.#hand;
      oldestAge = age;
    }
    this.#onForgotten(numbers[oldest * STRIDE] as number, oldest);
    this.remove(oldest);
  }

  /** More room, or as much as before when enough may go. */
  #grow(): void {
    const before = this.numbers;
    let size = 0;
    for (let slot = 0; slot <= this.#mask; slot++) {
      const key = before[slot * STRIDE] as number;
      if (key === 0) continue;
      if (this.#ageOf(slot) !== Number.POSITIVE_INFINITY) {
        size += 1;
        continue;
      }
      this.#onForgotten(key, slot);
      // Nothing is looked up in this memory any more.
      before[slot * STRIDE] = 0;
    }
    let slots = FIRST_SLOTS;
    while (slots < size * 3) slots *= 2;
    this.#mask = slots - 1;
    this.#hand = 0;
    this.#size = size;
    const numbers = new Float64Array(slots * STRIDE);
    this.numbers = numbers;
    this.words = new Int32Array(numbers.buffer);
    for (let from = 0; from < before.length; from += STRIDE) {
      const key = before[from] as number;
      if (key === 0) continue;
      const to = this.#put(key) * STRIDE;
      for (let field = 1; field < STRIDE; field++) numbers[to + field] = before[from + field] as number;
    }
  }
}

/** Spreads keys over all 32 bits: telephone numbers come in rows. */
function hashOf(key: number): number {
  let hash = Math.imul((key | 0) ^ Math.imul((key / 2 ** 32) | 0, 0x9e3779b1), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
