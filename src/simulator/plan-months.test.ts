import assert from 'node:assert/strict';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { type WorkingCalendar, workingDaysIn } from './calendar.js';
import { busiestPlanMonth, countPlanMonths } from './plan-months.js';

const OFFICE: WorkingCalendar = {
  timeZone: 'Asia/Seoul',
  weekdays: [1, 2, 3, 4, 5],
  hours: [{ fromMinute: 540, toMinute: 1_080 }],
  holidays: [],
};

function planResetOn(resetDay: number) {
  const window = { kind: 'month', resetDay } as const;
  return planOf({ name: 'monthly', allowances: [allowanceOf({ id: 'month', counts: 'calls', limit: 1, window })] });
}

describe('the months of a plan', () => {
  it('begin on its reset day', () => {
    const month = busiestPlanMonth(planResetOn(15), OFFICE, { from: '2026-12-20', to: '2026-12-24' });
    assert.deepEqual([month[0]?.date, month.at(-1)?.date], ['2026-12-15', '2027-01-14']);
  });

  it('are calendar months when nothing is counted by the month', () => {
    const month = busiestPlanMonth(planOf({ name: 'daily' }), OFFICE, { from: '2026-12-20', to: '2026-12-24' });
    assert.deepEqual([month[0]?.date, month.at(-1)?.date], ['2026-12-01', '2026-12-31']);
  });

  it('are whole, and the one with the most working days counts', () => {
    const month = busiestPlanMonth(planResetOn(1), OFFICE, { from: '2026-01-01', to: '2026-12-31' });
    assert.equal(month[0]?.date, '2026-07-01');
    assert.equal(workingDaysIn(month), 23);
  });

  it('are paid when they have begun', () => {
    const months = (resetDay: number, from: string, to: string) =>
      countPlanMonths(planResetOn(resetDay), OFFICE, { from, to });
    assert.equal(months(1, '2026-01-01', '2026-12-31'), 12);
    assert.equal(months(1, '2026-12-07', '2026-12-11'), 1);
    assert.equal(months(1, '2026-11-30', '2026-12-01'), 2);
    assert.equal(months(15, '2026-12-01', '2026-12-31'), 2);
    assert.equal(months(31, '2026-02-01', '2026-02-28'), 2);
  });
});
