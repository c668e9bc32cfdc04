// Telephone-events (RFC 4733) between two legs of which one has its digits in INFO: the other agrees on events as if both had them.
import { isTelephoneEvent, ownTelephoneEvents } from '../sdp/codecs.js';
import type { CodecSelection } from '../sdp/description.js';
import type { MediaPolicy } from '../sdp/media-policy.js';

/** What the other leg uses, for `own` of this one. */
export function withDigitsOf(
  own: CodecSelection,
  other: CodecSelection,
  otherPolicy: MediaPolicy | undefined,
): CodecSelection {
  if (otherPolicy?.dtmf !== 'info') return other;
  return { codecs: other.codecs, companions: [...other.companions, ...own.companions.filter(isTelephoneEvent)] };
}

/** A caller's formats for an offer to a channel, with events under numbers of ours where it has its digits in INFO. */
export function withOwnEvents(caller: CodecSelection, { dtmf }: MediaPolicy): CodecSelection {
  if (dtmf !== 'info') return caller;
  const rates = caller.codecs.map(({ clockRateHz }) => clockRateHz);
  const taken = [...caller.codecs, ...caller.companions].map(({ payloadType }) => payloadType);
  return { codecs: caller.codecs, companions: [...caller.companions, ...ownTelephoneEvents(rates, taken)] };
}
