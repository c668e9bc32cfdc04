// What a refused attempt means for its call and its channel, by the settings of its gateway.

import type { Instant } from './call-events.js';
import type { Attempt } from './call-state.js';
import { answerForCaller } from './caller-answer.js';
import type { AttemptReport } from './ports.js';
import { causeOf } from './reason-value.js';
import { meaningOf, type ResponseMeaning } from './response-meaning.js';

export interface AttemptVerdict {
  readonly means: ResponseMeaning;
  readonly coolDownMs: number;
  readonly status: number;
  readonly cause: number | null;
}

export interface AttemptFailure {
  readonly status: number | null;
  readonly reasons: readonly string[];
  readonly local: boolean;
}

/** Null when no response came: then nobody has said anything. */
export function verdictOn(
  attempt: Attempt,
  { status, reasons, local }: AttemptFailure,
  now: Instant,
): AttemptVerdict | null {
  if (status === null || local) return null;
  const cause = causeOf(reasons);
  const { means, coolDownMs } = meaningOf(attempt.channel.gateway, {
    status,
    cause,
    elapsedMs: now.monotonicMs - (attempt.sentMonotonicMs ?? now.monotonicMs),
    rang: attempt.record.ringingAtMs !== null,
  });
  return { means, coolDownMs, status, cause };
}

/** Whether another channel may be asked. */
export function isRetried(verdict: AttemptVerdict | null): boolean {
  return verdict === null || verdict.means === 'channel' || verdict.means === 'gateway';
}

/** Whose it was, for the health of the channel: codecs that do not fit are nobody's failure. */
export function reportOf(verdict: AttemptVerdict | null): Pick<AttemptReport, 'outcome' | 'coolDown'> {
  if (verdict === null) return { outcome: 'failed' };
  const { means, status, cause, coolDownMs } = verdict;
  const isFailure = means !== 'callee' && answerForCaller(means, status, cause).reason !== 'no-common-codec';
  const outcome = isFailure ? 'failed' : 'callee';
  if (coolDownMs === 0) return { outcome };
  return { outcome, coolDown: { of: means === 'gateway' ? 'gateway' : 'channel', ms: coolDownMs } };
}
