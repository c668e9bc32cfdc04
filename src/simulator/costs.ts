// What each plan costs for these calls, against a metered plan: for one agent's month with every call carried, and for the
// scenario as it is. Money stays whole millionths.
import { formatMoney, parseMoney } from '../quota/money.js';
import type { Plan } from '../quota/plan.js';
import { countPlanMonths } from './plan-months.js';
import { type AgentsNeed, type Period, sustainedBy } from './plan-questions.js';
import type { Amounts, PlanCost } from './result.js';
import { planNamed, type Scenario } from './scenario.js';
import type { SimTally, Tally } from './tally.js';

interface CostQuestion {
  readonly scenario: Scenario;
  readonly period: Period;
  /** The scenario's own run. */
  readonly tally: Tally;
  readonly agents: number;
  readonly needOf: (plan: string) => AgentsNeed | undefined;
}

export interface PlanCosts {
  readonly costByPlan: Readonly<Record<string, PlanCost>>;
  readonly answers: ReadonlyMap<string, PlanCost>;
}

/** Of every plan that has SIMs, is compared, or is the metered one. */
export function costsOfPlans(question: CostQuestion): PlanCosts {
  const { sims, compare, meteredPlan } = question.scenario;
  const names = new Set([...sims.map(({ plan }) => plan), ...compare.plans]);
  if (meteredPlan !== null) names.add(meteredPlan.name);
  const answers = new Map([...names].map((name) => [name, costOf(name, question)]));
  return { costByPlan: Object.fromEntries(answers), answers };
}

function costOf(name: string, question: CostQuestion): PlanCost {
  const { scenario, period, needOf } = question;
  const { currency, commercialUse, monthlyFee } = planNamed(scenario, name);
  const sustained = sustainedBy(scenario, name, period);
  const need = needOf(name);
  return {
    ...{ currency, commercialUse, monthlyFee },
    sustainableCalleesPerDay: hundredths(sustained.calleesPerDay),
    sustainableMinutesPerDay: hundredths(sustained.minutesPerDay),
    simsPerAgent: need?.simsPerAgent ?? null,
    allCarried: need === undefined ? null : allCarried(name, need, question),
    scenario: ofScenario(name, question),
  };
}

function allCarried(name: string, need: AgentsNeed, { scenario }: CostQuestion): PlanCost['allCarried'] {
  const { tally, agents, months } = need;
  const plan = planNamed(scenario, name);
  return { agents, months, ...amounts(plan, tally.sims, months, agents, scenario.meteredPlan) };
}

function ofScenario(name: string, { scenario, period, tally, agents }: CostQuestion): PlanCost['scenario'] {
  const sims = tally.sims.filter(({ sim }) => sim.plan === name);
  if (sims.length === 0) return null;
  const plan = planNamed(scenario, name);
  const months = countPlanMonths(plan, scenario.calendar, period);
  // Agents share their SIMs: those of one plan are reckoned against its part of the agents.
  const share = (agents * sims.length) / tally.sims.length;
  const days = sims.flatMap((sim) => sim.days);
  return {
    ...amounts(plan, sims, months, share, scenario.meteredPlan),
    answered: days.reduce((sum, day) => sum + day.calls, 0),
    billedMinutes: Math.round(days.reduce((sum, day) => sum + day.billedSeconds, 0) / 0.6) / 100,
  };
}

function amounts(
  plan: Plan,
  tallies: readonly SimTally[],
  months: number,
  agents: number,
  meteredPlan: Plan | null,
): Amounts {
  const fees = parseMoney(plan.monthlyFee) * tallies.length * months;
  const charges = tallies.reduce((sum, { chargedMicros }) => sum + chargedMicros, 0);
  const metered = tallies.reduce((sum, { meteredMicros }) => sum + meteredMicros, 0);
  const meteredFees = meteredPlan && parseMoney(meteredPlan.monthlyFee) * Math.ceil(agents) * months;
  return {
    sims: tallies.length,
    fees: formatMoney(fees),
    charges: formatMoney(charges),
    total: formatMoney(fees + charges),
    metered: meteredFees === null ? null : formatMoney(metered + meteredFees),
  };
}

function hundredths(value: number | null): number | null {
  return value === null ? null : Math.round(value * 100) / 100;
}
