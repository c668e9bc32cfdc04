// What a run counts: calls by day and by reason, each SIM's use by day, and the windows in which an allowance ran out.
import type { AllowanceUsage } from '../quota/ledger.js';
import { type Micros, parseMoney } from '../quota/money.js';
import type { CalendarDay } from './calendar.js';
import type { FleetSim } from './fleet.js';

export interface CallCounts {
  planned: number;
  /** An agent's day was over before their turn came. */
  notDialled: number;
  answered: number;
  unanswered: number;
  refused: number;
  /** Of the answered: ended by what the plan still allowed. */
  cutShort: number;
  talkMs: number;
}

export interface SimDay {
  billedSeconds: number;
  calls: number;
  /** Distinct callees that answered on this day. */
  callees: number;
}

/** An allowance of a SIM that was used up, once for each of its windows; a rolling one, which ends at each instant, once a day. */
export interface Exhaustion {
  readonly simIndex: number;
  readonly dayIndex: number;
  readonly allowanceId: string;
  readonly counts: AllowanceUsage['counts'];
  readonly window: AllowanceUsage['window'];
  readonly wallMs: number;
}

export interface SimTally {
  readonly sim: FleetSim;
  readonly days: readonly SimDay[];
  /** Its allowances at the end of the last day, in the plan's order. */
  allowances: readonly AllowanceUsage[];
  /** For each day, what was used of each of them at its end; bare numbers, since they are many. */
  readonly usedByDay: (readonly number[])[];
  /** Charged beyond the fee, in millionths of the plan's currency. */
  chargedMicros: Micros;
  /** What the same calls would have been charged by the metered plan. */
  meteredMicros: Micros;
}

/** What a SIM may use before any of its allowances can be used up: windows that turn meanwhile only add to it. */
interface Headroom {
  seconds: number;
  ones: number;
}

/** Of these a call uses one at most; credits and spend are looked at after every call. */
const COUNTED_BY_ONE: ReadonlySet<AllowanceUsage['counts']> = new Set(['calls', 'callees', 'sms', 'lms', 'mms']);

/** What rounding may add to a call: both a minimum and a step are an hour at most. */
const MOST_ROUNDING_SECONDS = 3_600;

/** Seconds that are left but are too few for a call, a BYE included, however they are rounded. */
const UNUSABLE_SECONDS = 2;

export class Tally {
  readonly days: readonly CalendarDay[];
  readonly byDay: readonly CallCounts[];
  readonly sims: readonly SimTally[];
  readonly refusedByReason = new Map<string, number>();
  readonly refusedByAllowance = new Map<string, number>();
  readonly exhaustions: Exhaustion[] = [];
  /** More was used of an allowance than its limit, at its rate. */
  hasOvershoot = false;
  readonly #calleesToday: readonly Set<string>[];
  readonly #headroom: Headroom[];
  readonly #exhausted = new Set<string>();
  #todayIndex = 0;

  constructor(days: readonly CalendarDay[], sims: readonly FleetSim[]) {
    this.days = days;
    this.byDay = days.map(noCalls);
    this.sims = sims.map((sim) => ({
      sim,
      days: days.map(() => ({ billedSeconds: 0, calls: 0, callees: 0 })),
      allowances: [],
      usedByDay: [],
      chargedMicros: 0,
      meteredMicros: 0,
    }));
    this.#calleesToday = sims.map(() => new Set());
    this.#headroom = sims.map(() => ({ seconds: 0, ones: 0 }));
  }

  /** To be called as the days of the period begin, in order. */
  turnDay(dayIndex: number): void {
    this.#todayIndex = dayIndex;
    for (const callees of this.#calleesToday) callees.clear();
  }

  get today(): CallCounts {
    return this.byDay[this.#todayIndex] ?? noCalls();
  }

  /** A call that its agent had no time for. */
  skip(dayIndex: number): void {
    const day = this.byDay[dayIndex];
    if (day === undefined) return;
    day.planned += 1;
    day.notDialled += 1;
  }

  refuse(reason: string, allowanceId: string | undefined): void {
    this.today.refused += 1;
    count(this.refusedByReason, reason);
    if (allowanceId !== undefined) count(this.refusedByAllowance, allowanceId);
  }

  /** An answered call that has been settled. */
  settle(simIndex: number, callee: string, billedSeconds: number, cost: string): void {
    const sim = this.sims[simIndex];
    const day = sim?.days[this.#todayIndex];
    if (sim === undefined || day === undefined) return;
    day.billedSeconds += billedSeconds;
    day.calls += 1;
    this.#calleesToday[simIndex]?.add(callee);
    day.callees = this.#calleesToday[simIndex]?.size ?? 0;
    if (cost !== '0') sim.chargedMicros += parseMoney(cost);
  }

  /** Whether a call of a SIM may have used up an allowance: then `noteUsage` wants to know. */
  mayHaveRunOut(simIndex: number, durationMs: number): boolean {
    const headroom = this.#headroom[simIndex];
    if (headroom === undefined) return false;
    headroom.seconds -= durationMs / 1000 + MOST_ROUNDING_SECONDS;
    headroom.ones -= 1;
    return headroom.seconds <= MOST_ROUNDING_SECONDS || headroom.ones <= 0;
  }

  /** Looks for allowances that have run out. `refusing`: the one that now refuses a call like the last one, if one does. */
  noteUsage(simIndex: number, usage: readonly AllowanceUsage[], wallMs: number, refusing?: string): void {
    const headroom = { seconds: Number.POSITIVE_INFINITY, ones: Number.POSITIVE_INFINITY };
    this.#headroom[simIndex] = headroom;
    for (const { allowanceId, counts, window, windowStartWallMs, used, limit } of usage) {
      const left = limit - used;
      if (counts === 'seconds') headroom.seconds = Math.min(headroom.seconds, left);
      else if (COUNTED_BY_ONE.has(counts)) headroom.ones = Math.min(headroom.ones, left);
      else headroom.ones = 0;
      if (left < 0) this.hasOvershoot = true;
      // What nothing has drawn on has not run out, even if there was none of it. A rest may be less than any call takes.
      const isLittle = left < (counts === 'seconds' ? UNUSABLE_SECONDS : 1) || allowanceId === refusing;
      if (used === 0 || !isLittle) continue;
      const turn = window === 'rolling' ? this.#todayIndex : windowStartWallMs;
      const key = `${simIndex} ${allowanceId} ${turn}`;
      if (this.#exhausted.has(key)) continue;
      this.#exhausted.add(key);
      this.exhaustions.push({ simIndex, dayIndex: this.#todayIndex, allowanceId, counts, window, wallMs });
    }
  }

  total(): CallCounts {
    const sum = noCalls();
    for (const day of this.byDay) {
      for (const key of Object.keys(sum) as (keyof CallCounts)[]) sum[key] += day[key];
    }
    return sum;
  }
}

function noCalls(): CallCounts {
  return { planned: 0, notDialled: 0, answered: 0, unanswered: 0, refused: 0, cutShort: 0, talkMs: 0 };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
