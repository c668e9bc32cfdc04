// What a leg can be offered in mid-call besides the codec that it uses, when its peer asks for an offer (RFC 3261 §14.2). Pure.
import { isNamed, isSameCodec, ownCodecs, staticCodec } from './codecs.js';
import type { CodecSelection } from './description.js';
import { type MediaPolicy, ownOrder } from './media-policy.js';
import { codecFor, type Transcoder } from './select-codecs.js';

/**
 * The formats in use, then what else the policy allows and goes with the other leg, as it is or transcoded. Only codecs whose payload
 * type means the same in every description: any other number may have meant something else before (RFC 3264 §8.3.2).
 */
export function widened(
  inUse: CodecSelection,
  {
    policy,
    only,
    other,
    transcoder,
  }: {
    readonly policy: MediaPolicy;
    readonly only: readonly string[] | null;
    readonly other: CodecSelection;
    readonly transcoder: Transcoder;
  },
): CodecSelection {
  const taken = inUse.codecs.map(({ payloadType }) => payloadType);
  const further = ownCodecs(ownOrder(policy)).filter(
    (codec) =>
      isNamed(codec, only) &&
      staticCodec(codec.payloadType) !== undefined &&
      !taken.includes(codec.payloadType) &&
      !inUse.codecs.some((own) => isSameCodec(own, codec)) &&
      codecFor({ codecs: [codec], companions: inUse.companions }, other, transcoder) !== null,
  );
  // Digits go at the clock rate of the audio (RFC 4733 §2.1).
  const rates = new Set(inUse.codecs.map(({ clockRateHz }) => clockRateHz));
  const codecs = [...inUse.codecs, ...further.filter(({ clockRateHz }) => rates.has(clockRateHz))];
  return { codecs, companions: inUse.companions };
}
