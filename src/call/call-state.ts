// The state of one call: its phase, its attempts and the record that grows with every input.
import type { Grant } from '../quota/ledger.js';
import { payersOf } from '../quota/payers.js';
import type { AttemptRecord, CallRecord, IncomingRecord } from './call-record.js';
import type { CallRequest, ChosenChannel, IncomingCall } from './call-request.js';
import type { EndReason } from './end-reason.js';

export type CallPhase = 'admitting' | 'selecting' | 'dialling' | 'connecting' | 'talking' | 'clearing' | 'over';

export type AttemptPhase =
  /** INVITE sent, nothing heard. */
  | 'silent'
  /** 100 heard. */
  | 'trying'
  /** 18x heard. */
  | 'alerting'
  | 'answered'
  /** Given up; its final response is awaited and its channel stays reserved. */
  | 'abandoned'
  /** Our BYE awaits its final response. */
  | 'hanging-up'
  | 'over';

export interface Attempt {
  readonly channel: ChosenChannel;
  readonly phase: AttemptPhase;
  readonly record: AttemptRecord;
  /** When its INVITE left. */
  readonly sentMonotonicMs: number | null;
  readonly answeredMonotonicMs: number | null;
  /** From the gateway's 200 to the BYE on that leg; set when the leg ends. */
  readonly billableMs: number | null;
  /** How long the call may last: the reservation's word, then the confirmation's, then each renewal's. */
  readonly grant: Grant;
}

export interface CallLimits {
  readonly maxAttempts: number;
  readonly setupTimeoutMs: number;
  readonly maxCallSeconds: number;
  readonly sliceSeconds: number;
  /** How long before its end a call is warned of it; 0 for never. At most half a slice: sooner no end is known. */
  readonly warningToneSeconds: number;
  /** 64·T1 and a little, after which an abandoned attempt or an unanswered BYE is over in any case. */
  readonly abandonTimeoutMs: number;
}

/** The last thing that a caller was told before the answer. */
export interface ToldProgress {
  readonly status: number;
  /** With a description. */
  readonly media: boolean;
  readonly atMonotonicMs: number;
}

export interface CallState {
  readonly phase: CallPhase;
  readonly request: CallRequest;
  readonly limits: CallLimits;
  readonly emergency: boolean;
  readonly attempts: readonly Attempt[];
  /** Gateways that did not respond to this call. */
  readonly silentGateways: readonly string[];
  /** Gateways that refused it for all of their channels. */
  readonly refusingGateways: readonly string[];
  /** The last thing that the caller was told before the answer. */
  readonly told: ToldProgress | null;
  readonly callerAnsweredMonotonicMs: number | null;
  /** Set when the callee's leg ended while the caller's 200 was on its way. */
  readonly calleeGone: boolean;
  /** The end, by the monotonic clock, that the caller has been warned of. */
  readonly warnedOfMs: number | null;
  /** A cause that ended selection while a reservation was under way. */
  readonly pendingEnd: EndReason | null;
  readonly record: CallRecord;
}

export function openCall(request: CallRequest, limits: CallLimits, wallMs: number): CallState {
  return {
    phase: 'admitting',
    request,
    limits,
    emergency: false,
    attempts: [],
    silentGateways: [],
    refusingGateways: [],
    told: null,
    callerAnsweredMonotonicMs: null,
    calleeGone: false,
    warnedOfMs: null,
    pendingEnd: null,
    record: {
      callId: request.callId,
      sipCallId: request.sipCallId,
      trunk: request.trunk.name,
      traffic: request.trunk.traffic,
      calling: request.calling,
      agent: request.agent,
      payers: payersOf(request),
      dialled: request.dialled,
      callee: null,
      numberClass: null,
      offeredAtMs: wallMs,
      routedAtMs: null,
      ringingAtMs: null,
      answeredAtMs: null,
      endedAtMs: null,
      durationMs: 0,
      attempts: [],
      decision: null,
      laterDecisions: [],
      endedBy: null,
      endReason: null,
      limit: null,
      sipStatus: null,
      q850: null,
      codec: null,
      calleeCodec: null,
      transcoded: false,
      media: null,
      recording: null,
      incoming: request.incoming === undefined ? null : openIncoming(request.incoming),
      transfers: [],
      transferOf: request.transferOf ?? null,
      probe: request.onlyChannel !== undefined,
    },
  };
}

function openIncoming({ reservationId, channelId, gateway, simId, simNumber, lastCall }: IncomingCall): IncomingRecord {
  return {
    ...{ reservationId, channelId, gateway, simId, simNumber },
    lastAgent: lastCall?.agent ?? null,
    lastCalledAtMs: lastCall?.wallMs ?? null,
    destination: null,
    answeredAtMs: null,
    ...{ billedSeconds: 0, cost: '0', currency: null, estimated: false },
  };
}

export function openAttempt(channel: ChosenChannel, wallMs: number): Attempt {
  return {
    channel,
    phase: 'silent',
    sentMonotonicMs: null,
    answeredMonotonicMs: null,
    billableMs: null,
    grant: { maxCallSeconds: channel.maxCallSeconds, isFinal: false },
    record: {
      attemptId: channel.attemptId,
      channelId: channel.channelId,
      gateway: channel.gateway.name,
      simId: channel.simId,
      simNumber: channel.simNumber,
      requestUri: channel.address.requestUri,
      sipCallId: null,
      startedAtMs: wallMs,
      firstResponseAtMs: null,
      ringingAtMs: null,
      answeredAtMs: null,
      endedAtMs: null,
      outcome: null,
      sipStatus: null,
      reasons: [],
      cause: null,
      means: null,
      answeredLate: false,
      forkedAnswers: 0,
      billedSeconds: 0,
      cost: '0',
      currency: null,
      estimated: false,
    },
  };
}

/** The record with its attempts as they stand. */
export function recordOf(state: CallState): CallRecord {
  return { ...state.record, attempts: state.attempts.map((attempt) => attempt.record) };
}
