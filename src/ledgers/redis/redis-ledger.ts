// The shared ledger: several nodes, one Redis. A node decides by its replica, books in Redis by one script, and counts on
// what the log says at that place (docs/decisions/redis-ledger.md). What must not be forgotten is in its own journal first.
// Redis away is a state with a setting for new calls; nothing here waits longer than the link's timeout.
import { randomUUID } from 'node:crypto';
import type { Journal } from '../../journal/journal.js';
import type { Clock, ClockTimer } from '../../lib/clock.js';
import type { JournalEntry } from '../../lib/journal-entry.js';
import type { Logger } from '../../lib/logger.js';
import { TypedEmitter } from '../../lib/typed-events.js';
import type {
  Adjustment,
  AdjustResult,
  AllowanceUsage,
  Charge,
  Grant,
  Ledger,
  OrphanReservation,
  PayersFit,
  PayersQuestion,
  Release,
  ReserveFirstResult,
  ReserveRequest,
  ReserveResult,
  Settlement,
  SimUsage,
  VerifyReport,
} from '../../quota/ledger.js';
import type { LedgerView } from '../../quota/ledger-view.js';
import { type LedgerSettings, type Live, NO_GRANT } from '../ledger-memory.js';
import * as tables from '../ledger-tables.js';
import { OrderedWrites } from '../ordered-writes.js';
import { compareUsage } from '../verify-usage.js';
import * as local from './local-rows.js';
import { LocalShare } from './local-share.js';
import type { RedisLinkOptions } from './redis-link.js';
import { Replica } from './replica.js';
import { type Attached, RedisSession } from './session.js';
import { HISTORY_MS, SharedHistory } from './shared-history.js';
import { type LiveRow, type SharedSettlement, writeRequest } from './shared-records.js';

export interface RedisLedgerOptions extends LedgerSettings {
  readonly link: RedisLinkOptions;
  /** Its name; what makes it unique is kept in the journal. */
  readonly node: string;
  readonly leaseMs: number;
  readonly guardMs: number;
  /** New calls wait so long for a Redis that has just gone away; then `whenAway` holds. */
  readonly awayLimitMs: number;
  readonly whenAway: 'refuse' | 'local-share';
  /** Channels that no other node books; with `local-share` this one goes on with them while Redis is away. */
  readonly heldBack: readonly string[];
  /** Part of what a payer has left that this node may use while Redis is away, percent. */
  readonly capSharePercent: number;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RedisLedgerEvents {
  /** Reservations that this node may not count on any more: their calls have to end. */
  'reservations:lost': readonly [reservationIds: readonly string[]];
}

export interface RedisLedgerCounters {
  readonly isAttached: boolean;
  readonly reservations: number;
  /** Reservations of which another node had a candidate first. */
  readonly lostRaces: number;
  readonly lostRacesPerThousand: number;
  readonly attachments: number;
  readonly lapses: number;
  readonly reaped: number;
  /** Settlements that Redis does not have yet. */
  readonly settling: number;
}

/** A reservation of this node, until it is over. */
interface Own {
  readonly request: ReserveRequest;
  answeredWallMs: number | null;
  /** Of one that was not answered: what its payers hold. */
  coveredUntilWallMs: number | null;
  settled: boolean;
  readonly isOrphan: boolean;
  /** Its lease has run out. */
  isLost: boolean;
}

const MAX_KEPT_CHARGES = 10_000;
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

export class RedisLedger implements Ledger {
  readonly events: TypedEmitter<RedisLedgerEvents>;
  readonly #options: RedisLedgerOptions;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #journal: Journal;
  readonly #writes: OrderedWrites;
  readonly #rows: tables.RowSource;
  readonly #replica: Replica;
  readonly #session: RedisSession;
  readonly #history: SharedHistory;
  readonly #share: LocalShare;
  readonly #simOf: ReadonlyMap<string, string>;
  readonly #own = new Map<string, Own>();
  /** Steps that end a reservation, by its id: a repeated call gets the same promise. */
  readonly #ending = new Map<string, Promise<unknown>>();
  readonly #charges = new Map<string, Charge>();
  #ready: string[] = [];
  #readyTimer: ClockTimer | undefined;
  #sequence: number;
  #isRead = false;
  #reading: Promise<void> = Promise.resolve();
  readonly #counters = { reservations: 0, lostRaces: 0, attachments: 0, lapses: 0, reaped: 0 };

  /** Use {@link openRedisLedger}. */
  constructor(
    options: RedisLedgerOptions,
    facts: ReadonlyMap<string, string>,
    left: readonly tables.ReservationRow[],
    lastSequence: number,
  ) {
    const { journal, clock, log } = options;
    this.#options = options;
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
    this.#sequence = lastSequence;
    this.#rows = (...ask) => journal.query(...ask);
    this.events = new TypedEmitter((error, event) => log.error({ err: error, event }, 'ledger listener failed'));
    this.#writes = new OrderedWrites(options);
    this.#simOf = new Map(options.channels.map(({ channelId, simId }) => [channelId, simId]));
    this.#replica = new Replica(options, options.node, clock, log);
    this.#replica.onStale((anew) => void this.#readAgain(anew));
    this.#share = new LocalShare(options.heldBack, options.capSharePercent);
    this.#session = new RedisSession(
      options,
      { runId: facts.get('run') ?? null, fence: facts.get('fence') ?? '0' },
      {
        onLog: (message) => this.#replica.take(message),
        onAttached: (attached) => this.#attached(attached),
        onAway: () => this.#replica.stopFollowing(),
        onLapsed: () => this.#lapsed(),
        onDead: (nodes) => void this.#reap(nodes),
      },
    );
    this.#history = new SharedHistory(this.#session, this.#rows, (id) => this.#markReady(id));
    for (const { request, answeredWallMs, coveredUntilWallMs, settled } of left) {
      const own = { request, answeredWallMs, coveredUntilWallMs, settled, isOrphan: true, isLost: false };
      this.#own.set(request.reservationId, own);
    }
  }

  /** Resolves when it is attached; without Redis after a while, with what this node knows by itself. */
  async start(): Promise<void> {
    this.#session.start();
    if (await this.#session.whenAttached(Math.max(this.#options.awayLimitMs, 2 * this.#options.link.timeoutMs))) return;
    this.#log.error({ alarm: 'redis', url: withoutPassword(this.#options.link.url) }, 'starting without Redis');
    if (!this.#isRead) await this.#history.loadOwn(this.#replica.memory, this.#clock);
  }

  /** What routing reads. */
  get view(): LedgerView {
    return this.#replica;
  }

  get counters(): RedisLedgerCounters {
    const settling = this.#history.settling;
    const { reservations, lostRaces } = this.#counters;
    const lostRacesPerThousand = reservations === 0 ? 0 : Math.round((lostRaces / reservations) * 10_000) / 10;
    return { ...this.#counters, lostRacesPerThousand, isAttached: this.#session.isAttached, settling };
  }

  // ---- reserving -------------------------------------------------------------------------------------------------------

  async reserve(request: ReserveRequest, alongside: readonly JournalEntry[] = []): Promise<ReserveResult> {
    return this.reserveFirst([request], () => alongside);
  }

  async reserveFirst(
    requests: readonly ReserveRequest[],
    alongside: (booked: ReserveRequest) => readonly JournalEntry[] = () => [],
  ): Promise<ReserveFirstResult> {
    const isEmergency = requests[0]?.numberClass === 'emergency';
    if (this.#journal.isStalled && !isEmergency) return { ok: false, reason: 'journal-stalled' };
    const session = this.#session;
    // Nothing holds up an emergency call, not even for the limit.
    if (!session.isAttached && !isEmergency) await session.whenAttached(this.#options.awayLimitMs - session.awayMs);
    if (!session.isAttached || (session.quarantineMs > 0 && !isEmergency))
      return this.#reserveAway(requests, alongside);
    const offered: ReserveRequest[] = [];
    let refusal: Extract<ReserveResult, { ok: false }> | undefined;
    for (const request of requests) {
      const refused = this.#refusalOf(request);
      if (refused === undefined) offered.push(request);
      else refusal ??= refused;
    }
    const [best] = offered;
    if (best === undefined) return refusal ?? { ok: false, reason: 'unknown-channel' };
    return this.#reserveInRedis(best, offered, alongside);
  }

  /** What the node knows already; Redis is asked about the rest. */
  #refusalOf(request: ReserveRequest): Extract<ReserveResult, { ok: false }> | undefined {
    const { channelId, simId, numberClass } = request;
    if (this.#simOf.get(channelId) !== simId || this.#replica.memory.bookOf(simId) === undefined) {
      return { ok: false, reason: 'unknown-channel' };
    }
    const state = this.#replica.channelState(channelId);
    if (state === 'busy' || this.#own.has(request.reservationId)) return { ok: false, reason: 'channel-busy' };
    if (state === 'resting' && numberClass !== 'emergency') return { ok: false, reason: 'channel-resting' };
    const fit = this.#replica.fit(simId, request);
    if (!fit.ok) return fit;
    const payersFit = this.fitPayers(request.payers, request);
    return payersFit.ok ? undefined : payersFit;
  }

  async #reserveInRedis(
    best: ReserveRequest,
    offered: readonly ReserveRequest[],
    alongside: (booked: ReserveRequest) => readonly JournalEntry[],
  ): Promise<ReserveFirstResult> {
    const { reservationId, channelId } = best;
    const { memory } = this.#replica;
    const isEmergency = best.numberClass === 'emergency';
    this.#counters.reservations += 1;
    const candidates = offered.flatMap((request) => [
      ...[request.channelId, request.simId, this.#replica.versionOf(request.simId)],
      String(memory.gapMsOf(request.channelId)),
    ]);
    this.#replica.expect(reservationId, channelId);
    let outcome: ReserveFirstResult;
    try {
      const reply = await this.#session.run('reserve', [
        ...[reservationId, isEmergency ? '1' : '0', writeRequest(best)],
        ...candidates,
      ]);
      outcome = await this.#outcomeOf(best, reply as string[]);
    } catch {
      outcome = { ok: false, reason: 'ledger-away' };
    }
    if (!outcome.ok) {
      this.#replica.unexpect(reservationId);
      if (outcome.reason !== 'ledger-away') return outcome;
      // Whether Redis booked it is not known; an attachment finds out, and undoes what is nobody's.
      return isEmergency || !this.#session.isAttached ? this.#reserveAway(offered, alongside) : outcome;
    }
    const booked = offered.find((request) => request.channelId === outcome.channelId) ?? best;
    this.#keepOwn(booked);
    const isKept = await this.#keepReservation(booked, alongside(booked), isEmergency);
    // The process may have been paused meanwhile, longer than its lease: nothing has left it yet, and nothing may.
    const isLost = !isEmergency && (!this.#session.isLeased() || this.#own.get(reservationId)?.isLost === true);
    if (isKept && !isLost) return outcome;
    this.#own.delete(reservationId);
    if (isKept) {
      // With whatever was kept alongside: a live call that has no reservation is ended as one without an attempt.
      this.#writes.inBackground(booked.callId, [tables.deleteReservation(reservationId)], 'take back');
    }
    void this.#session.run('undo', [reservationId, '']).catch(() => undefined);
    return { ok: false, reason: isLost ? 'ledger-away' : 'journal-stalled' };
  }

  async #outcomeOf(
    { reservationId, channelId }: ReserveRequest,
    [answer, second = '', third = '', ...more]: string[],
  ): Promise<ReserveFirstResult> {
    if (answer === 'booked') {
      // Another one of the same step: the best was taken by then.
      if (third !== channelId) this.#counters.lostRaces += 1;
      const reached = await this.#replica.reached(Number(second));
      const outcome = this.#replica.outcome(reservationId);
      if (!reached || outcome?.kind !== 'reserved') return { ok: false, reason: 'ledger-away' };
      const { reserved } = outcome;
      if (reserved.ok) {
        return { ok: true, reservationId, channelId: third, maxCallSeconds: reserved.maxCallSeconds };
      }
      // Another call of the same payer came first by a moment, and took the last of its cap.
      this.#counters.lostRaces += 1;
      void this.#session.run('undo', [reservationId, '']).catch(() => undefined);
      return reserved;
    }
    if (answer === 'quarantined') return { ok: false, reason: 'ledger-away' };
    this.#counters.lostRaces += 1;
    const reasons = answer === 'refused' ? [second, third, ...more] : [];
    const isBehind = reasons.some((reason) => {
      const version = /^moved (\d+)/.exec(reason)?.[1];
      return version !== undefined && Number(version) <= this.#replica.seq;
    });
    // The log has been applied that far, and still the version differs: what is known is not what Redis has.
    if (isBehind) void this.#readAgain(false);
    return { ok: false, reason: reasons[0] === 'resting' ? 'channel-resting' : 'channel-busy' };
  }

  /** Without Redis: an emergency call on any channel that seems idle, others by the setting. */
  async #reserveAway(
    requests: readonly ReserveRequest[],
    alongside: (booked: ReserveRequest) => readonly JournalEntry[],
  ): Promise<ReserveFirstResult> {
    const isEmergency = requests[0]?.numberClass === 'emergency';
    const isShared = this.#options.whenAway === 'local-share';
    let refusal: ReserveFirstResult = { ok: false, reason: 'ledger-away' };
    for (const request of requests) {
      if (!isEmergency && !(isShared && this.#share.has(request.channelId))) continue;
      const { memory } = this.#replica;
      const capRefusal = isEmergency ? undefined : this.#share.refusalOf(request, memory);
      if (capRefusal !== undefined) return capRefusal;
      const reserved = memory.reserve(request);
      if (!reserved.ok) {
        refusal = reserved;
        continue;
      }
      this.#keepOwn(request);
      if (await this.#keepReservation(request, alongside(request), isEmergency)) {
        const { reservationId, channelId } = request;
        return { ok: true, reservationId, channelId, maxCallSeconds: reserved.maxCallSeconds };
      }
      this.#own.delete(request.reservationId);
      memory.undo(reserved.live);
      return { ok: false, reason: 'journal-stalled' };
    }
    return refusal;
  }

  #keepOwn(request: ReserveRequest): void {
    const fresh = { answeredWallMs: null, coveredUntilWallMs: null, settled: false, isOrphan: false, isLost: false };
    this.#own.set(request.reservationId, { request, ...fresh });
  }

  /** In this node's journal, before an INVITE leaves; false when the journal does not take it in time. */
  async #keepReservation(
    request: ReserveRequest,
    alongside: readonly JournalEntry[],
    isEmergency: boolean,
  ): Promise<boolean> {
    const { callId, reservationId } = request;
    const { payerHolds } = this.#replica.memory.live.get(reservationId) ?? {};
    const heldUntilWallMs = payerHolds?.[0]?.hold.coveredUntilWallMs ?? null;
    const own = this.#own.get(reservationId);
    if (own !== undefined) own.coveredUntilWallMs = heldUntilWallMs;
    const entries = [tables.insertReservation(request, heldUntilWallMs), ...alongside];
    if (isEmergency && this.#writes.isFailing(callId)) {
      this.#writes.inBackground(callId, entries, 'reserve');
      return true;
    }
    const committed = this.#journal.commit(entries).then(
      () => true,
      () => false,
    );
    const outcome = await this.#unlessStalled(committed);
    if (outcome === true) return true;
    if (isEmergency) {
      this.#writes.inBackground(callId, entries, 'reserve', committed);
      return true;
    }
    if (outcome === 'stalled') {
      this.#writes.inBackground(callId, [tables.deleteReservation(reservationId)], 'take back');
    }
    return false;
  }

  // ---- the call lasts --------------------------------------------------------------------------------------------------

  async confirm(
    reservationId: string,
    answeredWallMs: number,
    alongside: readonly JournalEntry[] = [],
  ): Promise<Grant> {
    const own = this.#own.get(reservationId);
    if (own === undefined || own.settled) return NO_GRANT;
    own.answeredWallMs = answeredWallMs;
    own.coveredUntilWallMs = answeredWallMs + this.#options.sliceSeconds * 1000;
    const answered = tables.markAnswered(reservationId, answeredWallMs, own.coveredUntilWallMs);
    const [grant] = await Promise.all([
      this.#cover(own, own.coveredUntilWallMs),
      this.#writes.persist(own.request.callId, [answered, ...alongside], 'confirm'),
    ]);
    return grant;
  }

  async renew(reservationId: string, coveredUntilWallMs: number): Promise<Grant> {
    const own = this.#own.get(reservationId);
    if (own === undefined || own.settled || own.answeredWallMs === null) return NO_GRANT;
    own.coveredUntilWallMs = Math.max(own.coveredUntilWallMs ?? 0, coveredUntilWallMs);
    const covered = tables.markCovered(reservationId, own.coveredUntilWallMs);
    const committed = this.#writes.once(own.request.callId, [covered], 'renew');
    const [grant] = await Promise.all([this.#cover(own, own.coveredUntilWallMs), this.#unlessStalled(committed)]);
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
    return this.#isOfShare(own) ? this.#share.bounded(grant, own.request, answeredWallMs, untilWallMs, memory) : grant;
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
    if (this.#ending.has(reservationId)) await this.#ending.get(reservationId);
    const own = this.#own.get(reservationId);
    if (own !== undefined && !own.settled) {
      const durationMs = storedMs(settlement.durationMs);
      const measured = { answeredWallMs, durationMs, estimated, channelInUse };
      return this.#end(reservationId, this.#settleOwn(own, measured, alongside));
    }
    const charge = this.#charges.get(reservationId) ?? (await this.#settledEarlier(reservationId));
    // The caller's own entries are not lost because the ledger's step was a repetition.
    await this.#writes.persist(own?.request.callId ?? reservationId, alongside(charge), 'settle');
    if (!channelInUse) await this.vacate(reservationId);
    return charge;
  }

  async vacate(reservationId: string): Promise<void> {
    await this.#ending.get(reservationId);
    const own = this.#own.get(reservationId);
    if (own === undefined || !own.settled) return;
    await this.#end(reservationId, this.#vacateOwn(own));
  }

  async release(reservationId: string, { invited }: Release, alongside: readonly JournalEntry[] = []): Promise<void> {
    const own = this.#own.get(reservationId);
    if (own === undefined || own.settled || this.#ending.has(reservationId)) {
      await this.#ending.get(reservationId);
      await this.#writes.persist(own?.request.callId ?? reservationId, alongside, 'release');
      return;
    }
    if (invited) {
      const unanswered = { answeredWallMs: null, durationMs: 0, estimated: false, channelInUse: false };
      await this.#end(
        reservationId,
        this.#settleOwn(own, unanswered, () => alongside),
      );
    } else await this.#end(reservationId, this.#undoOwn(own, alongside));
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
    const live = this.#replica.memory.live.get(reservationId) ?? withoutHolds(request);
    const charge = this.#replica.chargeAhead(live, answeredWallMs, durationMs, estimated);
    this.#keepCharge(charge);
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
    return book && { simId, allowances: book.usage(wallMs) };
  }

  usageOfPayer(payer: string, wallMs: number): readonly AllowanceUsage[] | undefined {
    return this.#replica.memory.usageOfPayer(payer, wallMs);
  }

  fitPayers(payers: readonly string[], question: PayersQuestion): PayersFit {
    return this.#replica.memory.fitPayers(payers, question);
  }

  attemptsTo(callee: string, sinceWallMs: number): number {
    return this.#replica.memory.attemptsTo(callee, sinceWallMs);
  }

  orphans(): readonly OrphanReservation[] {
    return [...this.#own.values()]
      .filter((own) => own.isOrphan)
      .map(({ request, answeredWallMs, coveredUntilWallMs, settled }) => ({
        reservationId: request.reservationId,
        callId: request.callId,
        channelId: request.channelId,
        simId: request.simId,
        callee: request.callee,
        answeredWallMs,
        coveredUntilWallMs: answeredWallMs === null ? null : coveredUntilWallMs,
        settled,
      }));
  }

  // ---- correcting ------------------------------------------------------------------------------------------------------

  async adjust(adjustment: Adjustment): Promise<AdjustResult> {
    const { adjustmentId, holder, allowanceId, wallMs } = adjustment;
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

  // ---- standing with Redis ---------------------------------------------------------------------------------------------

  /** Says again what it holds, settles again what Redis has forgotten, then reads what Redis has. */
  async #attached({ isNewRun, runId }: Attached): Promise<void> {
    this.#counters.attachments += 1;
    await this.#journal.commit([local.keepFact('fence', this.#session.fence)]);
    const lost = await this.#restate();
    await this.#history.replay(isNewRun, this.#clock.wallMs() - HISTORY_MS);
    await this.#read(isNewRun || !this.#isRead);
    this.#share.forget();
    await this.#journal.commit([local.keepFact('run', runId)]);
    if (lost.length > 0) this.#lose(lost);
  }

  /** Returns what went to somebody else meanwhile. */
  async #restate(): Promise<string[]> {
    const lost: string[] = [];
    await Promise.all(
      [...this.#own.values()].map(async (own) => {
        if (own.isLost) return;
        const { request, answeredWallMs, coveredUntilWallMs, settled } = own;
        const [answer] = await this.#session.run('restate', [
          ...[request.reservationId, request.channelId, request.simId],
          ...[String(this.#replica.memory.gapMsOf(request.channelId)), String(answeredWallMs ?? '')],
          ...[String(coveredUntilWallMs ?? ''), settled ? '1' : '0', writeRequest(request)],
        ]);
        if (answer === 'lost' && !settled && !own.isOrphan) lost.push(request.reservationId);
      }),
    );
    return lost;
  }

  async #read(anew: boolean): Promise<void> {
    const rows = await this.#replica.read((...ask) => this.#session.run(...ask), anew);
    this.#isRead = true;
    for (const row of rows) {
      if (row.node !== this.#options.node || this.#own.has(row.request.reservationId)) continue;
      if (row.isClaimed) void this.#settleClaimed(row);
      else void this.#session.run('undo', [row.request.reservationId, 'rests']).catch(() => undefined);
    }
  }

  /** Entries of the log were missed, or replaced. */
  async #readAgain(anew: boolean): Promise<void> {
    this.#replica.stopFollowing();
    this.#reading = this.#reading.then(async () => {
      if (!this.#session.isAttached) return;
      await this.#read(anew).catch((error) => this.#log.warn({ err: error }, 'shared ledger could not be read'));
    });
    await this.#reading;
  }

  #lapsed(): void {
    this.#counters.lapses += 1;
    const held = [...this.#own.values()].filter((own) => !own.isOrphan && !own.settled && !this.#isOfShare(own));
    this.#lose(held.map(({ request }) => request.reservationId));
  }

  #lose(reservationIds: readonly string[]): void {
    const lost = reservationIds.filter((id) => {
      const own = this.#own.get(id);
      // Nobody ends an emergency call.
      if (own === undefined || own.request.numberClass === 'emergency') return false;
      own.isLost = true;
      return true;
    });
    if (lost.length === 0) return;
    this.#log.error({ alarm: 'lease', reservations: lost.length }, 'reservations cannot be held: their calls end');
    this.events.emit('reservations:lost', lost);
  }

  /** While it is away a node goes on with the channels that only it may use. */
  #isOfShare({ request }: Own): boolean {
    return this.#options.whenAway === 'local-share' && this.#share.has(request.channelId);
  }

  // ---- dead nodes ------------------------------------------------------------------------------------------------------

  async #reap(nodes: readonly string[]): Promise<void> {
    for (const node of nodes) {
      try {
        const [answer, ...claimed] = (await this.#session.run('claim', [node])) as string[];
        if (answer !== 'claimed') continue;
        const rows: LiveRow[] = [];
        for (let index = 1; index < claimed.length; index += 2) rows.push(this.#replica.readRow(claimed[index] ?? ''));
        this.#log.error({ alarm: 'node', node, reservations: rows.length }, 'node is dead: its calls are settled');
        await Promise.all(rows.map((row) => this.#settleClaimed(row)));
      } catch (error) {
        this.#log.warn({ err: error, node }, 'calls of a dead node could not be settled yet');
      }
    }
  }

  /** From what was renewed; the owner's own measure replaces it, should it come back. */
  async #settleClaimed({ request, answeredWallMs, coveredUntilWallMs, settled }: LiveRow): Promise<void> {
    const { reservationId } = request;
    this.#counters.reaped += 1;
    if (settled) {
      await this.#runAndReach('vacate', [reservationId]);
      return;
    }
    const live = this.#replica.memory.live.get(reservationId);
    if (live === undefined || live.settled) return;
    const durationMs =
      answeredWallMs === null ? 0 : Math.max(0, (coveredUntilWallMs ?? answeredWallMs) - answeredWallMs);
    const charge = this.#replica.chargeAhead(live, answeredWallMs, durationMs, true);
    const settlement: SharedSettlement = { request, answeredWallMs, durationMs, charge, settledWallMs: 0 };
    const isBooked = await this.#history.sendReaped(settlement).catch(() => false);
    // Its owner was quicker, or Redis went away: what was booked here is not what history has.
    if (!isBooked) await this.#readAgain(true);
  }

  // ---- small things ----------------------------------------------------------------------------------------------------

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

  #end<T>(reservationId: string, step: Promise<T>): Promise<T> {
    this.#ending.set(reservationId, step);
    return step.finally(() => {
      if (this.#ending.get(reservationId) === step) this.#ending.delete(reservationId);
    });
  }

  async #settledEarlier(reservationId: string): Promise<Charge> {
    const charge = await tables.readSettlement(this.#rows, reservationId);
    if (charge === undefined) throw new Error(`Reservation ${reservationId} is unknown, or was released.`);
    return charge;
  }

  #keepCharge(charge: Charge): void {
    this.#charges.set(charge.reservationId, charge);
    if (this.#charges.size <= MAX_KEPT_CHARGES) return;
    for (const oldest of this.#charges.keys()) {
      this.#charges.delete(oldest);
      return;
    }
  }

  /** Waits for a commit, but not through a stall of the journal. */
  async #unlessStalled<T>(committed: Promise<T>): Promise<T | 'stalled'> {
    if (this.#journal.isStalled) return 'stalled';
    let stopListening = () => {};
    const stalled = new Promise<'stalled'>((resolve) => {
      stopListening = this.#journal.events.on('journal:stalled', () => resolve('stalled'));
    });
    try {
      return await Promise.race([committed, stalled]);
    } finally {
      stopListening();
    }
  }
}

/** A reservation that the replica does not hold any more: another node settled it while this one was paused. */
function withoutHolds(request: ReserveRequest): Live {
  const { callee, numberClass, direction, wallMs } = request;
  const hold = {
    callee,
    numberClass,
    direction,
    reservedWallMs: wallMs,
    answeredWallMs: null,
    coveredUntilWallMs: null,
  };
  return { request, hold, payerHolds: [], tried: false, orphan: false, settled: false };
}

/** History is recounted from what is stored: a duration of more digits than are must not be charged otherwise. */
function storedMs(durationMs: number): number {
  return Math.round(durationMs * 1000) / 1000;
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
