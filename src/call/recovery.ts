// After a crash: both legs of every call that was live get a BYE, what was answered is settled, the rest is freed,
// and each call becomes an `interrupted` record (semantics.md, "After a crash").
import type { Clock } from '../lib/clock.js';
import { groupBy } from '../lib/group-by.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import type { Ledger, OrphanReservation } from '../quota/ledger.js';
import type { CallRecord } from './call-record.js';
import { interruptedRecord, type Outcome, withOutcomes } from './interrupted-record.js';
import type { CallBooks, DialPort, LegIdentity, LiveCall } from './ports.js';
import type { RecordingReport } from './reports.js';

export interface RecoveryPorts {
  readonly ledger: Ledger;
  readonly dialler: DialPort;
  readonly books: CallBooks;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface LeftBehind {
  readonly live: readonly LiveCall[];
  /** Records of calls that had ended and waited for an attempt, the media report or the recording. */
  readonly open: readonly CallRecord[];
  /** What the recorder found of their recordings, by recording id. */
  readonly recordings: ReadonlyMap<string, RecordingReport>;
}

export interface RecoveryResult {
  readonly calls: number;
  readonly settled: number;
  readonly released: number;
}

/** How one leg ended: with our BYE, with a late answer that was ended at once, or in a way that nobody told us. */
type LegEnd = 'ended' | 'answered-late' | 'unknown';

/** A late answer lasts until its BYE, which follows its ACK: a moment, which a carrier bills as its first step. */
const LATE_ANSWER_MS = 1;

export interface RecoverySettings {
  /** How long a leg of which nothing is heard keeps its channel. */
  readonly holdSeconds: number;
}

/**
 * Ends what an earlier process left; resolves when every leg has answered or the hold is over. After `stopped` nothing
 * more is written: what still waits stays in the journal for the next start.
 */
export async function recoverCalls(
  ports: RecoveryPorts,
  left: LeftBehind,
  settings: RecoverySettings,
  stopped: AbortSignal,
): Promise<RecoveryResult> {
  const ofCalls = ports.ledger.orphans().filter(({ isMessage }) => !isMessage);
  const orphans = groupBy(ofCalls, (orphan) => orphan.callId);
  const ended = new Map(left.open.map((record) => [record.callId, record]));
  const live = new Map(left.live.map((call) => [call.record.callId, call]));
  const late = new LateAnswers(ports.dialler, ports.log);
  const callIds = new Set([...orphans.keys(), ...ended.keys(), ...live.keys()]);
  const results = await Promise.all(
    [...callIds].map((callId) =>
      recoverOrReport(ports, {
        record: ended.get(callId) ?? live.get(callId)?.record ?? null,
        hasEnded: ended.has(callId),
        live: live.get(callId) ?? null,
        orphans: orphans.get(callId) ?? [],
        recordings: left.recordings,
        late,
        settings,
        stopped,
      }),
    ),
  );
  const outcomes = results.flat();
  const result = {
    calls: callIds.size,
    settled: outcomes.filter((outcome) => isCharged(outcome)).length,
    released: outcomes.filter((outcome) => !isCharged(outcome)).length,
  };
  if (result.calls > 0 && !stopped.aborted)
    ports.log.warn({ alarm: 'recovery', ...result }, 'calls of an earlier process were ended');
  return result;
}

function isCharged({ answeredWallMs, charge }: Outcome): boolean {
  return answeredWallMs !== null && charge !== null;
}

interface LostCall {
  readonly record: CallRecord | null;
  readonly hasEnded: boolean;
  readonly live: LiveCall | null;
  readonly orphans: readonly OrphanReservation[];
  readonly recordings: ReadonlyMap<string, RecordingReport>;
  readonly late: LateAnswers;
  readonly settings: RecoverySettings;
  readonly stopped: AbortSignal;
}

/** Attempts that rang when the process was killed, and are answered while their channels are held. */
class LateAnswers {
  readonly #waiting = new Map<string, () => void>();

  constructor(dialler: DialPort, log: Logger) {
    dialler.onUnclaimedAnswer((attemptId) => {
      const waiting = this.#waiting.get(attemptId);
      if (waiting !== undefined) waiting();
      else
        log.error({ alarm: 'recovery', attemptId }, 'a call of an earlier process was answered too late to be charged');
    });
  }

  to(attemptId: string): Promise<'answered-late'> {
    return new Promise((resolve) => this.#waiting.set(attemptId, () => resolve('answered-late')));
  }

  forget(attemptId: string): void {
    this.#waiting.delete(attemptId);
  }
}

/** One call that cannot be booked stays in the journal for the next start, and holds up no other. */
async function recoverOrReport(ports: RecoveryPorts, lost: LostCall): Promise<readonly Outcome[]> {
  try {
    return await recoverCall(ports, lost);
  } catch (error) {
    const callId = lost.record?.callId ?? lost.orphans[0]?.callId;
    ports.log.error({ callId, err: error, alarm: 'recovery' }, 'call of an earlier process could not be ended');
    return [];
  }
}

async function recoverCall(ports: RecoveryPorts, lost: LostCall): Promise<readonly Outcome[]> {
  const { live, record } = lost;
  const identities = new Map(live?.callees.map(({ attemptId, identity }) => [attemptId, identity]));
  for (const identity of legsWithoutChannel(record, live))
    ports.dialler.endOrphan(identity, 'restarted').catch(() => null);
  if (record?.incoming && live?.caller) identities.set(record.incoming.reservationId, live.caller);
  const ends = await Promise.all(
    lost.orphans.map(async (orphan) => {
      const end = await endLeg(ports, orphan, identities.get(orphan.reservationId), lost);
      // Of several legs one may be waited for long after another has ended.
      return { orphan, end, atWallMs: ports.clock.wallMs() };
    }),
  );
  if (lost.stopped.aborted) return [];
  const outcomes: Outcome[] = [];
  // What is charged already is told first: the last one that is charged now brings the record with it.
  ends.sort((a, b) => Number(b.orphan.settled) - Number(a.orphan.settled));
  for (const [index, { orphan, end, atWallMs }] of ends.entries()) {
    // Its INVITE may have left: in doubt the callee counts where attempts do. None went to who called us.
    const invited = record?.incoming?.reservationId !== orphan.reservationId;
    const alongside = (outcome: Outcome) =>
      record === null ? [] : entriesOf(ports, lost, record, [...outcomes, outcome], index === ends.length - 1);
    outcomes.push(await closeReservation(ports, orphan, { end, atWallMs }, invited, alongside));
  }
  if (record !== null) {
    if (ends.every(({ orphan }) => orphan.settled))
      await ports.books.commit(entriesOf(ports, lost, record, outcomes, true));
    ports.books.announce();
  }
  return outcomes;
}

/** The record with what is known by now: kept in the transaction of each charge, for this process may be killed as well. */
function entriesOf(
  { books, clock }: RecoveryPorts,
  lost: LostCall,
  record: CallRecord,
  outcomes: readonly Outcome[],
  isWhole: boolean,
): readonly JournalEntry[] {
  if (isWhole) return books.keepRecord(interruptedRecord(lost, record, outcomes, clock.wallMs()), 1);
  const charged = withOutcomes(record, outcomes);
  if (lost.hasEnded) return books.keepRecord(charged, null);
  return lost.live === null ? [] : books.keepLive({ ...lost.live, record: charged });
}

async function endLeg(
  ports: RecoveryPorts,
  { reservationId, answeredWallMs }: OrphanReservation,
  identity: LegIdentity | undefined,
  { settings, stopped, late, record }: LostCall,
): Promise<LegEnd> {
  if (stopped.aborted) return 'unknown';
  // A gateway whose INVITE was never answered has given up, or sends it again.
  if (answeredWallMs === null && record?.incoming?.reservationId === reservationId) return 'ended';
  let release = () => {};
  const hold = new Promise<'unknown'>((resolve) => {
    const timer = ports.clock.after(settings.holdSeconds * 1000, () => resolve('unknown'));
    release = () => {
      timer.cancel();
      resolve('unknown');
    };
    stopped.addEventListener('abort', release, { once: true });
  });
  // Nobody to ask, or no answer: the channel stays held, for its call may still be up, or ring.
  const told = identity === undefined ? late.to(reservationId) : askToEnd(ports.dialler, identity, hold);
  const end = await Promise.race([told, hold]);
  late.forget(reservationId);
  stopped.removeEventListener('abort', release);
  release();
  return end;
}

/** Sends a BYE on a leg of the earlier process; one that nothing answers may be up as long as `hold`. */
async function askToEnd(dialler: DialPort, identity: LegIdentity, hold: Promise<LegEnd>): Promise<LegEnd> {
  const status = await dialler.endOrphan(identity, 'restarted').catch(() => null);
  if (status === null) return hold;
  return status < 300 ? 'ended' : 'unknown';
}

async function closeReservation(
  ports: RecoveryPorts,
  orphan: OrphanReservation,
  ended: { readonly end: LegEnd; readonly atWallMs: number },
  invited: boolean,
  alongside: (outcome: Outcome) => readonly JournalEntry[],
): Promise<Outcome> {
  const { reservationId } = orphan;
  const { end, atWallMs: now } = ended;
  const answeredWallMs = orphan.answeredWallMs ?? (end === 'answered-late' ? now - LATE_ANSWER_MS : null);
  if (orphan.settled) {
    await ports.ledger.vacate(reservationId);
    return { orphan, answeredWallMs, endedWallMs: now, charge: null };
  }
  if (answeredWallMs === null) {
    let outcome: Outcome = { orphan, answeredWallMs, endedWallMs: now, charge: null };
    await ports.ledger.release(reservationId, { invited }, (charge) => {
      outcome = { ...outcome, charge };
      return alongside(outcome);
    });
    return outcome;
  }
  const coveredUntilWallMs = orphan.coveredUntilWallMs ?? answeredWallMs;
  // A slice is held from the instant at which it was asked for: the call was up then, however long slices are by now.
  const upAtWallMs = Math.max(answeredWallMs, orphan.renewedWallMs ?? answeredWallMs);
  const endedWallMs = endOf({ upAtWallMs, coveredUntilWallMs }, end, now);
  const settlement = {
    ...{ reservationId, answeredWallMs, durationMs: Math.max(0, endedWallMs - answeredWallMs) },
    ...{ estimated: true, channelInUse: false },
  };
  const charge = await ports.ledger.settle(settlement, (charge) =>
    alongside({ orphan, answeredWallMs, endedWallMs, charge }),
  );
  return { orphan, answeredWallMs, endedWallMs, charge };
}

/**
 * The gateway ended it just now, so it lasted until now; else nothing is known beyond the last slice. Nor is anything by a clock
 * that was set back meanwhile, such as that of a machine which has none of its own while it is off: by that the call has not come
 * yet to where it had been.
 */
function endOf(
  { upAtWallMs, coveredUntilWallMs }: { readonly upAtWallMs: number; readonly coveredUntilWallMs: number },
  end: LegEnd,
  now: number,
): number {
  if (now < upAtWallMs) return coveredUntilWallMs;
  return end === 'unknown' ? Math.min(now, Math.max(upAtWallMs, coveredUntilWallMs)) : now;
}

/** Legs that hold no channel: a trunk's. */
function legsWithoutChannel(record: CallRecord | null, live: LiveCall | null): readonly LegIdentity[] {
  if (record?.incoming) return live?.callees.map(({ identity }) => identity) ?? [];
  return live?.caller ? [live.caller] : [];
}
