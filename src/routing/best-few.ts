// The best few channels that a decision has met so far, by key: ordinary ones are looked up when all are known, since a
// channel is memory that a decision has not touched yet. One is used for all decisions: nothing is allocated for them.
import { BEST, type CallTerms, Candidate, ORDINARY, scoreOf } from './decision.js';
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

export class BestFew {
  readonly #keys = new Float64Array(BEST);
  /** Null for an ordinary one. */
  readonly #specials: (Special | null)[] = [];
  /** In which order of its pool an ordinary one stands. */
  readonly #orders: number[] = [];
  #size = 0;
  /** How many are wanted. */
  #most = BEST;

  /** Begins anew, for so many. */
  begin(most: number): void {
    this.#size = 0;
    this.#most = most;
  }

  /** The key that a channel must be below to come in. */
  get bound(): number {
    return this.#size < this.#most ? Number.POSITIVE_INFINITY : (this.#keys[this.#most - 1] as number);
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

  /** How many were found. */
  get size(): number {
    return this.#size;
  }

  /** The one at a place, the best at 0. */
  candidate(place: number, index: ChannelsByKey, weights: Weights): Candidate {
    const special = this.#specials[place];
    if (special) return new Candidate(special.channel, special.standing, special.call, weights);
    const channel = index.channelOfKey(this.#keys[place] as number);
    const standing = channel.standings[this.#orders[place] as number] as Standing;
    return new Candidate(channel, standing, ORDINARY, weights);
  }

  #insert(key: number, order: number, special: Special | null): void {
    let at = this.#size < this.#most ? this.#size++ : this.#most - 1;
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
