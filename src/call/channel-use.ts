// Whether a call has a channel that a call from a mobile has come in on, and whether it gives that up (semantics.md, "Inbound").
import type { CallState } from './call-state.js';
import type { ChannelUse } from './incoming-selection.js';

export interface ChannelHolding {
  /** `yielded`: it is to give the attempt up. */
  readonly use: ChannelUse;
  readonly attemptId: string;
}

/** Null when no attempt of the call has the channel. */
export function holdingOf(state: CallState, channelId: string): ChannelHolding | null {
  const attempt = state.attempts.find(({ channel, phase }) => channel.channelId === channelId && phase !== 'over');
  if (attempt === undefined) return null;
  const { attemptId } = attempt.channel;
  if (attempt.phase === 'abandoned' || attempt.phase === 'hanging-up') return { use: 'leaving', attemptId };
  const isUnheard = attempt.phase === 'silent' || attempt.phase === 'trying';
  // Nothing takes its channel from an emergency call.
  const givesUp = isUnheard && state.phase === 'dialling' && !state.emergency;
  return { use: givesUp ? 'yielded' : 'engaged', attemptId };
}
