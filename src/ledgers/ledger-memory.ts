// The state that a journalled ledger decides by: channels, live reservations, usage, affinity and spending.
// Synchronous and complete in itself; what must be written down, and when, is the ledger's business.
import type { Clock, ClockTimer } from '../lib/clock.js';
import { TypedEmitter } from '../lib/typed-events.js';
import type { Charge, ReserveRefusal, ReserveRequest } from '../quota/ledger.js';
import type { ChannelState, LedgerView, LedgerViewEvents } from '../quota/ledger-view.js';
import type { Plan } from '../quota/plan.js';
import { BY_THE_SECOND } from '../quota/plan-defaults.js';
import { chargedSeconds } from '../quota/rounding.js';
import { type FitRequest, type FitResult, type Hold, PlanClocks, SimUsageBook } from '../quota/sim-usage.js';
import { Spending } from '../quota/spending.js';
import { CalleeMemory } from './callee-memory.js';
import type { ReservationRow, SettlementRecord } from './ledger-tables.js';

export interface LedgerSettings {
  readonly plans: readonly Plan[];
  readonly sims: readonly { readonly simId: string; readonly plan: string }[];
  readonly channels: readonly { readonly channelId: string; readonly simId: string; readonly gapMs: number }[];
  readonly sliceSeconds: number;
}

/** A reservation that is not finished: it keeps its channel busy. */
export interface Live {
  readonly request: ReserveRequest;
  readonly hold: Hold;
  /** From an earlier process. */
  readonly orphan: boolean;
  /** Charged, but its channel is still in use. */
  settled: boolean;
}

interface Channel {
  readonly channelId: string;
  readonly simId: string;
  readonly gapMs: number;
  state: ChannelState;
  rest: ClockTimer | undefined;
}

export class LedgerMemory implements LedgerView {
  readonly events: TypedEmitter<LedgerViewEvents>;
  readonly live = new Map<string, Live>();
  readonly spending = new Spending();
  readonly #clock: Clock;
  readonly #channels: Map<string, Channel>;
  readonly #books: Map<string, SimUsageBook>;
  readonly #callees = new CalleeMemory();

  constructor(settings: LedgerSettings, clock: Clock, onListenerError: (error: unknown, event: string) => void) {
    this.#clock = clock;
    this.events = new TypedEmitter(onListenerError);
    const plans = new Map(settings.plans.map((plan) => [plan.name, new PlanClocks(plan)]));
    this.#books = new Map(
      settings.sims.flatMap(({ simId, plan }) => {
        const clocks = plans.get(plan);
        return clocks === undefined ? [] : [[simId, new SimUsageBook(simId, clocks)]];
      }),
    );
    this.#channels = new Map(
      settings.channels.map((channel) => [channel.channelId, { ...channel, state: 'idle', rest: undefined }]),
    );
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  channelState(channelId: string): ChannelState | undefined {
    return this.#channels.get(channelId)?.state;
  }

  fit(simId: string, request: FitRequest): FitResult {
    return this.#books.get(simId)?.fit(request) ?? { ok: false, reason: 'class-not-covered' };
  }

  today(simId: string, wallMs: number): { readonly seconds: number; readonly calls: number } {
    return this.#books.get(simId)?.today(wallMs) ?? { seconds: 0, calls: 0 };
  }

  simsOf(callee: string): readonly string[] {
    return this.#callees.simsOf(callee);
  }

  attemptsTo(callee: string, sinceWallMs: number): number {
    return this.#callees.attemptsTo(callee, sinceWallMs);
  }

  bookOf(simId: string): SimUsageBook | undefined {
    return this.#books.get(simId);
  }

  // ---- reservations ------------------------------------------------------------------------------------------------

  /** The one atomic step: checks channel and quota, and takes both. */
  reserve(
    request: ReserveRequest,
  ): { ok: true; maxCallSeconds: number } | { ok: false; reason: ReserveRefusal; allowanceId?: string } {
    const channel = this.#channels.get(request.channelId);
    const book = this.#books.get(request.simId);
    if (channel === undefined || book === undefined || channel.simId !== request.simId) {
      return { ok: false, reason: 'unknown-channel' };
    }
    // An emergency call waits for no gap: a resting channel is idle to it.
    const resting = channel.state === 'resting' && request.numberClass !== 'emergency';
    if (channel.state === 'busy' || this.live.has(request.reservationId)) return { ok: false, reason: 'channel-busy' };
    if (resting) return { ok: false, reason: 'channel-resting' };
    const fit = book.fit(request);
    if (!fit.ok) return fit;
    this.live.set(request.reservationId, { request, hold: book.hold(request), orphan: false, settled: false });
    this.#callees.try(request.callee, request.callId, request.wallMs);
    this.#enter(channel, 'busy');
    return { ok: true, maxCallSeconds: fit.maxCallSeconds };
  }

  /** Undoes a reservation of which no effect has left the process: no gap, no trace. */
  undo(live: Live): void {
    this.#forget(live);
    this.untry(live);
    const channel = this.#channels.get(live.request.channelId);
    if (channel !== undefined) this.#enter(channel, 'idle');
  }

  confirm(live: Live, answeredWallMs: number, coveredUntilWallMs: number): number {
    live.hold.answeredWallMs = answeredWallMs;
    live.hold.coveredUntilWallMs = coveredUntilWallMs;
    this.events.emit('usage:changed', live.request.simId);
    return this.grantOf(live);
  }

  /** Longest call from its answer that the SIM's plan allows an answered reservation. */
  grantOf({ request, hold }: Live): number {
    const book = this.#books.get(request.simId);
    const fit = book?.fit({ ...request, wallMs: hold.answeredWallMs ?? request.wallMs }, hold);
    return fit?.ok ? fit.maxCallSeconds : 0;
  }

  /** Books the attempt and drops what it held; the channel stays busy. */
  charge(live: Live, answeredWallMs: number | null, durationMs: number, estimated: boolean): Charge {
    const { request } = live;
    const book = this.#books.get(request.simId);
    book?.drop(live.hold);
    const booked = book?.book({ ...request, reservedWallMs: request.wallMs, answeredWallMs, durationMs });
    if (answeredWallMs !== null) this.#callees.talked(request.callee, request.simId);
    this.events.emit('usage:changed', request.simId);
    return {
      reservationId: request.reservationId,
      simId: request.simId,
      // A SIM that has left the config has no plan to round by.
      billedSeconds: booked?.billedSeconds ?? chargedSeconds(durationMs, BY_THE_SECOND),
      cost: booked?.cost ?? '0',
      currency: book?.plan.currency ?? '',
      estimated,
    };
  }

  /** No INVITE of this attempt left: it does not count as one. */
  untry({ request }: Live): void {
    this.#callees.untry(request.callee, request.callId);
  }

  /** Frees the channel for its gap. */
  finish(live: Live): void {
    this.#forget(live);
    const channel = this.#channels.get(live.request.channelId);
    if (channel !== undefined) this.#rest(channel, channel.gapMs);
  }

  gapMsOf(channelId: string): number {
    return this.#channels.get(channelId)?.gapMs ?? 0;
  }

  // ---- loading -----------------------------------------------------------------------------------------------------

  restoreSettlement({ request, answeredWallMs, durationMs, charge, settledWallMs }: SettlementRecord): void {
    this.#books.get(request.simId)?.book({ ...request, reservedWallMs: request.wallMs, answeredWallMs, durationMs });
    this.#callees.try(request.callee, request.callId, request.wallMs);
    if (answeredWallMs !== null) this.#callees.talked(request.callee, request.simId);
    this.spending.add(request.trunk, settledWallMs, charge.cost);
  }

  restoreReservation({ request, answeredWallMs, coveredUntilWallMs, settled }: ReservationRow): void {
    const { callee, numberClass, wallMs } = request;
    const hold: Hold = { callee, numberClass, reservedWallMs: wallMs, answeredWallMs, coveredUntilWallMs };
    if (!settled) {
      this.#books.get(request.simId)?.restoreHold(hold);
      this.#callees.try(callee, request.callId, wallMs);
    }
    this.live.set(request.reservationId, { request, hold, orphan: true, settled });
    const channel = this.#channels.get(request.channelId);
    if (channel !== undefined) this.#enter(channel, 'busy');
  }

  restoreRest(channelId: string, untilWallMs: number): void {
    const channel = this.#channels.get(channelId);
    if (channel === undefined || channel.state === 'busy') return;
    // Wall time may have jumped while we were down: never longer than the gap.
    const restMs = Math.min(channel.gapMs, untilWallMs - this.#clock.wallMs());
    if (restMs > 0) this.#rest(channel, restMs);
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.rest?.cancel();
  }

  #forget(live: Live): void {
    this.#books.get(live.request.simId)?.drop(live.hold);
    this.live.delete(live.request.reservationId);
  }

  #rest(channel: Channel, restMs: number): void {
    if (restMs <= 0) {
      this.#enter(channel, 'idle');
      return;
    }
    this.#enter(channel, 'resting');
    channel.rest = this.#clock.after(restMs, () => this.#enter(channel, 'idle'));
  }

  #enter(channel: Channel, state: ChannelState): void {
    channel.rest?.cancel();
    channel.rest = undefined;
    if (channel.state === state) return;
    channel.state = state;
    this.events.emit('channel:changed', channel.channelId, state);
  }
}
