// A bounded table of sources: each has a slot, a number that its owner's columns are indexed with. Finding, adding and
// forgetting the oldest cost the same however full it is, and allocate nothing: everything is in arrays made once.
// An IPv6 source is its /64: one host has all of it (RFC 4291 §2.5.4).
import { randomInt } from 'node:crypto';
import type { SourceAddress } from './source-address.js';

const NONE = -1;

export class SourceTable {
  readonly capacity: number;
  readonly #seed = randomInt(2 ** 31);
  readonly #mask: number;
  /** First slot of each chain of the hash table, and the next in the chain; free slots form one chain, too. */
  readonly #heads: Int32Array;
  readonly #next: Int32Array;
  readonly #family: Uint8Array;
  readonly #high: Int32Array;
  readonly #low: Int32Array;
  /** Neighbours by age. */
  readonly #older: Int32Array;
  readonly #newer: Int32Array;
  #oldest = NONE;
  #newest = NONE;
  #free = NONE;
  #size = 0;
  readonly #onTaken: (slot: number) => void;

  /** @param onTaken called with a slot that is given to a source: its columns must be cleared */
  constructor(capacity: number, onTaken: (slot: number) => void) {
    this.capacity = capacity;
    this.#onTaken = onTaken;
    const heads = 2 ** Math.ceil(Math.log2(capacity + 1));
    this.#mask = heads - 1;
    this.#heads = new Int32Array(heads).fill(NONE);
    this.#next = new Int32Array(capacity);
    this.#family = new Uint8Array(capacity);
    this.#high = new Int32Array(capacity);
    this.#low = new Int32Array(capacity);
    this.#older = new Int32Array(capacity);
    this.#newer = new Int32Array(capacity);
    for (let slot = capacity - 1; slot >= 0; slot--) {
      this.#next[slot] = this.#free;
      this.#free = slot;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** The slot that has been used least recently, -1 when the table is empty. */
  get oldest(): number {
    return this.#oldest;
  }

  /** The slot of a source, -1 when it has none. */
  find(address: SourceAddress): number {
    const { family, word0 } = address;
    const low = family === 4 ? 0 : address.word1;
    let slot = this.#heads[this.#hash(family, word0, low)] as number;
    while (slot !== NONE) {
      if (this.#high[slot] === word0 && this.#low[slot] === low && this.#family[slot] === family) return slot;
      slot = this.#next[slot] as number;
    }
    return NONE;
  }

  /** The slot of a source, made its newest; a source that had none takes that of the oldest when the table is full. */
  touch(address: SourceAddress): number {
    const found = this.find(address);
    if (found !== NONE) {
      if (found !== this.#newest) {
        this.#unlinkAge(found);
        this.#linkNewest(found);
      }
      return found;
    }
    if (this.#free === NONE) this.remove(this.#oldest);
    const slot = this.#free;
    this.#free = this.#next[slot] as number;
    const { family, word0 } = address;
    const low = family === 4 ? 0 : address.word1;
    this.#family[slot] = family;
    this.#high[slot] = word0;
    this.#low[slot] = low;
    const head = this.#hash(family, word0, low);
    this.#next[slot] = this.#heads[head] as number;
    this.#heads[head] = slot;
    this.#linkNewest(slot);
    this.#size++;
    this.#onTaken(slot);
    return slot;
  }

  remove(slot: number): void {
    const head = this.#hash(this.#family[slot] as number, this.#high[slot] as number, this.#low[slot] as number);
    let at = this.#heads[head] as number;
    if (at === slot) this.#heads[head] = this.#next[slot] as number;
    else {
      while (this.#next[at] !== slot) at = this.#next[at] as number;
      this.#next[at] = this.#next[slot] as number;
    }
    this.#unlinkAge(slot);
    this.#next[slot] = this.#free;
    this.#free = slot;
    this.#size--;
  }

  /** All slots, newest first. */
  slots(): number[] {
    const slots: number[] = [];
    for (let slot = this.#newest; slot !== NONE; slot = this.#older[slot] as number) slots.push(slot);
    return slots;
  }

  /** The source as text: an IPv4 address, or an IPv6 block. */
  textOf(slot: number): string {
    const high = this.#high[slot] as number;
    if (this.#family[slot] === 4) {
      return [24, 16, 8, 0].map((shift) => (high >>> shift) & 0xff).join('.');
    }
    const low = this.#low[slot] as number;
    const groups = [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((group) => group.toString(16));
    return `${groups.join(':')}::/64`;
  }

  /** Seeded, so that nobody can choose addresses that all fall into one chain. */
  #hash(family: number, high: number, low: number): number {
    let hash = Math.imul(high ^ this.#seed, 0x9e3779b1);
    hash = Math.imul(hash ^ (hash >>> 15) ^ low, 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13) ^ family, 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) & this.#mask;
  }

  #linkNewest(slot: number): void {
    this.#older[slot] = this.#newest;
    this.#newer[slot] = NONE;
    if (this.#newest !== NONE) this.#newer[this.#newest] = slot;
    else this.#oldest = slot;
    this.#newest = slot;
  }

  #unlinkAge(slot: number): void {
    const older = this.#older[slot] as number;
    const newer = this.#newer[slot] as number;
    if (older !== NONE) this.#newer[older] = newer;
    else this.#oldest = newer;
    if (newer !== NONE) this.#older[newer] = older;
    else this.#newest = older;
  }
}
