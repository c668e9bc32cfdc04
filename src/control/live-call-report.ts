// A live call as an operator sees it: who, where to, by which channel, since when, and how long it may last.
import type { AttemptPhase, CallPhase, CallState } from '../call/call-state.js';

export interface LiveCallReport {
  readonly callId: string;
  /** Call-ID of the caller's leg. */
  readonly sipCallId: string;
  readonly trunk: string;
  /** The PBX user; null when it is not known. */
  readonly agent: string | null;
  readonly calling: string;
  readonly dialled: string;
  /** Null until policy has read it. */
  readonly callee: string | null;
  readonly numberClass: string | null;
  readonly phase: CallPhase;
  readonly offeredAtMs: number;
  readonly answeredAtMs: number | null;
  /** Since the gateway answered, by the monotonic clock; null before. */
  readonly talkedSeconds: number | null;
  /** From the answer, by what the ledger has granted and the config allows; null before there is an attempt. */
  readonly maxCallSeconds: number | null;
  /** False when the ledger may still grant more. */
  readonly isMaxFinal: boolean;
  readonly codec: string | null;
  readonly isRecorded: boolean;
  /** The channel that a call from a mobile came in by; null for a call of a trunk. */
  readonly inboundChannelId: string | null;
  /** Each attempt, the latest last. */
  readonly attempts: readonly {
    readonly channelId: string;
    readonly simNumber: string;
    readonly phase: AttemptPhase;
    readonly sipStatus: number | null;
  }[];
}

export function describeLiveCall(state: CallState, monotonicMs: number): LiveCallReport {
  const { request, record, attempts, limits } = state;
  const grant = attempts.at(-1)?.grant;
  // No quota ends an emergency call.
  const isByConfig = state.emergency || (grant !== undefined && limits.maxCallSeconds <= grant.maxCallSeconds);
  const answered = attempts.find(({ answeredMonotonicMs }) => answeredMonotonicMs !== null);
  const talkedMs = answered && (answered.billableMs ?? monotonicMs - (answered.answeredMonotonicMs ?? monotonicMs));
  return {
    callId: request.callId,
    sipCallId: request.sipCallId,
    trunk: request.trunk.name,
    agent: request.agent,
    calling: request.calling,
    dialled: request.dialled,
    callee: record.callee,
    numberClass: record.numberClass,
    phase: state.phase,
    offeredAtMs: record.offeredAtMs,
    answeredAtMs: record.answeredAtMs,
    talkedSeconds: talkedMs === undefined ? null : Math.floor(talkedMs / 1_000),
    maxCallSeconds: grant === undefined ? null : isByConfig ? limits.maxCallSeconds : grant.maxCallSeconds,
    isMaxFinal: isByConfig || grant?.isFinal === true,
    codec: record.codec,
    isRecorded: record.recording !== null,
    inboundChannelId: request.incoming?.channelId ?? null,
    attempts: attempts.map(({ channel, phase, record: { sipStatus } }) => {
      return { channelId: channel.channelId, simNumber: channel.simNumber, phase, sipStatus };
    }),
  };
}
