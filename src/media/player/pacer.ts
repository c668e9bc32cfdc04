// One timer for all legs of a thread that are being played to: each gets its packets at its own times, on a schedule that does
// not drift. Between a few packets the thread turns to its sockets, so that many announcements never hold up what is relayed.
import type { Clock, ClockTimer } from '../../lib/clock.js';

/** Somebody who has something to do at a time. */
export interface Paced {
  /** In ms of the pacer's clock; Infinity when there is nothing to do any more. */
  readonly dueMs: number;
  tick(nowMs: number): void;
}

/** Ticks in one go: some hundred microseconds. */
const TICKS_AT_ONCE = 32;

export class Pacer {
  readonly #clock: Pick<Clock, 'monotonicMs' | 'after'>;
  readonly #paced = new Set<Paced>();
  #timer: ClockTimer | null = null;
  #timerMs = Number.POSITIVE_INFINITY;

  constructor(clock: Pick<Clock, 'monotonicMs' | 'after'>) {
    this.#clock = clock;
  }

  /** How many have something to do. */
  get count(): number {
    return this.#paced.size;
  }

  /** Looks at `dueMs` again, of one who may have something to do. */
  watch(paced: Paced): void {
    const { dueMs } = paced;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    this.#paced.add(paced);
    this.#arm(dueMs);
  }

  forget(paced: Paced): void {
    this.#paced.delete(paced);
  }

  close(): void {
    this.#paced.clear();
    this.#timer?.cancel();
    this.#timer = null;
  }

  #run(): void {
    this.#timerMs = Number.POSITIVE_INFINITY;
    let ticks = 0;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const paced of this.#paced) {
      const nowMs = this.#clock.monotonicMs();
      if (paced.dueMs <= nowMs) {
        if (ticks === TICKS_AT_ONCE) {
          nextMs = nowMs;
          break;
        }
        ticks += 1;
        paced.tick(nowMs);
        // Whoever was served goes behind those who wait.
        this.#paced.delete(paced);
        if (paced.dueMs !== Number.POSITIVE_INFINITY) this.#paced.add(paced);
      } else if (paced.dueMs === Number.POSITIVE_INFINITY) {
        this.#paced.delete(paced);
      }
      nextMs = Math.min(nextMs, paced.dueMs);
    }
    this.#arm(nextMs);
  }

  #arm(dueMs: number): void {
    if (dueMs === Number.POSITIVE_INFINITY || dueMs >= this.#timerMs) return;
    this.#timer?.cancel();
    this.#timerMs = dueMs;
    // Timers run late by up to a millisecond; the schedule is kept by `dueMs`, so lateness does not add up.
    this.#timer = this.#clock.after(Math.max(0, dueMs - this.#clock.monotonicMs()), () => this.#run());
  }
}
