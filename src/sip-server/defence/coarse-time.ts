// The time of packets, read from the clock once in a while: reading it allocates, and a dropped packet must not.
import type { Clock } from '../../lib/clock.js';

const RESOLUTION_MS = 20;

/** Monotonic milliseconds, in an array of one: a number with a fraction that is handed on is allocated, a place is not. */
export type TimeCell = Float64Array;

export class CoarseTime {
  readonly cell: TimeCell = new Float64Array(1);
  readonly #clock: Clock;
  #isFresh = false;
  readonly #age = (): void => {
    this.#isFresh = false;
  };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Makes the cell at most 20 ms old, in a thread that is not held up. */
  refresh(): void {
    if (this.#isFresh) return;
    this.cell[0] = this.#clock.monotonicMs();
    this.#isFresh = true;
    this.#clock.after(RESOLUTION_MS, this.#age);
  }

  /** Makes the cell exact, and says what is in it. */
  exactMs(): number {
    this.cell[0] = this.#clock.monotonicMs();
    return this.cell[0];
  }
}
