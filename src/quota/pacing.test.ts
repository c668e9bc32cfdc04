import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { givenOut, PacingCalendar } from './pacing.js';
import type { Pacing } from './plan.js';
import { windowAt } from './windows.js';

const SEOUL = 'Asia/Seoul';
const OFFICE: Pacing = { by: 'hours', weekdays: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1_080, holidays: [] };
const MONTH = { kind: 'month', resetDay: 1 } as const;

function stepAt(pacing: Pacing, local: string, zone = SEOUL) {
  const wallMs = DateTime.fromISO(local, { zone }).toMillis();
  const { daysLeft, partsOut, parts, untilWallMs } = new PacingCalendar(pacing, zone).stepAt(
    windowAt(MONTH, zone, wallMs),
    wallMs,
  );
  const until = DateTime.fromMillis(untilWallMs, { zone }).toFormat("yyyy-MM-dd'T'HH:mm");
  return { daysLeft, out: `${partsOut}/${parts}`, until };
}

describe('PacingCalendar', () => {
  it('gives out a working day hour by hour, and nothing more until the next one', () => {
    // June 2026 begins on a Monday and has 22 working days.
    assert.deepEqual(stepAt(OFFICE, '2026-06-01T08:59'), { daysLeft: 22, out: '0/9', until: '2026-06-01T09:00' });
    assert.deepEqual(stepAt(OFFICE, '2026-06-01T09:00'), { daysLeft: 22, out: '1/9', until: '2026-06-01T10:00' });
    assert.deepEqual(stepAt(OFFICE, '2026-06-01T17:30'), { daysLeft: 22, out: '9/9', until: '2026-06-02T00:00' });
    assert.deepEqual(stepAt(OFFICE, '2026-06-06T12:00'), { daysLeft: 18, out: '9/9', until: '2026-06-08T00:00' });
    assert.deepEqual(stepAt(OFFICE, '2026-06-30T23:00'), { daysLeft: 1, out: '9/9', until: '2026-07-01T00:00' });
  });

  it('gives out a day’s share at its midnight when it goes by days', () => {
    const byDays: Pacing = { ...OFFICE, by: 'days' };
    assert.deepEqual(stepAt(byDays, '2026-06-02T00:00'), { daysLeft: 21, out: '1/1', until: '2026-06-03T00:00' });
  });

  it('knows holidays, and gives out nothing before the first working day', () => {
    // August 2026 begins on a Saturday.
    assert.deepEqual(stepAt(OFFICE, '2026-08-01T12:00'), { daysLeft: 21, out: '0/1', until: '2026-08-03T00:00' });
    const holidays = ['2026-08-03', '2026-08-17'];
    assert.deepEqual(stepAt({ ...OFFICE, holidays }, '2026-08-03T12:00').until, '2026-08-04T00:00');
    assert.equal(stepAt({ ...OFFICE, holidays }, '2026-08-04T12:00').daysLeft, 19);
  });

  it('gives out all of a window without a working day', () => {
    const wallMs = DateTime.fromISO('2026-06-06T12:00', { zone: SEOUL }).toMillis();
    const step = new PacingCalendar(OFFICE, SEOUL).stepAt(windowAt({ kind: 'day' }, SEOUL, wallMs), wallMs);
    assert.equal(givenOut(step, 70, 0), 70);
  });

  it('lasts through the hour that daylight saving skips or repeats', () => {
    const night: Pacing = { ...OFFICE, weekdays: [7], fromMinute: 60, toMinute: 360 };
    assert.equal(stepAt(night, '2026-03-29T05:30', 'Europe/Berlin').out, '4/4');
    assert.equal(stepAt(night, '2026-10-25T05:30', 'Europe/Berlin').out, '6/6');
  });

  it('never gives out more than the limit, uses it up by the last day, and skips no instant', () => {
    const pacings = fc.record({
      by: fc.constantFrom('days' as const, 'hours' as const),
      weekdays: fc.constantFrom([1, 2, 3, 4, 5], [6], [1, 3, 7]),
      fromMinute: fc.constantFrom(0, 505),
      toMinute: fc.constantFrom(700, 1_440),
      holidays: fc.constantFrom<string[][]>([], ['2026-03-29', '2026-03-31']),
    });
    const starts = fc.integer({ min: Date.UTC(2026, 1, 1), max: Date.UTC(2026, 11, 1) });
    const zones = fc.constantFrom('Asia/Seoul', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Beirut');
    fc.assert(
      fc.property(pacings, starts, zones, fc.integer({ min: 0, max: 1_000 }), (pacing, start, zone, limit) => {
        const window = windowAt(MONTH, zone, start);
        const calendar = new PacingCalendar(pacing, zone);
        let used = 0;
        let usedBefore = 0;
        let day = 0;
        for (let wallMs = window.startWallMs; wallMs < window.endWallMs; ) {
          const step = calendar.stepAt(window, wallMs);
          assert.ok(step.fromWallMs <= wallMs && step.untilWallMs > wallMs);
          if (step.dayWallMs !== day) usedBefore = used;
          day = step.dayWallMs;
          const out = givenOut(step, limit, usedBefore);
          assert.ok(out >= used && out <= limit, `${out} of ${limit}, ${used} used`);
          // Whoever uses all that is given out at once still has some on each day, as long as there is enough.
          used = out;
          wallMs = step.untilWallMs;
        }
        assert.equal(used, limit);
      }),
    );
  });
});
