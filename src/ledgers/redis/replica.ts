// A node's copy of the shared ledger: the same memory that the default ledger decides by, moved by the log of Redis alone,
// entry by entry in its order. What this node booked before Redis had it is known, and is not booked twice.
import { SimtrunkError } from '../../lib/errors.js';
import type { Logger } from '../../lib/logger.js';
import type { Charge, Grant, ReserveRequest } from '../../quota/ledger.js';
import type { PreparedTerms } from '../journalled-memory-ledger.js';
import type { HistoryReader, HistoryRecord } from '../ledger-history.js';
import { LedgerMemory, type LedgerSettings, type Reserved } from '../ledger-memory.js';
import type { Live } from '../live-reservation.js';
import {
  type Ask,
  BEGINNING,
  compareEntries,
  entriesOf,
  type HistoryEntry,
  historyPages,
  pairs,
  recordOf,
} from './history-entries.js';
import { LogFollower } from './log-follower.js';
import type { RedisClock } from './redis-clock.js';
import type { Reply } from './redis-link.js';
import { ReplicaView } from './replica-view.js';
import {
  type LiveRow,
  type LogEntry,
  type OwnSteps,
  readLiveRow,
  readLogEntry,
  type SharedSettlement,
} from './shared-records.js';

/** What became of this node's own steps at their place in the log. */
export type Outcome =
  | { readonly kind: 'reserved'; readonly reserved: Reserved }
  | { readonly kind: 'granted'; readonly grant: Grant };

/** How long, and how often, a reload waits for history to have what was settled here. */
const LOOK_MS = 10;
const MOST_LOOKS = 500;

export class Replica {
  /** What routing reads. */
  readonly view: ReplicaView;
  #settings: LedgerSettings;
  readonly #clock: RedisClock;
  readonly #log: Logger;
  readonly #onListenerError: (error: unknown, event: string) => void;
  readonly #follower: LogFollower<LogEntry>;
  /** Last entry of history that is booked. */
  #historyEntry = BEGINNING;
  #versions = new Map<string, string>();
  readonly #bookedAhead = new Set<string>();
  /** Own reservations that are on their way: their channels are taken in this node's view. */
  readonly #expected = new Map<string, readonly ReserveRequest[]>();
  readonly #awaited = new Map<string, Outcome | null>();
  /** Entries of history that are other nodes' estimates, and may be replaced yet. */
  #estimates = new Set<string>();
  #onStale: (anew: boolean) => void = () => {};
  readonly #node: string;
  readonly #ownSteps: OwnSteps = {
    requestOf: (reservationId, channelId) =>
      this.#expected.get(reservationId)?.find((request) => request.channelId === channelId),
    // Of one that is not live here any more the entry says of which SIM it is.
    isBooked: (reservationId) => this.#bookedAhead.has(reservationId) && this.memory.live.has(reservationId),
  };

  constructor(settings: LedgerSettings, node: string, clock: RedisClock, log: Logger) {
    this.#node = node;
    this.#settings = settings;
    this.#clock = clock;
    this.#log = log;
    this.#onListenerError = (error, event) => log.error({ err: error, event }, 'ledger listener failed');
    this.#follower = new LogFollower(
      {
        read: (message) => readLogEntry(message, this.#ownSteps),
        apply: (entry) => this.#apply(entry),
        onStale: (anew) => this.#onStale(anew),
      },
      log,
    );
    this.view = new ReplicaView(this.#newMemory(), clock, log);
  }

  get memory(): LedgerMemory {
    return this.view.memory;
  }

  get seq(): number {
    return this.#follower.seq;
  }

  // ---- following the log -----------------------------------------------------------------------------------------------

  versionOf(simId: string): string {
    return this.#versions.get(simId) ?? '0';
  }

  /** Called when entries of the log are missing or, `anew`, one of history was replaced: `read` has to be called. */
  onStale(listener: (anew: boolean) => void): void {
    this.#onStale = listener;
  }

  /** An entry of the log, as it comes. */
  take(message: string): void {
    this.#follower.take(message);
  }

  /** From now on entries are kept until the state has been read again; who waits for one is told that it did not come. */
  stopFollowing(): void {
    this.#follower.stop();
  }

  /** Resolves when the entry of this number is applied; false when it may have been missed. */
  reached(seq: number): Promise<boolean> {
    return this.#follower.reached(seq);
  }

  // ---- this node's own steps -------------------------------------------------------------------------------------------

  /** The channel of a reservation that is on its way is taken in this node's view, so that no other call chooses it. */
  expect(reservationId: string, candidates: readonly ReserveRequest[]): void {
    this.#expected.set(reservationId, candidates);
    this.#awaited.set(reservationId, null);
    const [best] = candidates;
    if (best !== undefined) this.memory.mark(best.channelId, 'busy');
  }

  /** It was refused: the channel is what the log says. */
  unexpect(reservationId: string): void {
    const channelId = this.#expected.get(reservationId)?.[0]?.channelId;
    this.#expected.delete(reservationId);
    this.#awaited.delete(reservationId);
    if (channelId !== undefined && !this.#isHeld(channelId)) this.memory.mark(channelId, 'idle');
  }

  /** The outcome of the own step of this reservation is wanted. */
  await(reservationId: string): void {
    this.#awaited.set(reservationId, null);
  }

  outcome(reservationId: string): Outcome | null {
    const outcome = this.#awaited.get(reservationId) ?? null;
    this.#awaited.delete(reservationId);
    return outcome;
  }

  /** Books an own settlement now; its entry of the log books nothing any more. */
  chargeAhead(live: Live, answeredWallMs: number | null, durationMs: number, estimated: boolean): Charge {
    const charge = this.memory.charge(live, answeredWallMs, durationMs, estimated);
    live.settled = true;
    this.#bookedAhead.add(live.request.reservationId);
    return charge;
  }

  /** The same for what is charged beside an attempt, which goes on. */
  chargeBesideAhead(further: Live, answeredWallMs: number): Charge {
    this.#bookedAhead.add(further.request.reservationId);
    return this.memory.chargeFurther(further, answeredWallMs);
  }

  // ---- reading the whole state -----------------------------------------------------------------------------------------

  /**
   * Reads the state of Redis. `anew` forgets what was known before (another run, replaced history): own settlements are in
   * Redis by then, or come with the log.
   */
  async read(ask: Ask, anew: boolean): Promise<readonly LiveRow[]> {
    for (let rows = await this.#readOnce(ask, anew); ; rows = await this.#readOnce(ask, true))
      if (rows !== null) return rows;
  }

  /** Null when an entry was replaced after it had been booked. */
  async #readOnce(ask: Ask, anew: boolean): Promise<readonly LiveRow[] | null> {
    this.stopFollowing();
    const estimates = anew ? new Set<string>() : this.#estimates;
    const memory = anew ? this.#newMemory() : this.memory;
    let last = anew ? BEGINNING : this.#historyEntry;
    const booked = anew ? new Set<string>() : this.#bookedAhead;
    for await (const page of historyPages(ask, last)) {
      if (replacesAny(page, estimates)) return null;
      this.#bookHistory(memory, page, booked);
      last = page.at(-1)?.name ?? last;
    }
    const [seqText, , tail, live, channels, sims, heldBack] = (await ask('snapshot', [last])) as [
      ...[string, string],
      ...Reply[],
    ];
    // From here on nothing waits: the log goes on behind this number.
    const since = entriesOf(tail ?? []);
    if (replacesAny(since, estimates)) return null;
    this.#bookHistory(memory, since, booked);
    last = since.at(-1)?.name ?? last;
    this.#estimates = estimates;
    if (anew) this.#bookedAhead.clear();
    const rows = pairs(live ?? []).flatMap(([, text]) => this.#sound(() => readLiveRow(text)));
    this.#reconcile(memory, rows, new Map(pairs(channels ?? [])));
    this.#versions = new Map(pairs(sims ?? []).map(([simId, text]) => [simId, text.split(' ', 1)[0] ?? '0']));
    this.#historyEntry = last;
    if (anew) this.#become(memory);
    this.view.setForeign(
      new Set(pairs(heldBack ?? []).flatMap(([channelId, node]) => (node === this.#node ? [] : [channelId]))),
    );
    this.#follower.resumeAt(Number(seqText));
    return rows;
  }

  /**
   * Makes other plans, SIMs, channels and caps ready while the log goes on, as the default ledger does. Rejects when Redis does not
   * have what this node has settled.
   */
  async prepare(settings: LedgerSettings, ask: Ask): Promise<PreparedTerms> {
    await this.whenLevel();
    const memory = this.memory;
    const change = memory.change(settings);
    const discard = () => memory.giveUp(change);
    try {
      if (change.needsHistory) await this.#readHistory(ask, this.#historyEntry, change);
    } catch (error) {
      discard();
      throw error;
    }
    const take = () => {
      this.#settings = settings;
      const isStillIt = this.memory === memory;
      if (isStillIt) memory.take(change);
      // It was read again meanwhile, or another node has calls by SIMs that this one did not know: both are read by these terms.
      const isUnknown = [...memory.live.values()].some(({ book, settled }) => book === undefined && !settled);
      if (!isStillIt || isUnknown) this.#onStale(true);
    };
    return { take, discard };
  }

  /** When history has all that is booked here: nothing is counted twice then, and nothing left out. */
  async whenLevel(): Promise<void> {
    for (let looks = 0; this.#bookedAhead.size > 0 || !this.#follower.isFollowing; looks++) {
      if (looks === MOST_LOOKS) throw new SimtrunkError('REDIS_AWAY', 'Redis does not have yet what was settled here.');
      await new Promise<void>((resolve) => void this.#clock.after(LOOK_MS, resolve));
    }
  }

  async #readHistory(ask: Ask, until: string, reader: HistoryReader): Promise<void> {
    for await (const page of historyPages(ask, BEGINNING)) {
      for (const entry of page) {
        if (compareEntries(entry.name, until) > 0) return;
        for (const record of this.#sound(() => recordOf(entry))) {
          if ('adjustment' in record) reader.adjusted(record.adjustment);
          else reader.settled(this.#recordOf(record.settlement));
        }
      }
    }
  }

  /** Whatever routing has computed of usage is out of date. */
  touchAll(): void {
    this.view.touch(this.#settings.sims.map(({ simId }) => simId));
  }

  /** A fresh memory of the same history, for comparison. */
  async recompute(
    ask: Ask,
    until: string,
  ): Promise<{ memory: LedgerMemory; settlements: number; adjustments: number }> {
    const memory = new LedgerMemory(this.#settings, this.#clock, () => {});
    const counts = { settlements: 0, adjustments: 0 };
    for await (const page of historyPages(ask, BEGINNING)) {
      const within = page.filter(({ name }) => compareEntries(name, until) <= 0);
      for (const { kind } of within) counts[kind === 'adjustment' ? 'adjustments' : 'settlements'] += 1;
      this.#bookHistory(memory, within, new Set());
      if (within.length < page.length) break;
    }
    return { memory, ...counts };
  }

  get historyEntry(): string {
    return this.#historyEntry;
  }

  /** Own settlements that history does not have yet. */
  get bookedAhead(): ReadonlySet<string> {
    return this.#bookedAhead;
  }

  close(): void {
    this.stopFollowing();
    this.memory.close();
  }

  // ---- applying --------------------------------------------------------------------------------------------------------

  #apply(entry: LogEntry): void {
    const { seq, reservationId } = entry;
    const live = this.memory.live.get(reservationId);
    const simId = entry.kind === 'reserved' ? entry.request.simId : live?.request.simId;
    if (simId !== undefined) this.#versions.set(simId, String(seq));
    switch (entry.kind) {
      case 'reserved':
        this.#applyReserved(entry);
        return;
      case 'covered':
        if (live !== undefined && !live.settled) this.#applyCovered(live, entry);
        return;
      case 'settled':
        if (entry.settlement !== null) this.#versions.set(entry.settlement.request.simId, String(seq));
        this.#historyEntry = entry.historyEntry;
        this.#applySettled(live, entry);
        return;
      case 'freed':
        if (live !== undefined) this.memory.finish(live);
        return;
      case 'undone':
        if (live !== undefined) this.#undo(live, entry.rests);
        return;
      case 'restated':
        this.#versions.set(entry.row.request.simId, String(seq));
        this.#restate(this.memory, entry.row);
        return;
      case 'held-back':
        this.stopFollowing();
        this.#onStale(false);
        return;
      case 'adjusted':
        if (entry.simId !== '') this.#versions.set(entry.simId, String(seq));
        this.#historyEntry = entry.historyEntry;
        this.memory.adjusted(entry.adjustment);
        if (entry.simId !== '') this.memory.events.emit('usage:changed', entry.simId);
        return;
    }
  }

  /** Its place in the log decides: what came before it counts, what comes behind it counts it. */
  #applyReserved({ reservationId, request }: Extract<LogEntry, { kind: 'reserved' }>): void {
    const isOwn = this.#expected.has(reservationId);
    if (!isOwn) {
      this.memory.restoreReservation({ request, answeredWallMs: null, coveredUntilWallMs: null, settled: false });
      return;
    }
    const expected = this.#expected.get(reservationId)?.[0]?.channelId;
    this.#expected.delete(reservationId);
    if (expected !== undefined && expected !== request.channelId && !this.#isHeld(expected)) {
      this.memory.mark(expected, 'idle');
    }
    const reserved = this.view.keepingTaken(request.channelId, () => {
      this.memory.mark(request.channelId, 'idle');
      const outcome = this.memory.reserve(request);
      // Refused here, the reservation is undone in Redis; until then it is there, as it is for every other node.
      if (!outcome.ok) {
        const asWritten = { answeredWallMs: null, coveredUntilWallMs: null, settled: false };
        this.memory.restoreReservation({ request, ...asWritten });
      }
      return outcome;
    });
    this.#awaited.set(reservationId, { kind: 'reserved', reserved });
  }

  #applyCovered(live: Live, entry: Extract<LogEntry, { kind: 'covered' }>): void {
    const { reservationId, answeredWallMs, coveredUntilWallMs } = entry;
    const isFirst = live.hold.answeredWallMs === null;
    if (this.#awaited.has(reservationId)) {
      const grant = isFirst ? this.memory.confirm(live, answeredWallMs) : this.memory.extend(live, coveredUntilWallMs);
      this.#awaited.set(reservationId, { kind: 'granted', grant });
      return;
    }
    this.memory.cover(live, answeredWallMs, coveredUntilWallMs);
    if (isFirst) this.memory.events.emit('usage:changed', live.request.simId);
  }

  #applySettled(live: Live | undefined, entry: Extract<LogEntry, { kind: 'settled' }>): void {
    const { reservationId, settlement, supersedes, isReaped, isFreed } = entry;
    const isBooked = this.#bookedAhead.delete(reservationId);
    if (isReaped) this.#estimates.add(entry.historyEntry);
    if (this.#estimates.delete(supersedes)) {
      // The estimate is booked here and cannot be taken out of sets and windows: everything is counted again.
      if (live !== undefined && isFreed) this.memory.finish(live);
      this.stopFollowing();
      this.#onStale(true);
      return;
    }
    if (!isBooked && settlement !== null) {
      if (live !== undefined && !live.settled) {
        this.memory.drop(live);
        this.memory.forgetTry(live);
        live.settled = true;
      }
      this.#book(this.memory, settlement);
      this.memory.events.emit('usage:changed', settlement.request.simId);
    }
    if (live !== undefined && isFreed) this.memory.finish(live);
  }

  #undo(live: Live, rests: boolean): void {
    if (!rests) {
      this.memory.undo(live);
      return;
    }
    if (!live.settled) {
      this.memory.drop(live);
      this.memory.forgetTry(live);
    }
    this.memory.finish(live);
  }

  #restate(memory: LedgerMemory, { request, answeredWallMs, coveredUntilWallMs, settled }: LiveRow): void {
    const live = memory.live.get(request.reservationId);
    if (live === undefined) {
      memory.restoreReservation({ request, answeredWallMs, coveredUntilWallMs, settled });
      return;
    }
    if (settled && !live.settled) {
      memory.drop(live);
      live.settled = true;
    }
    if (!live.settled && answeredWallMs !== null)
      memory.cover(live, answeredWallMs, coveredUntilWallMs ?? answeredWallMs);
  }

  /** What is live, and which channels rest, is what Redis says. */
  #reconcile(memory: LedgerMemory, rows: readonly LiveRow[], channels: ReadonlyMap<string, string>): void {
    const known = new Set(rows.map(({ request }) => request.reservationId));
    for (const live of [...memory.live.values()]) {
      if (known.has(live.request.reservationId)) continue;
      if (!live.settled) {
        memory.drop(live);
        memory.forgetTry(live);
      }
      memory.finish(live);
    }
    for (const row of rows) this.#restate(memory, row);
    for (const [channelId, state] of channels) {
      if (state.startsWith('r')) memory.restoreRest(channelId, Number(state.slice(1)));
    }
  }

  #bookHistory(memory: LedgerMemory, entries: readonly HistoryEntry[], bookedAhead: Set<string>): void {
    for (const entry of entries) {
      for (const record of this.#sound(() => recordOf(entry))) {
        if ('adjustment' in record) memory.adjusted(record.adjustment);
        else this.#bookFromHistory(memory, record.settlement, bookedAhead);
      }
    }
  }

  #bookFromHistory(memory: LedgerMemory, settlement: SharedSettlement, bookedAhead: Set<string>): void {
    const { reservationId } = settlement.request;
    if (bookedAhead.delete(reservationId)) return;
    const live = memory.live.get(reservationId);
    if (live !== undefined && !live.settled) {
      memory.drop(live);
      memory.forgetTry(live);
      live.settled = true;
    }
    this.#book(memory, settlement);
  }

  /** What stands in Redis may be another version's, or nobody's: it is passed over, with a line in the log. */
  #sound<T>(read: () => T): T[] {
    try {
      return [read()];
    } catch (error) {
      this.#log.error({ err: error, alarm: 'redis' }, 'record of the shared ledger cannot be read');
      return [];
    }
  }

  #book(memory: LedgerMemory, settlement: SharedSettlement): void {
    memory.settled(this.#recordOf(settlement));
  }

  #recordOf({ request, answeredWallMs, durationMs, charge, settledWallMs }: SharedSettlement): HistoryRecord {
    const { billedSeconds, cost } = charge;
    const at = settledWallMs === 0 ? this.#clock.wallMs() : settledWallMs;
    return {
      ...request,
      reservedWallMs: request.wallMs,
      ...{ answeredWallMs, durationMs, billedSeconds, cost, settledWallMs: at },
    };
  }

  #isHeld(channelId: string): boolean {
    for (const live of this.memory.live.values()) if (live.request.channelId === channelId) return true;
    for (const [best] of this.#expected.values()) if (best?.channelId === channelId) return true;
    return false;
  }

  #newMemory(): LedgerMemory {
    return new LedgerMemory(this.#settings, this.#clock, this.#onListenerError);
  }

  #become(memory: LedgerMemory): void {
    const before = this.memory;
    this.view.become(memory);
    before.close();
    for (const [best] of this.#expected.values()) if (best !== undefined) memory.mark(best.channelId, 'busy');
    const channelIds = this.#settings.channels.map(({ channelId }) => channelId);
    this.view.tellChannels(channelIds, before);
    this.touchAll();
  }
}

/** Whether an entry replaces one of these estimates; notes the estimates among them. */
function replacesAny(entries: readonly HistoryEntry[], estimates: Set<string>): boolean {
  let replaces = false;
  for (const { name, supersedes, isEstimate } of entries) {
    if (isEstimate) estimates.add(name);
    if (estimates.delete(supersedes)) replaces = true;
  }
  return replaces;
}
