// A token bucket for each slot of a source table, as one number: when the bucket will be full again (the generic cell rate
// algorithm, ITU-T I.371 Annex A). A rate costs the bucket nothing while nothing comes.

import type { TimeCell } from './coarse-time.js';

export interface BucketRate {
  readonly perMs: number;
  readonly burst: number;
}

/** @param rate tokens a second, and how many a full bucket holds */
export function bucketRate(rate: { readonly messagesPerSecond: number; readonly burst: number }): BucketRate {
  return { perMs: rate.messagesPerSecond / 1_000, burst: rate.burst };
}

export class TokenBuckets {
  readonly #fullAtMs: Float64Array;
  readonly #now: TimeCell;

  constructor(capacity: number, now: TimeCell) {
    this.#fullAtMs = new Float64Array(capacity);
    this.#now = now;
  }

  /** A new source has a full bucket. */
  fill(slot: number): void {
    this.#fullAtMs[slot] = 0;
  }

  /** Takes a token; false when there is none. */
  take(slot: number, rate: BucketRate): boolean {
    const nowMs = this.#now[0] as number;
    const fullAtMs = Math.max(this.#fullAtMs[slot] as number, nowMs) + 1 / rate.perMs;
    // As many tokens are missing as the bucket fills up with until then; a rounding error is not one of them.
    if ((fullAtMs - nowMs) * rate.perMs > rate.burst + 1e-6) return false;
    this.#fullAtMs[slot] = fullAtMs;
    return true;
  }
}
