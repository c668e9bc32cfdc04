import assert from 'node:assert/strict';
import fc from 'fast-check';
import { DateTime } from 'luxon';
import type { Window } from './plan.js';
import { WindowClock, type WindowSpan, windowAt } from './windows.js';

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
  'America/Havana',
  'America/Nuuk',
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

  it('begins a day that has two midnights at the first of them, whatever hour of it is asked about', () => {
    // Clocks go back from 1:00 to 0:00 there, on a first of the month.
    const day = { startWallMs: Date.parse('2026-11-01T00:00-04:00'), endWallMs: Date.parse('2026-11-02T00:00-05:00') };
    for (const at of ['2026-11-01T00:30-04:00', '2026-11-01T00:30-05:00', '2026-11-01T12:00-05:00']) {
      assert.deepEqual(windowAt(DAY, 'America/Havana', Date.parse(at)), day, at);
      const month = windowAt({ kind: 'month', resetDay: 1 }, 'America/Havana', Date.parse(at));
      assert.equal(month.startWallMs, day.startWallMs, at);
    }
    for (const at of ['2026-10-31T00:30-04:00', '2026-10-31T12:00-04:00']) {
      assert.equal(windowAt(DAY, 'America/Havana', Date.parse(at)).endWallMs, day.startWallMs, at);
    }
  });

  it('leaves no gap and no overlap at any change of clocks of a year', () => {
    const zones = [
      'Atlantic/Azores',
      'America/Havana',
      'America/Nuuk',
      'America/Santiago',
      'Asia/Beirut',
      'Africa/Cairo',
    ];
    for (const zone of [...zones, 'Australia/Lord_Howe', 'Antarctica/Troll']) {
      for (const around of ['2026-03-29', '2026-04-04', '2026-04-24', '2026-09-06', '2026-10-25', '2026-11-01']) {
        let before: WindowSpan | undefined;
        for (let hours = -36; hours <= 36; hours += 1) {
          const wallMs = Date.parse(around) + hours * 3_600_000;
          const span = windowAt(DAY, zone, wallMs);
          assert.ok(span.startWallMs <= wallMs && wallMs < span.endWallMs, `${zone} ${around} ${hours}`);
          const isSame = before?.startWallMs === span.startWallMs;
          if (before !== undefined) {
            assert.equal(isSame ? span.endWallMs : span.startWallMs, before.endWallMs, `${zone} ${around} ${hours}`);
          }
          before = span;
        }
      }
    }
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
