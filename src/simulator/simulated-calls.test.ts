import assert from 'node:assert/strict';
import type { Plan } from '../quota/plan.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { calendarDays, type WorkingCalendar } from './calendar.js';
import { AgentStream, type CallStream, type PlannedCall } from './call-stream.js';
import type { Fleet } from './fleet.js';
import { RecordedStream } from './recorded-calls.js';
import type { AgentDemand } from './scenario.js';
import { simulateCalls } from './simulated-calls.js';
import type { Tally } from './tally.js';

const OFFICE: WorkingCalendar = {
  timeZone: 'Asia/Seoul',
  weekdays: [1, 2, 3, 4, 5],
  hours: [{ fromMinute: 9 * 60, toMinute: 18 * 60 }],
  holidays: [],
};
/** A Monday to a Friday. */
const WEEK = calendarDays(OFFICE, '2026-12-07', '2026-12-11');

const DEMAND: AgentDemand = {
  count: 1,
  callsPerDay: 50,
  talk: { kind: 'fixed', seconds: 60 },
  repeatedCallees: 0,
  numberClasses: { mobile: 1 },
  answerRate: 1,
  ring: { kind: 'fixed', seconds: 10 },
  pauseSeconds: 5,
};

function fleetOf(plan: Plan, sims: number): Fleet {
  const cards = Array.from({ length: sims }, (_, index) => ({
    simId: `${plan.name}/${index + 1}`,
    number: `+8210${10_000_000 + index}`,
    plan: plan.name,
  }));
  return {
    plans: [plan],
    sims: cards,
    channels: cards.map(({ simId }, index) => ({
      ...{
        channelId: `gw1/${index + 1}`,
        gateway: 'gw1',
        port: index + 1,
        simId,
        enabled: true as const,
        gapMs: 2_000,
      },
    })),
    gateways: [{ name: 'gw1' }],
  };
}

function run(fleet: Fleet, streams: readonly CallStream[], meteredPlan: Plan | null = null, days = WEEK): Tally {
  return simulateCalls({ fleet, streams, days, traffic: 'commercial', timeZone: 'Asia/Seoul', meteredPlan });
}

function agents(demand: Partial<AgentDemand>, seed = 1, days = WEEK): AgentStream[] {
  const whole = { ...DEMAND, ...demand };
  return Array.from({ length: whole.count }, (_, index) => new AgentStream(whole, days, seed, index));
}

/** A call at a time of day in Seoul. */
function callAt(time: string, talkSeconds: number | null, dialled = '01020000000'): PlannedCall {
  const plannedWallMs = Date.parse(`${time}+09:00`);
  return {
    plannedWallMs,
    agent: '201',
    dialled,
    ringMs: 10_000,
    talkMs: talkSeconds === null ? null : talkSeconds * 1000,
  };
}

describe('simulateCalls', () => {
  it('places each planned call once, and bills what the ledger bills', () => {
    const tally = run(fleetOf(planOf({ name: 'open' }), 1), agents({}));
    assert.deepEqual(tally.total(), {
      ...{ planned: 250, notDialled: 0, answered: 250, unanswered: 0, refused: 0, cutShort: 0 },
      talkMs: 250 * 60_000,
    });
    assert.deepEqual(
      tally.sims[0]?.days.map(({ billedSeconds, calls, callees }) => [billedSeconds, calls, callees]),
      Array(5).fill([3_000, 50, 50]),
    );
  });

  it('gives the same calls and the same end for the same seed, and others for another', () => {
    const fleet = fleetOf(planOf({ name: 'open' }), 3);
    const random = { talk: { kind: 'exponential', meanSeconds: 90 }, answerRate: 0.6, count: 2 } as const;
    const [first, again, other] = [1, 1, 2].map((seed) => run(fleet, agents(random, seed)));
    assert.deepEqual(first?.sims, again?.sims);
    assert.deepEqual(first?.byDay, again?.byDay);
    assert.notDeepEqual(first?.byDay, other?.byDay);
  });

  it('dials the same whatever number of SIMs there is', () => {
    const random = { talk: { kind: 'exponential', meanSeconds: 90 }, repeatedCallees: 0.3 } as const;
    const dialled = (sims: number) => {
      const stream = agents(random)[0] as AgentStream;
      const seen: string[] = [];
      const watched: CallStream = {
        pauseMs: stream.pauseMs,
        next: () => {
          const call = stream.next();
          if (call !== undefined) seen.push(call.dialled);
          return call;
        },
      };
      run(
        fleetOf(planOf({ name: 'small', allowances: [allowanceOf({ id: 'calls', counts: 'calls', limit: 9 })] }), sims),
        [watched],
      );
      return seen;
    };
    assert.deepEqual(dialled(1), dialled(4));
  });

  it('counts no callee who does not answer, unless the plan counts attempts', () => {
    const callees = (countsOn: 'answer' | 'attempt') => {
      const allowances = [allowanceOf({ id: 'callees-day', counts: 'callees', limit: 10, countsOn })];
      return run(fleetOf(planOf({ name: 'few', allowances }), 1), agents({ answerRate: 0 }));
    };
    assert.deepEqual([callees('answer').total().unanswered, callees('answer').total().refused], [250, 0]);
    assert.deepEqual([callees('attempt').total().unanswered, callees('attempt').total().refused], [50, 200]);
    assert.equal(callees('attempt').exhaustions.length, 5);
  });

  it('lets a counted callee pass a full allowance of callees', () => {
    const allowances = [allowanceOf({ id: 'callees-day', counts: 'callees', limit: 1 })];
    const calls = [
      callAt('2026-12-07T10:00', 30, '01020000001'),
      callAt('2026-12-07T10:05', 30, '01020000002'),
      callAt('2026-12-07T10:10', 30, '01020000001'),
    ];
    const tally = run(fleetOf(planOf({ name: 'one', allowances }), 1), [new RecordedStream(calls)]);
    assert.deepEqual([tally.total().answered, tally.total().refused], [2, 1]);
    assert.deepEqual(Object.fromEntries(tally.refusedByAllowance), { 'callees-day': 1 });
  });

  it('ends a call when the plan allows no more, and counts it as cut short', () => {
    const allowances = [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 100 })];
    const calls = [callAt('2026-12-07T10:00', 60), callAt('2026-12-07T10:05', 60), callAt('2026-12-07T10:10', 60)];
    const tally = run(fleetOf(planOf({ name: 'short', allowances }), 1), [new RecordedStream(calls)]);
    const { answered, refused, cutShort, talkMs } = tally.total();
    // A second is left for the BYE.
    assert.deepEqual([answered, refused, cutShort, talkMs], [2, 1, 1, 99_000]);
    assert.deepEqual(Object.fromEntries(tally.refusedByReason), { 'too-few-seconds': 1 });
    assert.deepEqual(
      tally.exhaustions.map(({ allowanceId, dayIndex }) => [allowanceId, dayIndex]),
      [['seconds-day', 0]],
    );
  });

  it('has an allowance run out when its rest is less than any call takes', () => {
    const month = { kind: 'month', resetDay: 1 } as const;
    const perStep = { mobile: 6 };
    const whole = { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 };
    const rates = { mobile: { perStep: '80', stepSeconds: 60 } };
    for (const plan of [
      planOf({
        name: 'credits',
        allowances: [
          allowanceOf({
            id: 'one',
            counts: 'credits',
            limit: 100,
            window: month,
            credits: { stepSeconds: 60, perStep },
          }),
        ],
      }),
      planOf({
        name: 'spend',
        rates,
        allowances: [allowanceOf({ id: 'one', counts: 'spend', limit: 1_300_000_000, window: month })],
      }),
      planOf({
        name: 'minutes',
        rounding: whole,
        allowances: [allowanceOf({ id: 'one', counts: 'seconds', limit: 1_000, window: month, rounding: whole })],
      }),
    ]) {
      // Sixteen calls of a minute fit, ten on the first day; four credits, 20 won, 40 seconds are left.
      const tally = run(fleetOf(plan, 1), agents({ callsPerDay: 10 }));
      assert.deepEqual([tally.total().answered, Object.fromEntries(tally.refusedByAllowance)], [16, { one: 34 }]);
      assert.deepEqual(
        tally.exhaustions.map(({ allowanceId, dayIndex }) => [allowanceId, dayIndex]),
        [['one', 1]],
        plan.name,
      );
    }
  });

  it('has an allowance of a rolling window run out once a day, however often it was full', () => {
    const window = { kind: 'rolling', seconds: 3_600 } as const;
    const allowances = [allowanceOf({ id: 'calls-hour', counts: 'calls', limit: 2, window })];
    const calls = ['07T10:00', '07T10:05', '07T12:00', '07T12:05', '08T10:00', '08T10:05'].map((time) =>
      callAt(`2026-12-${time}`, 60),
    );
    const tally = run(fleetOf(planOf({ name: 'hourly', allowances }), 1), [new RecordedStream(calls)]);
    assert.deepEqual(
      tally.exhaustions.map(({ allowanceId, dayIndex }) => [allowanceId, dayIndex]),
      [
        ['calls-hour', 0],
        ['calls-hour', 1],
      ],
    );
  });

  it('refuses calls that come while every channel is busy or resting', () => {
    const calls = [
      callAt('2026-12-07T10:00:00', 60),
      callAt('2026-12-07T10:00:30', 60),
      callAt('2026-12-07T10:01:11', 60),
      callAt('2026-12-07T10:01:13', 60),
    ];
    const tally = run(fleetOf(planOf({ name: 'open' }), 1), [new RecordedStream(calls)]);
    assert.equal(tally.total().answered, 2);
    assert.deepEqual(Object.fromEntries(tally.refusedByReason), { 'channel-busy': 1, 'channel-resting': 1 });
    assert.equal(tally.refusedByAllowance.size, 0);
  });

  it('has agents place one call after the other, and leaves what their day is too short for', () => {
    // 100 calls of 10 minutes do not go into 9 hours.
    const tally = run(
      fleetOf(planOf({ name: 'open' }), 2),
      agents({ callsPerDay: 100, talk: { kind: 'fixed', seconds: 600 } }),
    );
    const { planned, notDialled, answered, refused } = tally.total();
    assert.equal(planned, 500);
    assert.equal(refused, 0);
    assert.ok(answered >= 5 * 50 && answered <= 5 * 53, `${answered} answered`);
    assert.equal(notDialled, planned - answered);
  });

  it('charges beyond an allowance, and reckons every call by the metered plan too', () => {
    const beyond = { kind: 'charge', perStep: '1.98', stepSeconds: 1 } as const;
    const allowances = [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 100, beyond })];
    const metered = planOf({ name: 'metered', rates: { mobile: { perStep: '80', stepSeconds: 60 } } });
    const calls = [callAt('2026-12-07T10:00', 60), callAt('2026-12-07T10:05', 90)];
    const tally = run(fleetOf(planOf({ name: 'charged', allowances }), 1), [new RecordedStream(calls)], metered);
    assert.equal(tally.hasOvershoot, true);
    assert.equal(tally.sims[0]?.chargedMicros, 50 * 1_980_000);
    assert.equal(tally.sims[0]?.meteredMicros, 3 * 80_000_000);
  });

  it('keeps what was used of each allowance at the end of each day', () => {
    const allowances = [
      allowanceOf({ id: 'calls-day', counts: 'calls', limit: 60 }),
      allowanceOf({ id: 'callees-month', counts: 'callees', limit: 120, window: { kind: 'month', resetDay: 1 } }),
    ];
    const tally = run(fleetOf(planOf({ name: 'both', allowances }), 1), agents({}));
    assert.deepEqual(tally.sims[0]?.usedByDay, [
      [50, 50],
      [50, 100],
      [20, 120],
      [0, 120],
      [0, 120],
    ]);
    assert.deepEqual(
      tally.exhaustions.map(({ allowanceId, dayIndex }) => [allowanceId, dayIndex]),
      [['callees-month', 2]],
    );
  });

  it('counts a call that talks past midnight on the day on which it ends, and every call of the last day', () => {
    const calls = [callAt('2026-12-07T23:59', 3_600), callAt('2026-12-11T23:59', 3_600)];
    const tally = run(fleetOf(planOf({ name: 'open' }), 1), [new RecordedStream(calls)]);
    assert.deepEqual(
      tally.byDay.map(({ answered }) => answered),
      [0, 1, 0, 0, 1],
    );
  });

  it('carries emergency calls on a plan that has nothing left, and refuses numbers that are none', () => {
    const allowances = [allowanceOf({ id: 'none', counts: 'calls', limit: 0 })];
    const calls = [callAt('2026-12-07T10:00', 60, '119'), callAt('2026-12-07T10:05', 60, '0999')];
    const tally = run(fleetOf(planOf({ name: 'none', allowances }), 1), [new RecordedStream(calls)]);
    assert.equal(tally.total().answered, 1);
    assert.deepEqual(Object.fromEntries(tally.refusedByReason), { 'bad-number': 1 });
  });

  it('spreads new callees evenly over SIMs of one plan', () => {
    const tally = run(fleetOf(planOf({ name: 'open' }), 4), agents({ callsPerDay: 80 }));
    const calls = tally.sims.map(({ days }) => days.reduce((sum, day) => sum + day.calls, 0));
    assert.equal(Math.max(...calls) - Math.min(...calls) <= 4, true, calls.join(' '));
  });
});
