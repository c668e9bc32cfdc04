import assert from 'node:assert/strict';
import {
  busiestMonth,
  calendarDays,
  dayIndexAt,
  instantAfterOpen,
  nextOpen,
  openMs,
  type WorkingCalendar,
  workingDaysIn,
} from './calendar.js';

const OFFICE: WorkingCalendar = {
  timeZone: 'Asia/Seoul',
  weekdays: [1, 2, 3, 4, 5],
  hours: [
    { fromMinute: 9 * 60, toMinute: 12 * 60 },
    { fromMinute: 13 * 60, toMinute: 18 * 60 },
  ],
  holidays: ['2026-12-25'],
};

describe('calendarDays', () => {
  it('finds 22 working days in December 2026, Christmas being none', () => {
    const days = calendarDays(OFFICE, '2026-12-01', '2026-12-31');
    assert.equal(days.length, 31);
    assert.equal(workingDaysIn(days), 22);
    assert.deepEqual(
      days
        .filter(({ date }) => ['2026-12-01', '2026-12-05', '2026-12-25', '2026-12-31'].includes(date))
        .map((day) => day.workingDay),
      [1, null, null, 22],
    );
  });

  it('opens at the local hours, break left out', () => {
    const [day] = calendarDays(OFFICE, '2026-12-01', '2026-12-01');
    assert.deepEqual(
      day?.openings.map(({ fromWallMs, toWallMs }) => [
        new Date(fromWallMs).toISOString(),
        new Date(toWallMs).toISOString(),
      ]),
      [
        ['2026-12-01T00:00:00.000Z', '2026-12-01T03:00:00.000Z'],
        ['2026-12-01T04:00:00.000Z', '2026-12-01T09:00:00.000Z'],
      ],
    );
  });

  it('keeps the hours on the wall through daylight saving, and days of 23 and 25 hours', () => {
    const berlin = { ...OFFICE, timeZone: 'Europe/Berlin', weekdays: [1, 2, 3, 4, 5, 6, 7], holidays: [] };
    const spring = calendarDays(berlin, '2026-03-28', '2026-03-30');
    assert.deepEqual(
      spring.map((day) => (day.endWallMs - day.startWallMs) / 3_600_000),
      [24, 23, 24],
    );
    assert.deepEqual(
      spring.map((day) => new Date(day.openings[0]?.fromWallMs ?? 0).toISOString().slice(11, 16)),
      ['08:00', '07:00', '07:00'],
    );
    const autumn = calendarDays(berlin, '2026-10-25', '2026-10-25');
    assert.equal(((autumn[0]?.endWallMs ?? 0) - (autumn[0]?.startWallMs ?? 0)) / 3_600_000, 25);
    assert.equal(openMs(autumn[0] as never), 8 * 3_600_000);
  });

  it('may be open around the clock', () => {
    const always = { ...OFFICE, hours: [{ fromMinute: 0, toMinute: 1_440 }] };
    const [day] = calendarDays(always, '2026-12-01', '2026-12-01');
    assert.deepEqual(day?.openings, [{ fromWallMs: day?.startWallMs, toWallMs: day?.endWallMs }]);
  });
});

describe('an hour of the calendar', () => {
  const days = calendarDays(OFFICE, '2026-12-01', '2026-12-07');
  const day = days[0] as (typeof days)[number];
  const at = (time: string) => Date.parse(`2026-12-01T${time}:00+09:00`);

  it('passes open time only: four hours after opening it is two', () => {
    assert.equal(instantAfterOpen(day, 4 * 3_600_000), at('14:00'));
    assert.equal(instantAfterOpen(day, 3 * 3_600_000), at('13:00'));
    assert.equal(instantAfterOpen(day, 99 * 3_600_000), at('18:00'));
  });

  it('is open at once within the hours, after the break within it, and not at all when the day is over', () => {
    assert.equal(nextOpen(day, at('10:30')), at('10:30'));
    assert.equal(nextOpen(day, at('12:00')), at('13:00'));
    assert.equal(nextOpen(day, at('07:00')), at('09:00'));
    assert.equal(nextOpen(day, at('18:00')), undefined);
  });

  it('belongs to the day that holds it', () => {
    assert.equal(dayIndexAt(days, at('00:00')), 0);
    assert.equal(dayIndexAt(days, at('23:59')), 0);
    assert.equal(dayIndexAt(days, at('24:00')), 1);
    assert.equal(dayIndexAt(days, 0), 0);
    assert.equal(dayIndexAt(days, Number.MAX_SAFE_INTEGER), 6);
  });
});

describe('busiestMonth', () => {
  it('is the one with the most working days', () => {
    const month = busiestMonth(calendarDays(OFFICE, '2026-01-01', '2026-12-31'));
    assert.equal(month[0]?.date, '2026-07-01');
    assert.equal(workingDaysIn(month), 23);
  });
});
