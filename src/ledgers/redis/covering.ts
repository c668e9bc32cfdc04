// How long a call may last: slices held in Redis, each counted at its place in the log. Without Redis, by what this node knows.
import type { JournalEntry } from '../../lib/journal-entry.js';
import type { Grant } from '../../quota/ledger.js';
import { NO_GRANT } from '../ledger-memory.js';
import * as tables from '../ledger-tables.js';
import { unlessStalled } from '../unless-stalled.js';
import { isAlone, isOfShare, type Own, type SharedParts } from './shared-parts.js';

export class Covering {
  readonly #parts: SharedParts;

  constructor(parts: SharedParts) {
    this.#parts = parts;
  }

  async confirm(reservationId: string, answeredWallMs: number, alongside: readonly JournalEntry[]): Promise<Grant> {
    const own = this.#parts.own.get(reservationId);
    if (own === undefined || own.settled) return NO_GRANT;
    own.aheadMs = this.#parts.options.clock.aheadMs;
    // Not before its reservation, though the one is this node's reading of the clock and the other Redis's own.
    own.answeredWallMs = Math.max(own.request.wallMs, answeredWallMs + own.aheadMs);
    own.coveredUntilWallMs = own.answeredWallMs + this.#parts.options.sliceSeconds * 1000;
    const answered = tables.markAnswered(reservationId, own.answeredWallMs, own.coveredUntilWallMs);
    const [grant] = await Promise.all([
      this.#cover(own, own.coveredUntilWallMs),
      this.#parts.writes.persist(own.request.callId, [answered, ...alongside], 'confirm'),
    ]);
    return grant;
  }

  async renew(reservationId: string, coveredUntilWallMs: number): Promise<Grant> {
    const own = this.#parts.own.get(reservationId);
    if (own === undefined || own.settled || own.answeredWallMs === null) return NO_GRANT;
    own.coveredUntilWallMs = Math.max(own.coveredUntilWallMs ?? 0, coveredUntilWallMs + own.aheadMs);
    own.renewedWallMs = coveredUntilWallMs + own.aheadMs - this.#parts.options.sliceSeconds * 1000;
    const covered = tables.markCovered(reservationId, own.coveredUntilWallMs, own.renewedWallMs);
    const committed = this.#parts.writes.once(own.request.callId, [covered], 'renew');
    const [grant] = await Promise.all([
      this.#cover(own, own.coveredUntilWallMs),
      unlessStalled(this.#parts.options.journal, committed),
    ]);
    return grant;
  }

  /** Holds the next slice: what comes before it in the log counts. Without Redis, by what this node knows. */
  async #cover(own: Own, untilWallMs: number): Promise<Grant> {
    const { options, replica, session, share } = this.#parts;
    const { reservationId } = own.request;
    const answeredWallMs = own.answeredWallMs ?? options.clock.wallMs();
    session.isLeased();
    if (own.isLost) return NO_GRANT;
    if (session.isAttached) {
      replica.await(reservationId);
      try {
        const args = [reservationId, String(answeredWallMs), String(untilWallMs)];
        const [answer, seq] = await session.run('cover', args);
        if (answer === 'covered' && (await replica.reached(Number(seq)))) {
          const outcome = replica.outcome(reservationId);
          if (outcome?.kind === 'granted') {
            this.#giveBack(own, untilWallMs);
            return outcome.grant;
          }
        }
      } catch {
        // It went away just now.
      }
      replica.outcome(reservationId);
    }
    const { memory } = replica;
    const live = memory.live.get(reservationId);
    if (live === undefined || live.settled || own.isLost || own.settled) return NO_GRANT;
    if (live.hold.answeredWallMs === null) return this.#ofShare(own, memory.confirm(live, answeredWallMs), untilWallMs);
    const isUsedUp = this.#isBounded(own) && share.usedUp(own.request, memory) !== undefined;
    const wallMs = isUsedUp ? (live.hold.coveredUntilWallMs ?? untilWallMs) : untilWallMs;
    const grant = this.#ofShare(own, memory.extend(live, wallMs), wallMs);
    this.#giveBack(own, untilWallMs);
    return grant;
  }

  /** Without Redis this node's part of a payer's cap bounds what is granted; not while its log is only read again. */
  #isBounded({ request }: Own): boolean {
    return isAlone(this.#parts) && isOfShare(this.#parts, request);
  }

  #ofShare(own: Own, grant: Grant, untilWallMs: number): Grant {
    const { request, answeredWallMs } = own;
    const { replica, share } = this.#parts;
    if (!this.#isBounded(own) || answeredWallMs === null) return grant;
    return share.bounded(grant, request, answeredWallMs, untilWallMs, replica.memory);
  }

  /** Payers had less left than was asked for: Redis and the journal are told what is really held. */
  #giveBack(own: Own, askedUntilWallMs: number): void {
    const { replica, session, writes } = this.#parts;
    const { reservationId, callId } = own.request;
    const heldUntilWallMs = replica.memory.live.get(reservationId)?.hold.coveredUntilWallMs ?? askedUntilWallMs;
    if (heldUntilWallMs >= askedUntilWallMs || own.answeredWallMs === null || own.settled) return;
    own.coveredUntilWallMs = heldUntilWallMs;
    const { answeredWallMs } = own;
    writes.inBackground(callId, [tables.markAnswered(reservationId, answeredWallMs, heldUntilWallMs)], 'give back');
    const args = [reservationId, String(answeredWallMs), String(heldUntilWallMs)];
    void session.run('cover', args).catch(() => undefined);
  }
}
