// What one SIM has used of its plan, what its live reservations hold, and what still fits. Pure memory; no clock.
// Everything counted comes from settled records, so it can be recomputed from history at any time.
import type { NumberClass } from '../numbers/number-class.js';
import type { AllowanceUsage } from './ledger.js';
import { formatMoney, type Micros, parseMoney } from './money.js';
import type { Allowance, Counted, Plan } from './plan.js';
import { chargedSeconds, longestCharged } from './rounding.js';
import { WindowClock, type WindowSpan } from './windows.js';

/** Windows that ended longer ago than this are forgotten: nothing settles so late. */
const FORGET_AFTER_MS = 2 * 86_400_000;

/** A live reservation as usage sees it. */
export interface Hold {
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly reservedWallMs: number;
  answeredWallMs: number | null;
  /** End of the seconds that are held; moves on by slices. */
  coveredUntilWallMs: number | null;
}

/** What a settled attempt adds to usage. */
export interface UsageRecord {
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly reservedWallMs: number;
  /** Null for an attempt that was not answered. */
  readonly answeredWallMs: number | null;
  readonly durationMs: number;
}

export type FitResult =
  | { readonly ok: true; readonly maxCallSeconds: number }
  | { readonly ok: false; readonly reason: 'class-not-covered' }
  | { readonly ok: false; readonly reason: 'quota-exhausted' | 'too-few-seconds'; readonly allowanceId: string };

/** What a SIM's plan says to a callee never called before. */
export interface QuotaStanding {
  readonly refusal?: {
    readonly reason: 'quota-exhausted' | 'too-few-seconds' | 'paced' | 'class-not-covered';
    readonly allowanceId?: string;
    readonly counts?: Counted;
  };
  /** Before this instant time alone changes nothing of it; usage may. */
  readonly changesAtWallMs: number;
}

export interface FitRequest {
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly wallMs: number;
}

interface WindowUsage extends WindowSpan {
  seconds: number;
  readonly callees: Set<string>;
}

interface Counter {
  readonly allowance: Allowance;
  readonly clock: WindowClock;
  readonly classes: ReadonlySet<NumberClass>;
  readonly perStep: Micros;
  readonly windows: Map<number, WindowUsage>;
  latest: WindowUsage | undefined;
}

/** Shares window arithmetic among the SIMs of a plan. */
export class PlanClocks {
  readonly plan: Plan;
  readonly classes: ReadonlySet<NumberClass>;
  readonly day: WindowClock;
  readonly byAllowance: ReadonlyMap<string, WindowClock>;

  constructor(plan: Plan) {
    this.plan = plan;
    this.classes = new Set(plan.classes);
    this.day = new WindowClock({ kind: 'day' }, plan.timeZone);
    this.byAllowance = new Map(
      plan.allowances.map((allowance) => [allowance.id, new WindowClock(allowance.window, plan.timeZone)]),
    );
  }
}

/** A call must last this long to be worth placing: a second of talk and a second for the BYE. */
const MIN_CALL_SECONDS = 2;

export class SimUsageBook {
  readonly simId: string;
  readonly plan: Plan;
  readonly #clocks: PlanClocks;
  readonly #counters: readonly Counter[];
  readonly #holds = new Set<Hold>();
  #day: { startWallMs: number; seconds: number; calls: number } = { startWallMs: 0, seconds: 0, calls: 0 };

  constructor(simId: string, clocks: PlanClocks) {
    this.simId = simId;
    this.plan = clocks.plan;
    this.#clocks = clocks;
    this.#counters = clocks.plan.allowances.map((allowance) => ({
      allowance,
      clock: clocks.byAllowance.get(allowance.id) ?? new WindowClock(allowance.window, clocks.plan.timeZone),
      classes: new Set(allowance.classes),
      perStep: allowance.beyond.kind === 'charge' ? parseMoney(allowance.beyond.perStep) : 0n,
      windows: new Map(),
      latest: undefined,
    }));
  }

  /** Whether a call may begin, and the longest it may last from an answer at `wallMs`. Emergency calls always fit. */
  fit(request: FitRequest, besides?: Hold): FitResult {
    const { maxCallSeconds } = this.plan;
    if (request.numberClass === 'emergency') return { ok: true, maxCallSeconds };
    if (!this.#clocks.classes.has(request.numberClass)) return { ok: false, reason: 'class-not-covered' };
    let longest = maxCallSeconds;
    for (const counter of this.#counters) {
      if (counter.allowance.beyond.kind !== 'forbid' || !counter.classes.has(request.numberClass)) continue;
      const allowanceId = counter.allowance.id;
      if (counter.allowance.counts === 'callees') {
        if (!this.#hasRoomForCallee(counter, request, besides))
          return { ok: false, reason: 'quota-exhausted', allowanceId };
        continue;
      }
      const fitting = this.#longestFitting(counter, request.wallMs, besides);
      if (fitting < MIN_CALL_SECONDS) {
        const nothingLeft = this.#availableSeconds(counter, counter.clock.at(request.wallMs), besides) <= 0;
        return { ok: false, reason: nothingLeft ? 'quota-exhausted' : 'too-few-seconds', allowanceId };
      }
      longest = Math.min(longest, fitting);
    }
    // A second is left for the BYE to arrive.
    return { ok: true, maxCallSeconds: longest - 1 };
  }

  /** What the plan says to a callee never called before. */
  standing(numberClass: NumberClass, wallMs: number): QuotaStanding {
    const changesAtWallMs = this.#clocks.day.at(wallMs).endWallMs;
    const fit = this.fit({ callee: '', numberClass, wallMs });
    if (fit.ok) return { changesAtWallMs };
    if (!('allowanceId' in fit)) return { refusal: { reason: fit.reason }, changesAtWallMs };
    const { reason, allowanceId } = fit;
    const counts = this.plan.allowances.find(({ id }) => id === allowanceId)?.counts;
    return { refusal: { reason, allowanceId, ...(counts !== undefined && { counts }) }, changesAtWallMs };
  }

  hold(request: FitRequest): Hold {
    const { callee, numberClass, wallMs } = request;
    const hold: Hold = { callee, numberClass, reservedWallMs: wallMs, answeredWallMs: null, coveredUntilWallMs: null };
    this.#holds.add(hold);
    return hold;
  }

  /** Puts back a hold that was read from the journal. */
  restoreHold(hold: Hold): void {
    this.#holds.add(hold);
  }

  drop(hold: Hold): void {
    this.#holds.delete(hold);
  }

  /** Books a settled attempt; returns what it is charged beyond the allowances. */
  book(record: UsageRecord): { billedSeconds: number; cost: string } {
    const { plan } = this;
    const billedSeconds = record.answeredWallMs === null ? 0 : chargedSeconds(record.durationMs, plan.rounding);
    let secondsCost = 0n;
    let calleesCost = 0n;
    for (const counter of this.#counters) {
      if (!counter.classes.has(record.numberClass)) continue;
      if (counter.allowance.counts === 'seconds') {
        const cost = bookSeconds(counter, this.#portions(counter, record, billedSeconds));
        // Beyond two allowances at once, the dearer rate applies once.
        if (cost > secondsCost) secondsCost = cost;
      } else {
        const cost = this.#bookCallee(counter, record);
        if (cost > calleesCost) calleesCost = cost;
      }
    }
    this.#countDay(record, billedSeconds);
    return { billedSeconds, cost: formatMoney(secondsCost + calleesCost) };
  }

  /** Answered calls and their billed seconds in the day (of the plan's zone) that holds `wallMs`. */
  today(wallMs: number): { readonly seconds: number; readonly calls: number } {
    const day = this.#clocks.day.at(wallMs);
    return day.startWallMs === this.#day.startWallMs ? this.#day : { seconds: 0, calls: 0 };
  }

  usage(wallMs: number): readonly AllowanceUsage[] {
    return this.#counters.map((counter) => {
      const { allowance } = counter;
      const span = counter.clock.at(wallMs);
      const window = windowOf(counter, span);
      const seconds = allowance.counts === 'seconds';
      const held = seconds ? this.#heldSeconds(counter, span) : this.#heldCallees(counter, span).size;
      return {
        allowanceId: allowance.id,
        counts: allowance.counts,
        window: allowance.window.kind,
        windowStartWallMs: span.startWallMs,
        used: seconds ? (window?.seconds ?? 0) : (window?.callees.size ?? 0),
        held,
        limit: allowance.limit,
      };
    });
  }

  #hasRoomForCallee(counter: Counter, request: FitRequest, besides: Hold | undefined): boolean {
    const span = counter.clock.at(request.wallMs);
    const window = windowOf(counter, span);
    if (window?.callees.has(request.callee)) return true;
    const held = this.#heldCallees(counter, span, besides);
    return held.has(request.callee) || (window?.callees.size ?? 0) + held.size < counter.allowance.limit;
  }

  /** Callees that only live reservations count; one of several reservations that goes leaves the others' count. */
  #heldCallees(counter: Counter, span: WindowSpan, besides?: Hold): ReadonlySet<string> {
    if (this.#holds.size === 0) return NO_CALLEES;
    const settled = windowOf(counter, span)?.callees;
    const held = new Set<string>();
    for (const hold of this.#holds) {
      if (hold === besides || !counter.classes.has(hold.numberClass) || settled?.has(hold.callee)) continue;
      if (contains(span, countedAt(counter.allowance, hold))) held.add(hold.callee);
    }
    return held;
  }

  #availableSeconds(counter: Counter, span: WindowSpan, besides: Hold | undefined): number {
    const used = windowOf(counter, span)?.seconds ?? 0;
    return counter.allowance.limit - used - this.#heldSeconds(counter, span, besides);
  }

  #heldSeconds(counter: Counter, span: WindowSpan, besides?: Hold): number {
    let held = 0;
    for (const hold of this.#holds) {
      if (hold === besides || hold.answeredWallMs === null || !counter.classes.has(hold.numberClass)) continue;
      const durationMs = Math.max(0, (hold.coveredUntilWallMs ?? hold.answeredWallMs) - hold.answeredWallMs);
      const billed = chargedSeconds(durationMs, this.plan.rounding);
      for (const portion of this.#portions(counter, { ...hold, durationMs }, billed)) {
        if (portion.span.startWallMs === span.startWallMs) held += portion.seconds;
      }
    }
    return held;
  }

  /**
   * The longest call from `wallMs`, of which every shorter one fits too: walks the windows that it would reach, since
   * each window pays for its own portion (plan.windowEdge).
   */
  #longestFitting(counter: Counter, wallMs: number, besides: Hold | undefined): number {
    const { maxCallSeconds, rounding, windowEdge } = this.plan;
    let span = counter.clock.at(wallMs);
    let paidSeconds = 0;
    let fittingSeconds = 0;
    for (;;) {
      const available = Math.max(0, this.#availableSeconds(counter, span, besides));
      const longest = Math.max(fittingSeconds, longestCharged(paidSeconds + available, rounding));
      const untilEdgeMs = span.endWallMs - wallMs;
      if (windowEdge === 'start' || longest * 1000 < untilEdgeMs) return Math.min(longest, maxCallSeconds);
      if (untilEdgeMs >= maxCallSeconds * 1000) return maxCallSeconds;
      paidSeconds = Math.ceil(untilEdgeMs / 1000);
      fittingSeconds = Math.floor(untilEdgeMs / 1000);
      span = counter.clock.at(span.endWallMs);
    }
  }

  /** Splits billed seconds between the windows; what rounding adds goes to the window in which the call ended. */
  #portions(counter: Counter, record: UsageRecord, billedSeconds: number): { span: WindowSpan; seconds: number }[] {
    if (record.answeredWallMs === null) return [];
    const answeredWallMs = record.answeredWallMs;
    const endWallMs = answeredWallMs + record.durationMs;
    const portions: { span: WindowSpan; seconds: number }[] = [];
    let span = counter.clock.at(answeredWallMs);
    let placed = 0;
    while (this.plan.windowEdge === 'split' && span.endWallMs < endWallMs) {
      const untilEdge = Math.ceil((span.endWallMs - answeredWallMs) / 1000);
      const seconds = Math.min(billedSeconds, untilEdge) - placed;
      portions.push({ span, seconds });
      placed += seconds;
      span = counter.clock.at(span.endWallMs);
    }
    portions.push({ span, seconds: billedSeconds - placed });
    return portions;
  }

  #bookCallee(counter: Counter, record: UsageRecord): Micros {
    const counts = record.answeredWallMs !== null || counter.allowance.countsOn === 'attempt';
    if (!counts) return 0n;
    const window = openWindow(counter, counter.clock.at(countedAt(counter.allowance, record)));
    if (window.callees.has(record.callee)) return 0n;
    window.callees.add(record.callee);
    return window.callees.size > counter.allowance.limit ? counter.perStep : 0n;
  }

  #countDay(record: UsageRecord, billedSeconds: number): void {
    if (record.answeredWallMs === null) return;
    const { startWallMs } = this.#clocks.day.at(record.answeredWallMs);
    if (startWallMs < this.#day.startWallMs) return;
    if (startWallMs > this.#day.startWallMs) this.#day = { startWallMs, seconds: 0, calls: 0 };
    this.#day.seconds += billedSeconds;
    this.#day.calls += 1;
  }
}

const NO_CALLEES: ReadonlySet<string> = new Set();

function countedAt(
  { countsOn }: Allowance,
  record: { readonly reservedWallMs: number; readonly answeredWallMs: number | null },
): number {
  return countsOn === 'attempt' ? record.reservedWallMs : (record.answeredWallMs ?? record.reservedWallMs);
}

function contains(span: WindowSpan, wallMs: number): boolean {
  return wallMs >= span.startWallMs && wallMs < span.endWallMs;
}

function windowOf(counter: Counter, span: WindowSpan): WindowUsage | undefined {
  if (counter.latest?.startWallMs === span.startWallMs) return counter.latest;
  return counter.windows.get(span.startWallMs);
}

function openWindow(counter: Counter, span: WindowSpan): WindowUsage {
  const known = windowOf(counter, span);
  if (known !== undefined) return known;
  const window: WindowUsage = { ...span, seconds: 0, callees: new Set() };
  counter.windows.set(span.startWallMs, window);
  if (counter.latest === undefined || span.startWallMs > counter.latest.startWallMs) counter.latest = window;
  for (const [start, old] of counter.windows) {
    if (old.endWallMs < counter.latest.startWallMs - FORGET_AFTER_MS) counter.windows.delete(start);
  }
  return window;
}

/** Adds portions to their windows; returns the cost of the steps that went beyond the limit. */
function bookSeconds(counter: Counter, portions: readonly { span: WindowSpan; seconds: number }[]): Micros {
  const { allowance } = counter;
  let cost = 0n;
  for (const { span, seconds } of portions) {
    if (seconds === 0) continue;
    const window = openWindow(counter, span);
    const beyondBefore = Math.max(0, window.seconds - allowance.limit);
    window.seconds += seconds;
    const beyond = Math.max(0, window.seconds - allowance.limit) - beyondBefore;
    if (beyond > 0 && allowance.beyond.kind === 'charge') {
      cost += counter.perStep * BigInt(Math.ceil(beyond / allowance.beyond.stepSeconds));
    }
  }
  return cost;
}
