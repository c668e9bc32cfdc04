import assert from 'node:assert/strict';
import fc from 'fast-check';
import { calendarDays, dayIndexAt, type WorkingCalendar } from './calendar.js';
import { AgentStream, type PlannedCall } from './call-stream.js';
import type { AgentDemand } from './scenario.js';

const OFFICE: WorkingCalendar = {
  timeZone: 'Asia/Seoul',
  weekdays: [1, 2, 3, 4, 5],
  hours: [
    { fromMinute: 9 * 60, toMinute: 12 * 60 },
    { fromMinute: 13 * 60, toMinute: 18 * 60 },
  ],
  holidays: ['2026-12-25'],
};
const DAYS = calendarDays(OFFICE, '2026-12-01', '2027-01-31');

const DEMAND: AgentDemand = {
  count: 2,
  callsPerDay: 100,
  talk: { kind: 'exponential', meanSeconds: 60 },
  repeatedCallees: 0,
  numberClasses: { mobile: 3, landline: 1 },
  answerRate: 0.4,
  ring: { kind: 'uniform', fromSeconds: 5, toSeconds: 25 },
  pauseSeconds: 5,
};

function callsOf(demand: Partial<AgentDemand> = {}, agentIndex = 0, seed = 1): PlannedCall[] {
  const stream = new AgentStream({ ...DEMAND, ...demand }, DAYS, seed, agentIndex);
  const calls: PlannedCall[] = [];
  for (let call = stream.next(); call !== undefined; call = stream.next()) calls.push(call);
  assert.equal(stream.next(), undefined);
  return calls;
}

function shareOf(calls: readonly PlannedCall[], has: (call: PlannedCall) => boolean): number {
  return calls.filter(has).length / calls.length;
}

describe('AgentStream', () => {
  it('plans as many calls as a day has, in order, within the open hours, and none on days off', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 60, noNaN: true }), fc.nat(), (callsPerDay, seed) => {
        const calls = callsOf({ callsPerDay }, 0, seed);
        const workingDays = DAYS.filter(({ workingDay }) => workingDay !== null).length;
        assert.ok(Math.abs(calls.length - workingDays * callsPerDay) < 1 + 1e-6);
        let lastWallMs = 0;
        for (const { plannedWallMs } of calls) {
          const day = DAYS[dayIndexAt(DAYS, plannedWallMs)];
          assert.ok(
            day?.openings.some(({ fromWallMs, toWallMs }) => plannedWallMs >= fromWallMs && plannedWallMs <= toWallMs),
          );
          assert.ok(plannedWallMs >= lastWallMs);
          lastWallMs = plannedWallMs;
        }
      }),
      { numRuns: 40 },
    );
  });

  it('spreads a fraction over the days', () => {
    const counts = new Map<number, number>();
    for (const { plannedWallMs } of callsOf({ callsPerDay: 2.5 })) {
      const day = dayIndexAt(DAYS, plannedWallMs);
      counts.set(day, (counts.get(day) ?? 0) + 1);
    }
    assert.deepEqual(new Set(counts.values()), new Set([2, 3]));
  });

  it('keeps to the shares of answers, classes and repeated callees', () => {
    const calls = callsOf({ repeatedCallees: 0.3 });
    assert.ok(Math.abs(shareOf(calls, ({ talkMs }) => talkMs !== null) - 0.4) < 0.03);
    assert.ok(Math.abs(shareOf(calls, ({ dialled }) => dialled.startsWith('02')) - 0.25) < 0.03);
    const seen = new Set<string>();
    let month = '';
    const repeated = calls.filter(({ plannedWallMs, dialled }) => {
      const { date = '' } = DAYS[dayIndexAt(DAYS, plannedWallMs)] ?? {};
      // A callee of another month is none of this one.
      if (date.slice(0, 7) !== month) seen.clear();
      month = date.slice(0, 7);
      const isKnown = seen.has(dialled);
      seen.add(dialled);
      return isKnown;
    });
    assert.ok(Math.abs(repeated.length / calls.length - 0.3) < 0.03, `${repeated.length} of ${calls.length}`);
  });

  it('gives no two agents one callee, and no agent one twice unless it is repeated', () => {
    const numbers = [0, 1].flatMap((agentIndex) => callsOf({}, agentIndex).map(({ dialled }) => dialled));
    assert.equal(new Set(numbers).size, numbers.length);
  });

  it('plans an agent’s calls whatever other agents there are, but for the numbers', () => {
    const alone = callsOf({ count: 1 });
    const amongMany = callsOf({ count: 30 });
    const withoutNumber = ({ dialled, ...call }: PlannedCall) => ({ ...call, isMobile: dialled.startsWith('010') });
    assert.deepEqual(alone.map(withoutNumber), amongMany.map(withoutNumber));
  });
});
