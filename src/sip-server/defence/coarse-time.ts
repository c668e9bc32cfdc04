// The time of packets, read from the clock once in a while: reading it allocates, and a dropped packet must not.
import type { Clock } from '../../lib/clock.js';

const RESOLUTION_MS = 20;

export class CoarseTime {
  readonly #clock: Clock;
  #nowMs = 0;
  #isFresh = false;
  readonly #age = (): void => {
    this.#isFresh = false;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Monotonic milliseconds, at most 20 ms old in a thread that is not held up. */
  nowMs(): number {
    if (!this.#isFresh) {
      this.#nowMs = this.#clock.monotonicMs();
      this.#isFresh = true;
      this.#clock.after(RESOLUTION_MS, this.#age);
    }
    return this.#nowMs;
  }

  /** The time just now. */
  exactMs(): number {
    return this.#clock.monotonicMs();
  }
}
