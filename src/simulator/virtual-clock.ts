// Virtual time: a clock that jumps from one timer to the next. Timers due at one instant fire in the order they were set.
import type { Clock, ClockTimer } from '../lib/clock.js';

class Timer implements ClockTimer {
  readonly dueMs: number;
  readonly order: number;
  /** Null once cancelled. */
  action: (() => void) | null;

  constructor(dueMs: number, order: number, action: () => void) {
    this.dueMs = dueMs;
    this.order = order;
    this.action = action;
  }

  cancel(): void {
    this.action = null;
  }
}

export class VirtualClock implements Clock {
  #nowMs: number;
  readonly #startMs: number;
  #order = 0;
  /** A binary heap: the timer due next is the first. */
  readonly #timers: Timer[] = [];

  constructor(startWallMs: number) {
    this.#startMs = startWallMs;
    this.#nowMs = startWallMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs;
  }

  after(delayMs: number, action: () => void): ClockTimer {
    return this.at(this.#nowMs + Math.max(0, delayMs), action);
  }

  /** Calls `action` at an instant of wall time; at once (but not now) when it has passed. */
  at(wallMs: number, action: () => void): ClockTimer {
    const timer = new Timer(Math.max(wallMs, this.#nowMs), this.#order++, action);
    this.#push(timer);
    return timer;
  }

  /** Fires every timer, those set meanwhile included, until none is left or the next one is due after `endWallMs`. */
  run(endWallMs = Number.POSITIVE_INFINITY): void {
    for (;;) {
      const next = this.#timers[0];
      if (next === undefined || next.dueMs > endWallMs) return;
      this.#pop();
      if (next.action === null) continue;
      this.#nowMs = next.dueMs;
      next.action();
    }
  }

  #push(timer: Timer): void {
    const timers = this.#timers;
    let at = timers.length;
    timers.push(timer);
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = timers[parentAt];
      if (parent === undefined || !isBefore(timer, parent)) break;
      timers[at] = parent;
      at = parentAt;
    }
    timers[at] = timer;
  }

  #pop(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let at = 0;
    for (;;) {
      let childAt = 2 * at + 1;
      let child = timers[childAt];
      if (child === undefined) break;
      const right = timers[childAt + 1];
      if (right !== undefined && isBefore(right, child)) {
        child = right;
        childAt += 1;
      }
      if (!isBefore(child, last)) break;
      timers[at] = child;
      at = childAt;
    }
    timers[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
