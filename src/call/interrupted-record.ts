// The record of a call whose process was killed: what is known of its attempts, its channel and its recording afterwards.
import type { Charge, OrphanReservation } from '../quota/ledger.js';
import { type AttemptRecord, type CallRecord, chargedWith, type IncomingRecord } from './call-record.js';
import { finalAnswerFor } from './end-reason.js';
import type { RecordingReport } from './reports.js';

const NOT_CHARGED = { billedSeconds: 0, cost: '0', currency: null, estimated: false };

/** What became of one reservation. */
export interface Outcome {
  readonly orphan: OrphanReservation;
  readonly answeredWallMs: number | null;
  readonly endedWallMs: number;
  readonly charge: Charge | null;
}

export function interruptedRecord(
  lost: { readonly hasEnded: boolean; readonly recordings: ReadonlyMap<string, RecordingReport> },
  record: CallRecord,
  outcomes: readonly Outcome[],
  nowMs: number,
): CallRecord {
  const told = withOutcomes(record, outcomes);
  const attempts = told.attempts.map((attempt) => closeUnknown(attempt, nowMs));
  // A call that was answered just before the crash may have a recording that its row does not name: it has the call's id.
  const recordingId = record.recording?.recordingId ?? record.callId;
  const report = lost.recordings.get(recordingId) ?? record.recording?.report ?? null;
  const path = record.recording?.path ?? report?.path;
  const recording = path === undefined ? null : { recordingId, path, report };
  const base = { ...told, attempts, recording };
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

/** The record of the call as it was, with what became of these reservations. */
export function withOutcomes(record: CallRecord, outcomes: readonly Outcome[]): CallRecord {
  const byAttempt = new Map(outcomes.map((outcome) => [outcome.orphan.reservationId, outcome]));
  const attempts = record.attempts.map((attempt) => closeAttempt(attempt, byAttempt.get(attempt.attemptId)));
  const known = new Set([...record.attempts.map(({ attemptId }) => attemptId), record.incoming?.reservationId]);
  const missing = outcomes.filter(({ orphan }) => !known.has(orphan.reservationId));
  return {
    ...record,
    attempts: [...attempts, ...missing.map((outcome) => unknownAttempt(outcome))],
    incoming: closeIncoming(record.incoming ?? null, byAttempt),
  };
}

function closeAttempt(attempt: AttemptRecord, outcome: Outcome | undefined): AttemptRecord {
  return outcome === undefined || outcome.orphan.settled ? attempt : { ...attempt, ...closing(outcome, attempt) };
}

function closeUnknown(attempt: AttemptRecord, nowMs: number): AttemptRecord {
  return attempt.outcome === null ? { ...attempt, outcome: 'interrupted', endedAtMs: nowMs } : attempt;
}

/** What the channel of a call from a mobile was charged. */
function closeIncoming(incoming: IncomingRecord | null, outcomes: ReadonlyMap<string, Outcome>): IncomingRecord | null {
  const outcome = incoming && outcomes.get(incoming.reservationId);
  if (!incoming || !outcome || outcome.orphan.settled) return incoming;
  const { billedSeconds, cost, currency } = outcome.charge ?? NOT_CHARGED;
  return { ...incoming, billedSeconds, cost, currency, estimated: outcome.charge !== null };
}

function closing(
  outcome: Outcome,
  before: Pick<AttemptRecord, 'furtherCharge'> = {},
): Partial<AttemptRecord> & Pick<AttemptRecord, 'outcome' | 'endedAtMs' | 'answeredAtMs'> {
  const { charge, answeredWallMs, endedWallMs } = outcome;
  const times = { answeredAtMs: answeredWallMs, endedAtMs: endedWallMs, answeredLate: isLate(outcome) };
  // What was noted of a settlement that did not come to the journal is none.
  const charged = chargedWith(before, charge ?? NOT_CHARGED);
  if (charge === null || answeredWallMs === null) return { ...times, ...charged, outcome: 'interrupted' };
  return { ...times, ...charged, outcome: 'answered', estimated: true };
}

/** It was answered only after the process had ended. */
function isLate({ orphan, answeredWallMs }: Outcome): boolean {
  return orphan.answeredWallMs === null && answeredWallMs !== null;
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
    startedAtMs: outcome.answeredWallMs ?? outcome.endedWallMs,
    firstResponseAtMs: null,
    ringingAtMs: null,
    sipStatus: null,
    reasons: [],
    cause: null,
    means: null,
    answeredLate: false,
    billedSeconds: 0,
    cost: '0',
    currency: null,
    estimated: false,
    ...closing(outcome),
  };
}
