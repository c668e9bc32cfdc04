import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import { type CallingHours, closedZone, ZoneClocks } from './calling-hours.js';
import { seoul } from './policy-test-kit.js';

const WEEKDAYS = [1, 2, 3, 4, 5];
const clocks = new ZoneClocks();

function isOpen(hours: readonly CallingHours[], local: string, zone = 'Asia/Seoul'): boolean {
  const wallMs = DateTime.fromISO(local, { zone }).toMillis();
  return closedZone(hours, 'mobile', [zone], clocks, wallMs) === undefined;
}

function hours(from: number, to: number, weekdays = WEEKDAYS): CallingHours {
  return { classes: ['mobile'], weekdays, fromMinute: from * 60, toMinute: to * 60 };
}

describe('closedZone', () => {
  it('keeps to the weekdays', () => {
    const office = [hours(9, 18)];
    assert.equal(isOpen(office, '2026-11-20T09:00'), true, 'Friday');
    assert.equal(isOpen(office, '2026-11-21T09:00'), false, 'Saturday');
    assert.equal(isOpen(office, '2026-11-22T09:00'), false, 'Sunday');
    assert.equal(isOpen(office, '2026-11-23T08:59'), false, 'Monday, too early');
  });

  it('adds the hours of several entries', () => {
    const both = [hours(9, 12), hours(13, 18), hours(10, 12, [6])];
    assert.equal(isOpen(both, '2026-11-20T12:30'), false);
    assert.equal(isOpen(both, '2026-11-20T13:00'), true);
    assert.equal(isOpen(both, '2026-11-21T11:00'), true);
  });

  it('lets hours pass midnight, on the day on which they began', () => {
    const night = [hours(22, 2, [5])];
    assert.equal(isOpen(night, '2026-11-20T23:59'), true);
    assert.equal(isOpen(night, '2026-11-21T01:59'), true, 'Saturday morning belongs to Friday');
    assert.equal(isOpen(night, '2026-11-21T02:00'), false);
    assert.equal(isOpen(night, '2026-11-20T01:00'), false, 'Friday morning belongs to Thursday');
    assert.equal(isOpen(night, '2026-11-21T22:30'), false);
    const sunday = [hours(22, 2, [7])];
    assert.equal(isOpen(sunday, '2026-11-23T01:00'), true, 'Monday morning belongs to Sunday');
  });

  it('holds a whole day from 0 to 24 hours', () => {
    const day = [hours(0, 24, [5])];
    assert.equal(isOpen(day, '2026-11-20T00:00'), true);
    assert.equal(isOpen(day, '2026-11-20T23:59:59.999'), true);
    assert.equal(isOpen(day, '2026-11-21T00:00'), false);
  });

  it('is open exactly in the minutes of the week that some entry holds', () => {
    const minute = fc.integer({ min: 0, max: 1_440 });
    const entry = fc.record({
      weekdays: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 7 }),
      fromMinute: fc.integer({ min: 0, max: 1_439 }),
      toMinute: minute,
    });
    const monday = seoul('2026-11-23T00:00');
    fc.assert(
      fc.property(
        fc.array(entry, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 0, max: 10_079 }),
        (entries, at) => {
          const spans = entries.filter(({ fromMinute, toMinute }) => fromMinute !== toMinute);
          const isHeld = spans.some(({ weekdays, fromMinute, toMinute }) =>
            weekdays.some((weekday) => {
              const start = (weekday - 1) * 1_440 + fromMinute;
              const length = (toMinute - fromMinute + 1_440) % 1_440 || 1_440;
              return (at - start + 10_080) % 10_080 < length;
            }),
          );
          const hours = spans.map((span) => ({ ...span, classes: ['mobile' as const] }));
          const zone = closedZone(hours, 'mobile', ['Asia/Seoul'], clocks, monday + at * 60_000);
          assert.equal(zone === undefined, isHeld || hours.length === 0);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('names the first zone in which it is not time', () => {
    const zones = ['Asia/Seoul', 'America/New_York'];
    assert.equal(closedZone([hours(9, 18)], 'mobile', zones, clocks, seoul('2026-11-20T10:00')), 'America/New_York');
    assert.equal(closedZone([hours(9, 18)], 'mobile', [], clocks, seoul('2026-11-20T10:00')), undefined);
  });
});

describe('ZoneClocks', () => {
  it('tells local time through changes of daylight saving, whatever it was asked before', () => {
    for (const zone of ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Asia/Seoul']) {
      for (const start of [
        Date.UTC(2026, 2, 7),
        Date.UTC(2026, 2, 28),
        Date.UTC(2026, 9, 3),
        Date.UTC(2026, 9, 31),
        -86_400_000,
      ]) {
        for (let minute = 0; minute < 3 * 1_440; minute += 7) {
          const wallMs = start + minute * 60_000;
          const local = DateTime.fromMillis(wallMs, { zone });
          const expected = { weekday: local.weekday, minute: local.hour * 60 + local.minute };
          assert.deepEqual(clocks.at(zone, wallMs), expected, `${zone} ${local.toISO()}`);
        }
      }
    }
  });
});
