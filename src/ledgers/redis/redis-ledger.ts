// The shared ledger: several nodes, one Redis. A node decides by its replica, books in Redis by one script, and counts on
// what the log says at that place (docs/decisions/redis-ledger.md). What must not be forgotten is in its own journal first.
// Redis away is a state with a setting for new calls; nothing here waits longer than the link's timeout.
import { randomUUID } from 'node:crypto';
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
import type { LedgerSettings } from '../ledger-memory.js';
import * as tables from '../ledger-tables.js';
import { OrderedWrites } from '../ordered-writes.js';
import { compareUsage } from '../verify-usage.js';
import { Covering } from './covering.js';
import * as local from './local-rows.js';
import { LocalShare } from './local-share.js';
import { RedisClock } from './redis-clock.js';
import { Replica } from './replica.js';
import { Reserving } from './reserving.js';
import { RedisSession } from './session.js';
import { Settling } from './settling.js';
import { countSharedCalls } from './shared-calls.js';
import { SharedHistory } from './shared-history.js';
import { SharedKeys } from './shared-keys.js';
import type { Own, RedisLedgerCounters, RedisLedgerEvents, RedisLedgerOptions, SharedParts } from './shared-parts.js';
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
  readonly #covering: Covering;
  readonly #settling: Settling;
  #ready: string[] = [];
  #readyTimer: ClockTimer | undefined;

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
    this.#log = log;
    this.#rows = (...ask) => journal.query(...ask);
    this.events = new TypedEmitter((error, event) => log.error({ err: error, event }, 'ledger listener failed'));
    this.#writes = new OrderedWrites(this.#options);
    this.#replica = new Replica(options, options.node, this.#clock, log);
    this.#share = new LocalShare(options.heldBack, options.capSharePercent);
    const last = { run: facts.get('run') ?? null, fence: facts.get('fence') ?? '0' };
    this.#session = new RedisSession(this.#options, last, {
      onLog: (message) => this.#replica.take(message),
      onAttached: (attached) => this.#standing.attached(attached),
      onAway: (wasAttached) => {
        this.#replica.stopFollowing();
        // The part of this node is one of what is left from now on, not of what was left in the quarantine before. While that lasts
        // not every node may have said what it holds by its part: each would take a part of the same once more.
        if (wasAttached && this.#session.quarantineMs === 0) this.#share.forget();
      },
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
    this.#covering = new Covering(this.#parts);
    this.#settling = new Settling(this.#parts, this.#rows, lastSequence);
    this.#reserving = new Reserving(this.#parts, () => void this.#standing.readAgain(false));
    const { aheadMs } = this.#clock;
    for (const row of left)
      this.#own.set(row.request.reservationId, { ...row, aheadMs, isOrphan: true, isLost: false });
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

  confirm(reservationId: string, answeredWallMs: number, alongside: readonly JournalEntry[] = []): Promise<Grant> {
    return this.#covering.confirm(reservationId, answeredWallMs, alongside);
  }

  renew(reservationId: string, coveredUntilWallMs: number): Promise<Grant> {
    return this.#covering.renew(reservationId, coveredUntilWallMs);
  }

  // ---- the call ends ---------------------------------------------------------------------------------------------------

  settle(settlement: Settlement, alongside: (charge: Charge) => readonly JournalEntry[] = () => []): Promise<Charge> {
    return this.#settling.settle(settlement, alongside);
  }

  chargeFurther(
    reservationId: string,
    answerId: string,
    answeredWallMs: number,
    alongside: (charge: Charge) => readonly JournalEntry[] = () => [],
  ): Promise<Charge | null> {
    return this.#settling.chargeFurther(reservationId, answerId, answeredWallMs, alongside);
  }

  vacate(reservationId: string): Promise<void> {
    return this.#settling.vacate(reservationId);
  }

  release(
    reservationId: string,
    release: Release,
    alongside: (charge: Charge | null) => readonly JournalEntry[] = () => [],
  ): Promise<void> {
    return this.#settling.release(reservationId, release, alongside);
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
      .map(({ request, answeredWallMs, aheadMs, coveredUntilWallMs, renewedWallMs, settled }) => ({
        reservationId: request.reservationId,
        callId: request.callId,
        channelId: request.channelId,
        simId: request.simId,
        callee: request.callee,
        answeredWallMs: answeredWallMs === null ? null : answeredWallMs - aheadMs,
        coveredUntilWallMs:
          answeredWallMs === null || coveredUntilWallMs === null ? null : coveredUntilWallMs - aheadMs,
        renewedWallMs: renewedWallMs === null ? null : renewedWallMs - aheadMs,
        settled,
        isMessage: request.message !== undefined,
      }));
  }

  // ---- correcting ------------------------------------------------------------------------------------------------------

  adjust(adjustment: Adjustment): Promise<AdjustResult> {
    return this.#settling.adjust(adjustment);
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

  /** Usage that this node decides by against history in Redis, as far as the node has booked it. @throws SimtrunkError REDIS_AWAY */
  async verify(): Promise<VerifyReport> {
    await this.#writes.written();
    await this.#history.sent();
    // What was settled while Redis was away, or before it came back without its data, it is only now told of.
    await this.#replica.whenLevel();
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

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
