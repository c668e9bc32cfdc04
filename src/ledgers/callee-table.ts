// A table by number: a cell of a few numbers each, side by side, which cost the garbage collector nothing; and a tag of each cell
// apart, so that who is not there, as most are not, is not looked for beyond the cache. It grows a segment at a time (linear
// hashing, Litwin 1980), so that no call waits for the whole of it, and its memory with it: a buffer of twice the size at once
// makes V8 collect everything. Which cells go is its owner's business.

import { hashOf } from '../numbers/e164-number.js';

/** Numbers a cell has: its key and what its owner keeps; as 32-bit words twice as many. */
const CELL_NUMBERS = 4;
const CELL_WORDS = CELL_NUMBERS * 2;
const PLACE_BITS = 11;
/** Cells of a segment. */
const PLACES = 1 << PLACE_BITS;
const PLACE_MASK = PLACES - 1;
/** Segments that are still to be split in a round have up to twice the mean. */
const MEAN_CELLS = PLACES * 0.4;
/** There must be an end to each search: beyond this the segment forgets, whoever chose the keys. */
const MOST_CELLS = PLACES - PLACES / 16;
/** Cells looked at for one to forget. */
const SAMPLED = 8;

/** The field of a cell that holds its key. */
export const KEY = 0;

class Segment {
  /** Of the hash of each cell's key; 0 where none is. */
  readonly tags = new Uint16Array(PLACES);
  readonly numbers = new Float64Array(PLACES * CELL_NUMBERS);
  /** The same memory. */
  readonly words = new Int32Array(this.numbers.buffer);
  size = 0;
}

/** The cells of the segment that is being split; used again and again. */
const leaving = new Segment();

export class CalleeTable {
  readonly #maxSize: number;
  readonly #ageOf: (slot: number) => number;
  readonly #onForgotten: (key: number, slot: number) => void;
  readonly #segments = [new Segment()];
  /** One less than the power of two that is not below the number of segments. */
  #mask = 0;
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
  }

  get size(): number {
    return this.#size;
  }

  /** The slot of a key (a whole number that is not 0), up to the next `add` or `remove`; -1 for none. */
  find(key: number): number {
    const hash = hashOf(key);
    const segment = this.#segmentOf(hash);
    const { tags, numbers } = this.#segments[segment] as Segment;
    const tag = tagOf(hash);
    for (let place = hash >>> (32 - PLACE_BITS); ; place = (place + 1) & PLACE_MASK) {
      const found = tags[place] as number;
      if (found === 0) return -1;
      if (found === tag && numbers[place * CELL_NUMBERS] === key) return segment * PLACES + place;
    }
  }

  /** Field 0 is the key; fields 1 to 3 are the owner's. */
  number(slot: number, field: number): number {
    const { numbers } = this.#segments[slot >>> PLACE_BITS] as Segment;
    return numbers[(slot & PLACE_MASK) * CELL_NUMBERS + field] as number;
  }

  setNumber(slot: number, field: number, value: number): void {
    const { numbers } = this.#segments[slot >>> PLACE_BITS] as Segment;
    numbers[(slot & PLACE_MASK) * CELL_NUMBERS + field] = value;
  }

  /** The same memory in 32-bit words: two in the place of each number. */
  word(slot: number, field: number): number {
    const { words } = this.#segments[slot >>> PLACE_BITS] as Segment;
    return words[(slot & PLACE_MASK) * CELL_WORDS + field] as number;
  }

  setWord(slot: number, field: number, value: number): void {
    const { words } = this.#segments[slot >>> PLACE_BITS] as Segment;
    words[(slot & PLACE_MASK) * CELL_WORDS + field] = value;
  }

  /** Adds a key that is not there, with nought in all fields; returns its slot. */
  add(key: number): number {
    if (this.#size >= this.#maxSize) this.#forgetOldest(null);
    else if (this.#size > this.#segments.length * MEAN_CELLS) this.#split();
    const hash = hashOf(key);
    const number = this.#segmentOf(hash);
    const segment = this.#segments[number] as Segment;
    if (segment.size >= MOST_CELLS) this.#forgetOldest(number);
    this.#size += 1;
    return number * PLACES + put(segment, key, hash);
  }

  remove(slot: number): void {
    const segment = this.#segments[slot >>> PLACE_BITS] as Segment;
    const { tags, numbers, words } = segment;
    this.#size -= 1;
    segment.size -= 1;
    // Those behind it move up, as far as they stand where they do only because it stood there.
    let free = slot & PLACE_MASK;
    for (let next = (free + 1) & PLACE_MASK; ; next = (next + 1) & PLACE_MASK) {
      if (tags[next] === 0) break;
      const home = hashOf(numbers[next * CELL_NUMBERS] as number) >>> (32 - PLACE_BITS);
      if (((next - home) & PLACE_MASK) < ((next - free) & PLACE_MASK)) continue;
      tags[free] = tags[next] as number;
      copyCell(words, next, words, free);
      free = next;
    }
    tags[free] = 0;
    numbers.fill(0, free * CELL_NUMBERS, (free + 1) * CELL_NUMBERS);
  }

  #segmentOf(hash: number): number {
    const segment = hash & this.#mask;
    return segment < this.#segments.length ? segment : hash & (this.#mask >>> 1);
  }

  /** Forgets the oldest of the next few, of all or of one segment. */
  #forgetOldest(segment: number | null): void {
    const slots = this.#segments.length * PLACES;
    let oldest = -1;
    let oldestAge = -1;
    let hand = segment === null ? this.#hand : segment * PLACES + (this.#hand & PLACE_MASK);
    for (let looked = 0; looked < SAMPLED; ) {
      hand += 1;
      if (segment === null) hand %= slots;
      else hand = segment * PLACES + (hand & PLACE_MASK);
      if (this.number(hand, KEY) === 0) continue;
      looked += 1;
      const age = this.#ageOf(hand);
      if (age <= oldestAge) continue;
      oldest = hand;
      oldestAge = age;
    }
    this.#hand = hand;
    this.#onForgotten(this.number(oldest, KEY), oldest);
    this.remove(oldest);
  }

  /** Adds a segment, into which about half of another one's cells go; those that may go at any time are forgotten. */
  #split(): void {
    const added = this.#segments.length;
    if (added > this.#mask) this.#mask = this.#mask * 2 + 1;
    const number = added & (this.#mask >>> 1);
    const segment = this.#segments[number] as Segment;
    leaving.tags.set(segment.tags);
    leaving.words.set(segment.words);
    for (let place = 0; place < PLACES; place++) {
      const slot = number * PLACES + place;
      if (segment.tags[place] === 0 || this.#ageOf(slot) !== Number.POSITIVE_INFINITY) continue;
      this.#onForgotten(this.number(slot, KEY), slot);
      leaving.tags[place] = 0;
      this.#size -= 1;
    }
    segment.tags.fill(0);
    segment.numbers.fill(0);
    segment.size = 0;
    this.#segments.push(new Segment());
    for (let place = 0; place < PLACES; place++) {
      if (leaving.tags[place] === 0) continue;
      const key = leaving.numbers[place * CELL_NUMBERS] as number;
      const hash = hashOf(key);
      const to = this.#segments[this.#segmentOf(hash)] as Segment;
      copyCell(leaving.words, place, to.words, put(to, key, hash));
    }
  }
}

/** The place in a segment that a key is given. */
function put(segment: Segment, key: number, hash: number): number {
  const { tags, numbers } = segment;
  let place = hash >>> (32 - PLACE_BITS);
  while (tags[place] !== 0) place = (place + 1) & PLACE_MASK;
  tags[place] = tagOf(hash);
  numbers[place * CELL_NUMBERS] = key;
  segment.size += 1;
  return place;
}

/** As words: a number that is made of two of them may be none that a number can be copied as. */
function copyCell(from: Int32Array, place: number, to: Int32Array, toPlace: number): void {
  for (let word = 0; word < CELL_WORDS; word++) {
    to[toPlace * CELL_WORDS + word] = from[place * CELL_WORDS + word] as number;
  }
}

/** Of bits that say neither the place nor, in all but the largest tables, the segment. */
function tagOf(hash: number): number {
  return ((hash >>> 5) & 0xffff) | 1;
}
