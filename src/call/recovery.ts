// After a crash: both legs of every call that was live get a BYE, what was answered is settled, the rest is freed,
// and each call becomes an `interrupted` record (semantics.md, "After a crash").
import type { Clock } from '../lib/clock.js';
import { groupBy } from '../lib/group-by.js';
import type { Logger } from '../lib/logger.js';
import type { Charge, Ledger, OrphanReservation } from '../quota/ledger.js';
import type { AttemptRecord, CallRecord } from './call-record.js';
import { finalAnswerFor } from './end-reason.js';
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

/** What became of one reservation. */
interface Outcome {
  readonly orphan: OrphanReservation;
  readonly endedWallMs: number;
  readonly charge: Charge | null;
}

/**
 * Ends what an earlier process left; resolves when every leg has answered or the hold is over. After `stopped` nothing
 * more is written: what still waits stays in the journal for the next start.
 */
export async function recoverCalls(
  ports: RecoveryPorts,
  left: LeftBehind,
  holdSeconds: number,
  stopped: AbortSignal,
): Promise<RecoveryResult> {
  const orphans = groupBy(ports.ledger.orphans(), (orphan) => orphan.callId);
  const ended = new Map(left.open.map((record) => [record.callId, record]));
  const live = new Map(left.live.map((call) => [call.record.callId, call]));
  const callIds = new Set([...orphans.keys(), ...ended.keys(), ...live.keys()]);
  const results = await Promise.all(
    [...callIds].map((callId) =>
      recoverOrReport(ports, {
        record: ended.get(callId) ?? live.get(callId)?.record ?? null,
        hasEnded: ended.has(callId),
        live: live.get(callId) ?? null,
        orphans: orphans.get(callId) ?? [],
        recordings: left.recordings,
        holdSeconds,
        stopped,
      }),
    ),
  );
  const outcomes = results.flat();
  const result = {
    calls: callIds.size,
    settled: outcomes.filter((outcome) => outcome.charge !== null).length,
    released: outcomes.filter((outcome) => outcome.charge === null).length,
  };
  if (result.calls > 0 && !stopped.aborted)
    ports.log.warn({ alarm: 'recovery', ...result }, 'calls of an earlier process were ended');
  return result;
}

interface LostCall {
  readonly record: CallRecord | null;
  readonly hasEnded: boolean;
  readonly live: LiveCall | null;
  readonly orphans: readonly OrphanReservation[];
  readonly recordings: ReadonlyMap<string, RecordingReport>;
  readonly holdSeconds: number;
  readonly stopped: AbortSignal;
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
  const { live } = lost;
  if (live?.caller) void askToEnd(ports.dialler, live.caller);
  const identities = new Map(live?.callees.map(({ attemptId, identity }) => [attemptId, identity]));
  const ends = await Promise.all(
    lost.orphans.map(async (orphan) => ({
      orphan,
      answered: await endLeg(ports, identities.get(orphan.reservationId), lost),
    })),
  );
  if (lost.stopped.aborted) return [];
  const outcomes: Outcome[] = [];
  for (const { orphan, answered } of ends) outcomes.push(await closeReservation(ports, orphan, answered));
  if (lost.record !== null) {
    const record = interruptedRecord(lost, lost.record, outcomes, ports.clock.wallMs());
    await ports.books.commit(ports.books.keepRecord(record, 1));
    ports.books.announce();
  }
  return outcomes;
}

/** True when the gateway still had the leg and ended it now; false after any other answer or the hold. */
async function endLeg(
  ports: RecoveryPorts,
  identity: LegIdentity | undefined,
  { holdSeconds, stopped }: LostCall,
): Promise<boolean> {
  if (stopped.aborted) return false;
  let release = () => {};
  const hold = new Promise<null>((resolve) => {
    const timer = ports.clock.after(holdSeconds * 1000, () => resolve(null));
    release = () => {
      timer.cancel();
      resolve(null);
    };
    stopped.addEventListener('abort', release, { once: true });
  });
  // Nobody to ask, or no answer: the channel stays held, for its call may still be up.
  const answer = identity === undefined ? hold : askToEnd(ports.dialler, identity).then((status) => status ?? hold);
  const status = await Promise.race([answer, hold]);
  stopped.removeEventListener('abort', release);
  release();
  return status !== null && status < 300;
}

/** Final status of a BYE on a leg of the earlier process; null when there was none. */
async function askToEnd(dialler: DialPort, identity: LegIdentity): Promise<number | null> {
  try {
    return await dialler.endOrphan(identity, 'restarted');
  } catch {
    return null;
  }
}

async function closeReservation(ports: RecoveryPorts, orphan: OrphanReservation, answered: boolean): Promise<Outcome> {
  const now = ports.clock.wallMs();
  const { reservationId, answeredWallMs } = orphan;
  if (orphan.settled) {
    await ports.ledger.vacate(reservationId);
    return { orphan, endedWallMs: now, charge: null };
  }
  if (answeredWallMs === null) {
    await ports.ledger.release(reservationId);
    return { orphan, endedWallMs: now, charge: null };
  }
  // The gateway ended it just now, so it lasted until now; else nothing is known beyond the last slice.
  const endedWallMs = answered
    ? now
    : Math.max(answeredWallMs, Math.min(now, orphan.coveredUntilWallMs ?? answeredWallMs));
  const charge = await ports.ledger.settle({
    reservationId,
    answeredWallMs,
    durationMs: Math.max(0, endedWallMs - answeredWallMs),
    estimated: true,
    channelInUse: false,
  });
  return { orphan, endedWallMs, charge };
}

function interruptedRecord(
  lost: LostCall,
  record: CallRecord,
  outcomes: readonly Outcome[],
  nowMs: number,
): CallRecord {
  const byAttempt = new Map(outcomes.map((outcome) => [outcome.orphan.reservationId, outcome]));
  const attempts = record.attempts.map((attempt) => closeAttempt(attempt, byAttempt.get(attempt.attemptId), nowMs));
  const missing = outcomes.filter(
    (outcome) => !record.attempts.some((attempt) => attempt.attemptId === outcome.orphan.reservationId),
  );
  // A call that was answered just before the crash may have a recording that its row does not name: it has the call's id.
  const recordingId = record.recording?.recordingId ?? record.callId;
  const report = lost.recordings.get(recordingId) ?? record.recording?.report ?? null;
  const path = record.recording?.path ?? report?.path;
  const recording = path === undefined ? null : { recordingId, path, report };
  const base = { ...record, attempts: [...attempts, ...missing.map((outcome) => unknownAttempt(outcome))], recording };
  if (lost.hasEnded) return base;
  const endedAtMs = Math.max(record.offeredAtMs, ...outcomes.map((outcome) => outcome.endedWallMs));
  const answer = finalAnswerFor('interrupted');
  return {
    ...base,
    endedAtMs: outcomes.length === 0 ? nowMs : endedAtMs,
    durationMs: record.answeredAtMs === null ? 0 : Math.max(0, endedAtMs - record.answeredAtMs),
    endedBy: 'simtrunk',
    endReason: 'interrupted',
    sipStatus: record.answeredAtMs === null ? null : 200,
    q850: answer.q850,
  };
}

function closeAttempt(attempt: AttemptRecord, outcome: Outcome | undefined, nowMs: number): AttemptRecord {
  if (outcome === undefined)
    return attempt.outcome === null ? { ...attempt, outcome: 'interrupted', endedAtMs: nowMs } : attempt;
  if (outcome.orphan.settled) return attempt;
  return { ...attempt, ...closing(outcome) };
}

function closing(
  outcome: Outcome,
): Partial<AttemptRecord> & Pick<AttemptRecord, 'outcome' | 'endedAtMs' | 'answeredAtMs'> {
  const { charge, orphan } = outcome;
  const times = { answeredAtMs: orphan.answeredWallMs, endedAtMs: outcome.endedWallMs };
  if (charge === null) return { ...times, outcome: 'interrupted' };
  const { billedSeconds, cost, currency } = charge;
  return { ...times, outcome: 'answered', billedSeconds, cost, currency, estimated: true };
}

/** The reservation committed, and the process ended before the attempt was written into the live call's row. */
function unknownAttempt(outcome: Outcome): AttemptRecord {
  const { orphan } = outcome;
  return {
    attemptId: orphan.reservationId,
    channelId: orphan.channelId,
    gateway: orphan.channelId.slice(0, Math.max(0, orphan.channelId.lastIndexOf('/'))),
    simId: orphan.simId,
    simNumber: '',
    requestUri: '',
    sipCallId: null,
    startedAtMs: orphan.answeredWallMs ?? outcome.endedWallMs,
    firstResponseAtMs: null,
    ringingAtMs: null,
    sipStatus: null,
    reasons: [],
    answeredLate: false,
    billedSeconds: 0,
    cost: '0',
    currency: null,
    estimated: false,
    ...closing(outcome),
  };
}
