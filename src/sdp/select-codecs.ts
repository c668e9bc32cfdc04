// Which codecs each leg of a call may use: what offers and policies leave, what goes with what the other leg uses, and what has
// to be transcoded because nothing else is left. Pure; parameters are joined in format-parameters.ts.
import {
  CODEC_NAMES,
  canonicalName,
  isNamed,
  isSameFormat,
  isTelephoneEvent,
  ownCodecs,
  ownTelephoneEvents,
  withParameters,
} from './codecs.js';
import type { CodecSelection, SdpCodec } from './description.js';
import { agreedParameters, canJoin } from './format-parameters.js';
import { inOrderOf, type MediaPolicy, ownOrder } from './media-policy.js';

/** What is done to audio between two legs that have no codec in common. */
export interface Transcoder {
  transcodes(from: string, to: string): boolean;
  /** Packets keep their payload types from leg to leg: what has another number on the other leg is not the same. Default: not. */
  readonly keepsPayloadTypes?: boolean | undefined;
}

/** For legs between which nothing may be changed. */
export const NO_TRANSCODER: Transcoder = { transcodes: () => false };

/** For legs between which packets pass unread. */
export const UNREAD: Transcoder = { transcodes: () => false, keepsPayloadTypes: true };

/** Formats for a leg; `transcoded`: its codec is not the one of the other leg. */
export interface LegCodecs {
  readonly selection: CodecSelection;
  readonly transcoded: boolean;
}

/**
 * What a peer's offer and the policy of its leg leave, and what `only` names (null: all). Without an offer it is what the policy
 * lets us offer, under payload types of our own.
 */
export function allowedFormats(
  offered: CodecSelection | null,
  policy: MediaPolicy,
  only: readonly string[] | null,
): CodecSelection {
  if (offered === null) {
    const codecs = ownCodecs(ownOrder(policy).filter((name) => isNamed({ name }, only)));
    const rates = codecs.map(({ clockRateHz }) => clockRateHz);
    const events = policy.dtmf === 'info' ? [] : ownTelephoneEvents(rates, payloadTypesOf(codecs));
    return { codecs, companions: events };
  }
  const codecs = inOrderOf(policy, offered.codecs).filter((codec) => isNamed(codec, only));
  const companions = companionsFor(codecs, offered.companions);
  return {
    codecs,
    companions: policy.dtmf === 'info' ? companions.filter((one) => !isTelephoneEvent(one)) : companions,
  };
}

/**
 * What to offer a channel for a caller with these formats: those that its policy allows too, under the caller's payload types.
 * Only when there are none: what the policy allows and the caller's audio can be transcoded to and from.
 */
export function selectForChannel(
  caller: CodecSelection,
  policy: MediaPolicy,
  only: readonly string[] | null,
  transcoder: Transcoder,
): LegCodecs | null {
  const common = allowedFormats(caller, policy, only);
  if (common.codecs.length > 0) return { selection: common, transcoded: false };
  const names = ownOrder(policy).filter(
    (name) => isNamed({ name }, only) && caller.codecs.some((codec) => isTranscodable(codec, { name }, transcoder)),
  );
  if (names.length === 0) return null;
  const events = policy.dtmf === 'info' ? [] : caller.companions.filter(isTelephoneEvent);
  const codecs = ownCodecs(names, payloadTypesOf(events));
  const rates = [...new Set(codecs.map(({ clockRateHz }) => clockRateHz))];
  const missing =
    events.length === 0 ? [] : rates.filter((rate) => !events.some((event) => event.clockRateHz === rate));
  const companions = [
    ...companionsFor(codecs, events),
    ...ownTelephoneEvents(missing, payloadTypesOf([...codecs, ...events])),
  ];
  return { selection: { codecs, companions }, transcoded: true };
}

/**
 * One codec of `side`, with its companions, for a leg whose other side has the formats `other`: the first of those that both
 * have, with the parameters that the other side stated; else, if that can be done, one that is transcoded.
 */
export function codecFor(side: CodecSelection, other: CodecSelection, transcoder: Transcoder): LegCodecs | null {
  const find = transcoder.keepsPayloadTypes === true ? findNumbered : findFormat;
  for (const theirs of other.codecs) {
    const own = find(theirs, side.codecs);
    if (own === undefined) continue;
    const companions = companionsFor([own], side.companions).flatMap((companion) => {
      const match = find(companion, other.companions);
      return match === undefined ? [] : [restated(companion, match)];
    });
    return { selection: { codecs: [restated(own, theirs)], companions }, transcoded: false };
  }
  for (const theirs of other.codecs) {
    const own = side.codecs.find((codec) => isTranscodable(codec, theirs, transcoder));
    if (own === undefined) continue;
    const theirEvents = companionsFor([theirs], other.companions).filter(isTelephoneEvent);
    const events = companionsFor([own], side.companions).filter(
      (event) =>
        isTelephoneEvent(event) &&
        theirEvents.some((match) => !transcoder.keepsPayloadTypes || match.payloadType === event.payloadType),
    );
    return { selection: { codecs: [own], companions: events }, transcoded: true };
  }
  return null;
}

/** Names of the codecs that a channel may allow for a caller with these formats. */
export function usableNames(
  caller: CodecSelection,
  only: readonly string[] | null,
  transcoder: Transcoder,
): { readonly direct: readonly string[]; readonly transcoded: readonly string[] } {
  const direct = [...new Set(caller.codecs.map(({ name }) => canonicalName(name)))];
  const transcoded = CODEC_NAMES.filter(
    (name) =>
      !direct.includes(name) &&
      isNamed({ name }, only) &&
      caller.codecs.some((codec) => isTranscodable(codec, { name }, transcoder)),
  );
  return { direct, transcoded };
}

/** The format of a list that means the same: under the same payload type if there is one, else the first. */
export function findFormat(format: SdpCodec, others: readonly SdpCodec[]): SdpCodec | undefined {
  return (
    others.find((other) => isSameFormat(format, other) && canJoin(format, other)) ??
    others.find((other) => canJoin(format, other))
  );
}

function findNumbered(format: SdpCodec, others: readonly SdpCodec[]): SdpCodec | undefined {
  return others.find((other) => isSameFormat(format, other) && canJoin(format, other));
}

/** `format` with what `other`, who gets what is sent in it, states; findFormat has found them to go together. */
function restated(format: SdpCodec, other: SdpCodec): SdpCodec {
  const agreed = agreedParameters(other, format);
  return agreed === null || agreed.fmtp === format.fmtp ? format : withParameters(format, agreed.fmtp);
}

/** Companions at the clock rates of the codecs: both are on one timeline (RFC 4733 §2.1). */
function companionsFor(codecs: readonly SdpCodec[], companions: readonly SdpCodec[]): SdpCodec[] {
  return companions.filter((companion) => codecs.some((codec) => codec.clockRateHz === companion.clockRateHz));
}

/** Audio goes both ways. */
function isTranscodable(a: Pick<SdpCodec, 'name'>, b: Pick<SdpCodec, 'name'>, transcoder: Transcoder): boolean {
  const [from, to] = [canonicalName(a.name), canonicalName(b.name)];
  return transcoder.transcodes(from, to) && transcoder.transcodes(to, from);
}

function payloadTypesOf(formats: readonly SdpCodec[]): number[] {
  return formats.map(({ payloadType }) => payloadType);
}
