// Offer and answer (RFC 3264) between two legs that share codecs: what we offer a gateway, what we answer a caller.
// Pure: an answer follows from its own offer, holds only what that offer held, and names one audio codec.
import { codecsOfPolicies, isAllowed, isSameFormat } from './codecs.js';
import {
  type Direction,
  isHoldAddress,
  type LocalAudio,
  type LocalDescription,
  type PeerDescription,
  type SdpCodec,
  type SdpResult,
  type SdpSession,
} from './description.js';
import { readAnswer } from './read-description.js';
import { ownAudioLine, writeDescription } from './write-description.js';

/** Names of the codecs that a trunk or a gateway allows, in order of preference. */
export type CodecPolicy = readonly string[];

/** Audio codecs and telephone-event payload types that both ends of a leg may use. */
export interface CodecSelection {
  readonly codecs: readonly SdpCodec[];
  readonly telephoneEvents: readonly SdpCodec[];
}

/** Where our side of a leg sends and receives. */
export interface LocalEndpoint {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
}

/**
 * The codecs to offer a gateway: those of the caller's offer that every policy names, in the caller's order and under
 * its payload types; of the policies alone when the INVITE had no offer.
 */
export function selectCodecs(
  offer: PeerDescription | null,
  policies: readonly CodecPolicy[],
): SdpResult<{ selection: CodecSelection }> {
  const selection = offer === null ? codecsOfPolicies(policies) : allowedCodecs(offer, policies);
  if (selection.codecs.length === 0) return { ok: false, reason: 'no-common-codec' };
  return { ok: true, selection };
}

function allowedCodecs(offer: PeerDescription, policies: readonly CodecPolicy[]): CodecSelection {
  const codecs = offer.audio.codecs.filter((codec) => isAllowed(codec, policies));
  return { codecs, telephoneEvents: eventsFor(codecs, offer.audio.telephoneEvents) };
}

/** What is left of a selection once a caller has its answer: later attempts are offered only what that holds. */
export function restrictTo(
  selection: CodecSelection,
  previousAnswer: LocalDescription,
): SdpResult<{
  selection: CodecSelection;
}> {
  const codecs = common(selection.codecs, previousAnswer.audio.codecs);
  if (codecs.length === 0) return { ok: false, reason: 'no-common-codec' };
  return {
    ok: true,
    selection: { codecs, telephoneEvents: common(selection.telephoneEvents, previousAnswer.audio.telephoneEvents) },
  };
}

/** An offer with one audio stream, for the outbound leg or, when the INVITE had none, in the caller's 200. */
export function buildOffer(request: {
  readonly session: SdpSession;
  readonly local: LocalEndpoint;
  readonly selection: CodecSelection;
  readonly direction?: Direction;
  readonly ptimeMs?: number | undefined;
}): LocalDescription {
  const audio: LocalAudio = {
    ...endpoint(request.local),
    ...request.selection,
    direction: request.direction ?? 'sendrecv',
    ...(request.ptimeMs !== undefined && { ptimeMs: request.ptimeMs }),
  };
  return writeDescription({
    session: request.session,
    media: [ownAudioLine(audio)],
    audioIndex: 0,
    timing: { start: 0, stop: 0 },
    audio,
  });
}

/** A further offer in the dialog, when a peer's re-INVITE asks for one: the streams as they are, with these codecs. */
export function offerAgain(previous: LocalDescription, selection: CodecSelection): LocalDescription {
  const { codecs, telephoneEvents } = selection;
  const audio: LocalAudio = { ...previous.audio, codecs, telephoneEvents, direction: 'sendrecv' };
  const unchanged = writeDescription({ ...previous, audio });
  if (unchanged.sdp === previous.sdp) return unchanged;
  const session = { id: previous.session.id, version: previous.session.version + 1 };
  return writeDescription({ ...previous, session, audio });
}

/** Reads the answer to an offer of ours; codecs that we did not offer are left out, for nobody may use them. */
export function checkAnswer(sdp: string, offer: LocalDescription): SdpResult<{ answer: PeerDescription }> {
  const read = readAnswer(sdp, offer.media.length, offer.audioIndex);
  if (!read.ok) return read;
  const { audio } = read.answer;
  // A dynamic payload type answered under another number could not be relayed unmapped, so it counts as not common.
  const codecs = common(audio.codecs, offer.audio.codecs);
  if (codecs.length === 0) return { ok: false, reason: 'no-common-codec' };
  // Deviation: a direction that the offer does not allow (RFC 3264 §6.1) is cut to what it allows, not refused.
  const direction = answerDirection(offer.audio.direction, audio.direction);
  const telephoneEvents = common(audio.telephoneEvents, offer.audio.telephoneEvents);
  return { ok: true, answer: { ...read.answer, audio: { ...audio, codecs, telephoneEvents, direction } } };
}

/** The answer to a caller's offer, made from what the gateway answered to ours. */
export function negotiateAnswer(request: {
  readonly offer: PeerDescription;
  /** As {@link checkAnswer} gave it. */
  readonly gatewayAnswer: PeerDescription;
  readonly session: SdpSession;
  readonly local: LocalEndpoint;
}): SdpResult<{ local: LocalDescription }> {
  const { offer, gatewayAnswer, session } = request;
  const selection = agreed(offer, gatewayAnswer.audio);
  if (selection === null) return { ok: false, reason: 'no-common-codec' };
  const { direction: wanted, ptimeMs } = gatewayAnswer.audio;
  return { ok: true, local: answer({ offer, session, local: request.local, selection, wanted, ptimeMs }) };
}

/**
 * The answer to a later offer of a peer in the dialog, on the address and ports that it has. The version of our
 * description rises only when something else in it changes (RFC 3264 §8).
 */
export function answerReinvite(request: {
  readonly offer: PeerDescription;
  /** What we last sent to this peer, offer or answer. */
  readonly previous: LocalDescription;
  /** What the call uses; default: what we last sent. */
  readonly permitted?: CodecSelection;
  /** What we are willing to do, as the other leg allows; default `sendrecv`. */
  readonly wanted?: Direction;
}): SdpResult<{ local: LocalDescription }> {
  const { offer, previous } = request;
  const selection = agreed(offer, request.permitted ?? previous.audio);
  if (selection === null) return { ok: false, reason: 'no-common-codec' };
  const wanted = request.wanted ?? 'sendrecv';
  const local = previous.audio;
  const { ptimeMs } = previous.audio;
  const unchanged = answer({ offer, session: previous.session, local, selection, wanted, ptimeMs });
  if (unchanged.sdp === previous.sdp) return { ok: true, local: unchanged };
  const session = { id: previous.session.id, version: previous.session.version + 1 };
  return { ok: true, local: answer({ offer, session, local, selection, wanted, ptimeMs }) };
}

/** The direction of an answer (RFC 3264 §6.1): what is wanted, as far as the offer allows it. */
export function answerDirection(offered: Direction, wanted: Direction): Direction {
  const sends = receives(offered) && (wanted === 'sendrecv' || wanted === 'sendonly');
  const takes = (offered === 'sendrecv' || offered === 'sendonly') && receives(wanted);
  if (sends) return takes ? 'sendrecv' : 'sendonly';
  return takes ? 'recvonly' : 'inactive';
}

function receives(direction: Direction): boolean {
  return direction === 'sendrecv' || direction === 'recvonly';
}

function answer(request: {
  offer: PeerDescription;
  session: SdpSession;
  local: LocalEndpoint;
  selection: CodecSelection;
  wanted: Direction;
  /** The packet time that the other leg wants to receive; without one the offer's own is repeated. */
  ptimeMs: number | undefined;
}): LocalDescription {
  const { offer, session, selection } = request;
  const ptimeMs = request.ptimeMs ?? offer.audio.ptimeMs;
  const direction = answerDirection(offer.audio.direction, request.wanted);
  const audio: LocalAudio = {
    ...endpoint(request.local),
    codecs: selection.codecs,
    telephoneEvents: selection.telephoneEvents,
    // RFC 3264 §8.4: the old way of hold is an address of zeros, to which nothing can be sent.
    direction: isHoldAddress(offer.audio.address) ? answerDirection('sendonly', direction) : direction,
    ...(ptimeMs !== undefined && { ptimeMs }),
  };
  return writeDescription({ session, media: offer.media, audioIndex: offer.audio.index, timing: offer.timing, audio });
}

/** One audio codec of `permitted` that the offer holds too, with its events: so both legs always use the same. */
function agreed(offer: PeerDescription, permitted: CodecSelection): CodecSelection | null {
  const codec = common(permitted.codecs, offer.audio.codecs)[0];
  if (codec === undefined) return null;
  // With its parameters as the other leg stated them, for that is where the audio will be received.
  const events = common(permitted.telephoneEvents, offer.audio.telephoneEvents);
  return { codecs: [codec], telephoneEvents: eventsFor([codec], events) };
}

function common(codecs: readonly SdpCodec[], others: readonly SdpCodec[]): SdpCodec[] {
  return codecs.filter((codec) => others.some((other) => isSameFormat(codec, other)));
}

/** Events at the clock rates of the codecs; RFC 4733 §2.1 puts both on one timeline. */
function eventsFor(codecs: readonly SdpCodec[], events: readonly SdpCodec[]): SdpCodec[] {
  return events.filter((event) => codecs.some((codec) => codec.clockRateHz === event.clockRateHz));
}

function endpoint(local: LocalEndpoint): LocalEndpoint {
  return { address: local.address, rtpPort: local.rtpPort, rtcpPort: local.rtcpPort };
}
