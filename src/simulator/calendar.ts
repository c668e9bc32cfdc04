// The working calendar of a scenario: which days are worked, and the instants between which calls are placed.
import { DateTime } from 'luxon';

export interface WorkingCalendar {
  /** IANA zone of the hours. */
  readonly timeZone: string;
  /** ISO weekdays, Monday is 1. */
  readonly weekdays: readonly number[];
  /** Local minutes of the day, ascending and apart; the last may end at 1,440. */
  readonly hours: readonly { readonly fromMinute: number; readonly toMinute: number }[];
  /** Dates such as 2026-12-25. */
  readonly holidays: readonly string[];
}

/** From `fromWallMs` (included) to `toWallMs` (excluded). */
export interface Opening {
  readonly fromWallMs: number;
  readonly toWallMs: number;
}

export interface CalendarDay {
  readonly date: string;
  /** 1 for the period's first working day; null when nobody works. */
  readonly workingDay: number | null;
  readonly startWallMs: number;
  readonly endWallMs: number;
  /** When calls are placed; empty unless it is a working day. */
  readonly openings: readonly Opening[];
}

/** Every day from `from` to `to`, both included. */
export function calendarDays(calendar: WorkingCalendar, from: string, to: string): readonly CalendarDay[] {
  const holidays = new Set(calendar.holidays);
  const days: CalendarDay[] = [];
  let workingDays = 0;
  let local = DateTime.fromISO(from, { zone: calendar.timeZone }).startOf('day');
  for (let date = local.toISODate(); date !== null && date <= to; date = local.toISODate()) {
    const works = calendar.weekdays.includes(local.weekday) && !holidays.has(date);
    const openings = works ? openingsOf(calendar, local) : [];
    if (works) workingDays += 1;
    const next = local.plus({ days: 1 }).startOf('day');
    days.push({
      date,
      workingDay: works ? workingDays : null,
      startWallMs: local.toMillis(),
      endWallMs: next.toMillis(),
      openings,
    });
    local = next;
  }
  return days;
}

/** By the clock on the wall: a day on which daylight saving begins has the same hours as any other. */
function openingsOf({ hours }: WorkingCalendar, day: DateTime): Opening[] {
  return hours.map(({ fromMinute, toMinute }) => ({
    fromWallMs: instantOf(day, fromMinute),
    toWallMs: instantOf(day, toMinute),
  }));
}

function instantOf(day: DateTime, minute: number): number {
  if (minute === 1_440) return day.plus({ days: 1 }).startOf('day').toMillis();
  return day.set({ hour: Math.floor(minute / 60), minute: minute % 60 }).toMillis();
}

/** The day that holds an instant, of days in order; before the first and after the last these. */
export function dayIndexAt(days: readonly CalendarDay[], wallMs: number): number {
  let low = 0;
  let high = days.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((days[middle]?.startWallMs ?? 0) <= wallMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Time in which calls are placed, milliseconds. */
export function openMs({ openings }: CalendarDay): number {
  return openings.reduce((sum, { fromWallMs, toWallMs }) => sum + toWallMs - fromWallMs, 0);
}

/** The instant at which so much of a day's open time has passed; its closing when there is not so much. */
export function instantAfterOpen({ openings, endWallMs }: CalendarDay, passedMs: number): number {
  let leftMs = passedMs;
  for (const { fromWallMs, toWallMs } of openings) {
    if (leftMs < toWallMs - fromWallMs) return fromWallMs + leftMs;
    leftMs -= toWallMs - fromWallMs;
  }
  return openings.at(-1)?.toWallMs ?? endWallMs;
}

/** The first open instant from `wallMs` on; undefined when the day has closed. */
export function nextOpen({ openings }: CalendarDay, wallMs: number): number | undefined {
  const opening = openings.find(({ toWallMs }) => wallMs < toWallMs);
  return opening === undefined ? undefined : Math.max(wallMs, opening.fromWallMs);
}

/** The calendar month, such as 2026-12, in which the most days are worked: the first of them when several are alike. */
export function busiestMonth(days: readonly CalendarDay[]): readonly CalendarDay[] {
  const months = new Map<string, CalendarDay[]>();
  for (const day of days) {
    const month = day.date.slice(0, 7);
    const known = months.get(month);
    if (known === undefined) months.set(month, [day]);
    else known.push(day);
  }
  let busiest: readonly CalendarDay[] = [];
  for (const month of months.values()) if (workingDaysIn(month) > workingDaysIn(busiest)) busiest = month;
  return busiest;
}

export function workingDaysIn(days: readonly CalendarDay[]): number {
  return days.filter(({ workingDay }) => workingDay !== null).length;
}
