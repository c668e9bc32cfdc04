// What was counted for one allowance: by calendar windows, or exactly over a rolling one. Memory only; no clock.
import { CalleeSet } from './callee-set.js';
import { HeldCallees } from './held-callees.js';
import type { WindowClock, WindowSpan } from './windows.js';

/** Windows that ended longer ago than this are forgotten: nothing settles so late. */
const FORGET_AFTER_MS = 2 * 86_400_000;

/** How much of an allowance is used by what is settled, and held by what is live. */
export interface Tally {
  readonly used: number;
  readonly held: number;
  /** `isUnknown`: nothing settled counts the callee, and need not be asked. */
  hasCallee(callee: string, isUnknown: boolean): boolean;
}

/** One calendar window. */
export class WindowTally implements Tally, WindowSpan {
  /** Shared by all who count by the same terms. */
  readonly #span: WindowSpan;
  used = 0;
  held = 0;
  #settled: CalleeSet | undefined;
  #live: HeldCallees | undefined;
  /** Of a paced allowance: the midnight that is spread from, and what had been used before it. */
  paced: { fromWallMs: number; usedBefore: number } | undefined;
  /** Of a day over its threshold (`days-over`): whether what is over is charged. */
  isCharged = false;

  constructor(span: WindowSpan) {
    this.#span = span;
  }

  get startWallMs(): number {
    return this.#span.startWallMs;
  }

  get endWallMs(): number {
    return this.#span.endWallMs;
  }

  hasCallee(callee: string, isUnknown: boolean): boolean {
    return (!isUnknown && this.#settled?.has(callee) === true) || this.#live?.has(callee) === true;
  }

  isSettledCallee(callee: string): boolean {
    return this.#settled?.has(callee) === true;
  }

  settleCallee(callee: string): void {
    this.#settled ??= new CalleeSet();
    if (!this.#settled.add(callee)) return;
    if (this.#live?.has(callee) === true) this.held -= 1;
    this.used += 1;
  }

  /** `times` is 1 to hold a callee and -1 to let go; one of several live calls that goes leaves the others' hold. */
  holdCallee(callee: string, times: 1 | -1, isUnknown: boolean): void {
    this.#live ??= new HeldCallees();
    if (times === -1) this.#live.remove(callee);
    if (!this.hasCallee(callee, isUnknown)) this.held += times;
    if (times === 1) this.#live.add(callee);
  }
}

/** The windows of one calendar allowance that still matter. */
export class CalendarTally {
  readonly #clock: WindowClock;
  #latest: WindowTally | undefined;
  /** Ended windows that late settlements may reach, and a window of which the clock ran ahead. */
  #others: WindowTally[] | undefined;

  constructor(clock: WindowClock) {
    this.#clock = clock;
  }

  /** The latest window in which anything was counted. */
  get latest(): WindowTally | undefined {
    return this.#latest;
  }

  spanAt(wallMs: number): WindowSpan {
    const latest = this.#latest;
    if (latest !== undefined && wallMs >= latest.startWallMs && wallMs < latest.endWallMs) return latest;
    return this.#clock.at(wallMs);
  }

  /** The window that holds an instant; undefined while nothing was counted in it. */
  at(wallMs: number): WindowTally | undefined {
    const latest = this.#latest;
    if (latest === undefined || (wallMs >= latest.startWallMs && wallMs < latest.endWallMs)) return latest;
    return this.#others?.find((window) => wallMs >= window.startWallMs && wallMs < window.endWallMs);
  }

  /** Whether nothing is counted in a window that has not ended. */
  isOver(wallMs: number): boolean {
    const latest = this.#latest;
    if (latest === undefined) return true;
    return [latest, ...(this.#others ?? [])].every(
      ({ endWallMs, used, held }) => endWallMs <= wallMs || (used === 0 && held === 0),
    );
  }

  open(wallMs: number): WindowTally {
    const known = this.at(wallMs);
    if (known !== undefined) return known;
    const window = new WindowTally(this.#clock.at(wallMs));
    const latest = this.#latest;
    if (latest === undefined) this.#latest = window;
    else {
      const newest = window.startWallMs > latest.startWallMs ? window : latest;
      // A clock may run ahead and be set back: what was the latest by then counts, and goes on from there.
      this.#others = [...(this.#others ?? []), newest === window ? latest : window].filter(
        (other) => other.held !== 0 || other === latest || other.endWallMs >= window.startWallMs - FORGET_AFTER_MS,
      );
      this.#latest = newest;
    }
    return window;
  }
}
