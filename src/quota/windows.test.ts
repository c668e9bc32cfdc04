import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import type { Window } from './plan.js';
import { WindowClock, windowAt } from './windows.js';

const DAY: Window = { kind: 'day' };
const iso = (wallMs: number, zone: string) =>
  DateTime.fromMillis(wallMs, { zone }).toISO({ suppressMilliseconds: true });
const wall = (text: string, zone: string) => DateTime.fromISO(text, { zone }).toMillis();

function spanOf(window: Window, zone: string, at: string): [string | null, string | null] {
  const span = windowAt(window, zone, wall(at, zone));
  return [iso(span.startWallMs, zone), iso(span.endWallMs, zone)];
}

const ZONES = [
  'Asia/Seoul',
  'Europe/Berlin',
  'America/New_York',
  'America/Sao_Paulo',
  'Asia/Beirut',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
];

describe('windowAt', () => {
  it('turns the day at local midnight, not at UTC midnight', () => {
    assert.deepEqual(spanOf(DAY, 'Asia/Seoul', '2026-01-05T00:30:00'), [
      '2026-01-05T00:00:00+09:00',
      '2026-01-06T00:00:00+09:00',
    ]);
    assert.deepEqual(spanOf(DAY, 'Asia/Seoul', '2026-01-05T23:59:59'), [
      '2026-01-05T00:00:00+09:00',
      '2026-01-06T00:00:00+09:00',
    ]);
  });

  it('gives the days of daylight-saving changes 23 and 25 hours', () => {
    const hours = (at: string) => {
      const span = windowAt(DAY, 'Europe/Berlin', wall(at, 'Europe/Berlin'));
      return (span.endWallMs - span.startWallMs) / 3_600_000;
    };
    assert.equal(hours('2026-03-29T12:00'), 23);
    assert.equal(hours('2026-10-25T12:00'), 25);
  });

  it('begins a day whose midnight is skipped at its first instant', () => {
    assert.deepEqual(spanOf(DAY, 'America/Sao_Paulo', '2018-11-04T12:00'), [
      '2018-11-04T01:00:00-02:00',
      '2018-11-05T00:00:00-02:00',
    ]);
    assert.deepEqual(spanOf(DAY, 'America/Sao_Paulo', '2018-11-03T12:00')[1], '2018-11-04T01:00:00-02:00');
  });

  it('turns the month on the reset day', () => {
    const month: Window = { kind: 'month', resetDay: 15 };
    assert.deepEqual(spanOf(month, 'Asia/Seoul', '2026-03-14T23:59'), [
      '2026-02-15T00:00:00+09:00',
      '2026-03-15T00:00:00+09:00',
    ]);
    assert.deepEqual(spanOf(month, 'Asia/Seoul', '2026-03-15T00:00'), [
      '2026-03-15T00:00:00+09:00',
      '2026-04-15T00:00:00+09:00',
    ]);
  });

  it('resets on the last day of a month that lacks the reset day', () => {
    const month: Window = { kind: 'month', resetDay: 31 };
    assert.deepEqual(spanOf(month, 'Asia/Seoul', '2026-02-27T12:00'), [
      '2026-01-31T00:00:00+09:00',
      '2026-02-28T00:00:00+09:00',
    ]);
    assert.deepEqual(spanOf(month, 'Asia/Seoul', '2026-02-28T00:00'), [
      '2026-02-28T00:00:00+09:00',
      '2026-03-31T00:00:00+09:00',
    ]);
  });

  it('covers all time without gaps or overlaps, in any zone', () => {
    const windows: fc.Arbitrary<Window> = fc.oneof(
      fc.constant(DAY),
      fc.integer({ min: 1, max: 31 }).map((resetDay): Window => ({ kind: 'month', resetDay })),
    );
    const instants = fc.integer({ min: Date.UTC(2010, 0, 1), max: Date.UTC(2035, 0, 1) });
    fc.assert(
      fc.property(windows, fc.constantFrom(...ZONES), instants, (window, zone, wallMs) => {
        const span = windowAt(window, zone, wallMs);
        assert.ok(span.startWallMs <= wallMs && wallMs < span.endWallMs);
        assert.deepEqual(windowAt(window, zone, span.startWallMs), span);
        assert.deepEqual(windowAt(window, zone, span.endWallMs - 1), span);
        assert.equal(windowAt(window, zone, span.endWallMs).startWallMs, span.endWallMs);
        assert.equal(windowAt(window, zone, span.startWallMs - 1).endWallMs, span.startWallMs);
      }),
      { numRuns: 1500 },
    );
  });

  it('answers the same through a clock that remembers', () => {
    for (const window of [DAY, { kind: 'rolling', seconds: 259_200 }] as const) {
      const clock = new WindowClock(window, 'Europe/Berlin');
      fc.assert(
        fc.property(fc.integer({ min: Date.UTC(2026, 2, 20), max: Date.UTC(2026, 3, 5) }), (wallMs) => {
          assert.deepEqual(clock.at(wallMs), windowAt(window, 'Europe/Berlin', wallMs));
        }),
      );
    }
  });
});
