// From the domain's record of a call to the published CDR: times become ISO 8601, states become words.
import {
  type AttemptRecord,
  billedSecondsOf,
  type CallRecord,
  type DecisionSummary,
  type IncomingRecord,
  type LimitReached,
  type RecordingState,
} from '../call/call-record.js';
import type { StreamReport } from '../call/reports.js';
import type { TransferRecord } from '../call/transfer-record.js';
import { CDR_VERSION, type Cdr } from './cdr.js';

function isoTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}

function isoTimeOrNull(wallMs: number | null): string | null {
  return wallMs === null ? null : isoTime(wallMs);
}

function toAttempt(attempt: AttemptRecord): Cdr['attempts'][number] {
  return {
    attemptId: attempt.attemptId,
    channel: attempt.channelId,
    gateway: attempt.gateway,
    sim: attempt.simId,
    simNumber: attempt.simNumber,
    requestUri: attempt.requestUri,
    sipCallId: attempt.sipCallId,
    startedAt: isoTime(attempt.startedAtMs),
    firstResponseAt: isoTimeOrNull(attempt.firstResponseAtMs),
    ringingAt: isoTimeOrNull(attempt.ringingAtMs),
    answeredAt: isoTimeOrNull(attempt.answeredAtMs),
    endedAt: isoTimeOrNull(attempt.endedAtMs),
    outcome: attempt.outcome,
    sipStatus: attempt.sipStatus,
    reasons: [...attempt.reasons],
    cause: attempt.cause ?? null,
    meaning: attempt.means ?? null,
    answeredLate: attempt.answeredLate,
    forkedAnswers: attempt.forkedAnswers ?? 0,
    billedSeconds: attempt.billedSeconds,
    cost: attempt.cost,
    currency: attempt.currency,
    estimated: attempt.estimated,
  };
}

function twoDecimals(figure: number): number {
  return Math.round(figure * 100) / 100;
}

function toStream(stream: StreamReport): NonNullable<Cdr['media']>['caller'] {
  return {
    packets: stream.packets,
    bytes: stream.bytes,
    lost: stream.lost,
    jitterMs: twoDecimals(stream.jitterMs),
    outOfOrder: stream.outOfOrder,
    duplicates: stream.duplicates,
    rtcpPackets: stream.rtcpPackets,
    rtcpGenerated: stream.rtcpGenerated ?? 0,
    transcoded: stream.transcoded ?? 0,
    roundTripMs: stream.roundTripMs ?? null,
    peerReport: stream.peerReport
      ? { lost: stream.peerReport.lost, jitterMs: twoDecimals(stream.peerReport.jitterMs) }
      : null,
    mos: stream.mos ?? null,
    silentMs: stream.silentMs ?? 0,
    dtmfEvents: stream.dtmfEvents ?? 0,
    dtmfDigits: stream.dtmfDigits ?? null,
    dropped: { ...stream.dropped },
    source: stream.source,
    firstPacketAt: isoTimeOrNull(stream.firstPacketWallMs),
  };
}

function toRecording(recording: RecordingState | null): Cdr['recording'] {
  if (recording === null) return null;
  const { recordingId, path, report } = recording;
  if (report === null) {
    const unknown = { sha256: null, bytes: null, durationMs: null, packets: null, reanchored: null, lostPackets: null };
    return { recordingId, path, state: 'unfinished', ...unknown };
  }
  const { state, sha256, bytes, durationMs, packets, reanchored, lostPackets } = report;
  return {
    recordingId,
    path: state === 'lost' ? null : report.path,
    state,
    sha256,
    bytes,
    durationMs,
    packets: packets && { caller: packets.caller, callee: packets.callee },
    reanchored,
    lostPackets,
  };
}

/** One that an older version left does not say all of it. */
function toDecision(decision: DecisionSummary): NonNullable<Cdr['decision']> {
  const { considered, refused, winner, version, seed } = decision;
  const { runnersUp, codecs, decidedWallMs }: Partial<DecisionSummary> = decision;
  return {
    considered,
    refused: { ...refused },
    winner: winner && { channel: winner.channelId, score: winner.score ?? null, terms: { ...winner.terms } },
    runnersUp: runnersUp?.map(({ channelId, score }) => ({ channel: channelId, score })) ?? null,
    codecs: codecs === undefined ? null : [...codecs],
    decidedAt: decidedWallMs === undefined ? null : isoTime(decidedWallMs),
    version,
    seed: seed ?? null,
  };
}

function toLimit(limit: LimitReached | null): Cdr['limit'] {
  return limit && { holder: limit.holder, allowance: limit.allowanceId };
}

function toInbound(incoming: IncomingRecord): NonNullable<Cdr['inbound']> {
  const { billedSeconds, cost, currency, estimated } = incoming;
  return {
    channel: incoming.channelId,
    gateway: incoming.gateway,
    sim: incoming.simId,
    simNumber: incoming.simNumber,
    lastAgent: incoming.lastAgent,
    lastCalledAt: isoTimeOrNull(incoming.lastCalledAtMs),
    destination: incoming.destination,
    answeredAt: isoTimeOrNull(incoming.answeredAtMs),
    billedSeconds,
    cost,
    currency,
    estimated,
  };
}

function toTransfer({ atMs, kind, by, target, callId, sipStatus }: TransferRecord): Cdr['transfers'][number] {
  return { at: isoTime(atMs), kind, by, target, callId, sipStatus };
}

/**
 * The CDR of a call that is over; `revision` counts from 1. A record that an older simtrunk left in the journal lacks what it did
 * not know.
 */
export function toCdr(record: CallRecord, revision: number): Cdr {
  return {
    version: CDR_VERSION,
    callId: record.callId,
    revision,
    sipCallId: record.sipCallId,
    direction: record.incoming ? 'in' : 'out',
    trunk: record.trunk,
    traffic: record.traffic,
    calling: record.calling,
    agent: record.agent ?? null,
    payers: [...(record.payers ?? [])],
    dialled: record.dialled,
    callee: record.callee,
    numberClass: record.numberClass,
    offeredAt: isoTime(record.offeredAtMs),
    routedAt: isoTimeOrNull(record.routedAtMs),
    ringingAt: isoTimeOrNull(record.ringingAtMs),
    answeredAt: isoTimeOrNull(record.answeredAtMs),
    endedAt: isoTime(record.endedAtMs ?? record.offeredAtMs),
    durationMs: Math.round(record.durationMs),
    attempts: record.attempts.map(toAttempt),
    decision: record.decision && toDecision(record.decision),
    laterDecisions: (record.laterDecisions ?? []).map(toDecision),
    endedBy: record.endedBy ?? 'simtrunk',
    endReason: record.endReason ?? 'interrupted',
    limit: toLimit(record.limit ?? null),
    sipStatus: record.sipStatus,
    q850: record.q850,
    billedSeconds: billedSecondsOf(record),
    codec: record.codec,
    calleeCodec: record.calleeCodec ?? record.codec,
    transcoded: record.transcoded ?? false,
    media:
      record.media === null ? null : { caller: toStream(record.media.caller), callee: toStream(record.media.callee) },
    recording: toRecording(record.recording),
    inbound: record.incoming ? toInbound(record.incoming) : null,
    transfers: (record.transfers ?? []).map(toTransfer),
    transferOf: record.transferOf ?? null,
    probe: record.probe ?? false,
  };
}
