// Spreads an allowance over the working time that remains of its window: each working day gets an equal share of what was
// left at its midnight. Outside working time nothing more is given out; what was given out may still be used.
import { DateTime } from 'luxon';
import type { Pacing } from './plan.js';
import type { WindowSpan } from './windows.js';

/** What is given out from `fromWallMs` to `untilWallMs`. */
export interface PacingStep {
  readonly fromWallMs: number;
  readonly untilWallMs: number;
  /** Midnight of the working day whose share it is; what was used before it is not spread again. */
  readonly dayWallMs: number;
  /** Working days of the window from this one on; 0: the window has none, and all of the allowance is given out. */
  readonly daysLeft: number;
  /** So many of `parts` of the day's share are given out. */
  readonly partsOut: number;
  readonly parts: number;
}

const HOUR_MS = 3_600_000;

/** What may have been used up to a step's end, of a limit of which `usedBefore` was used before the step's day. */
export function givenOut(step: PacingStep, limit: number, usedBefore: number): number {
  if (step.daysLeft === 0) return limit;
  const share = Math.ceil(Math.max(0, limit - usedBefore) / step.daysLeft);
  return usedBefore + Math.ceil((share * step.partsOut) / step.parts);
}

interface WorkingDay {
  readonly midnightWallMs: number;
  readonly fromWallMs: number;
  readonly parts: number;
}

export class PacingCalendar {
  readonly #pacing: Pacing;
  readonly #timeZone: string;
  readonly #holidays: ReadonlySet<string>;
  #days: readonly WorkingDay[] = [];
  #daysOf: WindowSpan = { startWallMs: 0, endWallMs: 0 };
  #last: PacingStep | undefined;

  constructor(pacing: Pacing, timeZone: string) {
    this.#pacing = pacing;
    this.#timeZone = timeZone;
    this.#holidays = new Set(pacing.holidays);
  }

  /** The step of a window that holds an instant of it. */
  stepAt(window: WindowSpan, wallMs: number): PacingStep {
    const last = this.#last;
    const isSameWindow = window.startWallMs === this.#daysOf.startWallMs && window.endWallMs === this.#daysOf.endWallMs;
    if (isSameWindow && last !== undefined && wallMs >= last.fromWallMs && wallMs < last.untilWallMs) return last;
    if (!isSameWindow) {
      this.#days = this.#workingDays(window);
      this.#daysOf = window;
    }
    this.#last = stepOf(this.#days, window, wallMs);
    return this.#last;
  }

  #workingDays(window: WindowSpan): WorkingDay[] {
    const { by, weekdays, fromMinute, toMinute } = this.#pacing;
    const days: WorkingDay[] = [];
    let local = DateTime.fromMillis(window.startWallMs, { zone: this.#timeZone }).startOf('day');
    for (; local.toMillis() < window.endWallMs; local = local.plus({ days: 1 }).startOf('day')) {
      if (!weekdays.includes(local.weekday) || this.#holidays.has(local.toISODate() ?? '')) continue;
      const midnightWallMs = local.toMillis();
      const fromWallMs = by === 'days' ? midnightWallMs : atMinute(local, fromMinute);
      const workMs = by === 'days' ? 0 : atMinute(local, toMinute) - fromWallMs;
      days.push({ midnightWallMs, fromWallMs, parts: Math.max(1, Math.ceil(workMs / HOUR_MS)) });
    }
    return days;
  }
}

function atMinute(midnight: DateTime, minute: number): number {
  if (minute >= 1_440) return midnight.plus({ days: 1 }).startOf('day').toMillis();
  return midnight.set({ hour: Math.floor(minute / 60), minute: minute % 60 }).toMillis();
}

function stepOf(days: readonly WorkingDay[], window: WindowSpan, wallMs: number): PacingStep {
  const { startWallMs, endWallMs } = window;
  const whole = { fromWallMs: startWallMs, untilWallMs: endWallMs, dayWallMs: startWallMs };
  if (days.length === 0) return { ...whole, daysLeft: 0, partsOut: 1, parts: 1 };
  let index = days.findLastIndex(({ midnightWallMs }) => midnightWallMs <= wallMs);
  const next = days[index + 1]?.midnightWallMs ?? endWallMs;
  const day = days[index];
  if (day === undefined) {
    // Before the first working day nothing is given out.
    index = 0;
    return { ...whole, untilWallMs: next, daysLeft: days.length, partsOut: 0, parts: 1 };
  }
  const { midnightWallMs, fromWallMs, parts } = day;
  const begun = wallMs < fromWallMs ? 0 : Math.floor((wallMs - fromWallMs) / HOUR_MS) + 1;
  const partsOut = Math.min(parts, begun);
  return {
    dayWallMs: midnightWallMs,
    fromWallMs: partsOut === 0 ? midnightWallMs : fromWallMs + (partsOut - 1) * HOUR_MS,
    untilWallMs: Math.min(next, partsOut === parts ? next : fromWallMs + partsOut * HOUR_MS),
    daysLeft: days.length - index,
    partsOut,
    parts,
  };
}
