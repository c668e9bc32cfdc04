// How long an answered call may last: what the ledger grants from the answer on, moved by each renewal (semantics.md, "What
// is billed"). Pure steps of the machine: they arm the end and the warning before it, and say which limit it was.
import type { Grant } from '../quota/ledger.js';
import type { LimitReached } from './call-record.js';
import type { Attempt, CallState } from './call-state.js';
import { arm, currentAttempt, type Draft, disarm, endBoth, refuseConnecting } from './call-steps.js';
import type { EndReason } from './end-reason.js';

/** The ledger's word on the call's attempt; null when it did not say in time: what was granted before stays. */
export function takeGrant(draft: Draft, attemptId: string, grant: Grant | null): void {
  const attempt = draft.attempt(attemptId);
  if (attempt === undefined || grant === null) return;
  // What is granted is held, so it never shrinks: an earlier end is an answer that came late. But a hold can be lost whole.
  const isNewest = draft.state.phase === 'connecting' || grant.maxCallSeconds >= attempt.grant.maxCallSeconds;
  if (isNewest || isLost(grant)) draft.change(attemptId, { grant });
}

type Granted = { readonly attemptId: string; readonly grant: Grant | null };

export function takeRenewal(draft: Draft, { attemptId, grant }: Granted): void {
  takeGrant(draft, attemptId, grant);
  const attempt = draft.attempt(attemptId);
  if (attempt !== undefined) armEnd(draft, attempt);
}

/** What another answer was charged is not there for the call any more: the one grant that may be less than the one before. */
export function takeLessTime(draft: Draft, { attemptId, grant }: Granted): void {
  if (grant === null) return;
  draft.change(attemptId, { grant });
  const attempt = draft.attempt(attemptId);
  if (attempt !== undefined) armEnd(draft, attempt);
}

/** The ledger holds nothing for the call: its lease has run out, or another process has settled it. */
function isLost({ maxCallSeconds, isFinal, limit }: Grant): boolean {
  return isFinal && maxCallSeconds === 0 && limit === undefined;
}

/** Arms the end of the call as it stands now, and the warning before it once the end is final. */
export function armEnd(draft: Draft, attempt: Attempt): void {
  const { state, now } = draft;
  const endMs = endOf(state, attempt, now.monotonicMs);
  arm(draft, 'max-duration', null, Math.max(0, endMs - now.monotonicMs));
  const warningMs = state.limits.warningToneSeconds * 1000;
  const isWanted = warningMs > 0 && isEndFinal(state, attempt) && endMs > now.monotonicMs;
  if (isWanted && endMs > (state.warnedOfMs ?? 0)) {
    arm(draft, 'warning', null, Math.max(0, endMs - warningMs - now.monotonicMs));
  } else disarm(draft, 'warning', null);
}

/** At half a slice: a renewal may come late before what is held runs out. */
export function armRenewal(draft: Draft): void {
  arm(draft, 'renewal', null, draft.state.limits.sliceSeconds * 500);
}

export function renew(draft: Draft): void {
  const attempt = currentAttempt(draft.state);
  if (attempt === undefined) return;
  draft.do({ type: 'renew', attemptId: attempt.channel.attemptId });
  armRenewal(draft);
}

export function warnCaller(draft: Draft): void {
  const attempt = currentAttempt(draft.state);
  if (attempt === undefined) return;
  draft.state = { ...draft.state, warnedOfMs: endOf(draft.state, attempt, draft.now.monotonicMs) };
  draft.do({ type: 'warn-caller' });
}

/** The time is up: ends both legs, and says which limit it was. */
export function endAtLimit(draft: Draft): void {
  const reason = noteLimit(draft);
  if (reason !== null) endBoth(draft, reason);
}

/** The same before the caller has its 200. */
export function endConnectingAtLimit(draft: Draft): void {
  const reason = noteLimit(draft);
  if (reason !== null) refuseConnecting(draft, reason);
}

function noteLimit(draft: Draft): EndReason | null {
  const attempt = currentAttempt(draft.state);
  if (attempt === undefined) return null;
  const { reason, limit } = reachedLimit(draft.state, attempt);
  draft.record({ limit });
  return reason;
}

/** Nothing but the config's longest call ends an emergency call: no quota, no cap, no ledger. */
function isBoundByConfig({ emergency, limits }: CallState, { grant }: Attempt): boolean {
  return emergency || limits.maxCallSeconds <= grant.maxCallSeconds;
}

/** Monotonic time at which the call must end. */
function endOf(state: CallState, attempt: Attempt, nowMs: number): number {
  const seconds = isBoundByConfig(state, attempt) ? state.limits.maxCallSeconds : attempt.grant.maxCallSeconds;
  return (attempt.answeredMonotonicMs ?? nowMs) + seconds * 1000;
}

function isEndFinal(state: CallState, attempt: Attempt): boolean {
  return isBoundByConfig(state, attempt) || attempt.grant.isFinal;
}

function reachedLimit(state: CallState, attempt: Attempt): { reason: EndReason; limit: LimitReached | null } {
  if (isBoundByConfig(state, attempt))
    return { reason: 'max-duration', limit: { holder: 'config', allowanceId: null } };
  const { isFinal, limit = null } = attempt.grant;
  // The next renewal was to grant more, and did not come: nobody has allowed a further second.
  if (!isFinal || isLost(attempt.grant)) return { reason: 'ledger-away', limit: null };
  if (limit === null || limit.allowanceId === null) return { reason: 'max-duration', limit };
  return { reason: limit.holder.startsWith('sim:') ? 'quota-exhausted' : 'cap-exhausted', limit };
}
