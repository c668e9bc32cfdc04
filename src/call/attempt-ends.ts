// How attempts came to their ends, for those who look for streaks on a channel: told once of each, when its leg is over.
import type { Attempt, CallState } from './call-state.js';

export interface AttemptEnd {
  readonly channelId: string;
  readonly gateway: string;
  /**
   * `answered`: the gateway's 200. `refused`: a response that the gateway's settings take for the channel's. `callee`: one that they
   * take for the callee's. `given-up`: by the caller, or a clock of ours. `other`: nothing that the channel did (its gateway was
   * silent, unreachable, or refused for all of its channels).
   */
  readonly outcome: 'answered' | 'refused' | 'callee' | 'given-up' | 'other';
  /** A 18x came before the end or the answer. */
  readonly alerted: boolean;
  /** From the INVITE to the answer, or to the end without one. */
  readonly setupMs: number;
  /** From the answer to the end of the leg; null without an answer. */
  readonly talkedMs: number | null;
}

export interface AttemptWatch {
  ended(end: AttemptEnd): void;
}

/** Those that were under way before a step and are over after it. An INVITE that never left says nothing of its channel. */
export function attemptEnds(before: CallState, after: CallState): readonly AttemptEnd[] {
  if (before.attempts === after.attempts || after.request.incoming !== undefined) return [];
  return after.attempts.flatMap((attempt, index) => {
    const isNew = attempt.record.endedAtMs !== null && (before.attempts[index]?.record.endedAtMs ?? null) === null;
    return isNew && attempt.record.sipCallId !== null ? [endOf(attempt)] : [];
  });
}

function endOf({ channel, record, billableMs }: Attempt): AttemptEnd {
  const { startedAtMs, answeredAtMs, endedAtMs, ringingAtMs } = record;
  const outcome = outcomeOf(record);
  return {
    channelId: channel.channelId,
    gateway: channel.gateway.name,
    outcome,
    alerted: ringingAtMs !== null,
    setupMs: Math.max(0, (answeredAtMs ?? endedAtMs ?? startedAtMs) - startedAtMs),
    talkedMs: outcome === 'answered' ? (billableMs ?? 0) : null,
  };
}

function outcomeOf({ outcome, means }: Attempt['record']): AttemptEnd['outcome'] {
  if (outcome === 'answered') return 'answered';
  if (outcome === 'cancelled') return 'given-up';
  if (outcome !== 'refused' || means === 'gateway') return 'other';
  return means === 'callee' ? 'callee' : 'refused';
}
