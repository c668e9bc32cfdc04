// A set of addresses and CIDR blocks, asked with no allocation: sorted, merged blocks and a binary search.
import { type IpRange, parseIpRange } from '../../lib/ip-range.js';
import type { SourceAddress } from './source-address.js';

interface Block {
  readonly first: bigint;
  readonly last: bigint;
}

/** Turns unsigned order into signed order: small integers are compared, and never boxed. */
const BIAS = 0x8000_0000;
const WORDS = 4;

export class AddressSet {
  /** First and last addresses of the blocks, in order, biased. */
  readonly #v4First: Int32Array;
  readonly #v4Last: Int32Array;
  /** The same in four words each. */
  readonly #v6First: Int32Array;
  readonly #v6Last: Int32Array;

  /** @throws RangeError naming an entry that is no address or CIDR block */
  constructor(entries: readonly string[]) {
    const ranges = entries.map((entry) => {
      const range = parseIpRange(entry);
      if (range === undefined) throw new RangeError(`Not an address or CIDR block: ${entry}`);
      return range;
    });
    const v4 = mergedBlocks(ranges.filter(({ family }) => family === 4));
    const v6 = mergedBlocks(ranges.filter(({ family }) => family === 6));
    this.#v4First = Int32Array.from(v4, ({ first }) => biased(first));
    this.#v4Last = Int32Array.from(v4, ({ last }) => biased(last));
    this.#v6First = Int32Array.from(v6.flatMap(({ first }) => wordsOf(first)));
    this.#v6Last = Int32Array.from(v6.flatMap(({ last }) => wordsOf(last)));
  }

  has(address: SourceAddress): boolean {
    return address.family === 4 ? this.#hasV4(address.word0 ^ BIAS) : this.#hasV6(address);
  }

  #hasV4(value: number): boolean {
    let low = 0;
    let high = this.#v4First.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (value < (this.#v4First[middle] as number)) high = middle - 1;
      else if (value > (this.#v4Last[middle] as number)) low = middle + 1;
      else return true;
    }
    return false;
  }

  #hasV6(address: SourceAddress): boolean {
    let low = 0;
    let high = this.#v6First.length / WORDS - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (compare(address, this.#v6First, middle * WORDS) < 0) high = middle - 1;
      else if (compare(address, this.#v6Last, middle * WORDS) > 0) low = middle + 1;
      else return true;
    }
    return false;
  }
}

function mergedBlocks(ranges: readonly IpRange[]): Block[] {
  const blocks = ranges
    .map(({ family, base, prefixBits }) => ({
      first: base,
      last: base + (1n << BigInt((family === 4 ? 32 : 128) - prefixBits)) - 1n,
    }))
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Block[] = [];
  for (const block of blocks) {
    const before = merged.at(-1);
    if (before === undefined || block.first > before.last + 1n) merged.push(block);
    else if (block.last > before.last) merged[merged.length - 1] = { first: before.first, last: block.last };
  }
  return merged;
}

function biased(word: bigint): number {
  return Number(word) ^ BIAS;
}

function wordsOf(value: bigint): number[] {
  return [96n, 64n, 32n, 0n].map((shift) => biased((value >> shift) & 0xffff_ffffn));
}

function compare(address: SourceAddress, words: Int32Array, at: number): number {
  const first = order(address.word0 ^ BIAS, words[at] as number);
  if (first !== 0) return first;
  const second = order(address.word1 ^ BIAS, words[at + 1] as number);
  if (second !== 0) return second;
  const third = order(address.word2 ^ BIAS, words[at + 2] as number);
  return third !== 0 ? third : order(address.word3 ^ BIAS, words[at + 3] as number);
}

function order(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
