// How reservations of this node end, and how what they are charged comes to all nodes: a row in the journal with all that belongs
// to it, then Redis, then the row goes. What is cut short is replayed; what Redis does not hear, it finds at the next attachment.
import type { JournalEntry } from '../../lib/journal-entry.js';
import type { Adjustment, AdjustResult, Charge, Release, ReserveRequest, Settlement } from '../../quota/ledger.js';
import * as tables from '../ledger-tables.js';
import { furtherAnswerOf, type Live } from '../live-reservation.js';
import { ReservationEnds } from '../reservation-ends.js';
import * as local from './local-rows.js';
import type { Own, SharedParts } from './shared-parts.js';
import type { SharedSettlement } from './shared-records.js';

export class Settling {
  readonly #parts: SharedParts;
  readonly #ends: ReservationEnds;
  /** Of the last row of this node's own history. */
  #sequence: number;

  constructor(parts: SharedParts, rows: tables.RowSource, lastSequence: number) {
    this.#parts = parts;
    this.#ends = new ReservationEnds(rows);
    this.#sequence = lastSequence;
  }

  async settle(
    settlement: Settlement,
    alongside: (charge: Charge) => readonly JournalEntry[] = () => [],
  ): Promise<Charge> {
    const { reservationId, answeredWallMs, estimated, channelInUse } = settlement;
    // Not awaited when there is none: memory must change before the first await.
    const underWay = this.#ends.of(reservationId);
    if (underWay !== undefined) await underWay;
    const own = this.#parts.own.get(reservationId);
    if (own !== undefined && !own.settled) {
      const durationMs = storedMs(settlement.durationMs);
      const answered = Math.max(own.request.wallMs, answeredWallMs + this.#aheadMsOf(own));
      const measured = { answeredWallMs: answered, durationMs, estimated, channelInUse };
      return this.#ends.begin(reservationId, this.#settleOwn(own, measured, alongside));
    }
    const charge = await this.#ends.chargeOf(reservationId);
    // The caller's own entries are not lost because the ledger's step was a repetition.
    await this.#parts.writes.persist(own?.request.callId ?? reservationId, alongside(charge), 'settle');
    if (!channelInUse) await this.vacate(reservationId);
    return charge;
  }

  async chargeFurther(
    reservationId: string,
    answerId: string,
    answeredWallMs: number,
    alongside: (charge: Charge) => readonly JournalEntry[] = () => [],
  ): Promise<Charge | null> {
    const known = this.#ends.known(answerId);
    const own = this.#parts.own.get(reservationId);
    if (known !== undefined || own === undefined) return known ?? null;
    const { request } = own;
    const further = furtherAnswerOf(this.#liveOf(request), answerId);
    const answered = Math.max(request.wallMs, answeredWallMs + this.#aheadMsOf(own));
    const charge = this.#parts.replica.chargeBesideAhead(further, answered);
    const settlement = { request: further.request, answeredWallMs: answered, durationMs: 0, charge };
    await this.#send('charge further', settlement, alongside(charge), false);
    return charge;
  }

  async vacate(reservationId: string): Promise<void> {
    await this.#ends.of(reservationId);
    const own = this.#parts.own.get(reservationId);
    if (own === undefined || !own.settled) return;
    await this.#ends.begin(reservationId, this.#vacateOwn(own));
  }

  async release(
    reservationId: string,
    { invited }: Release,
    alongside: (charge: Charge | null) => readonly JournalEntry[] = () => [],
  ): Promise<void> {
    const own = this.#parts.own.get(reservationId);
    if (own === undefined || own.settled || this.#ends.of(reservationId) !== undefined) {
      await this.#ends.of(reservationId);
      await this.#parts.writes.persist(own?.request.callId ?? reservationId, alongside(null), 'release');
      return;
    }
    if (invited) {
      const unanswered = { answeredWallMs: null, durationMs: 0, estimated: false, channelInUse: false };
      await this.#ends.begin(reservationId, this.#settleOwn(own, unanswered, alongside));
    } else await this.#ends.begin(reservationId, this.#undoOwn(own, alongside(null)));
  }

  async adjust(asked: Adjustment): Promise<AdjustResult> {
    const { history, options, replica, session, writes } = this.#parts;
    const wallMs = options.clock.fromNode(asked.wallMs);
    const adjustment = { ...asked, wallMs, madeWallMs: options.clock.wallMs() };
    const { adjustmentId, holder, allowanceId } = adjustment;
    const usage = () => replica.memory.usageOfHolder(holder, wallMs);
    const known = usage();
    if (known === undefined) return { ok: false, reason: 'unknown-holder' };
    if (!known.some((row) => row.allowanceId === allowanceId)) return { ok: false, reason: 'unknown-allowance' };
    // The process that is told of a correction must be able to say what came of it.
    if (!session.isAttached) return { ok: false, reason: 'ledger-away' };
    const entries = [tables.insertAdjustment(this.#nextSequence(), adjustment), local.markAdjusting(adjustmentId)];
    await writes.persist(adjustmentId, entries, 'adjust');
    const seq = await history.sendAdjustment(adjustment);
    if (seq !== null) await replica.reached(seq);
    return { ok: true, used: usage()?.find((row) => row.allowanceId === allowanceId)?.used ?? 0 };
  }

  async #settleOwn(
    own: Own,
    measured: { answeredWallMs: number | null; durationMs: number; estimated: boolean; channelInUse: boolean },
    alongside: (charge: Charge) => readonly JournalEntry[],
  ): Promise<Charge> {
    const { request } = own;
    const { reservationId } = request;
    const { answeredWallMs, durationMs, estimated, channelInUse } = measured;
    own.settled = true;
    const charge = this.#parts.replica.chargeAhead(this.#liveOf(request), answeredWallMs, durationMs, estimated);
    if (!channelInUse) this.#parts.own.delete(reservationId);
    const ended = channelInUse ? tables.markSettled(reservationId) : tables.deleteReservation(reservationId);
    const settlement = { request, answeredWallMs, durationMs, charge };
    await this.#send('settle', settlement, [ended, ...alongside(charge)], channelInUse);
    if (!channelInUse) this.#freeIfStillLive(reservationId);
    return charge;
  }

  /** The row `settling` with all that belongs to it, then Redis, then the row goes: what is cut short is replayed. */
  async #send(
    step: 'settle' | 'charge further',
    charged: Omit<SharedSettlement, 'settledWallMs'>,
    alongside: readonly JournalEntry[],
    channelInUse: boolean,
  ): Promise<void> {
    const { history, options, replica, writes } = this.#parts;
    const settlement = { ...charged, settledWallMs: options.clock.wallMs() };
    const { reservationId, callId } = charged.request;
    this.#ends.keep(charged.charge);
    const record = tables.insertSettlement({ ...settlement, sequence: this.#nextSequence() });
    history.begin(reservationId);
    await writes.persist(callId, [record, local.markSettling(reservationId), ...alongside], step);
    const seq = await history.send(settlement, channelInUse);
    if (seq !== null) await replica.reached(seq);
  }

  async #vacateOwn(own: Own): Promise<void> {
    const { reservationId, callId } = own.request;
    this.#parts.own.delete(reservationId);
    await this.#parts.writes.persist(callId, [tables.deleteReservation(reservationId)], 'vacate');
    await this.#runAndReach('vacate', [reservationId]);
    this.#freeIfStillLive(reservationId);
  }

  async #undoOwn(own: Own, alongside: readonly JournalEntry[]): Promise<void> {
    const { reservationId, callId } = own.request;
    this.#parts.own.delete(reservationId);
    await this.#parts.writes.persist(callId, [tables.deleteReservation(reservationId), ...alongside], 'release');
    await this.#runAndReach('undo', [reservationId, 'rests']);
    this.#freeIfStillLive(reservationId);
  }

  async #runAndReach(operation: 'vacate' | 'undo', args: readonly string[]): Promise<void> {
    try {
      const [, seq] = await this.#parts.session.run(operation, args);
      if (seq !== undefined) await this.#parts.replica.reached(Number(seq));
    } catch {
      // The next attachment finds a reservation that nobody owns, and frees it.
    }
  }

  /** Redis could not say so: in this node's view the channel is free all the same. */
  #freeIfStillLive(reservationId: string): void {
    const { memory } = this.#parts.replica;
    const live = memory.live.get(reservationId);
    if (live === undefined) return;
    if (!live.settled) {
      memory.drop(live);
      memory.forgetTry(live);
    }
    memory.finish(live);
  }

  #nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  #liveOf(request: ReserveRequest): Live {
    const { memory } = this.#parts.replica;
    return memory.live.get(request.reservationId) ?? withoutHolds(request, memory.bookOf(request.simId));
  }

  /** Of one whose answer is not known here, as of now. */
  #aheadMsOf(own: Own): number {
    return own.answeredWallMs === null ? this.#parts.options.clock.aheadMs : own.aheadMs;
  }
}

/** A reservation that the replica does not hold any more: another node settled it while this one was paused. */
function withoutHolds(request: ReserveRequest, book: Live['book']): Live {
  const { callee, numberClass, direction, wallMs } = request;
  const hold = {
    callee,
    numberClass,
    direction,
    reservedWallMs: wallMs,
    answeredWallMs: null,
    coveredUntilWallMs: null,
  };
  return { request, book, hold, payerHolds: [], tried: false, settled: false };
}

/** History is recounted from what is stored: a duration of more digits than are must not be charged otherwise. */
function storedMs(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}
