// How a node gets a channel: by one script over the best few candidates, judged at its place in the log, kept in the journal
// before an INVITE leaves. Without Redis by the setting; an emergency call always by what this node knows.
import type { JournalEntry } from '../../lib/journal-entry.js';
import type { ReserveFirstResult, ReserveRequest, ReserveResult } from '../../quota/ledger.js';
import * as tables from '../ledger-tables.js';
import { unlessStalled } from '../unless-stalled.js';
import { tellOfOwn } from './restating.js';
import { isOfShare, type Own, type SharedParts } from './shared-parts.js';
import { at, writeRequest } from './shared-records.js';

export class Reserving {
  readonly #parts: SharedParts;
  #simOf: ReadonlyMap<string, string>;
  readonly #onBehind: () => void;

  /** `onBehind`: what this node knows is not what Redis has, and must be read again. */
  constructor(parts: SharedParts, onBehind: () => void) {
    this.#parts = parts;
    this.#onBehind = onBehind;
    this.#simOf = simsOf(parts.options.channels);
  }

  reconfigure(channels: SharedParts['options']['channels']): void {
    this.#simOf = simsOf(channels);
  }

  async reserveFirst(
    requests: readonly ReserveRequest[],
    alongside: (booked: ReserveRequest) => readonly JournalEntry[],
  ): Promise<ReserveFirstResult> {
    const { journal, clock } = this.#parts.options;
    const isEmergency = requests[0]?.numberClass === 'emergency';
    if (journal.isStalled && !isEmergency) return { ok: false, reason: 'journal-stalled' };
    const session = this.#parts.session;
    // Nothing holds up an emergency call, not even for the limit.
    if (!session.isAttached && !isEmergency)
      await session.whenAttached(this.#parts.options.awayLimitMs - session.awayMs);
    const asked = requests.map((request) => at(request, clock.fromNode(request.wallMs)));
    if (!session.isAttached || (session.quarantineMs > 0 && !isEmergency)) return this.#reserveAway(asked, alongside);
    const offered: ReserveRequest[] = [];
    let refusal: Extract<ReserveResult, { ok: false }> | undefined;
    for (const request of asked) {
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
    const { channelId, simId, numberClass, direction } = request;
    if (this.#simOf.get(channelId) !== simId || this.#parts.replica.memory.bookOf(simId) === undefined) {
      return { ok: false, reason: 'unknown-channel' };
    }
    const state = this.#parts.replica.view.channelState(channelId);
    if (state === 'busy' || this.#parts.own.has(request.reservationId)) return { ok: false, reason: 'channel-busy' };
    const isWaiting = state === 'resting' && direction === 'out' && numberClass !== 'emergency';
    if (isWaiting) return { ok: false, reason: 'channel-resting' };
    const { message } = request;
    const { memory } = this.#parts.replica;
    const fit =
      message === undefined ? memory.fit(simId, request) : memory.fitMessage(simId, { ...request, ...message });
    if (!fit.ok) return fit;
    const payersFit = memory.fitPayers(request.payers, request);
    return payersFit.ok ? undefined : payersFit;
  }

  async #reserveInRedis(
    best: ReserveRequest,
    offered: readonly ReserveRequest[],
    alongside: (booked: ReserveRequest) => readonly JournalEntry[],
  ): Promise<ReserveFirstResult> {
    const { reservationId } = best;
    const { memory } = this.#parts.replica;
    const isEmergency = best.numberClass === 'emergency';
    this.#parts.counts.reservations += 1;
    const candidates = offered.flatMap((request) => [
      ...[request.channelId, request.simId, this.#parts.replica.versionOf(request.simId)],
      String(memory.gapMsOf(request.channelId)),
    ]);
    this.#parts.replica.expect(reservationId, offered);
    let outcome: ReserveFirstResult;
    try {
      const reply = await this.#parts.session.run('reserve', [
        ...[reservationId, isEmergency ? '1' : best.direction, writeRequest(best)],
        ...candidates,
      ]);
      outcome = await this.#outcomeOf(best, reply as string[]);
    } catch {
      outcome = { ok: false, reason: 'ledger-away' };
    }
    if (!outcome.ok) {
      this.#parts.replica.unexpect(reservationId);
      if (outcome.reason !== 'ledger-away') return outcome;
      // Whether Redis booked it is not known; an attachment finds out, and undoes what is nobody's.
      return isEmergency || !this.#parts.session.isAttached ? this.#reserveAway(offered, alongside) : outcome;
    }
    const { channelId: bookedChannelId } = outcome;
    // As the log has it: the time of Redis is the time of the reservation.
    const booked =
      this.#parts.replica.memory.live.get(reservationId)?.request ??
      offered.find((request) => request.channelId === bookedChannelId) ??
      best;
    this.#keepOwn(booked);
    const isKept = await this.#keepReservation(booked, alongside(booked), isEmergency);
    // The process may have been paused meanwhile, longer than its lease: nothing has left it yet, and nothing may.
    const isLost =
      !isEmergency && (!this.#parts.session.isLeased() || this.#parts.own.get(reservationId)?.isLost === true);
    if (isKept && !isLost) return outcome;
    this.#parts.own.delete(reservationId);
    if (isKept) {
      // With whatever was kept alongside: a live call that has no reservation is ended as one without an attempt.
      this.#parts.writes.inBackground(booked.callId, [tables.deleteReservation(reservationId)], 'take back');
    }
    void this.#parts.session.run('undo', [reservationId, '']).catch(() => undefined);
    return { ok: false, reason: isLost ? 'ledger-away' : 'journal-stalled' };
  }

  async #outcomeOf(
    { reservationId, channelId, numberClass }: ReserveRequest,
    [answer, second = '', third = '', ...more]: string[],
  ): Promise<ReserveFirstResult> {
    const isEmergency = numberClass === 'emergency';
    if (answer === 'booked') {
      // Another one of the same step: the best was taken by then.
      if (third !== channelId) this.#parts.counts.lostRaces += 1;
      const reached = await this.#parts.replica.reached(Number(second));
      const outcome = this.#parts.replica.outcome(reservationId);
      if (!reached || outcome?.kind !== 'reserved') {
        // Its place in the log was missed, so what came before it is not known: it is given back.
        if (!isEmergency) void this.#parts.session.run('undo', [reservationId, '']).catch(() => undefined);
        return { ok: false, reason: 'ledger-away' };
      }
      const { reserved } = outcome;
      if (reserved.ok) {
        return { ok: true, reservationId, channelId: third, maxCallSeconds: reserved.maxCallSeconds };
      }
      // Another call of the same payer came first by a moment, and took the last of its cap.
      this.#parts.counts.lostRaces += 1;
      void this.#parts.session.run('undo', [reservationId, '']).catch(() => undefined);
      return reserved;
    }
    if (answer === 'quarantined') return { ok: false, reason: 'ledger-away' };
    this.#parts.counts.lostRaces += 1;
    const reasons = answer === 'refused' ? [second, third, ...more] : [];
    const isBehind = reasons.some((reason) => {
      const version = /^moved (\d+)/.exec(reason)?.[1];
      return version !== undefined && Number(version) <= this.#parts.replica.seq;
    });
    // The log has been applied that far, and still the version differs: what is known is not what Redis has.
    if (isBehind) this.#onBehind();
    return { ok: false, reason: reasons[0] === 'resting' ? 'channel-resting' : 'channel-busy' };
  }

  /** Without Redis: an emergency call on any channel that seems idle, others by the setting. */
  async #reserveAway(
    requests: readonly ReserveRequest[],
    alongside: (booked: ReserveRequest) => readonly JournalEntry[],
  ): Promise<ReserveFirstResult> {
    const isEmergency = requests[0]?.numberClass === 'emergency';
    let refusal: ReserveFirstResult = { ok: false, reason: 'ledger-away' };
    for (const request of requests) {
      if (!isEmergency && !isOfShare(this.#parts, request)) continue;
      const { memory } = this.#parts.replica;
      const capRefusal = isEmergency ? undefined : this.#parts.share.refusalOf(request, memory);
      if (capRefusal !== undefined) return capRefusal;
      const reserved = memory.reserve(request);
      if (!reserved.ok) {
        refusal = reserved;
        continue;
      }
      const own = this.#keepOwn(request);
      if (await this.#keepReservation(request, alongside(request), isEmergency)) {
        // Nothing holds up an emergency call.
        if (!isEmergency) await tellOfOwn(this.#parts, own);
        const { reservationId, channelId } = request;
        return { ok: true, reservationId, channelId, maxCallSeconds: reserved.maxCallSeconds };
      }
      this.#parts.own.delete(request.reservationId);
      memory.undo(reserved.live);
      return { ok: false, reason: 'journal-stalled' };
    }
    return refusal;
  }

  #keepOwn(request: ReserveRequest): Own {
    const fresh = { answeredWallMs: null, aheadMs: 0, coveredUntilWallMs: null, renewedWallMs: null, settled: false };
    const own = { request, ...fresh, isOrphan: false, isLost: false };
    this.#parts.own.set(request.reservationId, own);
    return own;
  }

  /** In this node's journal, before an INVITE leaves; false when the journal does not take it in time. */
  async #keepReservation(
    request: ReserveRequest,
    alongside: readonly JournalEntry[],
    isEmergency: boolean,
  ): Promise<boolean> {
    const { callId, reservationId } = request;
    const { payerHolds } = this.#parts.replica.memory.live.get(reservationId) ?? {};
    const heldUntilWallMs = payerHolds?.[0]?.hold.coveredUntilWallMs ?? null;
    const own = this.#parts.own.get(reservationId);
    if (own !== undefined) own.coveredUntilWallMs = heldUntilWallMs;
    const entries = [tables.insertReservation(request, heldUntilWallMs), ...alongside];
    if (isEmergency && this.#parts.writes.isFailing(callId)) {
      this.#parts.writes.inBackground(callId, entries, 'reserve');
      return true;
    }
    const committed = this.#parts.options.journal.commit(entries).then(
      () => true,
      () => false,
    );
    const outcome = await unlessStalled(this.#parts.options.journal, committed);
    if (outcome === true) return true;
    if (isEmergency) {
      this.#parts.writes.inBackground(callId, entries, 'reserve', committed);
      return true;
    }
    if (outcome === 'stalled') {
      this.#parts.writes.inBackground(callId, [tables.deleteReservation(reservationId)], 'take back');
    }
    return false;
  }
}

function simsOf(channels: SharedParts['options']['channels']): ReadonlyMap<string, string> {
  return new Map(channels.map(({ channelId, simId }) => [channelId, simId]));
}
