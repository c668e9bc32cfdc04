// What a simulation says: the object that `--json` prints, and that the table and the page are made from.
import type { AllowanceUsage } from '../quota/ledger.js';

/** The words with which every output opens that rests on calls which the plans' terms forbid. */
export const NOT_PERMITTED = "not permitted by the plan's terms";

export interface SimulationResult {
  /** {@link NOT_PERMITTED}, or null: no term was ignored. */
  readonly notice: string | null;
  readonly title: string;
  readonly file: string;
  readonly seed: number;
  readonly period: {
    readonly from: string;
    readonly to: string;
    readonly timeZone: string;
    readonly workingDays: number;
  };
  readonly agents: number;
  readonly sims: number;
  /** The plan of most SIMs: whose answers stand at the top. */
  readonly mainPlan: string;
  /** Number, within the period, of the working day at whose end the first allowance of a month was used up; null: none was. */
  readonly firstExhaustedWorkingDay: number | null;
  /** What one SIM of the main plan sustains on each working day of a month; null: the plan sets no limit. */
  readonly sustainableCalleesPerDay: number | null;
  readonly sustainableMinutesPerDay: number | null;
  /** SIMs of the main plan that one agent needs for a month of these calls; null when no number of them is enough. */
  readonly simsPerAgent: number | null;
  /** The same at other shares of repeated callees. */
  readonly simsPerAgentByRepeatedCallees: readonly RepeatedShare[];
  /** By plan name. */
  readonly costByPlan: Readonly<Record<string, PlanCost>>;
  readonly meteredPlan: string | null;
  readonly calls: CallTotals;
  readonly days: readonly DayOfCalls[];
  readonly exhaustions: readonly ExhaustedAllowance[];
  readonly simUse: readonly SimUse[];
  /** Calls of the records whose outcome was drawn, since they reached no channel then; 0 of a scenario. */
  readonly drawnOutcomes: number;
  /** Recorded calls that were not placed again: those from mobiles, and probe calls; 0 of a scenario. */
  readonly leftOut: number;
  /** How long the simulation took. */
  readonly elapsedMs: number;
}

export interface CallTotals {
  readonly planned: number;
  /** Planned, but the agent's day was over before their turn came. */
  readonly notDialled: number;
  /** Placed through a SIM. */
  readonly carried: number;
  readonly answered: number;
  readonly unanswered: number;
  readonly refused: number;
  /** Of the answered: ended by what the plan still allowed, by more than the second that every grant leaves for the BYE. */
  readonly cutShort: number;
  readonly talkMinutes: number;
  readonly refusedByReason: Readonly<Record<string, number>>;
  /** Refused for want of quota: the allowance that refused at most of the SIMs. */
  readonly refusedByAllowance: Readonly<Record<string, number>>;
}

export interface DayOfCalls {
  readonly date: string;
  readonly workingDay: number | null;
  readonly planned: number;
  readonly notDialled: number;
  readonly answered: number;
  readonly unanswered: number;
  readonly refused: number;
  readonly talkMinutes: number;
}

export interface RepeatedShare {
  readonly repeatedCallees: number;
  readonly simsPerAgent: number | null;
}

/** Amounts are decimal strings in the plan's currency. */
export interface Amounts {
  readonly sims: number;
  readonly fees: string;
  readonly charges: string;
  readonly total: string;
  /** What the same calls cost on the metered plan, its fee for one SIM an agent included; null without such a plan. */
  readonly metered: string | null;
}

export interface PlanCost {
  readonly currency: string;
  readonly commercialUse: 'allowed' | 'forbidden';
  readonly monthlyFee: string;
  readonly sustainableCalleesPerDay: number | null;
  readonly sustainableMinutesPerDay: number | null;
  readonly simsPerAgent: number | null;
  /**
   * As many SIMs as carry every call, for one agent in the plan's month with the most working days (of recorded calls: for
   * all agents and days); null when no number of SIMs does.
   */
  readonly allCarried: (Amounts & { readonly agents: number; readonly months: number }) | null;
  /** This scenario's SIMs of the plan over its whole period; null when it has none. */
  readonly scenario: (Amounts & { readonly answered: number; readonly billedMinutes: number }) | null;
}

/** An allowance that was used up, of one plan: on which days, and on how many SIMs. */
export interface ExhaustedAllowance {
  readonly plan: string;
  readonly allowanceId: string;
  readonly counts: AllowanceUsage['counts'];
  readonly window: AllowanceUsage['window'];
  readonly days: readonly {
    readonly date: string;
    readonly workingDay: number | null;
    readonly simIds: readonly string[];
  }[];
}

export interface SimUse {
  readonly simId: string;
  readonly plan: string;
  /** Days on which it was used. */
  readonly days: readonly {
    readonly date: string;
    readonly billedSeconds: number;
    readonly calls: number;
    readonly callees: number;
  }[];
  /** Use of its allowances at the end of each day of the period, in the order of `days` of the result. */
  readonly allowances: readonly {
    readonly allowanceId: string;
    readonly counts: AllowanceUsage['counts'];
    readonly window: AllowanceUsage['window'];
    /** Of `spend` decimal strings in the plan's currency, both; of anything else numbers. */
    readonly limit: number | string;
    readonly usedByDay: readonly (number | string)[];
  }[];
}
