// Work that is done again and again, never twice at a time, until it is closed: what is under way then is told so, and awaited.
import type { Clock, ClockTimer } from './clock.js';

export class RepeatedWork {
  readonly #clock: Clock;
  readonly #work: (signal: AbortSignal) => Promise<number>;
  readonly #closing = new AbortController();
  #timer: ClockTimer | undefined;
  #underWay: Promise<void> = Promise.resolve();

  /** `work` resolves with the milliseconds until it is to be done again; it never rejects. */
  constructor(clock: Clock, work: (signal: AbortSignal) => Promise<number>) {
    this.#clock = clock;
    this.#work = work;
  }

  /** Aborted once this is closed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  startIn(delayMs: number): void {
    this.#timer = this.#clock.after(delayMs, () => {
      this.#underWay = this.#work(this.closing).then((pauseMs) => {
        if (!this.closing.aborted) this.startIn(pauseMs);
      });
    });
  }

  /** Resolves when what is under way has ended. */
  whenIdle(): Promise<void> {
    return this.#underWay;
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#closing.abort();
    await this.#underWay;
  }
}

const JITTER = 0.1;

/** A tenth longer or shorter, so that many who begin together do not stay in step; `chance` is from 0 to 1. */
export function jittered(pauseMs: number, chance: number): number {
  return pauseMs * (1 - JITTER + 2 * JITTER * chance);
}
