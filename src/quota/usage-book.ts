// What one SIM has used of its plan, or one payer of its caps: what its live calls hold, and what still fits. Pure memory;
// no clock. Everything counted comes from settled records and adjustments, so it can be recomputed from history.
import type { NumberClass } from '../numbers/number-class.js';
import { CallPrice } from './call-price.js';
import { Fitting, reasonOf } from './fitting.js';
import type { AllowanceUsage } from './ledger.js';
import { formatMoney, type Micros } from './money.js';
import type { Direction } from './plan.js';
import { chargedSeconds } from './rounding.js';
import type {
  Booked,
  Carrier,
  FitRequest,
  FitResult,
  Hold,
  MessageFit,
  MessageLoad,
  MessageRequest,
  QuotaStanding,
  UsageRecord,
} from './usage.js';
import { UsageCounts } from './usage-counts.js';
import { type ClassTable, countedAt, type UsageTerms } from './usage-terms.js';

interface NextHold {
  readonly book: UsageBook;
  readonly hold: Hold;
  /** Its terms came into force after the call had begun. */
  readonly isLater: boolean;
}

/** What fits by one of the books that hold a call. */
export interface HeldFit {
  readonly fit: FitResult;
  readonly book: UsageBook;
  readonly hold: Hold;
}

/** Keeps the request itself: a live call is remembered in as few pieces as can be, for there are many. */
class OwnHold implements Hold {
  readonly request: FitRequest;
  answeredWallMs: number | null = null;
  coveredUntilWallMs: number | null;
  readonly carrier: Carrier | undefined;
  /** Of a text message; null for a call. */
  readonly message: MessageLoad | null;
  costMicros: Micros = 0;
  isLive = true;
  /** The same call or message in another book of its payer or SIM. */
  next: NextHold | undefined = undefined;

  constructor(
    request: FitRequest,
    coveredUntilWallMs: number | null,
    carrier: Carrier | undefined,
    message: MessageLoad | null = null,
  ) {
    this.request = request;
    this.coveredUntilWallMs = coveredUntilWallMs;
    this.carrier = carrier;
    this.message = message;
  }

  get callee(): string {
    return this.request.callee;
  }

  get numberClass(): NumberClass {
    return this.request.numberClass;
  }

  get direction(): Direction {
    return this.request.direction ?? 'out';
  }

  get reservedWallMs(): number {
    return this.request.wallMs;
  }
}

const NOT_COVERED = { ok: false, reason: 'class-not-covered' } as const;
/** Of a question about someone never called. */
const NOBODY = '';

export class UsageBook implements Carrier {
  readonly terms: UsageTerms;
  readonly #counts: UsageCounts;
  readonly #price: CallPrice;
  readonly #fitting: Fitting;
  readonly #ownCarrier: Carrier | undefined;
  #liveCalls = 0;
  #day: { startWallMs: number; seconds: number; calls: number } = { startWallMs: 0, seconds: 0, calls: 0 };
  #messagesOfDay = { startWallMs: 0, messages: 0 };

  constructor(terms: UsageTerms) {
    this.terms = terms;
    this.#counts = new UsageCounts(terms);
    this.#price = new CallPrice(terms, this.#counts);
    // Caps have no prices of their own.
    this.#ownCarrier = terms.plan === undefined ? undefined : this;
    this.#fitting = new Fitting(terms, this.#counts, this.#ownCarrier);
  }

  // ---- questions ---------------------------------------------------------------------------------------------------

  /**
   * Whether a call may begin, and the longest it may last from an answer at `wallMs`, less a second for the BYE; `besides`
   * is the call itself when it has begun already. `isUnknown`: nothing settled counts the callee, as the asker knows. Emergency
   * calls always fit.
   */
  fit(request: FitRequest, besides?: Hold, isUnknown = false): FitResult {
    const own = besides as OwnHold | undefined;
    if (own === undefined || !own.isLive) return this.#fit(request, own, isUnknown);
    this.#holdAll(own, -1);
    const result = this.#fit(request, own, isUnknown);
    this.#holdAll(own, 1);
    return result;
  }

  /**
   * What fits a live call by whichever terms leave it more: those that it began with, or those of now. So a lowered limit cuts no
   * call, and calls that began before and after never use more together than the larger one. Terms that came and went meanwhile are
   * not asked: when no call that began with them is left, nobody tells them what others use.
   */
  fitKindest(request: FitRequest, hold: Hold): HeldFit {
    const own = { fit: this.fit(request, hold), book: this, hold };
    let latest: NextHold | undefined;
    for (let { next } = hold as OwnHold; next !== undefined; next = (next.hold as OwnHold).next) {
      if (next.isLater) latest = next;
    }
    if (latest === undefined) return own;
    const fit = latest.book.fit(request, latest.hold);
    const isMore = fit.ok && (!own.fit.ok || fit.maxCallSeconds > own.fit.maxCallSeconds);
    return isMore ? { fit, book: latest.book, hold: latest.hold } : own;
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
      const fitting = this.#fitting.fitting(counter, table, request, longest, own, false);
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
      const fitting = this.#fitting.fitting(counter, table, request, this.terms.maxCallSeconds, undefined, true);
      if (fitting < this.terms.minCallSeconds) {
        const { id: allowanceId, counts } = counter.allowance;
        const refusal = { reason: reasonOf(fitting), allowanceId, counts };
        return { refusal, changesAtWallMs: this.#fitting.opensAt(counter, table, request, fitting) };
      }
      changesAtWallMs = Math.min(changesAtWallMs, this.#fitting.closesAt(counter, table, wallMs));
    }
    return { changesAtWallMs };
  }

  /** What an answered call of so many seconds to a new callee would cost now. */
  quote(numberClass: NumberClass, wallMs: number, seconds: number, direction: Direction = 'out'): Micros {
    const durationMs = seconds * 1000;
    const call = { callee: NOBODY, numberClass, direction, reservedWallMs: wallMs, answeredWallMs: wallMs, durationMs };
    return this.#price.of(call);
  }

  priceOf(call: UsageRecord, windowEdge: 'split' | 'whole' = 'split'): Micros {
    return this.#price.of(call, windowEdge);
  }

  priceEdges(call: FitRequest, mostSeconds: number): readonly number[] {
    return this.#price.edges(call, mostSeconds);
  }

  /** Answered calls and their billed seconds in the day (of the terms' zone) that holds `wallMs`. */
  today(wallMs: number): { readonly seconds: number; readonly calls: number } {
    const day = this.terms.day.at(wallMs);
    return day.startWallMs === this.#day.startWallMs ? this.#day : { seconds: 0, calls: 0 };
  }

  /** Whether no call is live in it, and nothing that was counted matters any more. */
  isIdle(wallMs: number): boolean {
    return this.#liveCalls === 0 && this.#counts.isOver(wallMs);
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

  /** Holds a reserved call, and its time up to `coveredUntilWallMs`; null: none before its answer. `isUnknown` as in `fit`. */
  hold(request: FitRequest, coveredUntilWallMs: number | null = null, isUnknown = false): Hold {
    const hold = new OwnHold(request, coveredUntilWallMs, request.carrier ?? this.#ownCarrier);
    this.#holdAll(hold, 1, isUnknown);
    this.#liveCalls += 1;
    return hold;
  }

  /** Moves on what a call holds: up to `coveredUntilWallMs`, from its answer if it was answered. */
  cover(hold: Hold, answeredWallMs: number | null, coveredUntilWallMs: number | null): void {
    const own = hold as OwnHold;
    if (own.isLive) this.#holdAll(own, -1);
    own.answeredWallMs = answeredWallMs;
    own.coveredUntilWallMs = coveredUntilWallMs;
    if (own.isLive) this.#holdAll(own, 1);
    own.next?.book.cover(own.next.hold, answeredWallMs, coveredUntilWallMs);
  }

  /**
   * Terms have changed: the call keeps this book, whose grants it goes by, and is held in the `next` one, too, from now on: one that
   * takes this one's place (`isLater`), or one whose place this has taken, and by which others still go.
   */
  holdInNext(hold: Hold, next: UsageBook, isLater = true): void {
    const own = hold as OwnHold;
    if (!own.isLive || next === this) return;
    if (own.next !== undefined) {
      own.next.book.holdInNext(own.next.hold, next, isLater);
      return;
    }
    const { callee, numberClass, direction, reservedWallMs: wallMs, carrier, message, costMicros } = own;
    if (message !== null) {
      const held = next.holdMessage({ ...message, callee, numberClass, wallMs, costMicros });
      own.next = { book: next, hold: held, isLater };
      return;
    }
    const ofOthers = carrier === this.#ownCarrier ? undefined : carrier;
    const held = next.hold({ callee, numberClass, direction, wallMs, carrier: ofOthers });
    own.next = { book: next, hold: held, isLater };
    next.cover(held, own.answeredWallMs, own.coveredUntilWallMs);
  }

  /** Whether something is held: not any more once it is dropped. */
  isHeld(hold: Hold): boolean {
    return (hold as OwnHold).isLive;
  }

  /** Holds nothing any more. To be called before the call is booked; a second time changes nothing, and is false. */
  drop(hold: Hold): boolean {
    const own = hold as OwnHold;
    if (!own.isLive) return false;
    this.#holdAll(own, -1);
    own.isLive = false;
    this.#liveCalls -= 1;
    own.next?.book.drop(own.next.hold);
    return true;
  }

  // ---- history -----------------------------------------------------------------------------------------------------

  /** Books a settled attempt; returns what it is charged beyond the allowances and by rates. */
  book(record: UsageRecord): Booked {
    const { numberClass, direction = 'out' } = record;
    const table = this.terms.table(numberClass, direction);
    const costMicros = record.costMicros ?? this.#price.of(record);
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
    if (numberClass === 'emergency') return { ok: true, costMicros: request.costMicros ?? this.quoteMessage(request) };
    const { plan } = this.terms;
    if (plan !== undefined && !plan.classes.includes(numberClass)) return NOT_COVERED;
    const table = this.terms.messageTable(numberClass, kind);
    const costMicros = request.costMicros ?? this.#price.ofMessages(request);
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

  /** Until when time alone changes nothing about that, nor about the messages of the day. */
  messageChangesAt({ kind, numberClass, wallMs }: MessageRequest): number {
    const counts = this.#counts;
    const { counters } = this.terms.messageTable(numberClass, kind);
    return counters.reduce(
      (at, counter) => Math.min(at, counts.fallsAt(counter, wallMs), counts.closesAt(counter, wallMs)),
      this.terms.day.at(wallMs).endWallMs,
    );
  }

  /** What messages would cost now; nothing where the plan does not send them. */
  quoteMessage(request: MessageRequest): Micros {
    return this.#price.ofMessages(request) ?? 0;
  }

  /** Messages sent in the day (of the terms' zone) that holds `wallMs`. */
  messagesToday(wallMs: number): number {
    const { startWallMs, messages } = this.#messagesOfDay;
    return this.terms.day.at(wallMs).startWallMs === startWallMs ? messages : 0;
  }

  /** Holds messages that are being sent, until they are booked or dropped. */
  holdMessage(request: MessageRequest): Hold {
    const { kind, count = 1, callee, numberClass, wallMs } = request;
    const hold = new OwnHold({ callee, numberClass, wallMs }, null, undefined, { kind, count });
    hold.costMicros = request.costMicros ?? this.quoteMessage(request);
    this.#holdAll(hold, 1);
    this.#liveCalls += 1;
    return hold;
  }

  /** Books messages that were sent. Of history, single days that ended before `sinceWallMs` do not matter any more. */
  bookMessage(request: MessageRequest, sinceWallMs = Number.NEGATIVE_INFINITY): Omit<Booked, 'billedSeconds'> {
    const { kind, numberClass, wallMs, count = 1 } = request;
    const table = this.terms.messageTable(numberClass, kind);
    const costMicros = request.costMicros ?? this.quoteMessage(request);
    for (const counter of table.counters) {
      if (wallMs < sinceWallMs && counter.days === undefined && counter.allowance.window.kind === 'day') continue;
      this.#counts.settle(counter, wallMs, counter.kind === 'spend' ? costMicros : count, null);
    }
    this.#countMessages(wallMs, count);
    return { cost: formatMoney(costMicros), costMicros };
  }

  // ---- what fits ---------------------------------------------------------------------------------------------------

  #fit(request: FitRequest, besides: OwnHold | undefined, isUnknown: boolean): FitResult {
    const { maxCallSeconds, minCallSeconds } = this.terms;
    if (request.numberClass === 'emergency') return { ok: true, maxCallSeconds };
    const table = this.terms.table(request.numberClass, request.direction ?? 'out');
    if (!table.isCovered) return NOT_COVERED;
    let longest = maxCallSeconds;
    for (const counter of table.limits) {
      const fitting = this.#fitting.fitting(counter, table, request, longest, besides, isUnknown);
      if (fitting < minCallSeconds) return { ok: false, reason: reasonOf(fitting), allowanceId: counter.allowance.id };
      if (fitting < longest) longest = fitting;
    }
    // A second is left for the BYE to arrive.
    return { ok: true, maxCallSeconds: longest - 1 };
  }

  // ---- what is held ------------------------------------------------------------------------------------------------

  #holdAll(hold: OwnHold, times: 1 | -1, isUnknown = false): void {
    if (hold.message !== null) {
      this.#holdMessage(hold, hold.message, times);
      return;
    }
    const table = this.terms.table(hold.numberClass, hold.direction);
    const fromWallMs = hold.answeredWallMs ?? hold.reservedWallMs;
    const isTimed = hold.answeredWallMs !== null || hold.coveredUntilWallMs !== null;
    const durationMs = Math.max(0, (hold.coveredUntilWallMs ?? fromWallMs) - fromWallMs);
    if (isTimed && times === 1 && table.hasSpend) {
      const { callee, numberClass, direction, reservedWallMs } = hold;
      const call = { callee, numberClass, direction, reservedWallMs, answeredWallMs: fromWallMs, durationMs };
      hold.costMicros = hold.carrier?.priceOf(call, 'split') ?? 0;
    }
    for (const counter of table.counters) {
      const { kind } = counter;
      if (kind === 'time') {
        if (!isTimed) continue;
        const call = { numberClass: hold.numberClass, answeredWallMs: fromWallMs, durationMs };
        this.#counts.holdTime(counter, call, times);
      } else if (kind === 'spend') this.#counts.hold(counter, fromWallMs, hold.costMicros, null, times);
      else {
        const at = counter.allowance.countsOn === 'attempt' ? hold.reservedWallMs : fromWallMs;
        this.#counts.hold(counter, at, 1, kind === 'callees' ? hold.callee : null, times, isUnknown);
      }
    }
  }

  #holdMessage(hold: OwnHold, { kind, count }: MessageLoad, times: 1 | -1): void {
    for (const counter of this.terms.messageTable(hold.numberClass, kind).counters) {
      const amount = counter.kind === 'spend' ? hold.costMicros : count;
      this.#counts.hold(counter, hold.reservedWallMs, amount, null, times);
    }
  }

  #countMessages(wallMs: number, count: number): void {
    const { startWallMs } = this.terms.day.at(wallMs);
    if (startWallMs < this.#messagesOfDay.startWallMs) return;
    if (startWallMs > this.#messagesOfDay.startWallMs) this.#messagesOfDay = { startWallMs, messages: 0 };
    this.#messagesOfDay.messages += count;
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
