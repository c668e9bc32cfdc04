// Allowance windows: days and months of the plan's time zone, through daylight-saving changes.
import { Info, type Zone } from 'luxon';
import type { Window } from './plan.js';

/** From `startWallMs` (included) to `endWallMs` (excluded). */
export interface WindowSpan {
  readonly startWallMs: number;
  readonly endWallMs: number;
}

/** The window that holds an instant. */
export function windowAt(window: Window, timeZone: string, wallMs: number): WindowSpan {
  if (window.kind === 'rolling') return { startWallMs: wallMs - window.seconds * 1000, endWallMs: wallMs };
  const zone = Info.normalizeZone(timeZone);
  const here = localDate(zone, wallMs);
  // Clocks that go back over a midnight show the old date once more: the window that has begun goes on.
  const now = startOfDate(zone, dayAfter(here)) <= wallMs ? dayAfter(here) : here;
  return window.kind === 'day'
    ? { startWallMs: startOfDate(zone, now), endWallMs: startOfDate(zone, dayAfter(now)) }
    : monthOf(zone, now, window.resetDay);
}

/** A calendar date, as the instant of its midnight in UTC. */
type DateUtcMs = number;

const DAY_MS = 86_400_000;

function dayAfter(date: DateUtcMs): DateUtcMs {
  return date + DAY_MS;
}

function localDate(zone: Zone, wallMs: number): DateUtcMs {
  return Math.floor((wallMs + zone.offset(wallMs) * 60_000) / DAY_MS) * DAY_MS;
}

/**
 * The first instant of a date: its midnight, the earlier one where clocks go back over it, and where they skip it the first
 * instant behind. (luxon's start of a day is either of two midnights, by the hour that it is asked from.) It is the date's
 * midnight in UTC less the offset of the day before, or of the day after.
 */
function startOfDate(zone: Zone, date: DateUtcMs): number {
  const candidates = [date - DAY_MS, date + DAY_MS].map((nearby) => date - zone.offset(nearby) * 60_000);
  return Math.min(...candidates.filter((candidate) => localDate(zone, candidate) >= date));
}

function monthOf(zone: Zone, date: DateUtcMs, resetDay: number): WindowSpan {
  const [year, month] = [new Date(date).getUTCFullYear(), new Date(date).getUTCMonth()];
  const isBegun = date >= resetDate(year, month, resetDay);
  const first = isBegun ? month : month - 1;
  return {
    startWallMs: startOfDate(zone, resetDate(year, first, resetDay)),
    endWallMs: startOfDate(zone, resetDate(year, first + 1, resetDay)),
  };
}

/** The reset day of a month, which may be one of the year before or after; a month without that day resets on its last day. */
function resetDate(year: number, month: number, resetDay: number): DateUtcMs {
  const lastDay = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return Date.UTC(year, month, Math.min(resetDay, lastDay));
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
