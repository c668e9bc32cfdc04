// Allowance windows: days and months of the plan's time zone, through daylight-saving changes.
import { DateTime } from 'luxon';
import type { Window } from './plan.js';

/** From `startWallMs` (included) to `endWallMs` (excluded). */
export interface WindowSpan {
  readonly startWallMs: number;
  readonly endWallMs: number;
}

/** The window that holds an instant. */
export function windowAt(window: Window, timeZone: string, wallMs: number): WindowSpan {
  if (window.kind === 'rolling') return { startWallMs: wallMs - window.seconds * 1000, endWallMs: wallMs };
  const local = DateTime.fromMillis(wallMs, { zone: timeZone });
  return window.kind === 'day' ? dayOf(local) : monthOf(local, window.resetDay);
}

function dayOf(local: DateTime): WindowSpan {
  // A local midnight that daylight saving skips is the first instant that exists of that day.
  return { startWallMs: startOfDate(local), endWallMs: startOfDate(local.plus({ days: 1 })) };
}

function monthOf(local: DateTime, resetDay: number): WindowSpan {
  const thisMonth = resetIn(local, resetDay);
  if (local.toMillis() < thisMonth) {
    return { startWallMs: resetIn(local.startOf('month').minus({ months: 1 }), resetDay), endWallMs: thisMonth };
  }
  return { startWallMs: thisMonth, endWallMs: resetIn(local.startOf('month').plus({ months: 1 }), resetDay) };
}

/** Start of the reset day in the month of `local`; months without that day reset on their last day. */
function resetIn(local: DateTime, resetDay: number): number {
  return startOfDate(local.set({ day: Math.min(resetDay, local.daysInMonth ?? 28) }));
}

function startOfDate(local: DateTime): number {
  return local.startOf('day').toMillis();
}

/** Remembers the two windows last asked for: almost every question is about now, or about a call over the next edge. */
export class WindowClock {
  readonly #window: Window;
  readonly #timeZone: string;
  #last: WindowSpan = { startWallMs: 0, endWallMs: 0 };
  #before: WindowSpan = this.#last;

  constructor(window: Window, timeZone: string) {
    this.#window = window;
    this.#timeZone = timeZone;
  }

  at(wallMs: number): WindowSpan {
    // It ends now: the one before is another's.
    if (this.#window.kind === 'rolling') return windowAt(this.#window, this.#timeZone, wallMs);
    const last = this.#last;
    if (wallMs >= last.startWallMs && wallMs < last.endWallMs) return last;
    const before = this.#before;
    const found =
      wallMs >= before.startWallMs && wallMs < before.endWallMs
        ? before
        : windowAt(this.#window, this.#timeZone, wallMs);
    this.#before = last;
    this.#last = found;
    return found;
  }
}
