// What an attempt tells of its channel's health, as soon as its outcome is known: the machine's side of routing's health terms.
import type { Draft } from './call-steps.js';
import type { AttemptReport } from './ports.js';

/** Tells routing of an attempt; one whose INVITE never left says nothing of its channel. */
export function reportAttempt(
  draft: Draft,
  attemptId: string,
  outcome: AttemptReport['outcome'],
  coolDown?: AttemptReport['coolDown'],
): void {
  const attempt = draft.attempt(attemptId);
  if (attempt === undefined || attempt.record.sipCallId === null) return;
  const { startedAtMs, ringingAtMs, answeredAtMs } = attempt.record;
  const progressedAtMs = ringingAtMs ?? answeredAtMs;
  const postDialDelayMs = progressedAtMs === null ? null : Math.max(0, progressedAtMs - startedAtMs);
  draft.do({
    type: 'report-attempt',
    channelId: attempt.channel.channelId,
    report: { outcome, postDialDelayMs, coolDown },
  });
}
