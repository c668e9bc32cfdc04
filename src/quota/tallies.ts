// What was counted for one allowance: by calendar windows, or exactly over a rolling one. Memory only; no clock.
import type { WindowClock, WindowSpan } from './windows.js';

/** Windows that ended longer ago than this are forgotten: nothing settles so late. */
const FORGET_AFTER_MS = 2 * 86_400_000;

/** How much of an allowance is used by what is settled, and held by what is live. */
export interface Tally {
  readonly used: number;
  readonly held: number;
  hasCallee(callee: string): boolean;
}

/** A counted callee: 1 when settled, plus 2 for each live call that holds it. */
const SETTLED = 1;
const HELD = 2;

/** One calendar window. */
export class WindowTally implements Tally, WindowSpan {
  readonly startWallMs: number;
  readonly endWallMs: number;
  used = 0;
  held = 0;
  #callees: Map<string, number> | undefined;
  /** Midnight of the working day that pacing spreads from, and what had been used before it. */
  pacedFromWallMs = 0;
  usedBeforePaced = 0;
  /** Of a day over its threshold (`days-over`): whether what is over is charged. */
  isCharged = false;

  constructor(span: WindowSpan) {
    this.startWallMs = span.startWallMs;
    this.endWallMs = span.endWallMs;
  }

  hasCallee(callee: string): boolean {
    return this.#callees?.has(callee) === true;
  }

  isSettledCallee(callee: string): boolean {
    return ((this.#callees?.get(callee) ?? 0) & SETTLED) !== 0;
  }

  settleCallee(callee: string): void {
    const callees = this.#openCallees();
    const marks = callees.get(callee) ?? 0;
    if ((marks & SETTLED) !== 0) return;
    if (marks > 0) this.held -= 1;
    callees.set(callee, marks + SETTLED);
    this.used += 1;
  }

  /** `times` is 1 to hold a callee and -1 to let go; one of several live calls that goes leaves the others' hold. */
  holdCallee(callee: string, times: 1 | -1): void {
    const callees = this.#openCallees();
    const before = callees.get(callee) ?? 0;
    const after = before + times * HELD;
    if (after > 0) callees.set(callee, after);
    else callees.delete(callee);
    if (before === 0) this.held += 1;
    else if (after === 0) this.held -= 1;
  }

  #openCallees(): Map<string, number> {
    this.#callees ??= new Map();
    return this.#callees;
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

  open(wallMs: number): WindowTally {
    const known = this.at(wallMs);
    if (known !== undefined) return known;
    const window = new WindowTally(this.#clock.at(wallMs));
    const latest = this.#latest;
    if (latest === undefined) this.#latest = window;
    else {
      const newest = window.startWallMs > latest.startWallMs ? window : latest;
      this.#others = [...(this.#others ?? []), newest === window ? latest : window].filter(
        (other) => other.held !== 0 || other === window || other.endWallMs >= newest.startWallMs - FORGET_AFTER_MS,
      );
      this.#latest = newest;
    }
    return window;
  }
}
