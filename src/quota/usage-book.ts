// What one SIM has used of its plan, or one payer of its caps: what its live calls hold, and what still fits. Pure memory;
// no clock. Everything counted comes from settled records and adjustments, so it can be recomputed from history.
import type { NumberClass } from '../numbers/number-class.js';
import type { AllowanceUsage } from './ledger.js';
import { formatMoney, type Micros } from './money.js';
import type { Counted, Direction, MessageKind } from './plan.js';
import { chargedSeconds } from './rounding.js';
import { UsageCounts } from './usage-counts.js';
import { type ClassTable, type Counter, type UsageTerms, unitsOf } from './usage-terms.js';

export interface FitRequest {
  /** Of a call that comes in, its caller. */
  readonly callee: string;
  readonly numberClass: NumberClass;
  /** Left out: `out`. */
  readonly direction?: Direction;
  readonly wallMs: number;
  /** Whose plan prices the call, when the book is a payer's. Left out: its price is not known yet. */
  readonly carrier?: UsageBook | undefined;
}

export type FitRefusal = 'quota-exhausted' | 'too-few-seconds' | 'paced';

export type FitResult =
  | { readonly ok: true; readonly maxCallSeconds: number }
  | { readonly ok: false; readonly reason: 'class-not-covered' }
  | { readonly ok: false; readonly reason: FitRefusal; readonly allowanceId: string };

/** Whether a callee never called before may be called, and until when time alone changes nothing about it. */
export interface QuotaStanding {
  readonly refusal?: {
    readonly reason: FitRefusal | 'class-not-covered';
    readonly allowanceId?: string;
    readonly counts?: Counted;
  };
  /** Infinity: only usage changes it. */
  readonly changesAtWallMs: number;
}

/** A live call as a book counts it; known by identity, changed by its book alone. */
export interface Hold {
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly direction: Direction;
  readonly reservedWallMs: number;
  readonly answeredWallMs: number | null;
  /** End of the time that is held, from the answer or, before it, from the reservation; null while none is. */
  readonly coveredUntilWallMs: number | null;
}

interface OwnHold extends Hold {
  answeredWallMs: number | null;
  coveredUntilWallMs: number | null;
  readonly carrier: UsageBook | undefined;
  costMicros: Micros;
  isLive: boolean;
}

/** What a settled attempt adds to usage. */
export interface UsageRecord {
  readonly callee: string;
  readonly numberClass: NumberClass;
  /** Left out: `out`. */
  readonly direction?: Direction;
  readonly reservedWallMs: number;
  /** Null for an attempt that was not answered. */
  readonly answeredWallMs: number | null;
  readonly durationMs: number;
  /** What the call cost on its SIM, when the book is a payer's. */
  readonly costMicros?: Micros;
}

export interface Booked {
  readonly billedSeconds: number;
  /** Decimal string of `costMicros`. */
  readonly cost: string;
  readonly costMicros: Micros;
}

export interface MessageRequest {
  readonly kind: MessageKind;
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly wallMs: number;
  /** Messages at once, all or none; left out: one. */
  readonly count?: number;
  /** What they cost on their SIM, when the book is a payer's. */
  readonly costMicros?: Micros;
}

export type MessageFit =
  | { readonly ok: true; readonly costMicros: Micros }
  | Extract<FitResult, { readonly ok: false }>;

// Below any length of a call: why none fits.
const EXHAUSTED = -1;
const PACED = -2;

const NOT_COVERED = { ok: false, reason: 'class-not-covered' } as const;
/** Of a question about someone never called. */
const NOBODY = '';

export class UsageBook {
  readonly terms: UsageTerms;
  readonly #counts: UsageCounts;
  #day: { startWallMs: number; seconds: number; calls: number } = { startWallMs: 0, seconds: 0, calls: 0 };

  constructor(terms: UsageTerms) {
    this.terms = terms;
    this.#counts = new UsageCounts(terms);
  }

  // ---- questions ---------------------------------------------------------------------------------------------------

  /**
   * Whether a call may begin, and the longest it may last from an answer at `wallMs`, less a second for the BYE; `besides`
   * is the call itself when it has begun already. Emergency calls always fit.
   */
  fit(request: FitRequest, besides?: Hold): FitResult {
    const own = besides as OwnHold | undefined;
    if (own === undefined || !own.isLive) return this.#fit(request, own);
    this.#holdAll(own, -1);
    const result = this.#fit(request, own);
    this.#holdAll(own, 1);
    return result;
  }

  /** What `fit` goes by: the allowance that bounds the call or refuses it; null for the longest single call. */
  boundBy(request: FitRequest, besides?: Hold): string | null {
    const own = besides as OwnHold | undefined;
    const isHeld = own?.isLive === true;
    if (isHeld) this.#holdAll(own, -1);
    const table = this.terms.table(request.numberClass, request.direction ?? 'out');
    let longest = this.terms.maxCallSeconds;
    let bound: string | null = null;
    for (const counter of request.numberClass === 'emergency' || !table.isCovered ? [] : table.limits) {
      const fitting = this.#fitting(counter, table, request, longest, own);
      if (fitting >= longest) continue;
      longest = fitting;
      bound = counter.allowance.id;
    }
    if (isHeld) this.#holdAll(own, 1);
    return bound;
  }

  standing(numberClass: NumberClass, wallMs: number, direction: Direction = 'out'): QuotaStanding {
    if (numberClass === 'emergency') return { changesAtWallMs: Number.POSITIVE_INFINITY };
    const table = this.terms.table(numberClass, direction);
    if (!table.isCovered)
      return { refusal: { reason: 'class-not-covered' }, changesAtWallMs: Number.POSITIVE_INFINITY };
    const request = { callee: NOBODY, numberClass, direction, wallMs };
    let changesAtWallMs = Number.POSITIVE_INFINITY;
    for (const counter of table.limits) {
      const fitting = this.#fitting(counter, table, request, this.terms.maxCallSeconds, undefined);
      if (fitting < this.terms.minCallSeconds) {
        const { id: allowanceId, counts } = counter.allowance;
        const refusal = { reason: reasonOf(fitting), allowanceId, counts };
        return { refusal, changesAtWallMs: this.#opensAt(counter, table, request, fitting) };
      }
      changesAtWallMs = Math.min(changesAtWallMs, this.#counts.closesAt(counter, wallMs));
    }
    return { changesAtWallMs };
  }

  /** What an answered call of so many seconds to a new callee would cost now. */
  quote(numberClass: NumberClass, wallMs: number, seconds: number, direction: Direction = 'out'): Micros {
    const table = this.terms.table(numberClass, direction);
    if (table.chargers.length === 0 && table.rate === undefined) return 0;
    const durationMs = seconds * 1000;
    return this.#costOf(table, {
      callee: NOBODY,
      numberClass,
      reservedWallMs: wallMs,
      answeredWallMs: wallMs,
      durationMs,
    });
  }

  /** Answered calls and their billed seconds in the day (of the terms' zone) that holds `wallMs`. */
  today(wallMs: number): { readonly seconds: number; readonly calls: number } {
    const day = this.terms.day.at(wallMs);
    return day.startWallMs === this.#day.startWallMs ? this.#day : { seconds: 0, calls: 0 };
  }

  /** Each allowance's window at an instant; of `spend` in micros. */
  usage(wallMs: number): readonly AllowanceUsage[] {
    return this.terms.counters.map((counter) => {
      const { id: allowanceId, counts, window, limit } = counter.allowance;
      return {
        allowanceId,
        counts,
        window: window.kind,
        windowStartWallMs: this.#counts.windowSpan(counter, wallMs).startWallMs,
        used: this.#counts.used(counter, wallMs),
        held: this.#counts.held(counter, wallMs),
        limit,
      };
    });
  }

  // ---- live calls --------------------------------------------------------------------------------------------------

  /** Holds a reserved call, and its time up to `coveredUntilWallMs`; null: none before its answer. */
  hold(request: FitRequest, coveredUntilWallMs: number | null = null): Hold {
    const hold: OwnHold = {
      callee: request.callee,
      numberClass: request.numberClass,
      direction: request.direction ?? 'out',
      reservedWallMs: request.wallMs,
      answeredWallMs: null,
      coveredUntilWallMs,
      carrier: request.carrier ?? this.#ownCarrier,
      costMicros: 0,
      isLive: true,
    };
    this.#holdAll(hold, 1);
    return hold;
  }

  /** Moves on what a call holds: up to `coveredUntilWallMs`, from its answer if it was answered. */
  cover(hold: Hold, answeredWallMs: number | null, coveredUntilWallMs: number | null): void {
    const own = hold as OwnHold;
    if (own.isLive) this.#holdAll(own, -1);
    own.answeredWallMs = answeredWallMs;
    own.coveredUntilWallMs = coveredUntilWallMs;
    if (own.isLive) this.#holdAll(own, 1);
  }

  /** Holds nothing any more. To be called before the call is booked; a second time changes nothing. */
  drop(hold: Hold): void {
    const own = hold as OwnHold;
    if (!own.isLive) return;
    this.#holdAll(own, -1);
    own.isLive = false;
  }

  // ---- history -----------------------------------------------------------------------------------------------------

  /** Books a settled attempt; returns what it is charged beyond the allowances and by rates. */
  book(record: UsageRecord): Booked {
    const { numberClass, direction = 'out' } = record;
    const table = this.terms.table(numberClass, direction);
    const costMicros = record.costMicros ?? this.#costOf(table, record);
    const billedSeconds = this.#count(table, record, costMicros, Number.NEGATIVE_INFINITY);
    return { billedSeconds, cost: formatMoney(costMicros), costMicros };
  }

  /** Counts a record of history, whose cost is known; single days that ended before `sinceWallMs` do not matter any more. */
  recount(record: UsageRecord & { readonly costMicros: Micros }, sinceWallMs: number): void {
    this.#count(
      this.terms.table(record.numberClass, record.direction ?? 'out'),
      record,
      record.costMicros,
      sinceWallMs,
    );
  }

  #count(table: ClassTable, record: UsageRecord, costMicros: Micros, sinceWallMs: number): number {
    const { answeredWallMs, durationMs, numberClass } = record;
    const beganWallMs = answeredWallMs ?? record.reservedWallMs;
    const time = answeredWallMs === null ? undefined : { numberClass, answeredWallMs, durationMs };
    for (const counter of table.counters) {
      if (beganWallMs < sinceWallMs && counter.days === undefined && counter.allowance.window.kind === 'day') continue;
      const { kind } = counter;
      if (kind === 'spend') {
        this.#counts.settle(counter, beganWallMs, costMicros, null);
        continue;
      }
      if (kind === 'time') {
        if (time === undefined) continue;
        this.#counts.settleTime(counter, time);
        continue;
      }
      const at = countedAt(counter, record);
      if (at !== null) this.#counts.settle(counter, at, 1, kind === 'callees' ? record.callee : null);
    }
    const billedSeconds = answeredWallMs === null ? 0 : chargedSeconds(durationMs, this.terms.rounding);
    this.#countDay(answeredWallMs, billedSeconds);
    return billedSeconds;
  }

  /** Corrects an allowance's use in the window of an instant; returns that use, or undefined for an unknown allowance. */
  adjust(allowanceId: string, amount: number, wallMs: number): number | undefined {
    const counter = this.terms.counters.find(({ allowance: { id } }) => id === allowanceId);
    return counter && this.#counts.adjust(counter, wallMs, amount);
  }

  // ---- messages ----------------------------------------------------------------------------------------------------

  /** Whether messages may be sent, and what they would cost. */
  fitMessage(request: MessageRequest): MessageFit {
    const { kind, numberClass, wallMs, count = 1 } = request;
    const { plan } = this.terms;
    if (plan !== undefined && !plan.classes.includes(numberClass)) return NOT_COVERED;
    const table = this.terms.messageTable(numberClass, kind);
    const costMicros = request.costMicros ?? this.#costOfMessages(table, request);
    if (costMicros === undefined) return NOT_COVERED;
    for (const counter of table.limits) {
      const needed = counter.kind === 'spend' ? Math.max(1, costMicros) : count;
      const { id: allowanceId } = counter.allowance;
      if (counter.isForbidding && this.#counts.room(counter, wallMs) < needed) {
        return { ok: false, reason: 'quota-exhausted', allowanceId };
      }
      if (this.#counts.pacedRoom(counter, wallMs) < needed) return { ok: false, reason: 'paced', allowanceId };
    }
    return { ok: true, costMicros };
  }

  /** Books messages that were sent. */
  bookMessage(request: MessageRequest): Omit<Booked, 'billedSeconds'> {
    const { kind, numberClass, wallMs, count = 1 } = request;
    const table = this.terms.messageTable(numberClass, kind);
    const costMicros = request.costMicros ?? this.#costOfMessages(table, request) ?? 0;
    for (const counter of table.counters) {
      this.#counts.settle(counter, wallMs, counter.kind === 'spend' ? costMicros : count, null);
    }
    return { cost: formatMoney(costMicros), costMicros };
  }

  // ---- what fits ---------------------------------------------------------------------------------------------------

  #fit(request: FitRequest, besides: OwnHold | undefined): FitResult {
    const { maxCallSeconds, minCallSeconds } = this.terms;
    if (request.numberClass === 'emergency') return { ok: true, maxCallSeconds };
    const table = this.terms.table(request.numberClass, request.direction ?? 'out');
    if (!table.isCovered) return NOT_COVERED;
    let longest = maxCallSeconds;
    for (const counter of table.limits) {
      const fitting = this.#fitting(counter, table, request, longest, besides);
      if (fitting < minCallSeconds) return { ok: false, reason: reasonOf(fitting), allowanceId: counter.allowance.id };
      if (fitting < longest) longest = fitting;
    }
    // A second is left for the BYE to arrive.
    return { ok: true, maxCallSeconds: longest - 1 };
  }

  /**
   * The longest call by one counter, at most `most` seconds; below nought: why none. A call that is to begin needs a
   * shortest call's worth in the present window; one that has begun may live on the next one's.
   */
  #fitting(
    counter: Counter,
    table: ClassTable,
    request: FitRequest,
    most: number,
    besides: OwnHold | undefined,
  ): number {
    const { wallMs, callee } = request;
    const counts = this.#counts;
    switch (counter.kind) {
      case 'time': {
        if (unitsOf(counter, table.numberClass) === 0) return most;
        if (besides === undefined) {
          if (counter.isForbidding) {
            const room = counts.room(counter, wallMs);
            const longest = counts.longestFor(counter, table.numberClass, room);
            if (longest < this.terms.minCallSeconds) return room <= 0 ? EXHAUSTED : longest;
          }
          if (counter.pacing !== undefined && this.#isPacedOut(counter, table, request)) return PACED;
        }
        if (!counter.isForbidding) return most;
        const fitting = counts.longestFitting(counter, table.numberClass, wallMs, most);
        return fitting <= 0 && counts.room(counter, wallMs) <= 0 ? EXHAUSTED : fitting;
      }
      case 'spend': {
        const room = counts.room(counter, wallMs);
        if (counter.isForbidding && room <= 0) return EXHAUSTED;
        if (besides === undefined) {
          if (counter.isForbidding && this.#neededBy(counter, table, request) > room) return 0;
          if (counter.pacing !== undefined && this.#isPacedOut(counter, table, request)) return PACED;
        }
        return counter.isForbidding ? this.#longestPaid(request, room, most) : most;
      }
      default: {
        // An attempt that has left counts where it was reserved.
        const at = besides !== undefined && counter.allowance.countsOn === 'attempt' ? besides.reservedWallMs : wallMs;
        if (counter.kind === 'callees' && counts.hasCallee(counter, at, callee)) return most;
        if (counter.isForbidding && counts.room(counter, at) < 1) return EXHAUSTED;
        if (besides === undefined && counter.pacing !== undefined && counts.pacedRoom(counter, at) < 1) return PACED;
        return most;
      }
    }
  }

  /** Whether what pacing gives out now is less than a shortest call takes. */
  #isPacedOut(counter: Counter, table: ClassTable, request: FitRequest): boolean {
    return this.#counts.pacedRoom(counter, request.wallMs) < this.#neededBy(counter, table, request);
  }

  /** What a shortest call counts. */
  #neededBy(counter: Counter, table: ClassTable, request: FitRequest): number {
    const { minCallSeconds } = this.terms;
    if (counter.kind === 'spend') return Math.max(1, this.#priceOf(request, minCallSeconds * 1000, 'whole'));
    if (counter.kind !== 'time') return 1;
    const steps = Math.ceil(chargedSeconds(minCallSeconds * 1000, counter.rounding) / counter.stepSeconds);
    return steps * unitsOf(counter, table.numberClass);
  }

  /** When a refusal by a counter may end by itself. */
  #opensAt(counter: Counter, table: ClassTable, request: FitRequest, fitting: number): number {
    const { wallMs } = request;
    const counts = this.#counts;
    const isSpend = counter.kind === 'spend';
    if (fitting === EXHAUSTED) {
      return counts.opensAt(counter, wallMs, isSpend ? 1 : this.#neededBy(counter, table, request));
    }
    // What a call costs may fall when the window of what it is beyond turns.
    const cheaperAt = isSpend
      ? Math.min(...table.chargers.map((charger) => counts.fallsAt(charger, wallMs)))
      : Number.POSITIVE_INFINITY;
    if (fitting === PACED) return Math.min(cheaperAt, counts.pacingTurnsAt(counter, wallMs));
    if (isSpend) return Math.min(cheaperAt, counts.fallsAt(counter, wallMs));
    return counts.opensAt(counter, wallMs, this.#neededBy(counter, table, request));
  }

  /** The longest call, at most `most` seconds, of which every shorter one costs at most `room`. */
  #longestPaid(request: FitRequest, room: Micros, most: number): number {
    const carrier = request.carrier ?? this.#ownCarrier;
    if (carrier === undefined) return most;
    const { numberClass, direction = 'out', wallMs } = request;
    const table = carrier.terms.table(numberClass, direction);
    if (table.chargers.length === 0 && table.rate === undefined) return most;
    // Over an edge a call may become cheaper; between edges only dearer.
    let fits = 0;
    for (const edgeMs of carrier.#edges(table, wallMs, most)) {
      let tooLong = Math.floor(edgeMs / 1000) + 1;
      if (this.#priceOf(request, edgeMs, 'split') <= room) {
        fits = tooLong - 1;
        continue;
      }
      while (tooLong - fits > 1) {
        const middle = Math.floor((fits + tooLong) / 2);
        if (this.#priceOf(request, middle * 1000, 'split') <= room) fits = middle;
        else tooLong = middle;
      }
      return fits;
    }
    return most;
  }

  /** What an answered call would cost by the plan that carries it; 0 while that is not known. */
  #priceOf(
    { callee, numberClass, direction = 'out', wallMs, carrier }: FitRequest,
    durationMs: number,
    windowEdge: 'split' | 'whole',
  ): Micros {
    const book = carrier ?? this.#ownCarrier;
    if (book === undefined) return 0;
    const call = { callee, numberClass, reservedWallMs: wallMs, answeredWallMs: wallMs, durationMs };
    return book.#costOf(book.terms.table(numberClass, direction), call, windowEdge);
  }

  /** Lengths of a call at which one of its charges reaches another window, and the longest call, in milliseconds. */
  #edges(table: ClassTable, wallMs: number, mostSeconds: number): number[] {
    const edges = table.chargers
      .filter(({ kind }) => kind === 'time')
      .flatMap((counter) => this.#counts.edges(counter, wallMs, mostSeconds));
    return [...edges.sort((a, b) => a - b), mostSeconds * 1000];
  }

  // ---- what it costs -----------------------------------------------------------------------------------------------

  /** Beyond two allowances of time at once the dearer one's rate applies; so for calls, and for callees. */
  #costOf(table: ClassTable, call: UsageRecord, windowEdge: 'split' | 'whole' = 'split'): Micros {
    let time = 0;
    let calls = 0;
    let callees = 0;
    const { numberClass, answeredWallMs, durationMs } = call;
    const answered = answeredWallMs === null ? undefined : { numberClass, answeredWallMs, durationMs };
    for (const counter of table.chargers) {
      const at = countedAt(counter, call);
      if (counter.kind === 'time') {
        if (answered === undefined) continue;
        const beyond =
          windowEdge === 'split'
            ? this.#counts.beyondCostOfTime(counter, answered)
            : this.#counts.beyondCostOfWhole(counter, answered);
        time = Math.max(time, beyond);
      } else if (at === null) continue;
      else if (counter.kind === 'calls') calls = Math.max(calls, this.#counts.beyondCost(counter, at, 1));
      else if (counter.kind === 'callees' && !this.#counts.isSettledCallee(counter, at, call.callee))
        callees = Math.max(callees, this.#counts.beyondCost(counter, at, 1));
    }
    if (table.rate !== undefined && answeredWallMs !== null) {
      const { micros, stepSeconds } = table.rate;
      time = Math.max(time, micros * Math.ceil(chargedSeconds(durationMs, this.terms.rounding) / stepSeconds));
    }
    return Math.min(time + calls + callees, Number.MAX_SAFE_INTEGER);
  }

  #costOfMessages(table: ClassTable, { kind, wallMs, count = 1 }: MessageRequest): Micros | undefined {
    if (!table.counters.some((counter) => counter.kind === kind)) {
      const each = this.terms.messageMicros(kind);
      return each === undefined ? undefined : each * count;
    }
    return table.chargers.reduce((cost, counter) => Math.max(cost, this.#counts.beyondCost(counter, wallMs, count)), 0);
  }

  get #ownCarrier(): UsageBook | undefined {
    return this.terms.plan === undefined ? undefined : this;
  }

  // ---- what is held ------------------------------------------------------------------------------------------------

  #holdAll(hold: OwnHold, times: 1 | -1): void {
    const table = this.terms.table(hold.numberClass, hold.direction);
    const fromWallMs = hold.answeredWallMs ?? hold.reservedWallMs;
    const isTimed = hold.answeredWallMs !== null || hold.coveredUntilWallMs !== null;
    const durationMs = Math.max(0, (hold.coveredUntilWallMs ?? fromWallMs) - fromWallMs);
    if (isTimed && times === 1 && table.hasSpend) hold.costMicros = hold.carrier?.priceOf(hold, durationMs) ?? 0;
    for (const counter of table.counters) {
      const { kind } = counter;
      if (kind === 'time') {
        if (!isTimed) continue;
        const call = { numberClass: hold.numberClass, answeredWallMs: fromWallMs, durationMs };
        this.#counts.holdTime(counter, call, times);
      } else if (kind === 'spend') this.#counts.hold(counter, fromWallMs, hold.costMicros, null, times);
      else {
        const at = counter.allowance.countsOn === 'attempt' ? hold.reservedWallMs : fromWallMs;
        this.#counts.hold(counter, at, 1, kind === 'callees' ? hold.callee : null, times);
      }
    }
  }

  /** What a live call costs by this plan if it ends after so long. */
  priceOf(hold: Hold, durationMs: number): Micros {
    const answeredWallMs = hold.answeredWallMs ?? hold.reservedWallMs;
    const { callee, numberClass, direction, reservedWallMs } = hold;
    const call = { callee, numberClass, reservedWallMs, answeredWallMs, durationMs };
    return this.#costOf(this.terms.table(numberClass, direction), call);
  }

  #countDay(answeredWallMs: number | null, billedSeconds: number): void {
    if (answeredWallMs === null) return;
    const { startWallMs } = this.terms.day.at(answeredWallMs);
    if (startWallMs < this.#day.startWallMs) return;
    if (startWallMs > this.#day.startWallMs) this.#day = { startWallMs, seconds: 0, calls: 0 };
    this.#day.seconds += billedSeconds;
    this.#day.calls += 1;
  }
}

/** When a call or its callee counts; null when it does not. */
function countedAt(
  { allowance: { countsOn } }: Counter,
  { reservedWallMs, answeredWallMs }: { readonly reservedWallMs: number; readonly answeredWallMs: number | null },
): number | null {
  return countsOn === 'attempt' ? reservedWallMs : answeredWallMs;
}

function reasonOf(fitting: number): FitRefusal {
  if (fitting === PACED) return 'paced';
  return fitting === EXHAUSTED ? 'quota-exhausted' : 'too-few-seconds';
}
