// The way of settlements and adjustments into history in Redis: sent once the node's journal has them, replayed by id until
// Redis has told that it has them too. An id that Redis knows is not counted again.
import type { Clock } from '../../lib/clock.js';
import type { AdjustmentsQuery, PastAdjustment, PastAdjustments } from '../../quota/ledger.js';
import { loadMemory } from '../journalled-memory-ledger.js';
import type { LedgerMemory } from '../ledger-memory.js';
import type { RowSource } from '../ledger-tables.js';
import { byTimeMade, readPastAdjustments } from '../past-adjustments.js';
import { readAdjusting, readOwnAdjustments, readOwnSettlements, readSettling } from './local-rows.js';
import type { Reply } from './redis-link.js';
import { readAdjustment, type SharedSettlement, writeAdjustment, writeSettlement } from './shared-records.js';

/** The longest month, and a day for calls over its edge. */
export const HISTORY_MS = 33 * 86_400_000;
/** Redis keeps history a little longer than any node counts it. */
const KEPT_MS = 35 * 86_400_000;

const ADJUSTMENTS_PAGE = '1000';

/** Under which Redis knows an adjustment. */
function adjustmentKey(adjustmentId: string): string {
  return `adjustment:${adjustmentId}`;
}

/** Where scripts are run. */
export interface ScriptRunner {
  readonly isAttached: boolean;
  run(operation: 'settle' | 'adjust' | 'missing' | 'adjustments', args: readonly string[]): Promise<Reply>;
}

export class SharedHistory {
  readonly #runner: ScriptRunner;
  readonly #rows: RowSource;
  readonly #onReady: (id: string) => void;
  readonly #isInUse: (reservationId: string) => boolean;
  readonly #settling = new Set<string>();
  readonly #sending = new Set<Promise<unknown>>();

  /** `isInUse`: whether the channel of a settled reservation waits for the answer to its BYE. */
  constructor(
    runner: ScriptRunner,
    rows: RowSource,
    onReady: (id: string) => void,
    isInUse: (reservationId: string) => boolean,
  ) {
    this.#runner = runner;
    this.#rows = rows;
    this.#onReady = onReady;
    this.#isInUse = isInUse;
  }

  /** How many settlements Redis does not have yet. */
  get settling(): number {
    return this.#settling.size;
  }

  begin(reservationId: string): void {
    this.#settling.add(reservationId);
  }

  /** Resolves with its number in the log, or with null while Redis is away or when nothing had to change. */
  send(settlement: SharedSettlement, channelInUse: boolean): Promise<number | null> {
    return this.#track(
      (async () => {
        try {
          const [, seq] = await this.#settle(settlement, 'own', channelInUse);
          this.#ready(settlement.request.reservationId);
          return seq === undefined || seq === '' ? null : Number(seq);
        } catch {
          // It stays in the journal, and is replayed by the next attachment.
          return null;
        }
      })(),
    );
  }

  /** What another node held: true when this settlement is the one that counts. */
  async sendReaped(settlement: SharedSettlement): Promise<boolean> {
    const [answer] = await this.#track(this.#settle(settlement, 'reaped', false));
    return answer === 'settled';
  }

  sendAdjustment(adjustment: PastAdjustment): Promise<number | null> {
    return this.#track(
      (async () => {
        try {
          const { adjustmentId, holder } = adjustment;
          const simId = holder.startsWith('sim:') ? holder.slice(4) : '';
          const args = [adjustmentId, writeAdjustment(adjustment), String(KEPT_MS), simId];
          const [answer, seq] = await this.#runner.run('adjust', args);
          this.#onReady(adjustmentId);
          return answer === 'adjusted' ? Number(seq) : null;
        } catch {
          return null;
        }
      })(),
    );
  }

  /** Of all nodes: what Redis has and what this node has. Without Redis that is this node's part. */
  async adjustments(query: AdjustmentsQuery): Promise<PastAdjustments> {
    const { holder, sinceWallMs, most } = query;
    const own = await readPastAdjustments(this.#rows, query);
    const shared = await this.#sharedAdjustments().catch(() => null);
    const known = new Map([...own.adjustments, ...(shared ?? [])].map((each) => [each.adjustmentId, each]));
    const found = [...known.values()]
      .filter((each) => (holder === null || each.holder === holder) && (each.madeWallMs ?? each.wallMs) >= sinceWallMs)
      .sort(byTimeMade);
    const isCut = own.isCut || found.length > most;
    return { adjustments: found.slice(-most), isCut, isPartOnly: shared === null };
  }

  async #sharedAdjustments(): Promise<PastAdjustment[]> {
    const found: PastAdjustment[] = [];
    for (let last = '0'; ; ) {
      const page = await this.#runner.run('adjustments', [last, ADJUSTMENTS_PAGE]);
      for (const [entry, fields] of page as readonly [string, readonly string[]][]) {
        last = entry;
        try {
          found.push(readAdjustment(fields[1] ?? ''));
        } catch {
          // Another version's, or nobody's: history has said so already.
        }
      }
      if (page.length < Number(ADJUSTMENTS_PAGE)) return found;
    }
  }

  /** Resolves when nothing is on its way any more. */
  async sent(): Promise<void> {
    await Promise.allSettled(this.#sending);
  }

  /**
   * Sends again what Redis may not have: what was never acknowledged and, to another run of Redis, everything since an
   * instant that this run does not know. Rejects when Redis goes away.
   */
  async replay(isNewRun: boolean, sinceWallMs: number): Promise<void> {
    for (const settlement of await readSettling(this.#rows)) {
      this.#settling.add(settlement.request.reservationId);
      await this.#settleAgain(settlement);
      this.#ready(settlement.request.reservationId);
    }
    for (const adjustment of await readAdjusting(this.#rows)) await this.sendAdjustment(adjustment);
    if (!isNewRun) return;
    for await (const page of readOwnSettlements(this.#rows, sinceWallMs)) {
      const ids = page.map(({ request }) => request.reservationId);
      const missing = new Set((await this.#runner.run('missing', ids)) as string[]);
      const forgotten = page.filter(({ request }) => missing.has(request.reservationId));
      await Promise.all(forgotten.map((settlement) => this.#settleAgain(settlement)));
    }
    const adjustments = await readOwnAdjustments(this.#rows, sinceWallMs);
    if (adjustments.length === 0) return;
    const keys = adjustments.map(({ adjustmentId }) => adjustmentKey(adjustmentId));
    const missing = new Set((await this.#runner.run('missing', keys)) as string[]);
    for (const adjustment of adjustments) {
      if (missing.has(adjustmentKey(adjustment.adjustmentId))) await this.sendAdjustment(adjustment);
    }
  }

  /** Without Redis: what this node settled by itself is all that is known. */
  async loadOwn(memory: LedgerMemory, clock: Clock): Promise<void> {
    await loadMemory(memory, this.#rows, clock);
  }

  #settleAgain(settlement: SharedSettlement): Promise<Reply> {
    return this.#settle(settlement, 'own', this.#isInUse(settlement.request.reservationId));
  }

  #settle(settlement: SharedSettlement, how: 'own' | 'reaped', channelInUse: boolean): Promise<Reply> {
    const { request } = settlement;
    return this.#runner.run('settle', [
      ...[request.reservationId, how, channelInUse ? '1' : '0', writeSettlement(settlement)],
      ...[String(KEPT_MS), request.simId],
    ]);
  }

  #ready(reservationId: string): void {
    this.#settling.delete(reservationId);
    this.#onReady(reservationId);
  }

  #track<T>(step: Promise<T>): Promise<T> {
    this.#sending.add(step);
    const done = () => this.#sending.delete(step);
    step.then(done, done);
    return step;
  }
}
