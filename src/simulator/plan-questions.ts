// What a plan sustains and how many of its SIMs an agent needs. Every answer is searched for with runs of the real router
// and ledger over the plan's month with the most working days; the plan's limits say only where a search begins.
import type { NumberClass } from '../numbers/number-class.js';
import type { Allowance, Counted, Plan } from '../quota/plan.js';
import { chargedSeconds } from '../quota/rounding.js';
import { UsageBook } from '../quota/usage-book.js';
import { UsageTerms } from '../quota/usage-terms.js';
import { type CalendarDay, openMs, workingDaysIn } from './calendar.js';
import { AgentStream, type CallStream } from './call-stream.js';
import { buildFleet } from './fleet.js';
import { busiestPlanMonth } from './plan-months.js';
import { type AgentDemand, planNamed, type Scenario } from './scenario.js';
import { leastThatWorks, mostThatWorks } from './search.js';
import { simulateCalls } from './simulated-calls.js';
import type { CallCounts, Tally } from './tally.js';

/** What one SIM sustains on each working day to the month's end. Null: no allowance of the plan limits it. */
export interface Sustained {
  readonly workingDays: number;
  /** Callees that were not called before in the month. */
  readonly calleesPerDay: number | null;
  readonly minutesPerDay: number | null;
}

/** Calls with which callees are counted: as short as can be. */
const SHORT_CALL_SECONDS = 1;
/** Calls with which minutes are counted; the last one may be shorter. */
const COUNTING_CALL_SECONDS = 60;
/** What every call takes of, if it is rounded or priced by the minute a call of a second, too. */
const TAKEN_BY_TALK: readonly Counted[] = ['seconds', 'credits', 'spend'];
/** SIMs of an agent beyond which nothing is tried. */
const MAX_SIMS_OF_AN_AGENT = 256;
const MAX_SIMS = 16_384;

/** For a plan's month of the scenario's period, on one SIM. */
export function sustainedBy(scenario: Scenario, planName: string, period: Period): Sustained {
  const plan = planNamed(scenario, planName);
  const days = busiestPlanMonth(plan, scenario.calendar, period);
  const numberClass = mainClassOf(scenario);
  const workingDays = workingDaysIn(days);
  const limits = plan.allowances.filter(
    ({ classes, directions }) => classes.includes(numberClass) && directions.includes('out'),
  );
  const spread = { scenario, planName, days, numberClass };
  const measure = (
    kinds: readonly Counted[],
    talkSeconds: number,
    repeatedCallees: number,
    amountOf: (counts: CallCounts) => number,
  ): number | null => {
    const limiting = limits.filter(
      (allowance) =>
        kinds.includes(countedBy(allowance)) &&
        // Seconds as they are talked bound no callees: calls can always be shorter.
        (talkSeconds > SHORT_CALL_SECONDS || countedBy(allowance) !== 'seconds' || isRounded(allowance)),
    );
    if (limiting.length === 0) return null;
    // The limits say where the search begins; what is carried says where it ends.
    const guesses = limiting.map((allowance) => {
      const windows = allowance.window.kind === 'month' && allowance.daysOver === null ? 1 : workingDays;
      const limit = allowance.daysOver?.threshold ?? allowance.limit;
      return (limit * windows) / useOfACall(plan, allowance, numberClass, talkSeconds);
    });
    return mostADay({ ...spread, talkSeconds, repeatedCallees }, Math.floor(Math.min(...guesses)), amountOf);
  };
  const countingSeconds = Math.min(COUNTING_CALL_SECONDS, plan.maxCallSeconds - 1);
  return {
    workingDays,
    calleesPerDay: measure(['callees', 'calls', ...TAKEN_BY_TALK], SHORT_CALL_SECONDS, 0, ({ answered }) => answered),
    minutesPerDay: measure(TAKEN_BY_TALK, countingSeconds, 1, ({ talkMs }) => talkMs / 60_000),
  };
}

/** Of days over a threshold: what is counted on a day. */
function countedBy({ counts, daysOver }: Allowance): Counted {
  return daysOver?.counts ?? counts;
}

function isRounded({ rounding }: Allowance): boolean {
  return chargedSeconds(SHORT_CALL_SECONDS * 1000, rounding) > SHORT_CALL_SECONDS;
}

/** About what a call takes of an allowance, in what it counts; at least a trifle. */
function useOfACall(plan: Plan, allowance: Allowance, numberClass: NumberClass, talkSeconds: number): number {
  const { credits, rounding } = allowance;
  switch (countedBy(allowance)) {
    case 'seconds':
      return chargedSeconds(talkSeconds * 1000, rounding);
    case 'credits':
      return (credits?.perStep[numberClass] ?? 0) * Math.ceil(talkSeconds / (credits?.stepSeconds ?? 1)) || 1e-9;
    case 'spend':
      return new UsageBook(new UsageTerms(plan)).quote(numberClass, 0, talkSeconds) || 1e-9;
    default:
      return 1;
  }
}

export interface Period {
  readonly from: string;
  readonly to: string;
}

interface Spread {
  readonly scenario: Scenario;
  readonly planName: string;
  readonly days: readonly CalendarDay[];
  readonly numberClass: NumberClass;
  readonly talkSeconds: number;
  readonly repeatedCallees: number;
}

/**
 * The most calls of a month, spread evenly over its working days, that one SIM carries within its plan: what they amount
 * to a working day. Null when the hours of the day end before the plan does.
 */
function mostADay(spread: Spread, guess: number, amountOf: (counts: CallCounts) => number): number | null {
  const { scenario, planName, days, talkSeconds } = spread;
  const workingDays = workingDaysIn(days);
  if (workingDays === 0) return 0;
  const fleet = buildFleet(scenario, [{ plan: planName, count: 1 }]);
  const pauseSeconds = (fleet.channels[0]?.gapMs ?? 0) / 1000 + 1;
  const openSeconds = Math.min(...days.filter(({ workingDay }) => workingDay !== null).map(openMs)) / 1000;
  const inTheHours = Math.floor(openSeconds / (talkSeconds + pauseSeconds)) * workingDays;
  let amount = 0;
  const works = (calls: number): boolean => {
    const demand = evenDemand(spread, calls / workingDays, pauseSeconds);
    const tally = run(scenario, fleet, days, [new AgentStream(demand, days, scenario.seed, 0)]);
    // A last call that meets the limit has talked up to it, but for the second of its BYE.
    const isCarriedWhole = tally.total().refused === 0 && !tally.hasOvershoot;
    if (isCarriedWhole) amount = amountOf(tally.total());
    return isCarriedWhole;
  };
  const most = mostThatWorks(inTheHours, works, guess);
  return most === inTheHours ? null : amount / workingDays;
}

function evenDemand({ numberClass, talkSeconds, repeatedCallees }: Spread, callsPerDay: number, pauseSeconds: number) {
  return {
    ...{ count: 1, callsPerDay, repeatedCallees, answerRate: 1, pauseSeconds },
    numberClasses: { [numberClass]: 1 },
    talk: { kind: 'fixed', seconds: talkSeconds },
    ring: { kind: 'fixed', seconds: 0 },
  } as const;
}

/** Enough SIMs for agents, and the run that showed it. */
export interface AgentsNeed {
  /** Rounded up to whole SIMs. */
  readonly simsPerAgent: number;
  readonly agents: number;
  /** Plan months in the run. */
  readonly months: number;
  /** The run in which every call was carried. */
  readonly tally: Tally;
}

/** The least SIMs of a plan on which one agent's month of calls is carried whole; undefined when no number does. */
export function simsOfOneAgent(
  scenario: Scenario,
  agents: AgentDemand,
  plan: string,
  period: Period,
): AgentsNeed | undefined {
  const days = busiestPlanMonth(planNamed(scenario, plan), scenario.calendar, period);
  const streamsOf = () => [new AgentStream({ ...agents, count: 1 }, days, scenario.seed, 0)];
  return leastSims({ scenario, plan, days, streamsOf, agents: 1, months: 1 });
}

export interface NeedQuestion {
  readonly scenario: Scenario;
  readonly plan: string;
  readonly days: readonly CalendarDay[];
  /** The same calls each time. */
  readonly streamsOf: () => readonly CallStream[];
  readonly agents: number;
  readonly months: number;
}

/** The least SIMs on which calls are carried whole by agents who share them. */
export function leastSims({ scenario, plan, days, streamsOf, agents, months }: NeedQuestion): AgentsNeed | undefined {
  const carried = new Map<number, Tally>();
  const simulated = (count: number): CallCounts => {
    const tally = run(scenario, buildFleet(scenario, [{ plan, count }]), days, streamsOf());
    if (isCarried(tally.total())) carried.set(count, tally);
    return tally.total();
  };
  const { planned, answered, unanswered } = simulated(1);
  // SIMs of one plan are alike: what the first refuses before it has carried anything, all refuse.
  if (planned > 0 && answered + unanswered === 0) return undefined;
  const guess = Math.ceil(planned / Math.max(1, answered + unanswered));
  const works = (count: number) => carried.has(count) || isCarried(simulated(count));
  const most = Math.min(MAX_SIMS, MAX_SIMS_OF_AN_AGENT * agents);
  const sims = carried.has(1) ? 1 : leastThatWorks(most, works, Math.max(2, guess));
  const tally = sims === undefined ? undefined : carried.get(sims);
  return tally && { simsPerAgent: Math.ceil(tally.sims.length / agents), agents, months, tally };
}

function run(
  scenario: Scenario,
  fleet: ReturnType<typeof buildFleet>,
  days: readonly CalendarDay[],
  streams: readonly CallStream[],
): Tally {
  const { traffic, calendar, meteredPlan } = scenario;
  return simulateCalls({ fleet, streams, days, traffic, timeZone: calendar.timeZone, meteredPlan });
}

/** Every call that an agent had time for was placed, and none ended early for want of quota. */
function isCarried({ refused, cutShort }: CallCounts): boolean {
  return refused === 0 && cutShort === 0;
}

/** The class that is dialled most. */
function mainClassOf({ agents }: Scenario): NumberClass {
  const shares = Object.entries(agents?.numberClasses ?? {}) as [NumberClass, number][];
  return shares.sort((a, b) => b[1] - a[1])[0]?.[0] ?? 'mobile';
}
