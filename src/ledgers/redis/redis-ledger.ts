// The shared ledger: several nodes, one Redis. A node decides by its replica, books in Redis by one script, and counts on
// what the log says at that place (docs/decisions/redis-ledger.md). What must not be forgotten is in its own journal first.
// Redis away is a state with a setting for new calls; nothing here waits longer than the link's timeout.
import { randomUUID } from 'node:crypto';
import type { Journal } from '../../journal/journal.js';
import type { ClockTimer } from '../../lib/clock.js';
import type { JournalEntry } from '../../lib/journal-entry.js';
import type { Logger } from '../../lib/logger.js';
import { TypedEmitter } from '../../lib/typed-events.js';
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
  ReserveFirstResult,
  ReserveRequest,
  ReserveResult,
  SettledCalls,
  SettledHistory,
  SettledSpan,
  Settlement,
  SimUsage,
  VerifyReport,
} from '../../quota/ledger.js';
import type { LedgerView } from '../../quota/ledger-view.js';
import type { PreparedTerms } from '../journalled-memory-ledger.js';
import { type LedgerSettings, NO_GRANT } from '../ledger-memory.js';
import * as tables from '../ledger-tables.js';
import { furtherAnswerOf, type Live } from '../live-reservation.js';
import { OrderedWrites } from '../ordered-writes.js';
import { ReservationEnds } from '../reservation-ends.js';
import { unlessStalled } from '../unless-stalled.js';
import { compareUsage } from '../verify-usage.js';
import * as local from './local-rows.js';
import { LocalShare } from './local-share.js';
import { RedisClock } from './redis-clock.js';
import { Replica } from './replica.js';
import { Reserving } from './reserving.js';
import { RedisSession } from './session.js';
import { countSharedCalls } from './shared-calls.js';
import { SharedHistory } from './shared-history.js';
import { SharedKeys } from './shared-keys.js';
import {
  isOfShare,
  type Own,
  type RedisLedgerCounters,
  type RedisLedgerEvents,
  type RedisLedgerOptions,
  type SharedParts,
} from './shared-parts.js';
import { Standing } from './standing.js';

const READY_PAUSE_MS = 100;

/** Loads what the journal holds and attaches to Redis; without Redis it resolves all the same, and goes on trying. */
export async function openRedisLedger(options: RedisLedgerOptions): Promise<RedisLedger> {
  const rows: tables.RowSource = (...ask) => options.journal.query(...ask);
  const facts = await local.readFacts(rows);
  // With a part of its own: two machines of one name, or two folders on one machine, are two nodes.
  const node = facts.get('node') ?? `${options.node}-${randomUUID().slice(0, 8)}`;
  await options.journal.commit([local.keepFact('node', node)]);
  const ledger = new RedisLedger(
    { ...options, node },
    facts,
    await tables.readReservations(rows),
    await local.lastSequence(rows),
  );
  await ledger.start();
  return ledger;
}

export class RedisLedger implements Ledger, SettledHistory {
  readonly events: TypedEmitter<RedisLedgerEvents>;
  /** Of requests that any node may get. */
  readonly keys: SharedKeys;
  readonly #options: SharedParts['options'];
  readonly #clock: RedisClock;
  readonly #log: Logger;
  readonly #journal: Journal;
  readonly #writes: OrderedWrites;
  readonly #rows: tables.RowSource;
  readonly #replica: Replica;
  readonly #session: RedisSession;
  readonly #history: SharedHistory;
  readonly #share: LocalShare;
  readonly #own = new Map<string, Own>();
  readonly #parts: SharedParts;
  readonly #reserving: Reserving;
  readonly #standing: Standing;
  readonly #ends: ReservationEnds;
  #ready: string[] = [];
  #readyTimer: ClockTimer | undefined;
  #sequence: number;

  /** Use {@link openRedisLedger}. */
  constructor(
    options: RedisLedgerOptions,
    facts: ReadonlyMap<string, string>,
    left: readonly tables.ReservationRow[],
    lastSequence: number,
  ) {
    const { journal, log } = options;
    this.#clock = new RedisClock(options.clock, log, Number(facts.get('ahead') ?? 0));
    this.#options = { ...options, clock: this.#clock };
    this.#journal = journal;
    this.#log = log;
    this.#sequence = lastSequence;
    this.#rows = (...ask) => journal.query(...ask);
    this.#ends = new ReservationEnds(this.#rows);
    this.events = new TypedEmitter((error, event) => log.error({ err: error, event }, 'ledger listener failed'));
    this.#writes = new OrderedWrites(this.#options);
    this.#replica = new Replica(options, options.node, this.#clock, log);
    this.#share = new LocalShare(options.heldBack, options.capSharePercent);
    const last = { run: facts.get('run') ?? null, fence: facts.get('fence') ?? '0' };
    this.#session = new RedisSession(this.#options, last, {
      onLog: (message) => this.#replica.take(message),
      onAttached: (attached) => this.#standing.attached(attached),
      onAway: () => this.#replica.stopFollowing(),
      onLapsed: () => this.#standing.lapsed(),
      onDead: (nodes) => void this.#standing.reap(nodes),
    });
    this.keys = new SharedKeys(this.#session);
    this.#history = new SharedHistory(
      this.#session,
      this.#rows,
      (id) => this.#markReady(id),
      (id) => this.#own.has(id),
    );
    this.#parts = {
      options: this.#options,
      ...{ replica: this.#replica, session: this.#session, history: this.#history, share: this.#share },
      ...{ own: this.#own, writes: this.#writes },
      counts: { reservations: 0, lostRaces: 0, attachments: 0, lapses: 0, reaped: 0 },
    };
    this.#standing = new Standing(this.#parts, (ids) => this.events.emit('reservations:lost', ids));
    this.#replica.onStale((anew) => void this.#standing.readAgain(anew));
    this.#clock.onMoved(() => this.#clockMoved());
    this.#reserving = new Reserving(this.#parts, () => void this.#standing.readAgain(false));
    for (const { request, answeredWallMs, coveredUntilWallMs, settled } of left) {
      const { aheadMs } = this.#clock;
      const own = { request, answeredWallMs, aheadMs, coveredUntilWallMs, settled, isOrphan: true, isLost: false };
      this.#own.set(request.reservationId, own);
    }
  }

  /** Resolves when it is attached; without Redis after a while, with what this node knows by itself. */
  async start(): Promise<void> {
    this.#session.start();
    const isAttached = await this.#session.whenAttached(
      Math.max(this.#options.awayLimitMs, 2 * this.#options.link.timeoutMs),
    );
    // Known better now than when they were read.
    for (const own of this.#own.values()) own.aheadMs = this.#clock.aheadMs;
    if (isAttached) return;
    this.#log.error({ alarm: 'redis', url: withoutPassword(this.#options.link.url) }, 'starting without Redis');
    if (!this.#standing.isRead) await this.#history.loadOwn(this.#replica.memory, this.#clock);
  }

  /** What routing reads. */
  get view(): LedgerView {
    return this.#replica.view;
  }

  get counters(): RedisLedgerCounters {
    const settling = this.#history.settling;
    const { counts } = this.#parts;
    const { reservations, lostRaces } = counts;
    const lostRacesPerThousand = reservations === 0 ? 0 : Math.round((lostRaces / reservations) * 10_000) / 10;
    return { ...counts, lostRacesPerThousand, isAttached: this.#session.isAttached, settling };
  }

  // ---- reserving -------------------------------------------------------------------------------------------------------

  async reserve(request: ReserveRequest, alongside: readonly JournalEntry[] = []): Promise<ReserveResult> {
    return this.reserveFirst([request], () => alongside);
  }

  reserveFirst(
    requests: readonly ReserveRequest[],
    alongside: (booked: ReserveRequest) => readonly JournalEntry[] = () => [],
  ): Promise<ReserveFirstResult> {
    return this.#reserving.reserveFirst(requests, alongside);
  }

  // ---- the call lasts --------------------------------------------------------------------------------------------------

  async confirm(
    reservationId: string,
    answeredWallMs: number,
    alongside: readonly JournalEntry[] = [],
  ): Promise<Grant> {
    const own = this.#own.get(reservationId);
    if (own === undefined || own.settled) return NO_GRANT;
    own.aheadMs = this.#clock.aheadMs;
    // Not before its reservation, though the one is this node's reading of the clock and the other Redis's own.
    own.answeredWallMs = Math.max(own.request.wallMs, answeredWallMs + own.aheadMs);
    own.coveredUntilWallMs = own.answeredWallMs + this.#options.sliceSeconds * 1000;
    const answered = tables.markAnswered(reservationId, own.answeredWallMs, own.coveredUntilWallMs);
    const [grant] = await Promise.all([
      this.#cover(own, own.coveredUntilWallMs),
      this.#writes.persist(own.request.callId, [answered, ...alongside], 'confirm'),
    ]);
    return grant;
  }

  async renew(reservationId: string, coveredUntilWallMs: number): Promise<Grant> {
    const own = this.#own.get(reservationId);
    if (own === undefined || own.settled || own.answeredWallMs === null) return NO_GRANT;
    own.coveredUntilWallMs = Math.max(own.coveredUntilWallMs ?? 0, coveredUntilWallMs + own.aheadMs);
    const covered = tables.markCovered(reservationId, own.coveredUntilWallMs);
    const committed = this.#writes.once(own.request.callId, [covered], 'renew');
    const [grant] = await Promise.all([
      this.#cover(own, own.coveredUntilWallMs),
      unlessStalled(this.#journal, committed),
    ]);
    return grant;
  }

  /** Holds the next slice: what comes before it in the log counts. Without Redis, by what this node knows. */
  async #cover(own: Own, untilWallMs: number): Promise<Grant> {
    const { reservationId } = own.request;
    const answeredWallMs = own.answeredWallMs ?? this.#clock.wallMs();
    this.#session.isLeased();
    if (own.isLost) return NO_GRANT;
    if (this.#session.isAttached) {
      this.#replica.await(reservationId);
      try {
        const args = [reservationId, String(answeredWallMs), String(untilWallMs)];
        const [answer, seq] = await this.#session.run('cover', args);
        if (answer === 'covered' && (await this.#replica.reached(Number(seq)))) {
          const outcome = this.#replica.outcome(reservationId);
          if (outcome?.kind === 'granted') {
            this.#giveBack(own, untilWallMs);
            return outcome.grant;
          }
        }
      } catch {
        // It went away just now.
      }
      this.#replica.outcome(reservationId);
    }
    const { memory } = this.#replica;
    const live = memory.live.get(reservationId);
    if (live === undefined || live.settled || own.isLost || own.settled) return NO_GRANT;
    const grant =
      live.hold.answeredWallMs === null ? memory.confirm(live, answeredWallMs) : memory.extend(live, untilWallMs);
    return isOfShare(this.#parts, own.request)
      ? this.#share.bounded(grant, own.request, answeredWallMs, untilWallMs, memory)
      : grant;
  }

  /** Payers had less left than was asked for: Redis and the journal are told what is really held. */
  #giveBack(own: Own, askedUntilWallMs: number): void {
    const { reservationId, callId } = own.request;
    const heldUntilWallMs = this.#replica.memory.live.get(reservationId)?.hold.coveredUntilWallMs ?? askedUntilWallMs;
    if (heldUntilWallMs >= askedUntilWallMs || own.answeredWallMs === null || own.settled) return;
    own.coveredUntilWallMs = heldUntilWallMs;
    const { answeredWallMs } = own;
    this.#writes.inBackground(
      callId,
      [tables.markAnswered(reservationId, answeredWallMs, heldUntilWallMs)],
      'give back',
    );
    const args = [reservationId, String(answeredWallMs), String(heldUntilWallMs)];
    void this.#session.run('cover', args).catch(() => undefined);
  }

  // ---- the call ends ---------------------------------------------------------------------------------------------------

  async settle(
    settlement: Settlement,
    alongside: (charge: Charge) => readonly JournalEntry[] = () => [],
  ): Promise<Charge> {
    const { reservationId, answeredWallMs, estimated, channelInUse } = settlement;
    // Not awaited when there is none: memory must change before the first await.
    const underWay = this.#ends.of(reservationId);
    if (underWay !== undefined) await underWay;
    const own = this.#own.get(reservationId);
    if (own !== undefined && !own.settled) {
      const durationMs = storedMs(settlement.durationMs);
      const answered = Math.max(own.request.wallMs, answeredWallMs + this.#aheadMsOf(own));
      const measured = { answeredWallMs: answered, durationMs, estimated, channelInUse };
      return this.#ends.begin(reservationId, this.#settleOwn(own, measured, alongside));
    }
    const charge = await this.#ends.chargeOf(reservationId);
    // The caller's own entries are not lost because the ledger's step was a repetition.
    await this.#writes.persist(own?.request.callId ?? reservationId, alongside(charge), 'settle');
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
    const own = this.#own.get(reservationId);
    if (known !== undefined || own === undefined) return known ?? null;
    const { request } = own;
    const { memory } = this.#replica;
    const live = memory.live.get(reservationId) ?? withoutHolds(request, memory.bookOf(request.simId));
    const further = furtherAnswerOf(live, answerId);
    const answered = Math.max(request.wallMs, answeredWallMs + this.#aheadMsOf(own));
    const charge = this.#replica.chargeBesideAhead(further, answered);
    await this.#keepSettlement(further.request, { answeredWallMs: answered, durationMs: 0, charge }, alongside(charge));
    return charge;
  }

  /** The row `settling` with all that belongs to it, then Redis, then the row goes: what is cut short is replayed. */
  async #keepSettlement(
    request: ReserveRequest,
    measured: { answeredWallMs: number; durationMs: number; charge: Charge },
    alongside: readonly JournalEntry[],
  ): Promise<void> {
    const settlement = { request, ...measured, settledWallMs: this.#clock.wallMs() };
    const { reservationId, callId } = request;
    this.#ends.keep(measured.charge);
    this.#sequence += 1;
    const record = tables.insertSettlement({ ...settlement, sequence: this.#sequence });
    this.#history.begin(reservationId);
    await this.#writes.persist(callId, [record, local.markSettling(reservationId), ...alongside], 'charge further');
    const seq = await this.#history.send(settlement, false);
    if (seq !== null) await this.#replica.reached(seq);
  }

  async vacate(reservationId: string): Promise<void> {
    await this.#ends.of(reservationId);
    const own = this.#own.get(reservationId);
    if (own === undefined || !own.settled) return;
    await this.#ends.begin(reservationId, this.#vacateOwn(own));
  }

  async release(
    reservationId: string,
    { invited }: Release,
    alongside: (charge: Charge | null) => readonly JournalEntry[] = () => [],
  ): Promise<void> {
    const own = this.#own.get(reservationId);
    if (own === undefined || own.settled || this.#ends.of(reservationId) !== undefined) {
      await this.#ends.of(reservationId);
      await this.#writes.persist(own?.request.callId ?? reservationId, alongside(null), 'release');
      return;
    }
    if (invited) {
      const unanswered = { answeredWallMs: null, durationMs: 0, estimated: false, channelInUse: false };
      await this.#ends.begin(reservationId, this.#settleOwn(own, unanswered, alongside));
    } else await this.#ends.begin(reservationId, this.#undoOwn(own, alongside(null)));
  }

  /** The row `settling` with all that ends with it, then Redis, then the row goes: whatever is cut short is replayed. */
  async #settleOwn(
    own: Own,
    measured: { answeredWallMs: number | null; durationMs: number; estimated: boolean; channelInUse: boolean },
    alongside: (charge: Charge) => readonly JournalEntry[],
  ): Promise<Charge> {
    const { request } = own;
    const { reservationId, callId } = request;
    const { answeredWallMs, durationMs, estimated, channelInUse } = measured;
    own.settled = true;
    const live =
      this.#replica.memory.live.get(reservationId) ?? withoutHolds(request, this.#replica.memory.bookOf(request.simId));
    const charge = this.#replica.chargeAhead(live, answeredWallMs, durationMs, estimated);
    this.#ends.keep(charge);
    const settlement = { request, answeredWallMs, durationMs, charge, settledWallMs: this.#clock.wallMs() };
    this.#sequence += 1;
    const entries = [
      tables.insertSettlement({ ...settlement, sequence: this.#sequence }),
      local.markSettling(reservationId),
      ...(channelInUse ? [tables.markSettled(reservationId)] : [tables.deleteReservation(reservationId)]),
      ...alongside(charge),
    ];
    if (!channelInUse) this.#own.delete(reservationId);
    this.#history.begin(reservationId);
    await this.#writes.persist(callId, entries, 'settle');
    const seq = await this.#history.send(settlement, channelInUse);
    if (seq !== null) await this.#replica.reached(seq);
    if (!channelInUse) this.#freeIfStillLive(reservationId);
    return charge;
  }

  async #vacateOwn(own: Own): Promise<void> {
    const { reservationId, callId } = own.request;
    this.#own.delete(reservationId);
    await this.#writes.persist(callId, [tables.deleteReservation(reservationId)], 'vacate');
    await this.#runAndReach('vacate', [reservationId]);
    this.#freeIfStillLive(reservationId);
  }

  async #undoOwn(own: Own, alongside: readonly JournalEntry[]): Promise<void> {
    const { reservationId, callId } = own.request;
    this.#own.delete(reservationId);
    await this.#writes.persist(callId, [tables.deleteReservation(reservationId), ...alongside], 'release');
    await this.#runAndReach('undo', [reservationId, 'rests']);
    this.#freeIfStillLive(reservationId);
  }

  async #runAndReach(operation: 'vacate' | 'undo', args: readonly string[]): Promise<void> {
    try {
      const [, seq] = await this.#session.run(operation, args);
      if (seq !== undefined) await this.#replica.reached(Number(seq));
    } catch {
      // The next attachment finds a reservation that nobody owns, and frees it.
    }
  }

  /** Redis could not say so: in this node's view the channel is free all the same. */
  #freeIfStillLive(reservationId: string): void {
    const { memory } = this.#replica;
    const live = memory.live.get(reservationId);
    if (live === undefined) return;
    if (!live.settled) {
      memory.drop(live);
      memory.forgetTry(live);
    }
    memory.finish(live);
  }

  // ---- reading ---------------------------------------------------------------------------------------------------------

  usageOf(simId: string, wallMs: number): SimUsage | undefined {
    const book = this.#replica.memory.bookOf(simId);
    return book && { simId, allowances: book.usage(this.#clock.fromNode(wallMs)) };
  }

  usageOfPayer(payer: string, wallMs: number): readonly AllowanceUsage[] | undefined {
    return this.#replica.memory.usageOfPayer(payer, this.#clock.fromNode(wallMs));
  }

  fitPayers(payers: readonly string[], question: PayersQuestion): PayersFit {
    const { callee, numberClass, direction, simId, message } = question;
    const wallMs = this.#clock.fromNode(question.wallMs);
    const asked = {
      callee,
      numberClass,
      direction,
      wallMs,
      ...(simId !== undefined && { simId }),
      ...(message && { message }),
    };
    return this.#replica.memory.fitPayers(payers, asked);
  }

  attemptsTo(callee: string, sinceWallMs: number): number {
    return this.#replica.memory.attemptsTo(callee, this.#clock.fromNode(sinceWallMs));
  }

  lastCallTo(callee: string, sinceWallMs: number): LastCall | undefined {
    const last = this.#replica.memory.lastCallTo(callee, this.#clock.fromNode(sinceWallMs));
    return last && { ...last, wallMs: this.#clock.toNode(last.wallMs) };
  }

  orphans(): readonly OrphanReservation[] {
    return [...this.#own.values()]
      .filter((own) => own.isOrphan)
      .map(({ request, answeredWallMs, aheadMs, coveredUntilWallMs, settled }) => ({
        reservationId: request.reservationId,
        callId: request.callId,
        channelId: request.channelId,
        simId: request.simId,
        callee: request.callee,
        answeredWallMs: answeredWallMs === null ? null : answeredWallMs - aheadMs,
        coveredUntilWallMs:
          answeredWallMs === null || coveredUntilWallMs === null ? null : coveredUntilWallMs - aheadMs,
        settled,
        isMessage: request.message !== undefined,
      }));
  }

  // ---- correcting ------------------------------------------------------------------------------------------------------

  async adjust(asked: Adjustment): Promise<AdjustResult> {
    const wallMs = this.#clock.fromNode(asked.wallMs);
    const adjustment = { ...asked, wallMs, madeWallMs: this.#clock.wallMs() };
    const { adjustmentId, holder, allowanceId } = adjustment;
    const usage = () => this.#replica.memory.usageOfHolder(holder, wallMs);
    const known = usage();
    if (known === undefined) return { ok: false, reason: 'unknown-holder' };
    if (!known.some((row) => row.allowanceId === allowanceId)) return { ok: false, reason: 'unknown-allowance' };
    // The process that is told of a correction must be able to say what came of it.
    if (!this.#session.isAttached) return { ok: false, reason: 'ledger-away' };
    this.#sequence += 1;
    const entries = [tables.insertAdjustment(this.#sequence, adjustment), local.markAdjusting(adjustmentId)];
    await this.#writes.persist(adjustmentId, entries, 'adjust');
    const seq = await this.#history.sendAdjustment(adjustment);
    if (seq !== null) await this.#replica.reached(seq);
    return { ok: true, used: usage()?.find((row) => row.allowanceId === allowanceId)?.used ?? 0 };
  }

  adjustments(query: AdjustmentsQuery): Promise<PastAdjustments> {
    return this.#history.adjustments({ ...query, sinceWallMs: this.#clock.fromNode(query.sinceWallMs) });
  }

  /** Rejects while Redis is away: this node knows of its own calls alone. */
  async settledCalls({
    sinceWallMs,
    untilWallMs,
    bothDirections,
  }: SettledSpan): Promise<ReadonlyMap<string, SettledCalls>> {
    await this.#history.sent();
    const span = {
      sinceWallMs: this.#clock.fromNode(sinceWallMs),
      untilWallMs: this.#clock.fromNode(untilWallMs),
      bothDirections,
    };
    return countSharedCalls((...ask) => this.#session.run(...ask), span);
  }

  /** As the default ledger; each node is told of its own. @throws SimtrunkError REDIS_AWAY */
  async prepare(settings: LedgerSettings): Promise<PreparedTerms> {
    const { take, discard } = await this.#replica.prepare(settings, (...ask) => this.#session.run(...ask));
    return {
      discard,
      take: () => {
        this.#reserving.reconfigure(settings.channels);
        take();
      },
    };
  }

  /** Usage that this node decides by against history in Redis, as far as the node has booked it. */
  async verify(): Promise<VerifyReport> {
    await this.#writes.written();
    await this.#history.sent();
    const wallMs = this.#clock.wallMs();
    const decidedBy = new Map(this.#replica.memory.usages(wallMs));
    const until = this.#replica.historyEntry;
    const anew = await this.#replica.recompute((...ask) => this.#session.run(...ask), until);
    const differences = compareUsage(decidedBy, new Map(anew.memory.usages(wallMs)));
    anew.memory.close();
    const { settlements, adjustments } = anew;
    return { ok: differences.length === 0, settlements, adjustments, differences };
  }

  /** Gives up the lease; the journal is its owner's to close. */
  async close(): Promise<void> {
    await this.#history.sent();
    this.#writeReady();
    await this.#writes.written();
    await this.#session.close(this.#own.size === 0);
    this.#replica.close();
  }

  // ---- small things ----------------------------------------------------------------------------------------------------

  /** Of one whose answer is not known here, as of now. */
  #aheadMsOf(own: Own): number {
    return own.answeredWallMs === null ? this.#clock.aheadMs : own.aheadMs;
  }

  /** What routing knows to change at an instant of this machine's clock changes at another one now. */
  #clockMoved(): void {
    this.#replica.touchAll();
    this.#writes.inBackground('ahead', [local.keepFact('ahead', String(this.#clock.aheadMs))], 'clock');
  }

  /** Many at once: nobody waits for it, and a settlement that is replayed is not counted again. */
  #markReady(id: string): void {
    this.#ready.push(id);
    this.#readyTimer ??= this.#clock.after(READY_PAUSE_MS, () => this.#writeReady());
  }

  #writeReady(): void {
    this.#readyTimer?.cancel();
    this.#readyTimer = undefined;
    const ids = this.#ready;
    if (ids.length === 0) return;
    this.#ready = [];
    this.#writes.inBackground('ready', [local.markReady(ids)], 'ready');
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
  return { request, book, hold, payerHolds: [], tried: false, orphan: false, settled: false };
}

/** History is recounted from what is stored: a duration of more digits than are must not be charged otherwise. */
function storedMs(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
