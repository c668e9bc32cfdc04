// What becomes of a node's reservations as Redis comes and goes: stated again, read again, lost with a lease; and what a dead
// node leaves, claimed and settled from what it had renewed.
import { keepFact } from './local-rows.js';
import { restate } from './restating.js';
import type { Attached } from './session.js';
import { HISTORY_MS } from './shared-history.js';
import { isOfShare, type SharedParts } from './shared-parts.js';
import { type LiveRow, readLiveRow, type SharedSettlement } from './shared-records.js';

export class Standing {
  readonly #parts: SharedParts;
  readonly #onLost: (reservationIds: readonly string[]) => void;
  #isRead = false;
  #reading: Promise<void> = Promise.resolve();

  /** `onLost`: the calls of these reservations have to end. */
  constructor(parts: SharedParts, onLost: (reservationIds: readonly string[]) => void) {
    this.#parts = parts;
    this.#onLost = onLost;
  }

  /** Whether the state of Redis was ever read. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** Says again what it holds, settles again what Redis has forgotten, then reads what Redis has. */
  async attached({ isNewRun, run }: Attached): Promise<void> {
    this.#parts.counts.attachments += 1;
    const { journal, clock } = this.#parts.options;
    await journal.commit([keepFact('fence', this.#parts.session.fence), keepFact('ahead', String(clock.aheadMs))]);
    const lost = await this.#restate();
    await this.#parts.history.replay(isNewRun, clock.wallMs() - HISTORY_MS);
    await this.#read(isNewRun || !this.#isRead);
    this.#parts.share.forget();
    await journal.commit([keepFact('run', run)]);
    if (lost.length > 0) this.#lose(lost);
  }

  /** Returns what went to somebody else meanwhile. */
  async #restate(): Promise<string[]> {
    const lost: string[] = [];
    await Promise.all(
      [...this.#parts.own.values()].map(async (own) => {
        if (own.isLost) return;
        const { request, settled } = own;
        const answer = await restate(this.#parts, own);
        if (answer === 'lost' && !settled && !own.isOrphan) lost.push(request.reservationId);
      }),
    );
    return lost;
  }

  async #read(anew: boolean): Promise<void> {
    const rows = await this.#parts.replica.read((...ask) => this.#parts.session.run(...ask), anew);
    this.#isRead = true;
    for (const row of rows) {
      if (row.node !== this.#parts.options.node || this.#parts.own.has(row.request.reservationId)) continue;
      if (row.isClaimed) void this.#settleClaimed(row);
      else void this.#parts.session.run('undo', [row.request.reservationId, 'rests']).catch(() => undefined);
    }
  }

  /** Entries of the log were missed, or replaced. */
  async readAgain(anew: boolean): Promise<void> {
    this.#parts.replica.stopFollowing();
    this.#reading = this.#reading.then(async () => {
      if (!this.#parts.session.isAttached) return;
      // Without the log there is nothing to count on: the next attachment reads everything again.
      await this.#read(anew).catch((error) => this.#parts.session.drop(error));
    });
    await this.#reading;
  }

  lapsed(): void {
    this.#parts.counts.lapses += 1;
    const held = [...this.#parts.own.values()].filter(
      (own) => !own.isOrphan && !own.settled && !isOfShare(this.#parts, own.request),
    );
    this.#lose(held.map(({ request }) => request.reservationId));
  }

  #lose(reservationIds: readonly string[]): void {
    const lost = reservationIds.filter((id) => {
      const own = this.#parts.own.get(id);
      // Nobody ends an emergency call.
      if (own === undefined || own.request.numberClass === 'emergency') return false;
      own.isLost = true;
      return true;
    });
    if (lost.length === 0) return;
    this.#parts.options.log.error(
      { alarm: 'lease', reservations: lost.length },
      'reservations cannot be held: their calls end',
    );
    this.#onLost(lost);
  }

  async reap(nodes: readonly string[]): Promise<void> {
    for (const node of nodes) {
      try {
        const [answer, ...claimed] = (await this.#parts.session.run('claim', [node])) as string[];
        if (answer !== 'claimed') continue;
        const rows: LiveRow[] = [];
        for (let index = 1; index < claimed.length; index += 2) rows.push(readLiveRow(claimed[index] ?? ''));
        this.#parts.options.log.error(
          { alarm: 'node', node, reservations: rows.length },
          'node is dead: its calls are settled',
        );
        await Promise.all(rows.map((row) => this.#settleClaimed(row)));
      } catch (error) {
        this.#parts.options.log.warn({ err: error, node }, 'calls of a dead node could not be settled yet');
      }
    }
  }

  /** From what was renewed; the owner's own measure replaces it, should it come back. */
  async #settleClaimed({ request, answeredWallMs, coveredUntilWallMs, settled }: LiveRow): Promise<void> {
    const { reservationId } = request;
    this.#parts.counts.reaped += 1;
    if (settled) {
      await this.#vacate(reservationId);
      return;
    }
    const live = this.#parts.replica.memory.live.get(reservationId);
    if (live === undefined || live.settled) return;
    const durationMs =
      answeredWallMs === null ? 0 : Math.max(0, (coveredUntilWallMs ?? answeredWallMs) - answeredWallMs);
    const charge = this.#parts.replica.chargeAhead(live, answeredWallMs, durationMs, true);
    const settlement: SharedSettlement = { request, answeredWallMs, durationMs, charge, settledWallMs: 0 };
    const isBooked = await this.#parts.history.sendReaped(settlement).catch(() => false);
    // Its owner was quicker, or Redis went away: what was booked here is not what history has.
    if (!isBooked) await this.readAgain(true);
  }

  async #vacate(reservationId: string): Promise<void> {
    const { session, replica } = this.#parts;
    const [, seq] = await session.run('vacate', [reservationId]);
    if (seq !== undefined) await replica.reached(Number(seq));
  }
}
