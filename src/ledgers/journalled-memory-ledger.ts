// The default ledger: memory decides at once, and each promise resolves when its record is in the journal.
// What a step frees (a channel) is freed after its commit; what it takes is taken before.
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import type {
  Adjustment,
  AdjustmentsQuery,
  AdjustResult,
  AllowanceUsage,
  Charge,
  Grant,
  LastCall,
  Ledger,
  OrphanReservation,
  PastAdjustments,
  PayersFit,
  PayersQuestion,
  Release,
  ReserveRequest,
  ReserveResult,
  SettledCalls,
  SettledHistory,
  SettledSpan,
  Settlement,
  SimUsage,
  VerifyReport,
} from '../quota/ledger.js';
import type { LedgerView } from '../quota/ledger-view.js';
import { RUNNING_PAGE_ROWS, readHistory } from './ledger-history.js';
import { LedgerMemory, type LedgerSettings, NO_GRANT } from './ledger-memory.js';
import * as tables from './ledger-tables.js';
import { furtherAnswerOf, type Live } from './live-reservation.js';
import { OrderedWrites } from './ordered-writes.js';
import { readPastAdjustments } from './past-adjustments.js';
import { ReservationEnds } from './reservation-ends.js';
import { countSettledCalls } from './settled-calls.js';
import { unlessStalled } from './unless-stalled.js';
import { takeSnapshot, verifyUsage } from './verify-usage.js';

/** The longest month, and a day for calls over its edge. */
export const HISTORY_MS = 33 * 86_400_000;

export interface JournalledLedgerOptions extends LedgerSettings {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Terms that are ready to hold. */
export interface PreparedTerms {
  take(): void;
  discard(): void;
}

/** Loads what the journal holds; the journal must have been opened with LEDGER_SCHEMA. */
export async function openJournalledLedger(options: JournalledLedgerOptions): Promise<JournalledMemoryLedger> {
  const memory = new LedgerMemory(options, options.clock, (error, event) =>
    options.log.error({ err: error, event }, 'ledger listener failed'),
  );
  const rows: tables.RowSource = (...ask) => options.journal.query(...ask);
  return new JournalledMemoryLedger(memory, options, await loadMemory(memory, rows, options.clock));
}

/** Computes a ledger's memory from its tables; resolves with the reservations that an earlier process left. */
export async function loadMemory(
  memory: LedgerMemory,
  rows: tables.RowSource,
  clock: Clock,
): Promise<readonly tables.ReservationRow[]> {
  const { sequence } = await readHistory(rows, { sinceWallMs: clock.wallMs() - HISTORY_MS }, memory);
  memory.continueAfter(sequence);
  const left = await tables.readReservations(rows);
  for (const row of left) memory.restoreReservation(row);
  for (const { channelId, untilWallMs } of await tables.readRests(rows)) memory.restoreRest(channelId, untilWallMs);
  return left;
}

export class JournalledMemoryLedger implements Ledger, SettledHistory {
  #settings: LedgerSettings;
  readonly #memory: LedgerMemory;
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #writes: OrderedWrites;
  readonly #rows: tables.RowSource;
  readonly #ends: ReservationEnds;
  /** By an earlier process. */
  readonly #left: readonly tables.ReservationRow[];
  readonly #adjusting = new Map<string, Promise<AdjustResult>>();

  /** Use {@link openJournalledLedger}. */
  constructor(memory: LedgerMemory, options: JournalledLedgerOptions, left: readonly tables.ReservationRow[] = []) {
    this.#settings = options;
    this.#memory = memory;
    this.#journal = options.journal;
    this.#clock = options.clock;
    this.#writes = new OrderedWrites(options);
    this.#rows = (...ask) => options.journal.query(...ask);
    this.#ends = new ReservationEnds(this.#rows);
    this.#left = left;
  }

  /** What routing reads. */
  get view(): LedgerView {
    return this.#memory;
  }

  async reserve(request: ReserveRequest, alongside: readonly JournalEntry[] = []): Promise<ReserveResult> {
    const { reservationId } = request;
    const emergency = request.numberClass === 'emergency';
    if (this.#journal.isStalled && !emergency) return { ok: false, reason: 'journal-stalled' };
    const taken = this.#memory.reserve(request);
    if (!taken.ok) return taken;
    const reserved: ReserveResult = { ok: true, reservationId, maxCallSeconds: taken.maxCallSeconds };
    const entries = [
      tables.insertReservation(request, taken.live.payerHolds[0]?.hold.coveredUntilWallMs ?? null),
      ...alongside,
    ];
    const { callId } = request;
    if (emergency && this.#writes.isFailing(callId)) {
      this.#writes.inBackground(callId, entries, 'reserve');
      return reserved;
    }
    const committed = this.#journal.commit(entries).then(
      () => true,
      () => false,
    );
    const outcome = await unlessStalled(this.#journal, committed);
    if (outcome === true) return reserved;
    if (emergency) {
      // Nothing blocks an emergency call: its record is written when the journal can, and before all that follows.
      this.#writes.inBackground(callId, entries, 'reserve', committed);
      return reserved;
    }
    // The journal may still write what we no longer wait for: it is deleted after it.
    if (outcome === 'stalled') {
      this.#writes.inBackground(callId, [tables.deleteReservation(reservationId)], 'take back');
    }
    this.#memory.undo(taken.live);
    return { ok: false, reason: 'journal-stalled' };
  }

  async confirm(
    reservationId: string,
    answeredWallMs: number,
    alongside: readonly JournalEntry[] = [],
  ): Promise<Grant> {
    const live = this.#memory.live.get(reservationId);
    if (live === undefined || live.settled) return NO_GRANT;
    const grant = this.#memory.confirm(live, answeredWallMs);
    const coveredUntilWallMs = live.hold.coveredUntilWallMs ?? answeredWallMs;
    const answered = tables.markAnswered(reservationId, answeredWallMs, coveredUntilWallMs);
    await this.#writes.persist(live.request.callId, [answered, ...alongside], 'confirm');
    return grant;
  }

  async renew(reservationId: string, coveredUntilWallMs: number): Promise<Grant> {
    const live = this.#memory.live.get(reservationId);
    if (live === undefined || live.settled) return NO_GRANT;
    const grant = this.#memory.extend(live, coveredUntilWallMs);
    if (live.hold.coveredUntilWallMs === null) return grant;
    const renewedWallMs = coveredUntilWallMs - this.#settings.sliceSeconds * 1000;
    const covered = tables.markCovered(reservationId, live.hold.coveredUntilWallMs, renewedWallMs);
    // What is held is held: a talking call goes on through trouble of the journal.
    await unlessStalled(this.#journal, this.#writes.once(live.request.callId, [covered], 'renew'));
    return grant;
  }

  async settle(
    settlement: Settlement,
    alongside: (charge: Charge) => readonly JournalEntry[] = () => [],
  ): Promise<Charge> {
    const { reservationId } = settlement;
    // Not awaited when there is none: memory must change before the first await.
    const underWay = this.#ends.of(reservationId);
    if (underWay !== undefined) await underWay;
    const live = this.#memory.live.get(reservationId);
    if (live !== undefined && !live.settled) {
      return this.#ends.begin(reservationId, this.#settleLive(live, settlement, alongside));
    }
    const charge = await this.#ends.chargeOf(reservationId);
    // The caller's own entries are not lost because the ledger's step was a repetition.
    await this.#writes.persist(live?.request.callId ?? reservationId, alongside(charge), 'settle');
    if (!settlement.channelInUse) await this.vacate(reservationId);
    return charge;
  }

  async chargeFurther(
    reservationId: string,
    answerId: string,
    answeredWallMs: number,
    alongside: (charge: Charge) => readonly JournalEntry[] = () => [],
  ): Promise<Charge | null> {
    const known = this.#ends.known(answerId);
    const live = this.#memory.live.get(reservationId);
    if (known !== undefined || live === undefined) return known ?? null;
    const further = furtherAnswerOf(live, answerId);
    const charge = this.#memory.chargeFurther(further, answeredWallMs);
    this.#ends.keep(charge);
    const record = tables.insertSettlement(this.#memory.recordOf(further, answeredWallMs, 0, charge));
    await this.#writes.persist(live.request.callId, [record, ...alongside(charge)], 'charge further');
    return charge;
  }

  async vacate(reservationId: string): Promise<void> {
    await this.#ends.of(reservationId);
    const live = this.#memory.live.get(reservationId);
    if (live === undefined || !live.settled) return;
    await this.#ends.begin(reservationId, this.#free(live, [], 'vacate'));
  }

  async release(
    reservationId: string,
    { invited }: Release,
    alongside: (charge: Charge | null) => readonly JournalEntry[] = () => [],
  ): Promise<void> {
    const live = this.#memory.live.get(reservationId);
    if (live === undefined || live.settled || this.#ends.of(reservationId) !== undefined) {
      await this.#ends.of(reservationId);
      await this.#writes.persist(live?.request.callId ?? reservationId, alongside(null), 'release');
      return;
    }
    const entries: JournalEntry[] = [];
    if (invited) {
      // Also where no plan counts it: attempts on a callee, and plans to come, are counted from history.
      const charge = this.#memory.charge(live, null, 0, false);
      entries.push(...alongside(charge), tables.insertSettlement(this.#memory.recordOf(live, null, 0, charge)));
    } else {
      entries.push(...alongside(null));
      this.#memory.drop(live);
      this.#memory.forgetTry(live);
    }
    await this.#ends.begin(reservationId, this.#free(live, entries, 'release'));
  }

  usageOf(simId: string, wallMs: number): SimUsage | undefined {
    const book = this.#memory.bookOf(simId);
    return book && { simId, allowances: book.usage(wallMs) };
  }

  usageOfPayer(payer: string, wallMs: number): readonly AllowanceUsage[] | undefined {
    return this.#memory.usageOfPayer(payer, wallMs);
  }

  fitPayers(payers: readonly string[], question: PayersQuestion): PayersFit {
    return this.#memory.fitPayers(payers, question);
  }

  attemptsTo(callee: string, sinceWallMs: number): number {
    return this.#memory.attemptsTo(callee, sinceWallMs);
  }

  lastCallTo(callee: string, sinceWallMs: number): LastCall | undefined {
    return this.#memory.lastCallTo(callee, sinceWallMs);
  }

  async adjust(adjustment: Adjustment): Promise<AdjustResult> {
    const { adjustmentId } = adjustment;
    const same = this.#adjusting.get(adjustmentId);
    if (same !== undefined) return same;
    const adjusting = this.#adjustOnce(adjustment);
    this.#adjusting.set(adjustmentId, adjusting);
    return adjusting.finally(() => this.#adjusting.delete(adjustmentId));
  }

  settledCalls(span: SettledSpan): Promise<ReadonlyMap<string, SettledCalls>> {
    return countSettledCalls(this.#rows, span);
  }

  adjustments(query: AdjustmentsQuery): Promise<PastAdjustments> {
    return readPastAdjustments(this.#rows, query);
  }

  /**
   * Makes other plans, SIMs, channels and caps ready while calls go on: what has changed is counted anew from history. They
   * hold as soon as the change is taken; live calls keep the terms that they began with.
   */
  async prepare(settings: LedgerSettings): Promise<PreparedTerms> {
    const change = this.#memory.change(settings);
    const discard = () => this.#memory.giveUp(change);
    try {
      if (change.needsHistory) {
        // What memory has booked already may still be on its way to the file.
        await this.#writes.written();
        const range = { sinceWallMs: this.#clock.wallMs() - HISTORY_MS, untilSequence: change.sequence };
        await readHistory(this.#rows, { ...range, pageRows: RUNNING_PAGE_ROWS }, change);
      }
    } catch (error) {
      discard();
      throw error;
    }
    const take = () => {
      this.#memory.take(change);
      this.#settings = settings;
    };
    return { take, discard };
  }

  async verify(): Promise<VerifyReport> {
    const settings = this.#settings;
    const snapshot = takeSnapshot(this.#memory, this.#clock.wallMs());
    // What memory counts already may still be on its way to the file.
    await this.#writes.written();
    return verifyUsage(snapshot, settings, this.#rows, snapshot.wallMs - HISTORY_MS, this.#clock);
  }

  orphans(): readonly OrphanReservation[] {
    return this.#left.flatMap(({ request, answeredWallMs, coveredUntilWallMs, renewedWallMs }) => {
      const { reservationId, callId, channelId, simId, callee, message } = request;
      const live = this.#memory.live.get(reservationId);
      if (live === undefined) return [];
      const coveredWallMs = answeredWallMs === null ? null : coveredUntilWallMs;
      return {
        ...{ reservationId, callId, channelId, simId, callee, answeredWallMs, coveredUntilWallMs: coveredWallMs },
        ...{ renewedWallMs, settled: live.settled, isMessage: message !== undefined },
      };
    });
  }

  /** Stops timers; the journal is its owner's to close. */
  close(): void {
    this.#memory.close();
  }

  async #adjustOnce(adjustment: Adjustment): Promise<AdjustResult> {
    const { adjustmentId, holder, allowanceId, wallMs } = adjustment;
    if (this.#journal.isStalled) return { ok: false, reason: 'ledger-away' };
    if (await tables.hasAdjustment(this.#rows, adjustmentId)) {
      const allowances = this.#memory.usageOfHolder(holder, wallMs) ?? [];
      return { ok: true, used: allowances.find((usage) => usage.allowanceId === allowanceId)?.used ?? 0 };
    }
    const adjusted = this.#memory.adjust(adjustment);
    if (!adjusted.ok) return adjusted;
    const made = { ...adjustment, madeWallMs: this.#clock.wallMs() };
    const entry = tables.insertAdjustment(this.#memory.sequence, made);
    await this.#writes.persist(adjustmentId, [entry], 'adjust');
    return adjusted;
  }

  async #settleLive(
    live: Live,
    settlement: Settlement,
    alongside: (charge: Charge) => readonly JournalEntry[],
  ): Promise<Charge> {
    const { reservationId, answeredWallMs, estimated, channelInUse } = settlement;
    const { callId } = live.request;
    const durationMs = storedMs(settlement.durationMs);
    const charge = this.#memory.charge(live, answeredWallMs, durationMs, estimated);
    live.settled = true;
    this.#ends.keep(charge);
    const record = tables.insertSettlement(this.#memory.recordOf(live, answeredWallMs, durationMs, charge));
    if (channelInUse) {
      await this.#writes.persist(callId, [record, tables.markSettled(reservationId), ...alongside(charge)], 'settle');
    } else await this.#free(live, [record, ...alongside(charge)], 'settle');
    return charge;
  }

  /** Writes the end of a reservation, then frees its channel. */
  async #free(live: Live, entries: readonly JournalEntry[], step: string): Promise<void> {
    const { reservationId, callId, channelId } = live.request;
    const untilWallMs = this.#clock.wallMs() + this.#memory.gapMsOf(channelId);
    const freed = [tables.deleteReservation(reservationId), tables.keepRest(channelId, untilWallMs)];
    await this.#writes.persist(callId, [...entries, ...freed], step);
    this.#memory.finish(live);
  }
}

/** History is recounted from what is stored: a duration of more digits than are must not be charged otherwise. */
function storedMs(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}
