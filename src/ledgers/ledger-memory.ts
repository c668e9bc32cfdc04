// The state that a journalled ledger decides by: channels, live reservations, usage of SIMs and payers, affinity, attempts.
// Synchronous and complete in itself; what must be written down, and when, is the ledger's business.
import type { Clock } from '../lib/clock.js';
import { TypedEmitter } from '../lib/typed-events.js';
import type { NumberClass } from '../numbers/number-class.js';
import type {
  Adjustment,
  AdjustResult,
  AllowanceUsage,
  Charge,
  Grant,
  LastCall,
  PayersFit,
  PayersQuestion,
  ReserveRefusal,
  ReserveRequest,
} from '../quota/ledger.js';
import type { ChannelState, LedgerView, LedgerViewEvents } from '../quota/ledger-view.js';
import type { Micros } from '../quota/money.js';
import type {
  FitRequest,
  FitResult,
  Hold,
  MessageFit,
  MessageLoad,
  MessageRequest,
  QuotaStanding,
} from '../quota/usage.js';
import type { UsageBook } from '../quota/usage-book.js';
import { ATTEMPTS_KEPT_MS, CalleeMemory } from './callee-memory.js';
import { type Channel, type ChannelSettings, ChannelStates } from './channel-states.js';
import { type HolderTerms, HolderUsage, SIM } from './holder-usage.js';
import { LastCallers } from './last-callers.js';
import type { HistoryReader, HistoryRecord } from './ledger-history.js';
import type { ReservationRow, SettlementRecord } from './ledger-tables.js';
import { type Live, messageRequestOf } from './live-reservation.js';
import { ANY_LENGTH, NO_HOLDS } from './payer-books.js';
import type { TermsChange } from './terms-change.js';

export interface LedgerSettings extends HolderTerms {
  readonly channels: readonly ChannelSettings[];
}

/** A live reservation of the journal, or of another node. */
type RestorableRow = Omit<ReservationRow, 'renewedWallMs'>;

/** What is remembered of a reservation, or of its record in history. */
type Remembered = Pick<HistoryRecord, 'callee' | 'simId' | 'direction' | 'trunk' | 'payers' | 'message'>;

export type Reserved =
  | { readonly ok: true; readonly live: Live; readonly maxCallSeconds: number }
  | { readonly ok: false; readonly reason: ReserveRefusal; readonly allowanceId?: string; readonly payer?: string };

export const NO_GRANT: Grant = { maxCallSeconds: 0, isFinal: true };

export class LedgerMemory implements LedgerView, HistoryReader {
  readonly events: TypedEmitter<LedgerViewEvents>;
  readonly live = new Map<string, Live>();
  readonly #clock: Clock;
  readonly #channels: ChannelStates;
  readonly #usage: HolderUsage;
  readonly #callees = new CalleeMemory();
  readonly #lastCallers = new LastCallers();
  readonly #sliceMs: number;
  #sequence = 0;

  constructor(settings: LedgerSettings, clock: Clock, onListenerError: (error: unknown, event: string) => void) {
    this.#clock = clock;
    this.#sliceMs = settings.sliceSeconds * 1000;
    this.events = new TypedEmitter(onListenerError);
    this.#usage = new HolderUsage(settings, clock);
    this.#channels = new ChannelStates(clock, (channelId, state) =>
      this.events.emit('channel:changed', channelId, state),
    );
    this.#channels.keep(settings.channels, this.#usage.books);
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  channelState(channelId: string): ChannelState | undefined {
    return this.#channels.get(channelId)?.state;
  }

  fit(simId: string, request: FitRequest): FitResult {
    return this.#usage.bookOf(simId)?.fit(request) ?? { ok: false, reason: 'class-not-covered' };
  }

  standing(simId: string, numberClass: NumberClass, wallMs: number): QuotaStanding {
    const book = this.#usage.bookOf(simId);
    return book?.standing(numberClass, wallMs) ?? { changesAtWallMs: Number.POSITIVE_INFINITY };
  }

  fitMessage(simId: string, request: MessageRequest): MessageFit {
    return this.#usage.bookOf(simId)?.fitMessage(request) ?? { ok: false, reason: 'class-not-covered' };
  }

  messageChangesAt(simId: string, request: MessageRequest): number {
    return this.#usage.bookOf(simId)?.messageChangesAt(request) ?? Number.POSITIVE_INFINITY;
  }

  messagesToday(simId: string, wallMs: number): number {
    return this.#usage.bookOf(simId)?.messagesToday(wallMs) ?? 0;
  }

  quote(simId: string, numberClass: NumberClass, wallMs: number, seconds: number): Micros {
    return this.#usage.bookOf(simId)?.quote(numberClass, wallMs, seconds) ?? 0;
  }

  today(simId: string, wallMs: number): { readonly seconds: number; readonly calls: number } {
    return this.#usage.bookOf(simId)?.today(wallMs) ?? { seconds: 0, calls: 0 };
  }

  simsOf(callee: string): readonly string[] {
    return this.#callees.simsOf(callee);
  }

  attemptsTo(callee: string, sinceWallMs: number): number {
    return this.#callees.attemptsTo(callee, sinceWallMs);
  }

  lastCallTo(callee: string, sinceWallMs: number): LastCall | undefined {
    return this.#lastCallers.find(callee, sinceWallMs);
  }

  fitPayers(payers: readonly string[], question: PayersQuestion): PayersFit {
    return this.#usage.fitPayers(payers, question);
  }

  usageOfPayer(payer: string, wallMs: number): readonly AllowanceUsage[] | undefined {
    return this.#usage.ofPayer(payer, wallMs);
  }

  /** Of a SIM (as `sim:ID`), or of a payer. */
  usageOfHolder(holder: string, wallMs: number): readonly AllowanceUsage[] | undefined {
    return this.#usage.ofHolder(holder, wallMs);
  }

  /** Usage of every SIM (as `sim:ID`) and of every payer of which something is counted. */
  usages(wallMs: number): Iterable<readonly [holder: string, allowances: readonly AllowanceUsage[]]> {
    return this.#usage.all(wallMs);
  }

  bookOf(simId: string): UsageBook | undefined {
    return this.#usage.bookOf(simId);
  }

  /** Place in history of what was booked last. */
  get sequence(): number {
    return this.#sequence;
  }

  // ---- reservations ------------------------------------------------------------------------------------------------

  /** The one atomic step: checks channel, quota and caps, and takes of all. */
  reserve(request: ReserveRequest): Reserved {
    const channel = this.#channels.of(request);
    const book = channel?.book;
    if (channel === undefined || book === undefined || channel.simId !== request.simId) {
      return { ok: false, reason: 'unknown-channel' };
    }
    // An emergency call waits for no gap, nor for a call of its SIM elsewhere: a resting channel is idle to it. A call from a mobile is
    // there already.
    const isOut = request.direction === 'out';
    const resting = channel.state === 'resting' && request.numberClass !== 'emergency' && isOut;
    if (channel.state === 'busy' || this.live.has(request.reservationId)) return { ok: false, reason: 'channel-busy' };
    if (resting) return { ok: false, reason: 'channel-resting' };
    if (request.message !== undefined) return this.#reserveMessage(request, request.message, channel, book);
    const isUnknown = this.#callees.isUnknownTo(request.callee, request.simId);
    const fit = book.fit(request, undefined, isUnknown);
    if (!fit.ok) return fit;
    let { maxCallSeconds } = fit;
    const payersFit = this.#usage.payers.fit(request.payers, request, book);
    if (!payersFit.ok) return payersFit;
    const payerHolds =
      payersFit === ANY_LENGTH ? NO_HOLDS : this.#usage.payers.hold(request, payersFit.maxCallSeconds, book);
    const heldUntilWallMs = payerHolds[0]?.hold.coveredUntilWallMs ?? null;
    if (heldUntilWallMs !== null) {
      maxCallSeconds = Math.min(maxCallSeconds, (heldUntilWallMs - request.wallMs) / 1000 - 1);
    }
    if (isOut) this.#callees.try(request.callee, request.callId, request.wallMs);
    const hold = book.hold(request, null, isUnknown);
    const live = { request, book, hold, payerHolds, tried: isOut, settled: false };
    this.live.set(request.reservationId, live);
    this.#channels.enter(channel, 'busy');
    return { ok: true, live, maxCallSeconds };
  }

  /** The channel is free: checks the SIM's and the payers' allowances of messages, and takes of all. */
  #reserveMessage(request: ReserveRequest, message: MessageLoad, channel: Channel, book: UsageBook): Reserved {
    const asked = messageRequestOf(request, message);
    const fit = book.fitMessage(asked);
    if (!fit.ok) return fit;
    const payersFit = this.#usage.payers.fitMessage(request.payers, { ...asked, costMicros: fit.costMicros });
    if (!payersFit.ok) return payersFit;
    const live = this.#holdMessage(request, message, book);
    this.#channels.enter(channel, 'busy');
    return { ok: true, live, maxCallSeconds: 0 };
  }

  #holdMessage(request: ReserveRequest, message: MessageLoad, book: UsageBook): Live {
    const asked = messageRequestOf(request, message);
    const costMicros = book.quoteMessage(asked);
    const live = {
      request,
      book,
      hold: book.holdMessage(asked),
      payerHolds: this.#usage.payers.holdMessage(request.payers, { ...asked, costMicros }),
      // A message is no attempt to call.
      tried: false,
      settled: false,
    };
    this.live.set(request.reservationId, live);
    return live;
  }

  /** Undoes a reservation of which no effect has left the process: no gap, no trace. */
  undo(live: Live): void {
    this.forgetTry(live);
    this.#forget(live);
    const channel = this.#channels.of(live.request);
    if (channel !== undefined) this.#channels.enter(channel, 'idle');
  }

  /** The call was answered: holds its first slice from there. */
  confirm(live: Live, answeredWallMs: number): Grant {
    const grant = this.#extend(live, answeredWallMs, answeredWallMs + this.#sliceMs);
    this.events.emit('usage:changed', live.request.simId);
    return grant;
  }

  /** Moves what an answered call holds on to an instant, as far as its SIM and its payers reach; never back. */
  extend(live: Live, wishedUntilWallMs: number): Grant {
    const { answeredWallMs } = live.hold;
    return answeredWallMs === null ? NO_GRANT : this.#extend(live, answeredWallMs, wishedUntilWallMs);
  }

  #extend({ request, book, hold, payerHolds }: Live, answeredWallMs: number, wishedUntilWallMs: number): Grant {
    const untilWallMs = Math.max(wishedUntilWallMs, hold.coveredUntilWallMs ?? 0);
    const question = { ...request, wallMs: answeredWallMs };
    const fit = book?.fit(question, hold);
    const bySim = fit?.ok ? fit.maxCallSeconds : 0;
    const byPayers = this.#usage.payers.extend(payerHolds, { ...request, carrier: book }, answeredWallMs, untilWallMs);
    // What is held was granted: a correction takes nothing of it back.
    const heldSeconds = Math.ceil(heldMsOf(hold) / 1000);
    const maxCallSeconds = Math.max(Math.min(bySim, byPayers.heldSeconds - 1), heldSeconds - 1);
    const grantedUntilWallMs = answeredWallMs + (maxCallSeconds + 1) * 1000;
    book?.cover(hold, answeredWallMs, Math.max(answeredWallMs, Math.min(untilWallMs, grantedUntilWallMs)));
    const isBySim = bySim <= byPayers.heldSeconds - 1;
    if (!isBySim && !byPayers.isFinal) return { maxCallSeconds, isFinal: false };
    const limit = isBySim
      ? { holder: `sim:${request.simId}`, allowanceId: book?.boundBy(question, hold) ?? null }
      : byPayers.limit;
    return { maxCallSeconds: Math.max(0, maxCallSeconds), isFinal: true, ...(limit !== null && { limit }) };
  }

  /** Holds for an answered call what its owner, elsewhere, says that it holds. */
  cover({ book, hold, payerHolds }: Live, answeredWallMs: number, coveredUntilWallMs: number): void {
    book?.cover(hold, answeredWallMs, coveredUntilWallMs);
    for (const payerHold of payerHolds) payerHold.book.cover(payerHold.hold, answeredWallMs, coveredUntilWallMs);
  }

  /** Books the attempt and drops what it held; the channel stays busy. */
  charge(live: Live, answeredWallMs: number | null, durationMs: number, estimated: boolean): Charge {
    this.drop(live);
    return this.#book(live, answeredWallMs, durationMs, estimated);
  }

  /** Books one more answer of an attempt as a call that ended at once; what the attempt holds is no more than is left. */
  chargeFurther(further: Live, answeredWallMs: number): Charge {
    const charge = this.#book(further, answeredWallMs, 0, false);
    const { request, book, hold, payerHolds } = further;
    const { answeredWallMs: sinceWallMs } = hold;
    if (sinceWallMs === null || further.settled) return charge;
    const byPayers = this.#usage.payers.takeBack(payerHolds, { ...request, carrier: book }, sinceWallMs);
    const fit = book?.fit({ ...request, wallMs: sinceWallMs }, hold);
    const leftMs = Math.min(byPayers, fit?.ok ? fit.maxCallSeconds + 1 : 0) * 1000;
    if (leftMs < heldMsOf(hold)) book?.cover(hold, sinceWallMs, sinceWallMs + leftMs);
    return charge;
  }

  #book(live: Live, answeredWallMs: number | null, durationMs: number, estimated: boolean): Charge {
    const { request } = live;
    const booked = this.#usage.settle(live, answeredWallMs, durationMs);
    this.#sequence += 1;
    this.#remember(request, answeredWallMs !== null || request.message !== undefined, request.wallMs);
    const charge: Charge = {
      reservationId: request.reservationId,
      simId: request.simId,
      billedSeconds: booked.billedSeconds,
      cost: booked.cost,
      currency: live.book?.terms.terms.currency ?? '',
      estimated,
    };
    this.events.emit('usage:changed', request.simId);
    return charge;
  }

  /** A settlement of now, with the place in history that `charge` has just given it. */
  recordOf(live: Live, answeredWallMs: number | null, durationMs: number, charge: Charge): SettlementRecord {
    const settledWallMs = this.#clock.wallMs();
    return { sequence: this.#sequence, request: live.request, answeredWallMs, durationMs, charge, settledWallMs };
  }

  /** Corrects usage, as a new entry of history. */
  adjust(adjustment: Adjustment): AdjustResult {
    const used = this.#usage.adjust(adjustment);
    if (used === 'holder') return { ok: false, reason: 'unknown-holder' };
    if (used === 'allowance') return { ok: false, reason: 'unknown-allowance' };
    this.#sequence += 1;
    this.#adjustFormer(adjustment);
    if (adjustment.holder.startsWith(SIM)) this.events.emit('usage:changed', adjustment.holder.slice(SIM.length));
    return { ok: true, used };
  }

  /** Drops what a reservation held of its SIM and its payers. */
  drop(live: Live): void {
    live.book?.drop(live.hold);
    this.#usage.payers.drop(live.payerHolds);
  }

  /** No INVITE of this attempt left: it does not count as one. */
  forgetTry(live: Live): void {
    if (!live.tried) return;
    live.tried = false;
    this.#callees.untry(live.request.callee, live.request.callId);
  }

  /** Frees the channel for its gap. */
  finish(live: Live): void {
    this.#forget(live);
    const channel = this.#channels.of(live.request);
    if (channel !== undefined) this.#channels.free(channel);
  }

  /** Takes a channel for a reservation that is still being asked for elsewhere, or takes that back. */
  mark(channelId: string, state: 'busy' | 'idle'): void {
    const channel = this.#channels.get(channelId);
    if (channel !== undefined) this.#channels.enter(channel, state);
  }

  gapMsOf(channelId: string): number {
    return this.#channels.get(channelId)?.gapMs ?? 0;
  }

  // ---- other terms ---------------------------------------------------------------------------------------------------

  /** Terms, SIMs and channels that are to take the place of these: made ready while calls go on, then taken or given up. */
  change(settings: LedgerSettings): TermsChange {
    return this.#usage.change(settings, this.#sequence, (callee, simId) => this.#callees.counted(callee, simId));
  }

  giveUp(change: TermsChange): void {
    this.#usage.giveUp(change);
  }

  /** From now on the changed terms hold for what is reserved; live calls keep those that they began with. */
  take(change: TermsChange): void {
    this.#usage.take(change, [...this.live.values()]);
    this.#channels.keep(change.channels, this.#usage.books);
    // Another node may have calls on channels that are new to this one.
    for (const { request } of this.live.values()) {
      const channel = this.#channels.of(request);
      if (channel !== undefined) this.#channels.enter(channel, 'busy');
    }
    this.#channels.reconsider([...this.live.values()].map(({ request }) => request));
  }

  // ---- loading -----------------------------------------------------------------------------------------------------

  settled(record: HistoryRecord): void {
    const { callee, callId, direction, reservedWallMs, answeredWallMs, message } = record;
    const nowWallMs = this.#clock.wallMs();
    this.#usage.recount(record, nowWallMs);
    const isTried = direction === 'out' && message === undefined;
    if (isTried && reservedWallMs >= nowWallMs - ATTEMPTS_KEPT_MS) this.#callees.try(callee, callId, reservedWallMs);
    this.#remember(record, answeredWallMs !== null || message !== undefined, reservedWallMs);
  }

  adjusted(adjustment: Adjustment): void {
    this.#usage.readjust(adjustment);
    this.#adjustFormer(adjustment);
  }

  /** Goes on where history ends. */
  continueAfter(sequence: number): void {
    this.#sequence = sequence;
  }

  restoreReservation({ request, answeredWallMs, coveredUntilWallMs, settled }: RestorableRow): void {
    const { callee, callId, numberClass, wallMs } = request;
    const { direction, message } = request;
    this.#channels.found(request);
    const book = this.#usage.bookOf(request.simId);
    const channel = this.#channels.get(request.channelId);
    if (message !== undefined && book !== undefined && !settled) {
      this.#holdMessage(request, message, book);
      if (channel !== undefined) this.#channels.enter(channel, 'busy');
      return;
    }
    const hold: Hold =
      settled || book === undefined
        ? { callee, numberClass, direction, reservedWallMs: wallMs, answeredWallMs, coveredUntilWallMs }
        : book.hold(request);
    if (!settled && answeredWallMs !== null) book?.cover(hold, answeredWallMs, coveredUntilWallMs ?? answeredWallMs);
    const tried = !settled && direction === 'out';
    if (tried) this.#callees.try(callee, callId, wallMs);
    this.live.set(request.reservationId, {
      request,
      book,
      hold,
      payerHolds: settled ? [] : this.#usage.payers.restoreHold(request, answeredWallMs, coveredUntilWallMs, book),
      tried,
      settled,
    });
    if (channel !== undefined) this.#channels.enter(channel, 'busy');
  }

  restoreRest(channelId: string, untilWallMs: number): void {
    const channel = this.#channels.get(channelId);
    if (channel === undefined || channel.state === 'busy') return;
    // Wall time may have jumped while we were down: never longer than the gap.
    const restMs = Math.min(channel.gapMs, untilWallMs - this.#clock.wallMs());
    if (restMs > 0) this.#channels.rest(channel, restMs);
  }

  close(): void {
    this.#channels.close();
  }

  /** A live call of the SIM is granted and charged by the book that it began with: that hears of it, too. */
  #adjustFormer({ holder, allowanceId, amount, wallMs }: Adjustment): void {
    if (!holder.startsWith(SIM)) return;
    const simId = holder.slice(SIM.length);
    const former = new Set<UsageBook>();
    for (const { request, book, settled } of this.live.values()) {
      if (book !== undefined && request.simId === simId && !settled) former.add(book);
    }
    const current = this.#usage.bookOf(simId);
    for (const book of former) if (book !== current) book.adjust(allowanceId, amount, wallMs);
  }

  #forget(live: Live): void {
    this.drop(live);
    this.live.delete(live.request.reservationId);
    this.#channels.over(live.request);
  }

  /** Which SIMs know a callee, so that it passes their full allowances of callees; and who called it last. */
  #remember(remembered: Remembered, answered: boolean, reservedWallMs: number): void {
    const { callee, simId, direction, trunk, payers, message } = remembered;
    // Nobody calls back for a message.
    if (direction === 'out' && message === undefined) this.#lastCallers.note(callee, trunk, payers, reservedWallMs);
    if (answered) this.#callees.talked(callee, simId);
    else if (this.#usage.bookOf(simId)?.terms.countsCalleesOnAttempt) this.#callees.counted(callee, simId);
  }
}

/** For how long from its answer an answered call holds of its SIM. */
function heldMsOf({ answeredWallMs, coveredUntilWallMs }: Hold): number {
  return answeredWallMs === null || coveredUntilWallMs === null ? 0 : coveredUntilWallMs - answeredWallMs;
}
