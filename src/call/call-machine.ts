// The pure machine of one call: phase × input → next phase, effects. It never does I/O and never throws.
// What it decides follows semantics.md: "Attempts have clocks", "What failure means", "What is billed", "The journal".
//
//             call:admitted        channel:reserved          attempt:answered        caller:connected
//  admitting ──────────────► selecting ─────────► dialling ─────────────────► connecting ────────► talking
//      │                      │    ▲                │  │                          │                   │
//      │ call:refused         │    └── fail over ───┘  │ final refusal, CANCEL,   │ CANCEL            │ BYE, limit
//      ▼                      ▼  channel:none          ▼ clocks                   ▼                   ▼
//     over ◄───────────────────────────────────── clearing (BYE or a late final response awaited) ◄───┘

import { reportAttempt } from './attempt-report.js';
import { reportOf, verdictOn } from './attempt-verdict.js';
import type { CallEffect, CallInput, Instant } from './call-events.js';
import {
  armEnd,
  armRenewal,
  endAtLimit,
  endConnectingAtLimit,
  renew,
  takeGrant,
  takeLessTime,
  takeRenewal,
  warnCaller,
} from './call-grant.js';
import { withDecision } from './call-record.js';
import type { CallPhase, CallState } from './call-state.js';
import { openAttempt } from './call-state.js';
import {
  abandon,
  answeredLate,
  arm,
  bookCallee,
  callerGone,
  canTryAgain,
  clearAttempt,
  closeAttempt,
  completeIfQuiet,
  currentAttempt,
  Draft,
  disarm,
  disarmAttempt,
  disarmTalk,
  endBoth,
  endConnecting,
  endPending,
  failureOf,
  finish,
  hangUpCallee,
  hangUpCurrent,
  heardFrom,
  holdEnd,
  isIncoming,
  markAnswered,
  mayFailOver,
  noteForkedAnswer,
  noteRefusingGateway,
  noteSilentGateway,
  outcomeOf,
  refuse,
  refuseConnecting,
  releaseAfterFailure,
  selectChannel,
  writeRecord,
} from './call-steps.js';
import { answerForCaller } from './caller-answer.js';
import { repeatProgress, tellProgress } from './caller-progress.js';
import { finalAnswerFor } from './end-reason.js';
import { causeOf } from './reason-value.js';

export interface CallStep {
  readonly state: CallState;
  readonly effects: readonly CallEffect[];
  /** False when the input means nothing in this phase: to be logged, never an error. */
  readonly expected: boolean;
}

type InputOf<T extends CallInput['type']> = Extract<CallInput, { type: T }>;
type PhaseTable = { readonly [T in CallInput['type']]?: (draft: Draft, input: InputOf<T>) => void };

/** Advances a call by one input. */
export function stepCall(state: CallState, input: CallInput, now: Instant): CallStep {
  const draft = new Draft(state, now);
  const table = tableFor(state, input);
  const handler = table[input.type] as ((draft: Draft, input: CallInput) => void) | undefined;
  if (handler === undefined) return { state, effects: [], expected: false };
  handler(draft, input);
  return { state: draft.state, effects: draft.effects, expected: true };
}

function tableFor(state: CallState, input: CallInput): PhaseTable {
  if (input.type === 'timer:fired' && input.timer === 'repeat') return REPEATING;
  if ('attemptId' in input && input.attemptId !== null) {
    const attempt = state.attempts.find((other) => other.channel.attemptId === input.attemptId);
    if (attempt?.phase === 'abandoned') return ABANDONED;
    if (attempt?.phase === 'hanging-up') return HANGING_UP;
    // The commit of an answer still matters when the callee has hung up meanwhile: its caller is told of both.
    if (attempt === undefined || (attempt.phase === 'over' && input.type !== 'attempt:confirmed')) return NOTHING;
  }
  return PHASES[state.phase];
}

const NOTHING: PhaseTable = {};

/** Whatever else the call waits for, until it is answered or over. */
const REPEATING: PhaseTable = {
  'timer:fired': (draft) => {
    if (draft.state.phase === 'dialling' || draft.state.phase === 'selecting') repeatProgress(draft);
  },
};

/** A 200 was on its way to the caller when the call ended: what became of it is what the caller was told. */
const AFTER_THE_END: PhaseTable = {
  'caller:connected': (draft) => {
    draft.do({ type: 'end-caller', reason: draft.state.record.endReason ?? 'normal' });
    draft.record({ answeredAtMs: draft.now.wallMs, endedAtMs: draft.now.wallMs, sipStatus: 200 });
    writeRecord(draft);
  },
  'caller:connect-failed': (draft) => {
    const reason = draft.state.record.endReason === 'no-prack' ? 'no-prack' : 'caller-cancelled';
    draft.record({ sipStatus: finalAnswerFor(reason).status });
    writeRecord(draft);
  },
};

const PHASES: Readonly<Record<CallPhase, PhaseTable>> = {
  admitting: {
    'call:refused': (draft, input) => {
      draft.record({ limit: input.limit });
      refuse(draft, input.reason);
    },
    'call:admitted': (draft, input) => {
      draft.state = { ...draft.state, emergency: input.emergency };
      draft.do({ type: 'arm', timer: 'setup', attemptId: null, delayMs: draft.state.limits.setupTimeoutMs });
      selectChannel(draft);
    },
    'caller:cancelled': (draft, input) => {
      const { by, reason } = callerGone(input.cause);
      finish(draft, by, reason);
    },
    'call:end-wanted': (draft, input) => refuse(draft, input.reason),
  },

  // A reservation is under way: whatever ends the call now waits for it, so that it can be released.
  selecting: {
    'channel:reserved': (draft, input) => {
      const attempt = openAttempt(input.channel, draft.now.wallMs);
      draft.state = { ...draft.state, attempts: [...draft.state.attempts, attempt] };
      draft.record({
        routedAtMs: draft.state.record.routedAtMs ?? draft.now.wallMs,
        ...withDecision(draft.state.record, input.decision),
      });
      const { attemptId } = input.channel;
      if (draft.state.pendingEnd !== null) {
        closeAttempt(draft, attemptId, 'cancelled');
        draft.do({ type: 'release', attemptId, invited: false });
        endPending(draft, draft.state.pendingEnd);
        return;
      }
      draft.enter('dialling');
      draft.do({ type: 'send-invite', attemptId });
    },
    'channel:none': (draft, input) => {
      draft.record(withDecision(draft.state.record, input.decision));
      if (draft.state.pendingEnd !== null) {
        endPending(draft, draft.state.pendingEnd);
        return;
      }
      const last = draft.state.attempts.at(-1);
      if (last === undefined) draft.record({ limit: input.limit });
      // Of a call from a mobile the reason says already how its last destination failed.
      refuse(draft, last === undefined || isIncoming(draft.state) ? input.reason : failureOf(last));
    },
    // The SIP server has answered 487 already, whatever else was to end the call.
    'caller:cancelled': (draft, input) => {
      draft.state = { ...draft.state, pendingEnd: callerGone(input.cause).reason };
    },
    'timer:fired': (draft) => holdEnd(draft, 'no-progress'),
    'call:end-wanted': (draft, input) => holdEnd(draft, input.reason),
  },

  dialling: {
    'attempt:sent': (draft, input) => {
      const attempt = draft.attempt(input.attemptId);
      if (attempt === undefined) return;
      draft.change(input.attemptId, { sentMonotonicMs: draft.now.monotonicMs }, { sipCallId: input.sipCallId });
      // A gateway on the same machine may have answered 100 before the echo of the INVITE was read.
      if (attempt.phase !== 'silent') return;
      arm(draft, 'first-response', input.attemptId, attempt.channel.gateway.firstResponseTimeoutMs);
    },
    'attempt:trying': (draft, input) => heardFrom(draft, input.attemptId),
    'attempt:progressed': (draft, input) => {
      heardFrom(draft, input.attemptId);
      const attempt = draft.attempt(input.attemptId);
      if (attempt === undefined) return;
      if (attempt.phase === 'trying') {
        disarm(draft, 'progress', input.attemptId);
        arm(draft, 'ring', input.attemptId, attempt.channel.gateway.ringTimeoutMs);
        draft.change(input.attemptId, { phase: 'alerting' }, { ringingAtMs: draft.now.wallMs });
        draft.record({ ringingAtMs: draft.state.record.ringingAtMs ?? draft.now.wallMs });
      }
      tellProgress(draft, input.status, input.media);
    },
    'attempt:answered-again': (draft, input) => noteForkedAnswer(draft, input.attemptId),
    'attempt:answered': (draft, input) => {
      markAnswered(draft, input.attemptId, false, input.lateMs);
      reportAttempt(draft, input.attemptId, 'answered');
      disarmAttempt(draft, input.attemptId);
      disarm(draft, 'setup', null);
      disarm(draft, 'repeat', null);
      draft.enter('connecting');
      draft.do({ type: 'confirm', attemptId: input.attemptId });
    },
    'attempt:answered-unusable': (draft, input) => {
      markAnswered(draft, input.attemptId, false, input.lateMs);
      reportAttempt(draft, input.attemptId, 'answered');
      disarmAttempt(draft, input.attemptId);
      hangUpCallee(draft, input.attemptId, input.reason);
      refuse(draft, input.reason);
    },
    'attempt:failed': (draft, input) => {
      disarmAttempt(draft, input.attemptId);
      const failed = draft.attempt(input.attemptId);
      if (failed === undefined) return;
      const verdict = verdictOn(failed, input, draft.now);
      const { outcome, coolDown } = reportOf(verdict);
      reportAttempt(draft, input.attemptId, outcome, coolDown);
      closeAttempt(draft, input.attemptId, outcomeOf(input.status, input.local), {
        sipStatus: verdict?.status ?? null,
        reasons: input.reasons,
        cause: verdict?.cause ?? null,
        means: verdict?.means ?? null,
      });
      releaseAfterFailure(draft, input.attemptId, input.local);
      if (input.local) noteSilentGateway(draft, failed);
      if (verdict?.means === 'gateway') noteRefusingGateway(draft, failed);
      if (mayFailOver(draft.state, verdict)) {
        draft.do({ type: 'forget-media', attemptId: input.attemptId });
        selectChannel(draft);
        return;
      }
      if (verdict === null) {
        refuse(draft, 'gateway-failure', finalAnswerFor('gateway-failure'), input.local ? 'simtrunk' : 'callee');
        return;
      }
      const { reason, answer } = answerForCaller(verdict.means, verdict.status, verdict.cause);
      refuse(draft, reason, answer, 'callee');
    },
    'timer:fired': (draft, input) => {
      const attempt = currentAttempt(draft.state);
      if (attempt === undefined) return;
      const { attemptId } = attempt.channel;
      const isSilent = input.timer === 'first-response';
      // A phone that rang is the callee's side; a channel that never came so far has failed.
      reportAttempt(draft, attemptId, attempt.phase === 'alerting' ? 'callee' : 'failed');
      // Nothing rings the same phone twice; but every failure of an emergency call fails over (semantics.md), and a caller from a
      // mobile is not left to an agent who is not there.
      const goesOn = draft.state.emergency || isIncoming(draft.state);
      if (isSilent || (goesOn && input.timer !== 'setup')) {
        if (isSilent) noteSilentGateway(draft, attempt);
        abandon(draft, attemptId, 'no-progress', isSilent ? 'silent' : 'cancelled');
        if (canTryAgain(draft.state)) {
          draft.do({ type: 'forget-media', attemptId });
          selectChannel(draft);
        } else {
          refuse(draft, 'gateway-failure');
        }
        return;
      }
      // A callee may be alerted from here on: the call ends, another SIM never rings the same phone again.
      const reason = attempt.phase === 'alerting' ? 'no-answer' : 'no-progress';
      abandon(draft, attemptId, reason, 'cancelled');
      refuse(draft, reason);
    },
    // semantics.md, "Inbound": the SIM is in a call already, which is no fault of the channel.
    'attempt:crossed': (draft, input) => {
      abandon(draft, input.attemptId, 'no-channel', 'crossed');
      if (!canTryAgain(draft.state)) {
        refuse(draft, 'no-channel');
        return;
      }
      draft.do({ type: 'forget-media', attemptId: input.attemptId });
      selectChannel(draft);
    },
    'caller:cancelled': (draft, input) => {
      const { by, reason } = callerGone(input.cause);
      const attempt = currentAttempt(draft.state);
      if (attempt !== undefined) {
        reportAttempt(draft, attempt.channel.attemptId, 'callee');
        abandon(draft, attempt.channel.attemptId, reason, 'cancelled');
      }
      finish(draft, by, reason);
    },
    'call:end-wanted': (draft, input) => {
      const attempt = currentAttempt(draft.state);
      if (attempt !== undefined) abandon(draft, attempt.channel.attemptId, input.reason, 'cancelled');
      refuse(draft, input.reason);
    },
  },

  // The gateway has answered; the caller's 200 waits for the journal, then for the wire, which may take a PRACK's time: the carrier's
  // clock runs meanwhile, and what is held must not run out.
  connecting: {
    'attempt:confirmed': (draft, input) => {
      takeGrant(draft, input.attemptId, input.grant);
      const attempt = currentAttempt(draft.state);
      if (attempt !== undefined) {
        armEnd(draft, attempt);
        armRenewal(draft);
      }
      draft.do({ type: 'start-recording', attemptId: input.attemptId });
      draft.do({ type: 'connect-caller', attemptId: input.attemptId });
    },
    'attempt:renewed': takeRenewal,
    'attempt:charged-further': takeLessTime,
    'timer:fired': (draft, input) => {
      if (input.timer === 'max-duration') endConnectingAtLimit(draft);
      else if (input.timer === 'renewal') renew(draft);
    },
    'caller:connected': (draft) => {
      draft.state = { ...draft.state, callerAnsweredMonotonicMs: draft.now.monotonicMs };
      draft.record({ answeredAtMs: draft.now.wallMs });
      draft.enter('talking');
      const attempt = draft.state.attempts.at(-1);
      if (attempt === undefined) return;
      if (draft.state.calleeGone) {
        draft.do({ type: 'end-caller', reason: 'normal' });
        finish(draft, 'callee', 'normal');
        return;
      }
      // Its warning was for nobody's ears so far.
      armEnd(draft, attempt);
    },
    'attempt:hung-up': (draft, input) => {
      draft.change(input.attemptId, {}, { reasons: input.reasons, cause: causeOf(input.reasons) });
      bookCallee(draft, input.attemptId, false, input.lateMs);
      disarmTalk(draft);
      draft.state = { ...draft.state, calleeGone: true };
    },
    'attempt:answered-again': (draft, input) => noteForkedAnswer(draft, input.attemptId),
    'caller:connect-failed': (draft) => endConnecting(draft, 'caller', 'caller-cancelled'),
    'caller:cancelled': (draft, input) => {
      const { by, reason } = callerGone(input.cause);
      endConnecting(draft, by, reason);
    },
    'call:end-wanted': (draft, input) => refuseConnecting(draft, input.reason),
  },

  talking: {
    'attempt:answered-again': (draft, input) => noteForkedAnswer(draft, input.attemptId),
    'attempt:hung-up': (draft, input) => {
      draft.change(input.attemptId, {}, { reasons: input.reasons, cause: causeOf(input.reasons) });
      bookCallee(draft, input.attemptId, false, input.lateMs);
      draft.do({ type: 'end-caller', reason: 'normal' });
      finish(draft, 'callee', 'normal');
    },
    'caller:hung-up': (draft, input) => {
      hangUpCurrent(draft, input.reason);
      finish(draft, input.reason === 'normal' ? 'caller' : 'simtrunk', input.reason);
    },
    'caller:mismatched': (draft) => endBoth(draft, 'late-offer-mismatch'),
    'call:end-wanted': (draft, input) => endBoth(draft, input.reason),
    'timer:fired': (draft, input) => {
      if (input.timer === 'max-duration') endAtLimit(draft);
      else if (input.timer === 'warning') warnCaller(draft);
      else if (input.timer === 'renewal') renew(draft);
    },
    'attempt:renewed': takeRenewal,
    'attempt:charged-further': takeLessTime,
  },

  clearing: AFTER_THE_END,
  over: AFTER_THE_END,
};

/** An attempt that was given up: its channel is busy until the gateway has said the last word. */
const ABANDONED: PhaseTable = {
  'attempt:sent': (draft, input) => {
    draft.change(input.attemptId, {}, { sipCallId: input.sipCallId });
    // Given up before the INVITE had an identity: only now can it be cancelled.
    draft.do({
      type: 'cancel-invite',
      attemptId: input.attemptId,
      reason: draft.state.record.endReason ?? 'no-progress',
    });
  },
  'attempt:trying': () => {},
  'attempt:progressed': () => {},
  'attempt:answered-again': (draft, input) => noteForkedAnswer(draft, input.attemptId),
  'attempt:answered': (draft, input) => answeredLate(draft, input.attemptId, input.lateMs),
  'attempt:answered-unusable': (draft, input) => answeredLate(draft, input.attemptId, input.lateMs),
  'attempt:failed': (draft, input) => {
    disarm(draft, 'abandon', input.attemptId);
    const outcome = draft.attempt(input.attemptId)?.record.outcome ?? 'cancelled';
    closeAttempt(draft, input.attemptId, outcome, {
      sipStatus: input.local ? null : input.status,
      reasons: input.reasons,
      cause: causeOf(input.reasons),
    });
    releaseAfterFailure(draft, input.attemptId, input.local);
    completeIfQuiet(draft, true);
  },
  'timer:fired': (draft, input) => {
    if (input.timer !== 'abandon' || input.attemptId === null) return;
    closeAttempt(draft, input.attemptId, draft.attempt(input.attemptId)?.record.outcome ?? 'cancelled');
    // Nothing was heard of it, but its INVITE was on its way.
    draft.do({ type: 'release', attemptId: input.attemptId, invited: true });
    completeIfQuiet(draft, true);
  },
};

/** An attempt whose BYE is on its way: charged already, its channel still busy. */
const HANGING_UP: PhaseTable = {
  // The call's own end is charged already; this is, too, as a call that ended at once.
  'attempt:answered-again': (draft, input) => noteForkedAnswer(draft, input.attemptId),
  'attempt:confirmed': () => {},
  'attempt:hung-up': () => {},
  'attempt:cleared': (draft, input) => clearAttempt(draft, input.attemptId),
  'timer:fired': (draft, input) => {
    if (input.timer === 'abandon' && input.attemptId !== null) clearAttempt(draft, input.attemptId);
  },
};
