// The running timers of one call by name, so that each can be set anew, cancelled alone, and all of them at the end.
import type { Clock, ClockTimer } from '../lib/clock.js';

export class CallTimers {
  readonly #clock: Clock;
  readonly #running = new Map<string, ClockTimer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  /** One of the same name that runs already is cancelled. */
  set(name: string, delayMs: number, action: () => void): void {
    this.cancel(name);
    const timer = this.#clock.after(delayMs, () => {
      this.#running.delete(name);
      action();
    });
    this.#running.set(name, timer);
  }

  cancel(name: string): void {
    this.#running.get(name)?.cancel();
    this.#running.delete(name);
  }

  cancelAll(): void {
    for (const timer of this.#running.values()) timer.cancel();
    this.#running.clear();
  }
}
