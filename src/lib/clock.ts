// The injected clock: wall time for windows and records, monotonic time for durations and timers.
// Monotonic time comes from CLOCK_MONOTONIC (hrtime), so it is the same in every thread of the process.

/** A timer that was set on a {@link Clock}. */
export interface ClockTimer {
  /** Cancels the timer; harmless when it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall time, milliseconds since the Unix epoch. It may jump. */
  wallMs(): number;
  /** Milliseconds on a clock that never jumps; only differences have a meaning. */
  monotonicMs(): number;
  /** Calls `action` once, `delayMs` of monotonic time from now. */
  after(delayMs: number, action: () => void): ClockTimer;
}

const ORIGIN_MS = Math.max(...Array.from({ length: 10 }, originMs));

/** Monotonic milliseconds, with a fraction, the same clock in all threads. */
export function monotonicNowMs(): number {
  return ORIGIN_MS + performance.now();
}

/** performance.now() reads the clock of hrtime at a fraction of the cost, and each thread has a beginning of its own. */
function originMs(): number {
  // What happens between the two makes it too small, never too large.
  return Number(process.hrtime.bigint()) / 1e6 - performance.now();
}

const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export class SystemClock implements Clock {
  wallMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return monotonicNowMs();
  }

  after(delayMs: number, action: () => void): ClockTimer {
    // Node fires a longer one at once.
    const timer = setTimeout(action, Math.min(delayMs, LONGEST_TIMEOUT_MS));
    return { cancel: () => clearTimeout(timer) };
  }
}

interface PendingTimer {
  readonly dueMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** A clock for tests: time moves only by {@link ManualClock.advance}. */
export class ManualClock implements Clock {
  #elapsedMs = 0;
  #order = 0;
  #pending: PendingTimer[] = [];
  #wallOriginMs: number;

  constructor(wallStartMs: number = Date.UTC(2026, 0, 5, 1, 0, 0)) {
    this.#wallOriginMs = wallStartMs;
  }

  get pendingTimers(): number {
    return this.#pending.length;
  }

  wallMs(): number {
    return this.#wallOriginMs + this.#elapsedMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  after(delayMs: number, action: () => void): ClockTimer {
    const timer: PendingTimer = { dueMs: this.#elapsedMs + Math.max(0, delayMs), order: this.#order++, action };
    this.#pending.push(timer);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== timer);
      },
    };
  }

  /** Moves both clocks on by `ms`, firing due timers in order, those set meanwhile included. */
  advance(ms: number): void {
    const endMs = this.#elapsedMs + ms;
    for (;;) {
      const next = this.#pending
        .filter((timer) => timer.dueMs <= endMs)
        .sort((a, b) => a.dueMs - b.dueMs || a.order - b.order)[0];
      if (next === undefined) break;
      this.#pending = this.#pending.filter((timer) => timer !== next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs);
      next.action();
    }
    this.#elapsedMs = endMs;
  }

  /** Sets wall time alone, as an operator or NTP does. */
  jumpWallTo(wallMs: number): void {
    this.#wallOriginMs = wallMs - this.#elapsedMs;
  }
}
