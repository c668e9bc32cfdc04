// One step of a call under construction, and the steps that several inputs share: giving an attempt up, charging it,
// refusing the caller, finishing the record. Pure; the tables of call-machine.ts say which input takes which.
import { type AttemptVerdict, isRetried } from './attempt-verdict.js';
import type { CallEffect, Instant } from './call-events.js';
import type { AttemptOutcome, AttemptRecord, CallRecord } from './call-record.js';
import type { Attempt, CallPhase, CallState } from './call-state.js';
import { answerForCaller } from './caller-answer.js';
import { type EndReason, type FinalAnswer, finalAnswerFor } from './end-reason.js';

/** One step under construction: the next state and the effects, in order. */
export class Draft {
  state: CallState;
  readonly effects: CallEffect[] = [];
  readonly now: Instant;

  constructor(state: CallState, now: Instant) {
    this.state = state;
    this.now = now;
  }

  enter(phase: CallPhase): void {
    this.state = { ...this.state, phase };
  }

  record(change: Partial<CallRecord>): void {
    this.state = { ...this.state, record: { ...this.state.record, ...change } };
  }

  attempt(attemptId: string): Attempt | undefined {
    return this.state.attempts.find((attempt) => attempt.channel.attemptId === attemptId);
  }

  change(attemptId: string, change: Partial<Omit<Attempt, 'record'>>, record: Partial<AttemptRecord> = {}): void {
    this.state = {
      ...this.state,
      attempts: this.state.attempts.map((attempt) =>
        attempt.channel.attemptId === attemptId
          ? { ...attempt, ...change, record: { ...attempt.record, ...record } }
          : attempt,
      ),
    };
  }

  do(effect: CallEffect): void {
    this.effects.push(effect);
  }
}

/** The attempt that the caller is waiting for or talking over. */
export function currentAttempt(state: CallState): Attempt | undefined {
  const last = state.attempts.at(-1);
  return last !== undefined && isLive(last) ? last : undefined;
}

function isLive(attempt: Attempt): boolean {
  return attempt.phase !== 'abandoned' && attempt.phase !== 'hanging-up' && attempt.phase !== 'over';
}

export function selectChannel(draft: Draft): void {
  draft.enter('selecting');
  draft.do({
    type: 'select-channel',
    excludeChannels: draft.state.attempts.map((attempt) => attempt.channel.channelId),
    excludeGateways: draft.state.refusingGateways,
    avoidGateways: draft.state.silentGateways,
  });
}

export function heardFrom(draft: Draft, attemptId: string): void {
  const attempt = draft.attempt(attemptId);
  if (attempt?.phase !== 'silent') return;
  disarm(draft, 'first-response', attemptId);
  arm(draft, 'progress', attemptId, attempt.channel.gateway.progressTimeoutMs);
  draft.change(attemptId, { phase: 'trying' }, { firstResponseAtMs: draft.now.wallMs });
}

/** The gateway answered `lateMs` ago. */
export function markAnswered(draft: Draft, attemptId: string, late: boolean, lateMs = 0): void {
  const attempt = draft.attempt(attemptId);
  const waitedMs = Math.min(lateMs, Math.max(0, draft.now.wallMs - (attempt?.record.startedAtMs ?? 0)));
  const answeredAtMs = draft.now.wallMs - waitedMs;
  draft.change(
    attemptId,
    { phase: 'answered', answeredMonotonicMs: draft.now.monotonicMs - waitedMs },
    {
      answeredAtMs,
      firstResponseAtMs: attempt?.record.firstResponseAtMs ?? answeredAtMs,
      outcome: 'answered',
      sipStatus: 200,
      answeredLate: late,
    },
  );
}

export function closeAttempt(
  draft: Draft,
  attemptId: string,
  outcome: AttemptOutcome,
  record: Partial<AttemptRecord> = {},
): void {
  draft.change(attemptId, { phase: 'over' }, { ...record, outcome, endedAtMs: draft.now.wallMs });
}

/** A failure that arose here before the INVITE had left reached nobody. */
export function releaseAfterFailure(draft: Draft, attemptId: string, local: boolean): void {
  const sipCallId = draft.attempt(attemptId)?.record.sipCallId ?? null;
  draft.do({ type: 'release', attemptId, invited: !local || sipCallId !== null });
}

export function abandon(draft: Draft, attemptId: string, reason: EndReason, outcome: AttemptOutcome): void {
  disarmAttempt(draft, attemptId);
  draft.change(attemptId, { phase: 'abandoned' }, { outcome });
  arm(draft, 'abandon', attemptId, draft.state.limits.abandonTimeoutMs);
  draft.do({ type: 'cancel-invite', attemptId, reason });
}

/** The callee's leg came to its end `lateMs` ago: its duration is fixed and charged. */
export function bookCallee(draft: Draft, attemptId: string, byeUnderWay: boolean, lateMs = 0): void {
  const attempt = draft.attempt(attemptId);
  if (attempt === undefined) return;
  const endedMs = draft.now.monotonicMs - lateMs;
  const billableMs = Math.max(0, endedMs - (attempt.answeredMonotonicMs ?? endedMs));
  draft.change(
    attemptId,
    { phase: byeUnderWay ? 'hanging-up' : 'over', billableMs },
    { endedAtMs: draft.now.wallMs - lateMs, outcome: 'answered' },
  );
  draft.do({ type: 'settle', attemptId, channelInUse: byeUnderWay });
}

export function hangUpCallee(draft: Draft, attemptId: string, reason: EndReason): void {
  draft.do({ type: 'end-leg', attemptId, reason });
  arm(draft, 'abandon', attemptId, draft.state.limits.abandonTimeoutMs);
  bookCallee(draft, attemptId, true);
}

export function hangUpCurrent(draft: Draft, reason: EndReason): void {
  const attempt = currentAttempt(draft.state);
  if (attempt !== undefined) hangUpCallee(draft, attempt.channel.attemptId, reason);
}

/** semantics.md: a 200 that comes after giving up is ACKed, ended with BYE, charged to its channel and shown in the CDR. */
export function answeredLate(draft: Draft, attemptId: string, lateMs?: number): void {
  disarm(draft, 'abandon', attemptId);
  markAnswered(draft, attemptId, true, lateMs);
  hangUpCallee(draft, attemptId, draft.state.record.endReason ?? 'no-progress');
  completeIfQuiet(draft, true);
}

export function clearAttempt(draft: Draft, attemptId: string): void {
  disarm(draft, 'abandon', attemptId);
  draft.change(attemptId, { phase: 'over' });
  draft.do({ type: 'vacate', attemptId });
  completeIfQuiet(draft, false);
}

/** The caller gave the call up before its answer, or the server did for it. */
export function callerGone(cause: 'no-prack' | undefined): { by: 'caller' | 'simtrunk'; reason: EndReason } {
  return cause === undefined ? { by: 'caller', reason: 'caller-cancelled' } : { by: 'simtrunk', reason: cause };
}

/** semantics.md, "What is billed": an answer that nobody talks over is an answer all the same. */
export function noteForkedAnswer(draft: Draft, attemptId: string): void {
  const forkedAnswers = (draft.attempt(attemptId)?.record.forkedAnswers ?? 0) + 1;
  draft.change(attemptId, {}, { forkedAnswers });
  draft.do({ type: 'charge-further', attemptId, furtherAnswers: forkedAnswers });
}

/** Answered by the gateway, but not to the caller yet. */
export function refuseConnecting(draft: Draft, reason: EndReason): void {
  const answer = finalAnswerFor(reason);
  draft.do({ type: 'refuse-caller', reason, answer });
  draft.record({ sipStatus: answer.status, q850: answer.q850 });
  endConnecting(draft, 'simtrunk', reason);
}

export function endConnecting(draft: Draft, by: 'caller' | 'simtrunk', reason: EndReason): void {
  hangUpCurrent(draft, reason);
  finish(draft, by, reason);
}

export function endBoth(draft: Draft, reason: EndReason): void {
  draft.do({ type: 'end-caller', reason });
  hangUpCurrent(draft, reason);
  finish(draft, 'simtrunk', reason);
}

export function holdEnd(draft: Draft, reason: EndReason): void {
  if (draft.state.pendingEnd === null) draft.state = { ...draft.state, pendingEnd: reason };
}

export function endPending(draft: Draft, reason: EndReason): void {
  // The SIP server has answered the caller already.
  if (reason === 'caller-cancelled') finish(draft, 'caller', reason);
  else if (reason === 'no-prack') finish(draft, 'simtrunk', reason);
  else refuse(draft, reason);
}

export function refuse(
  draft: Draft,
  reason: EndReason,
  answer: FinalAnswer = finalAnswerFor(reason),
  by: 'callee' | 'simtrunk' = 'simtrunk',
): void {
  draft.do({ type: 'refuse-caller', reason, answer });
  draft.record({ sipStatus: answer.status, q850: answer.q850 });
  finish(draft, by, reason);
}

/** The caller's leg is over, or as good as over: media closes and the record is kept. */
export function finish(draft: Draft, by: 'caller' | 'callee' | 'simtrunk', reason: EndReason): void {
  const answer = finalAnswerFor(reason);
  const { state, now } = draft;
  const answered = state.callerAnsweredMonotonicMs;
  draft.record({
    endedAtMs: now.wallMs,
    endedBy: by,
    endReason: reason,
    durationMs: answered === null ? 0 : Math.max(0, now.monotonicMs - answered),
    sipStatus: answered === null ? (state.record.sipStatus ?? answer.status) : 200,
    q850: state.record.q850 ?? answer.q850,
  });
  disarm(draft, 'setup', null);
  disarm(draft, 'repeat', null);
  disarmTalk(draft);
  draft.do({ type: 'close-media' });
  draft.enter('clearing');
  writeRecord(draft);
  overIfQuiet(draft);
}

/** After an attempt's last word: when the call itself is over, its record may be complete now. */
export function completeIfQuiet(draft: Draft, recordChanged: boolean): void {
  if (draft.state.phase !== 'clearing') return;
  if (recordChanged) writeRecord(draft);
  overIfQuiet(draft);
}

function overIfQuiet(draft: Draft): void {
  if (draft.state.attempts.some((attempt) => attempt.phase !== 'over')) return;
  draft.enter('over');
  draft.do({ type: 'done' });
}

/** Keeps the record as it stands; it is complete when no attempt can change it any more. */
export function writeRecord(draft: Draft): void {
  draft.do({ type: 'write-record', complete: !hasAbandoned(draft.state) });
}

function hasAbandoned(state: CallState): boolean {
  return state.attempts.some((attempt) => attempt.phase === 'abandoned');
}

export function noteSilentGateway(draft: Draft, attempt: Attempt): void {
  const gateway = attempt.channel.gateway.name;
  if (draft.state.silentGateways.includes(gateway)) return;
  draft.state = { ...draft.state, silentGateways: [...draft.state.silentGateways, gateway] };
}

/** An emergency call comes back to it when there is no other. */
export function noteRefusingGateway(draft: Draft, attempt: Attempt): void {
  if (draft.state.emergency) noteSilentGateway(draft, attempt);
  else
    draft.state = { ...draft.state, refusingGateways: [...draft.state.refusingGateways, attempt.channel.gateway.name] };
}

export function outcomeOf(status: number | null, local: boolean): AttemptOutcome {
  if (status === null) return 'unreachable';
  if (local) return status === 408 ? 'silent' : 'unreachable';
  return 'refused';
}

/** A call from a mobile: its destinations are few, and each failure leads to the next one. */
export function isIncoming({ request }: CallState): boolean {
  return request.incoming !== undefined;
}

export function canTryAgain(state: CallState): boolean {
  if (state.emergency || isIncoming(state)) return true;
  // An attempt that made way for a call from a mobile has tried nothing.
  const tried = state.attempts.filter(({ record }) => record.outcome !== 'crossed').length;
  return tried < state.limits.maxAttempts;
}

export function mayFailOver(state: CallState, verdict: AttemptVerdict | null): boolean {
  return canTryAgain(state) && (state.emergency || isIncoming(state) || isRetried(verdict));
}

/** What the caller is told when no further channel takes a call whose last attempt failed. */
export function failureOf({ record }: Attempt): EndReason {
  const { sipStatus, outcome, cause } = record;
  if (sipStatus === null || outcome !== 'refused') return 'gateway-failure';
  return answerForCaller('channel', sipStatus, cause).reason;
}

export function arm(
  draft: Draft,
  timer: Extract<CallEffect, { type: 'arm' }>['timer'],
  attemptId: string | null,
  delayMs: number,
): void {
  draft.do({ type: 'arm', timer, attemptId, delayMs });
}

export function disarm(
  draft: Draft,
  timer: Extract<CallEffect, { type: 'arm' }>['timer'],
  attemptId: string | null,
): void {
  draft.do({ type: 'disarm', timer, attemptId });
}

/** What runs from a gateway's answer to the end of its leg. */
export function disarmTalk(draft: Draft): void {
  for (const timer of ['max-duration', 'warning', 'renewal'] as const) disarm(draft, timer, null);
}

export function disarmAttempt(draft: Draft, attemptId: string): void {
  for (const timer of ['first-response', 'progress', 'ring'] as const) disarm(draft, timer, attemptId);
}
