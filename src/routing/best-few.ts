// The best few channels that a decision has met so far, by key. One is used for all decisions: nothing is allocated for them.
import { BEST, type CallTerms, Candidate, ORDINARY, scoreOf } from './decision.js';
import type { PooledChannel } from './pool.js';
import { type Standing, TIES } from './standing.js';
import type { Weights } from './weights.js';

export class BestFew {
  readonly #keys = new Float64Array(BEST);
  readonly #channels: PooledChannel[] = [];
  readonly #standings: Standing[] = [];
  readonly #calls: CallTerms[] = [];
  #size = 0;

  clear(): void {
    this.#size = 0;
  }

  /** The key that a channel must be below to come in. */
  get bound(): number {
    return this.#size < BEST ? Number.POSITIVE_INFINITY : (this.#keys[BEST - 1] as number);
  }

  /** Adds a channel that is below the bound. */
  add(channel: PooledChannel, standing: Standing, call: CallTerms = ORDINARY, weights?: Weights): void {
    const key = weights === undefined ? standing.key : standing.key + scoreOf(call, weights) * TIES;
    let at = this.#size < BEST ? this.#size++ : BEST - 1;
    for (; at > 0 && (this.#keys[at - 1] as number) > key; at--) {
      this.#keys[at] = this.#keys[at - 1] as number;
      this.#channels[at] = this.#channels[at - 1] as PooledChannel;
      this.#standings[at] = this.#standings[at - 1] as Standing;
      this.#calls[at] = this.#calls[at - 1] as CallTerms;
    }
    this.#keys[at] = key;
    this.#channels[at] = channel;
    this.#standings[at] = standing;
    this.#calls[at] = call;
  }

  candidates(weights: Weights): Candidate[] {
    const candidates: Candidate[] = [];
    for (let at = 0; at < this.#size; at++) {
      const channel = this.#channels[at] as PooledChannel;
      candidates.push(new Candidate(channel, this.#standings[at] as Standing, this.#calls[at] as CallTerms, weights));
    }
    return candidates;
  }
}
