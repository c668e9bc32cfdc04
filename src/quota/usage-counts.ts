// The tallies of one holder's allowances: what is left of each, what a call adds to each, and what goes beyond.
// Knows counters, not calls: when and how much to count is the usage book's.

import type { NumberClass } from '../numbers/number-class.js';
import type { Micros } from './money.js';
import { givenOut, type PacingStep } from './pacing.js';
import { RollingTally } from './rolling-tally.js';
import { chargedSeconds, longestCharged } from './rounding.js';
import { CalendarTally, type Tally, type WindowTally } from './tallies.js';
import { type Counter, type UsageTerms, unitsOf } from './usage-terms.js';
import type { WindowSpan } from './windows.js';

/** An answered call's time, as far as it is known. */
export interface CallTime {
  readonly numberClass: NumberClass;
  readonly answeredWallMs: number;
  readonly durationMs: number;
}

/** What is neither used nor held of an allowance that is not there to be counted. */
const UNLIMITED = Number.POSITIVE_INFINITY;

export class UsageCounts {
  readonly #splits: boolean;
  readonly #tallies: readonly (CalendarTally | RollingTally)[];
  /** Of `days-over`: the days themselves. */
  readonly #days: readonly (CalendarTally | undefined)[] | undefined;

  constructor({ terms, counters }: UsageTerms) {
    this.#splits = terms.windowEdge === 'split';
    this.#tallies = counters.map(({ allowance: { window }, clock }) =>
      window.kind === 'rolling' ? new RollingTally(window.seconds) : new CalendarTally(clock),
    );
    if (counters.some(({ days }) => days !== undefined)) {
      this.#days = counters.map(({ days }) => days && new CalendarTally(days.clock));
    }
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  used(counter: Counter, wallMs: number): number {
    return this.#windowAt(counter, wallMs)?.used ?? 0;
  }

  held(counter: Counter, wallMs: number): number {
    return this.#windowAt(counter, wallMs)?.held ?? 0;
  }

  /** The calendar window of an instant; a rolling one ends there. */
  windowSpan(counter: Counter, wallMs: number): WindowSpan {
    const tally = this.#tally(counter);
    if (tally instanceof CalendarTally) return tally.spanAt(wallMs);
    return counter.clock.at(wallMs);
  }

  /** Whether a callee is counted already, by a settled or a live call; with `isUnknown` by a live one. */
  hasCallee(counter: Counter, wallMs: number, callee: string, isUnknown: boolean): boolean {
    return this.#innermost(counter, wallMs)?.hasCallee(callee, isUnknown) === true;
  }

  isSettledCallee(counter: Counter, wallMs: number, callee: string): boolean {
    return this.#innermost(counter, wallMs)?.isSettledCallee(callee) === true;
  }

  /**
   * What may still be counted at an instant before the limit. A day that is over its threshold, or may become so, is
   * unlimited; `overBefore` further days are taken to be over.
   */
  room(counter: Counter, wallMs: number, overBefore = 0): number {
    const window = this.#windowAt(counter, wallMs);
    const left = window === undefined ? counter.limit : counter.limit - window.used - window.held;
    if (counter.days === undefined) return left;
    const day = this.#dayTally(counter)?.at(wallMs);
    const counted = day === undefined ? 0 : day.used + day.held;
    return counted > counter.days.threshold || left - overBefore >= 1 ? UNLIMITED : counter.days.threshold - counted;
  }

  /** What pacing gives out now; unlimited where nothing is paced, or nothing is left to spread. */
  pacedRoom(counter: Counter, wallMs: number): number {
    const tally = this.#tally(counter);
    if (counter.pacing === undefined || tally instanceof RollingTally) return UNLIMITED;
    const window = tally.at(wallMs);
    const counted = window === undefined ? 0 : window.used + window.held;
    if (counted >= counter.limit && !counter.isForbidding) return UNLIMITED;
    const step = counter.pacing.stepAt(tally.spanAt(wallMs), wallMs);
    return givenOut(step, counter.limit, usedBefore(window, step)) - counted;
  }

  /** When what is refused now may be otherwise, if time alone passes: `needed` is what a shortest call would count. */
  opensAt(counter: Counter, wallMs: number, needed: number): number {
    const tally = this.#tally(counter);
    const turnsAt = this.#innermostSpan(counter, wallMs).endWallMs;
    if (tally instanceof CalendarTally) return turnsAt;
    if (counter.days === undefined) return tally.at(wallMs).opensAt(counter.limit, needed);
    const opensAt = tally.at(wallMs).opensAt(counter.limit, 1);
    if (opensAt > wallMs) return Math.min(turnsAt, opensAt);
    // With a day of the window left it is the next day that has too little: it begins when this one ends, or so few steps
    // before that a call's share of this one is below the threshold.
    const stepMs = counter.stepSeconds * 1000;
    return turnsAt - Math.floor((turnsAt - wallMs - 1) / stepMs) * stepMs;
  }

  /** When less is counted, if time alone passes. */
  fallsAt(counter: Counter, wallMs: number): number {
    const tally = this.#tally(counter);
    const turnsAt = this.#innermostSpan(counter, wallMs).endWallMs;
    if (!(tally instanceof RollingTally)) return turnsAt;
    const leavesAt = tally.at(wallMs).leavesAt();
    // A day of 25 hours has days leave the window in its midst.
    return counter.days === undefined ? leavesAt : Math.min(leavesAt, turnsAt);
  }

  /** When what is open now may be otherwise, if time alone passes. */
  closesAt(counter: Counter, wallMs: number): number {
    const tally = this.#tally(counter);
    const dayEndsAt = counter.days?.clock.at(wallMs).endWallMs ?? UNLIMITED;
    if (tally instanceof RollingTally) return Math.min(dayEndsAt, tally.at(wallMs).shrinksAt());
    if (counter.days !== undefined) return dayEndsAt;
    // Counted ahead, by a clock that was set back since; or corrected to more than the limit, for this window alone.
    const ahead = tally.latest?.startWallMs ?? 0;
    const turnsAt = ahead > wallMs || this.used(counter, wallMs) < 0 ? tally.spanAt(wallMs).endWallMs : UNLIMITED;
    return Math.min(turnsAt, this.pacingTurnsAt(counter, wallMs));
  }

  pacingTurnsAt(counter: Counter, wallMs: number): number {
    return counter.pacing?.stepAt(this.windowSpan(counter, wallMs), wallMs).untilWallMs ?? UNLIMITED;
  }

  /** Whether nothing that was counted matters any more. */
  isOver(wallMs: number): boolean {
    return (
      this.#tallies.every((tally) => tally.isOver(wallMs)) && this.#days?.every((day) => day?.isOver(wallMs)) !== false
    );
  }

  // ---- time --------------------------------------------------------------------------------------------------------

  /** The longest call that so much of a counter pays for, over no edge. */
  longestFor(counter: Counter, numberClass: NumberClass, room: number): number {
    const units = unitsOf(counter, numberClass);
    if (units === 0 || room === UNLIMITED) return UNLIMITED;
    return longestCharged(Math.floor(Math.max(0, room) / units) * counter.stepSeconds, counter.rounding);
  }

  /**
   * The longest call from `wallMs`, at most `mostSeconds`, of which every shorter one fits too: walks the windows that it
   * would reach, since each pays for its own portion (`windowEdge: split`). `room`: of the first one.
   */
  longestFitting(
    counter: Counter,
    numberClass: NumberClass,
    wallMs: number,
    mostSeconds: number,
    room: number,
  ): number {
    const units = unitsOf(counter, numberClass);
    let longest = this.longestFor(counter, numberClass, room);
    if (units === 0 || !this.#isSplit(counter)) return Math.min(longest, mostSeconds);
    let span = this.#innermostSpan(counter, wallMs);
    let paidSteps = 0;
    let overDays = 0;
    for (;;) {
      const untilEdgeMs = span.endWallMs - wallMs;
      if (longest * 1000 < untilEdgeMs) return Math.min(longest, mostSeconds);
      if (untilEdgeMs >= mostSeconds * 1000) return mostSeconds;
      const paidBefore = paidSteps;
      paidSteps = Math.ceil(Math.ceil(untilEdgeMs / 1000) / counter.stepSeconds);
      const fitting = Math.floor(untilEdgeMs / 1000);
      const next = this.#innermostSpan(counter, span.endWallMs);
      overDays = this.#overAfter(counter, span, next, paidSteps - paidBefore, overDays, true);
      span = next;
      const further = this.room(counter, span.startWallMs, overDays);
      const steps = further === UNLIMITED ? UNLIMITED : paidSteps + Math.floor(Math.max(0, further) / units);
      longest = Math.max(fitting, longestCharged(steps * counter.stepSeconds, counter.rounding));
    }
  }

  /** The lengths in milliseconds, below `mostSeconds`, beyond which a call reaches into another window. */
  edges(counter: Counter, wallMs: number, mostSeconds: number): number[] {
    const edges: number[] = [];
    if (!this.#isSplit(counter)) return edges;
    for (let span = this.#innermostSpan(counter, wallMs); ; span = this.#innermostSpan(counter, span.endWallMs)) {
      const lengthMs = span.endWallMs - wallMs;
      if (lengthMs >= mostSeconds * 1000) return edges;
      edges.push(lengthMs);
    }
  }

  /** Counts the time of a settled call. */
  settleTime(counter: Counter, call: CallTime): void {
    if (this.#isWhole(counter, call)) this.settle(counter, call.answeredWallMs, unitsOfCall(counter, call), null);
    else this.#eachPortion(counter, call, (wallMs, units) => this.settle(counter, wallMs, units, null));
  }

  /** Counts the time that a live call holds (`times` 1), or no longer holds (-1). */
  holdTime(counter: Counter, call: CallTime, times: 1 | -1): void {
    if (this.#isWhole(counter, call)) this.hold(counter, call.answeredWallMs, unitsOfCall(counter, call), null, times);
    else this.#eachPortion(counter, call, (wallMs, units) => this.hold(counter, wallMs, units, null, times));
  }

  /** Whether all of a call is in one window. */
  #isWhole(counter: Counter, { answeredWallMs, durationMs }: CallTime): boolean {
    return (
      !this.#isSplit(counter) || answeredWallMs + durationMs <= this.#innermostSpan(counter, answeredWallMs).endWallMs
    );
  }

  /** Splits a call's units between the windows; what rounding adds goes to the window in which the call ended. */
  #eachPortion(counter: Counter, call: CallTime, visit: (wallMs: number, units: number) => void): void {
    const { numberClass, answeredWallMs, durationMs } = call;
    const units = unitsOf(counter, numberClass);
    const charged = chargedSeconds(durationMs, counter.rounding);
    const steps = Math.ceil(charged / counter.stepSeconds);
    const endWallMs = answeredWallMs + durationMs;
    let atWallMs = answeredWallMs;
    let placed = 0;
    if (this.#isSplit(counter)) {
      for (let span = this.#innermostSpan(counter, atWallMs); span.endWallMs < endWallMs; ) {
        const untilEdge = Math.ceil(Math.ceil((span.endWallMs - answeredWallMs) / 1000) / counter.stepSeconds);
        const portion = Math.min(steps, untilEdge) - placed;
        visit(atWallMs, portion * units);
        placed += portion;
        atWallMs = span.endWallMs;
        span = this.#innermostSpan(counter, atWallMs);
      }
    }
    visit(atWallMs, (steps - placed) * units);
  }

  // ---- cost --------------------------------------------------------------------------------------------------------

  /** What `units` more at an instant would cost beyond the limit. */
  beyondCost(counter: Counter, wallMs: number, units: number): Micros {
    return costOf(counter, this.#beyond(counter, wallMs, units, 0));
  }

  /** The same of a call's time, all of it in the window in which it is answered. */
  beyondCostOfWhole(counter: Counter, call: CallTime): Micros {
    return this.beyondCost(counter, call.answeredWallMs, unitsOfCall(counter, call));
  }

  /** What a call's time would cost beyond the limit: each window by itself. */
  beyondCostOfTime(counter: Counter, call: CallTime): Micros {
    if (this.#isWhole(counter, call)) return this.beyondCostOfWhole(counter, call);
    let cost = 0;
    let overDays = 0;
    let before: WindowSpan | undefined;
    let unitsBefore = 0;
    this.#eachPortion(counter, call, (wallMs, units) => {
      const span = this.#innermostSpan(counter, wallMs);
      if (before !== undefined) overDays = this.#overAfter(counter, before, span, unitsBefore, overDays, false);
      cost += costOf(counter, this.#beyond(counter, wallMs, units, overDays));
      before = span;
      unitsBefore = units;
    });
    return cost;
  }

  // ---- counting ----------------------------------------------------------------------------------------------------

  /** Counts what is settled. A callee is counted once. */
  settle(counter: Counter, wallMs: number, amount: number, callee: string | null): void {
    if (amount === 0) return;
    const days = this.#dayTally(counter);
    const tally = this.#tally(counter);
    if (days !== undefined) this.#changeDay(counter, days.open(wallMs), (day) => settleIn(day, amount, callee));
    else if (tally instanceof RollingTally) tally.add(wallMs, amount, callee, false);
    else {
      const window = tally.open(wallMs);
      const before = window.used;
      settleIn(window, amount, callee);
      pace(counter, window, wallMs, before);
    }
  }

  /**
   * Counts what a live call holds (`times` 1), or no longer holds (-1). `isUnknown`: nothing settled counts the callee, and
   * need not be asked.
   */
  hold(
    counter: Counter,
    wallMs: number,
    amount: number,
    callee: string | null,
    times: 1 | -1,
    isUnknown = false,
  ): void {
    if (amount === 0) return;
    const days = this.#dayTally(counter);
    const tally = this.#tally(counter);
    if (days !== undefined)
      this.#changeDay(counter, days.open(wallMs), (day) => holdIn(day, amount, callee, times, isUnknown));
    else if (tally instanceof CalendarTally) holdIn(tally.open(wallMs), amount, callee, times, isUnknown);
    else if (times === 1) tally.add(wallMs, amount, callee, true);
    else tally.remove(wallMs, amount, callee, true);
  }

  /** Corrects the use of the window that holds an instant. */
  adjust(counter: Counter, wallMs: number, amount: number): number {
    const tally = this.#tally(counter);
    if (tally instanceof RollingTally) {
      // Days leave with their midnight.
      tally.add(counter.days?.clock.at(wallMs).startWallMs ?? wallMs, amount, null, false);
      return tally.at(wallMs).used;
    }
    const window = tally.open(wallMs);
    const before = window.used;
    window.used += amount;
    pace(counter, window, wallMs, before);
    return window.used;
  }

  // ---- tallies -----------------------------------------------------------------------------------------------------

  #tally(counter: Counter): CalendarTally | RollingTally {
    return this.#tallies[counter.index] as CalendarTally | RollingTally;
  }

  #dayTally(counter: Counter): CalendarTally | undefined {
    return this.#days?.[counter.index];
  }

  #windowAt(counter: Counter, wallMs: number): Tally | undefined {
    return this.#tally(counter).at(wallMs);
  }

  /** Where calls are counted: in the window, or in a day of it. */
  #innermost(counter: Counter, wallMs: number): WindowTally | RollingTally | undefined {
    return (this.#dayTally(counter) ?? this.#tally(counter)).at(wallMs);
  }

  #innermostSpan(counter: Counter, wallMs: number): WindowSpan {
    return counter.days?.clock.at(wallMs) ?? this.windowSpan(counter, wallMs);
  }

  #isSplit(counter: Counter): boolean {
    return this.#splits && (counter.days !== undefined || counter.allowance.window.kind !== 'rolling');
  }

  /**
   * How many days of the next day's window a call takes over their threshold that counts so much in the day before. What live calls
   * hold bounds a call (`withHeld`); what it costs follows from what is settled, as it will when it is charged.
   */
  #overAfter(
    counter: Counter,
    day: WindowSpan,
    next: WindowSpan,
    units: number,
    overDays: number,
    withHeld: boolean,
  ): number {
    if (counter.days === undefined) return 0;
    const isRolling = counter.allowance.window.kind === 'rolling';
    if (!isRolling && next.startWallMs >= this.windowSpan(counter, day.startWallMs).endWallMs) return 0;
    const tally = this.#dayTally(counter)?.at(day.startWallMs);
    const counted = (tally?.used ?? 0) + (withHeld ? (tally?.held ?? 0) : 0);
    const turns = counted <= counter.days.threshold && counted + units > counter.days.threshold;
    return turns ? overDays + 1 : overDays;
  }

  #beyond(counter: Counter, wallMs: number, units: number, overDays: number): number {
    if (counter.days === undefined) return above(counter.limit, this.used(counter, wallMs), units);
    const { threshold, clock } = counter.days;
    const day = this.#dayTally(counter)?.at(wallMs);
    const counted = day?.used ?? 0;
    const isCharged =
      counted > threshold
        ? day?.isCharged === true
        : this.used(counter, clock.at(wallMs).startWallMs) + overDays >= counter.limit;
    return isCharged ? above(threshold, counted, units) : 0;
  }

  /** Changes a day, and its window by whether the day is over now: by what is settled, or only with what is held. */
  #changeDay(counter: Counter, day: WindowTally, change: (day: WindowTally) => void): void {
    const threshold = counter.days?.threshold ?? 0;
    const wasUsed = day.used > threshold;
    const wasHeld = !wasUsed && day.used + day.held > threshold;
    change(day);
    const isUsed = day.used > threshold;
    const isHeld = !isUsed && day.used + day.held > threshold;
    const at = day.startWallMs;
    const tally = this.#tally(counter);
    if (tally instanceof RollingTally) {
      if (wasHeld && !isHeld) tally.remove(at, 1, null, true);
      if (isUsed && !wasUsed) day.isCharged = tally.at(at).used >= counter.limit;
      if (isHeld && !wasHeld) tally.add(at, 1, null, true);
      if (isUsed && !wasUsed) tally.add(at, 1, null, false);
      return;
    }
    if (isUsed === wasUsed && isHeld === wasHeld) return;
    const window = tally.open(at);
    window.held += Number(isHeld) - Number(wasHeld);
    if (isUsed && !wasUsed) {
      day.isCharged = window.used >= counter.limit;
      window.used += 1;
    }
  }
}

function unitsOfCall(counter: Counter, { numberClass, durationMs }: CallTime): number {
  const steps = Math.ceil(chargedSeconds(durationMs, counter.rounding) / counter.stepSeconds);
  return steps * unitsOf(counter, numberClass);
}

function above(limit: number, used: number, units: number): number {
  return Math.max(0, used + units - limit) - Math.max(0, used - limit);
}

function costOf({ beyondMicros, beyondStep }: Counter, beyond: number): Micros {
  return beyondMicros * Math.ceil(beyond / beyondStep);
}

function settleIn(window: WindowTally, amount: number, callee: string | null): void {
  if (callee === null) window.used += amount;
  else window.settleCallee(callee);
}

function holdIn(window: WindowTally, amount: number, callee: string | null, times: 1 | -1, isUnknown: boolean): void {
  if (callee === null) window.held += times * amount;
  else window.holdCallee(callee, times, isUnknown);
}

function usedBefore(window: WindowTally | undefined, step: PacingStep): number {
  if (window === undefined) return 0;
  return window.paced === undefined || step.dayWallMs > window.paced.fromWallMs ? window.used : window.paced.usedBefore;
}

/** Remembers what was used before the working day that is spread now; `before` is the use before the last change. */
function pace({ pacing }: Counter, window: WindowTally, wallMs: number, before: number): void {
  if (pacing === undefined) return;
  const { dayWallMs } = pacing.stepAt(window, wallMs);
  const { paced } = window;
  if (paced === undefined || dayWallMs > paced.fromWallMs) window.paced = { fromWallMs: dayWallMs, usedBefore: before };
  else if (dayWallMs < paced.fromWallMs) paced.usedBefore += window.used - before;
}
