// The best few channels that a decision has met so far, by key: ordinary ones are looked up when all are known, since a
// channel is memory that a decision has not touched yet. One is used for all decisions: nothing is allocated for them.
import { BEST, type CallTerms, Candidate, type Choices, ORDINARY, scoreOf } from './decision.js';
import type { PooledChannel } from './pool.js';
import { type Standing, TIES } from './standing.js';
import type { Weights } from './weights.js';

/** A channel that has its own terms in this call. */
interface Special {
  readonly channel: PooledChannel;
  readonly standing: Standing;
  readonly call: CallTerms;
}

export interface ChannelsByKey {
  channelOfKey(key: number): PooledChannel;
}

/** The best few of one decision, best first: looked up one by one when they are asked for. */
export class FoundChannels implements Choices {
  readonly #keys: readonly number[];
  readonly #orders: readonly number[];
  readonly #specials: readonly (Special | null)[];
  readonly #index: ChannelsByKey;
  readonly #weights: Weights;

  constructor(
    keys: readonly number[],
    orders: readonly number[],
    specials: readonly (Special | null)[],
    index: ChannelsByKey,
    weights: Weights,
  ) {
    this.#keys = keys;
    this.#orders = orders;
    this.#specials = specials;
    this.#index = index;
    this.#weights = weights;
  }

  get size(): number {
    return this.#keys.length;
  }

  at(place: number): Candidate {
    const special = this.#specials[place];
    if (special) return new Candidate(special.channel, special.standing, special.call, this.#weights);
    const channel = this.#index.channelOfKey(this.#keys[place] as number);
    const standing = channel.standings[this.#orders[place] as number] as Standing;
    return new Candidate(channel, standing, ORDINARY, this.#weights);
  }
}

export class BestFew {
  /** Plain numbers: a typed array costs more to copy than all that is in it. */
  readonly #keys: number[] = [];
  /** Null for an ordinary one. */
  readonly #specials: (Special | null)[] = [];
  /** In which order of its pool an ordinary one stands. */
  readonly #orders: number[] = [];
  #size = 0;

  clear(): void {
    this.#size = 0;
  }

  /** The key that a channel must be below to come in. */
  get bound(): number {
    return this.#size < BEST ? Number.POSITIVE_INFINITY : (this.#keys[BEST - 1] as number);
  }

  /** Adds a channel whose key is below the bound. */
  add(key: number, order: number): void {
    this.#insert(key, order, null);
  }

  /** Adds a channel with what speaks for it in this call alone, if that brings it below the bound. */
  addSpecial(channel: PooledChannel, standing: Standing, call: CallTerms, weights: Weights): void {
    const key = standing.key + scoreOf(call, weights) * TIES;
    if (key < this.bound) this.#insert(key, 0, { channel, standing, call });
  }

  /** What was found, for a decision to keep. */
  found(index: ChannelsByKey, weights: Weights): FoundChannels {
    const size = this.#size;
    const specials = this.#specials.slice(0, size);
    return new FoundChannels(this.#keys.slice(0, size), this.#orders.slice(0, size), specials, index, weights);
  }

  #insert(key: number, order: number, special: Special | null): void {
    let at = this.#size < BEST ? this.#size++ : BEST - 1;
    for (; at > 0 && (this.#keys[at - 1] as number) > key; at--) {
      this.#keys[at] = this.#keys[at - 1] as number;
      this.#orders[at] = this.#orders[at - 1] as number;
      this.#specials[at] = this.#specials[at - 1] as Special | null;
    }
    this.#keys[at] = key;
    this.#orders[at] = order;
    this.#specials[at] = special;
  }
}
