// Runs a scenario and answers its questions: the calls of the period on its SIMs, what each plan sustains and costs, and
// how many SIMs an agent needs.
import { performance } from 'node:perf_hooks';
import { DateTime } from 'luxon';
import { formatMoney } from '../quota/money.js';
import { type CalendarDay, calendarDays, workingDaysIn } from './calendar.js';
import { AgentStream, type CallStream } from './call-stream.js';
import { costsOfPlans } from './costs.js';
import { buildFleet } from './fleet.js';
import { countPlanMonths } from './plan-months.js';
import { type AgentsNeed, leastSims, type Period, simsOfOneAgent } from './plan-questions.js';
import { type RecordedCalls, RecordedStream, readRecordedCalls } from './recorded-calls.js';
import type { DayOfCalls, ExhaustedAllowance, SimUse, SimulationResult } from './result.js';
import { NOT_PERMITTED } from './result.js';
import { planNamed, type Scenario } from './scenario.js';
import { simulateCalls } from './simulated-calls.js';
import type { Exhaustion, Tally } from './tally.js';

/** @throws SimtrunkError when the scenario names records that cannot be read */
export async function simulate(scenario: Scenario): Promise<SimulationResult> {
  const startedMs = performance.now();
  const recorded = scenario.agents === null ? await recordedCallsOf(scenario) : null;
  const period = scenario.period ?? periodOf(recorded, scenario.calendar.timeZone);
  const days = calendarDays(scenario.calendar, period.from, period.to);
  const calls = recorded?.calls ?? [];
  const streamsOf = (): CallStream[] =>
    scenario.agents === null ? [new RecordedStream(calls)] : agentStreams(scenario, scenario.agents, days);
  const { traffic, calendar, meteredPlan } = scenario;
  const fleet = buildFleet(scenario);
  const base = { days, traffic, timeZone: calendar.timeZone, meteredPlan };
  const tally = simulateCalls({ ...base, fleet, streams: streamsOf() });
  const agents = scenario.agents?.count ?? Math.max(1, recorded?.agents.length ?? 1);
  const needOf = (plan: string): AgentsNeed | undefined =>
    scenario.agents === null
      ? leastSims({
          scenario,
          plan,
          days,
          streamsOf,
          agents,
          months: countPlanMonths(planNamed(scenario, plan), calendar, period),
        })
      : simsOfOneAgent(scenario, scenario.agents, plan, period);
  const mainPlan = mainPlanOf(scenario);
  const { costByPlan, answers } = costsOfPlans({ scenario, period, tally, agents, needOf });
  return {
    notice: ignoresTerms(scenario) ? NOT_PERMITTED : null,
    ...{ title: scenario.title, file: scenario.file, seed: scenario.seed },
    period: { ...period, timeZone: calendar.timeZone, workingDays: workingDaysIn(days) },
    ...{ agents, sims: fleet.sims.length, mainPlan },
    firstExhaustedWorkingDay: firstExhaustedWorkingDay(tally),
    sustainableCalleesPerDay: answers.get(mainPlan)?.sustainableCalleesPerDay ?? null,
    sustainableMinutesPerDay: answers.get(mainPlan)?.sustainableMinutesPerDay ?? null,
    simsPerAgent: answers.get(mainPlan)?.simsPerAgent ?? null,
    simsPerAgentByRepeatedCallees: byRepeatedCallees(scenario, mainPlan, period, answers.get(mainPlan)?.simsPerAgent),
    costByPlan,
    meteredPlan: meteredPlan?.name ?? null,
    calls: totalsOf(tally),
    days: daysOf(tally),
    exhaustions: exhaustionsOf(tally),
    simUse: tally.sims.map((sim) => simUse(sim, days)),
    drawnOutcomes: recorded?.drawn ?? 0,
    leftOut: recorded?.leftOut ?? 0,
    elapsedMs: Math.round(performance.now() - startedMs),
  };
}

function agentStreams(scenario: Scenario, agents: NonNullable<Scenario['agents']>, days: readonly CalendarDay[]) {
  return Array.from({ length: agents.count }, (_, index) => new AgentStream(agents, days, scenario.seed, index));
}

function recordedCallsOf({ recordedFiles, seed, period, calendar }: Scenario): Promise<RecordedCalls> {
  if (period === null) return readRecordedCalls(recordedFiles, seed);
  const days = calendarDays(calendar, period.from, period.to);
  const span = { fromWallMs: days[0]?.startWallMs ?? 0, untilWallMs: days.at(-1)?.endWallMs ?? 0 };
  return readRecordedCalls(recordedFiles, seed, span);
}

/** The days from the first recorded call to the last. */
function periodOf(recorded: RecordedCalls | null, timeZone: string): Period {
  const dateOf = (wallMs = 0) => DateTime.fromMillis(wallMs, { zone: timeZone }).toISODate() ?? '';
  return { from: dateOf(recorded?.calls[0]?.plannedWallMs), to: dateOf(recorded?.calls.at(-1)?.plannedWallMs) };
}

/** True when commercial calls go to a plan that forbids them, since the scenario says so. */
function ignoresTerms({ ignoreTerms, traffic, plans, sims, compare }: Scenario): boolean {
  const used = new Set([...sims.map(({ plan }) => plan), ...compare.plans]);
  const forbidden = plans.some(({ name, commercialUse }) => used.has(name) && commercialUse === 'forbidden');
  return ignoreTerms && traffic === 'commercial' && forbidden;
}

function mainPlanOf({ sims }: Scenario): string {
  const counts = new Map<string, number>();
  for (const { plan, count } of sims) counts.set(plan, (counts.get(plan) ?? 0) + count);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
}

/** `known` is the answer for the scenario's own share. */
function byRepeatedCallees(scenario: Scenario, plan: string, period: Period, known: number | null = null) {
  const { agents, compare } = scenario;
  if (agents === null) return [];
  return compare.repeatedCallees.map((repeatedCallees) => ({
    repeatedCallees,
    simsPerAgent:
      repeatedCallees === agents.repeatedCallees
        ? known
        : (simsOfOneAgent(scenario, { ...agents, repeatedCallees }, plan, period)?.simsPerAgent ?? null),
  }));
}

/** A day's allowance opens again by itself; the first of a longer window is what ends a month early. */
function firstExhaustedWorkingDay({ exhaustions, days }: Tally): number | null {
  const first = exhaustions.find(({ window }) => window === 'month');
  if (first === undefined) return null;
  // Used up on a day off: after the working day before it.
  return days.slice(0, first.dayIndex + 1).findLast(({ workingDay }) => workingDay !== null)?.workingDay ?? null;
}

function totalsOf(tally: Tally): SimulationResult['calls'] {
  const { talkMs, ...counts } = tally.total();
  return {
    ...counts,
    carried: counts.answered + counts.unanswered,
    talkMinutes: minutes(talkMs),
    refusedByReason: byFrequency(tally.refusedByReason),
    refusedByAllowance: byFrequency(tally.refusedByAllowance),
  };
}

function daysOf({ days, byDay }: Tally): DayOfCalls[] {
  return days.flatMap(({ date, workingDay }, index) => {
    const counts = byDay[index];
    if (counts === undefined) return [];
    const { planned, notDialled, answered, unanswered, refused, talkMs } = counts;
    return [{ date, workingDay, planned, notDialled, answered, unanswered, refused, talkMinutes: minutes(talkMs) }];
  });
}

function exhaustionsOf({ exhaustions, sims, days }: Tally): ExhaustedAllowance[] {
  const found = new Map<
    string,
    { readonly of: Exhaustion; readonly plan: string; readonly byDay: Map<number, string[]> }
  >();
  for (const exhaustion of exhaustions) {
    const { plan = '', simId = '' } = sims[exhaustion.simIndex]?.sim ?? {};
    const key = `${plan} ${exhaustion.allowanceId}`;
    const entry = found.get(key) ?? { of: exhaustion, plan, byDay: new Map<number, string[]>() };
    found.set(key, entry);
    const known = entry.byDay.get(exhaustion.dayIndex);
    if (known === undefined) entry.byDay.set(exhaustion.dayIndex, [simId]);
    else known.push(simId);
  }
  return [...found.values()].map(({ of: { allowanceId, counts, window }, plan, byDay }) => ({
    ...{ plan, allowanceId, counts, window },
    days: [...byDay].map(([dayIndex, simIds]) => ({
      date: days[dayIndex]?.date ?? '',
      workingDay: days[dayIndex]?.workingDay ?? null,
      simIds,
    })),
  }));
}

function simUse(tally: Tally['sims'][number], days: readonly CalendarDay[]): SimUse {
  const { sim, days: used, allowances } = tally;
  return {
    simId: sim.simId,
    plan: sim.plan,
    days: used.flatMap((day, index) => (day.calls === 0 ? [] : [{ date: days[index]?.date ?? '', ...day }])),
    allowances: allowances.map(({ allowanceId, counts, window, limit }, index) => {
      const told = (amount: number) => (counts === 'spend' ? formatMoney(amount) : amount);
      const usedByDay = tally.usedByDay.map((ofDay) => told(ofDay[index] ?? 0));
      return { allowanceId, counts, window, limit: told(limit), usedByDay };
    }),
  };
}

function byFrequency(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort((a, b) => b[1] - a[1]));
}

function minutes(ms: number): number {
  return Math.round(ms / 600) / 100;
}
