// The months over which a plan's allowances are reckoned, as days of the scenario's calendar.
import { DateTime } from 'luxon';
import type { Plan } from '../quota/plan.js';
import { windowAt } from '../quota/windows.js';
import { type CalendarDay, calendarDays, type WorkingCalendar, workingDaysIn } from './calendar.js';

/** The whole month of a plan (by its reset day), of those that the period touches, in which the most days are worked. */
export function busiestPlanMonth(
  plan: Plan,
  calendar: WorkingCalendar,
  period: { readonly from: string; readonly to: string },
): readonly CalendarDay[] {
  let busiest: readonly CalendarDay[] = [];
  for (const month of planMonths(plan, calendar, period)) {
    if (workingDaysIn(month) > workingDaysIn(busiest)) busiest = month;
  }
  return busiest;
}

/** How many monthly fees a SIM of the plan costs in the period: a month that has begun is paid. */
export function countPlanMonths(
  plan: Plan,
  calendar: WorkingCalendar,
  period: { readonly from: string; readonly to: string },
): number {
  return planMonths(plan, calendar, period).length;
}

function planMonths(
  plan: Plan,
  calendar: WorkingCalendar,
  { from, to }: { readonly from: string; readonly to: string },
): (readonly CalendarDay[])[] {
  const { timeZone } = plan;
  const monthly = plan.allowances.find(({ window }) => window.kind === 'month')?.window;
  const window = monthly ?? { kind: 'month' as const, resetDay: 1 };
  const end = DateTime.fromISO(to, { zone: timeZone }).endOf('day').toMillis();
  const months: (readonly CalendarDay[])[] = [];
  let wallMs = DateTime.fromISO(from, { zone: timeZone }).toMillis();
  while (wallMs <= end) {
    const { startWallMs, endWallMs } = windowAt(window, timeZone, wallMs);
    const dateOf = (instant: number) => DateTime.fromMillis(instant, { zone: timeZone }).toISODate() ?? from;
    months.push(calendarDays(calendar, dateOf(startWallMs), dateOf(endWallMs - 1)));
    wallMs = endWallMs;
  }
  return months;
}
