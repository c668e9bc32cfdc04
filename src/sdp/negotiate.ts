// Offer and answer (RFC 3264) of each leg: an answer follows from its own offer, holds only what that offer held, and names one
// audio codec, which select-codecs.ts has chosen with regard to the other leg. Pure.
import {
  type CodecSelection,
  type Direction,
  isEncrypted,
  isHoldAddress,
  type LocalAudio,
  type LocalDescription,
  type PeerDescription,
  type RtpTransport,
  type SdpCodec,
  type SdpResult,
  type SdpSession,
} from './description.js';
import { answerDirection } from './direction.js';
import { joined } from './format-parameters.js';
import { readAnswer } from './read-description.js';
import { findFormat } from './select-codecs.js';
import { ownAudioLine, writeDescription } from './write-description.js';

const PLAIN_RTP: RtpTransport = { protocol: 'RTP/AVP', attributes: [] };

/** Where our side of a leg sends and receives, and how, if not by plain RTP. */
export interface LocalEndpoint {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  readonly transport?: RtpTransport | undefined;
}

/** In ms, of the packets that the peer is asked to send. */
export interface PacketTimes {
  readonly ptimeMs?: number | undefined;
  readonly maxptimeMs?: number | undefined;
}

/** An offer with one audio stream, for the outbound leg or, when the INVITE had none, in the caller's 200. */
export function buildOffer(request: {
  readonly session: SdpSession;
  readonly local: LocalEndpoint;
  readonly selection: CodecSelection;
  readonly packets?: PacketTimes;
  /** Puts RTCP on the RTP port, if the peer agrees. */
  readonly rtcpMux?: boolean;
}): LocalDescription {
  const { local, selection, packets = {} } = request;
  const rtcpMux = request.rtcpMux === true || hasMux(local.transport);
  const transport = local.transport ?? PLAIN_RTP;
  const audio = localAudio({ local, selection, rtcpMux, direction: 'sendrecv', packets, transport });
  const timing = { start: 0, stop: 0 };
  return writeDescription({ session: request.session, media: [ownAudioLine(audio)], audioIndex: 0, timing, audio });
}

/** A further offer in the dialog, when a peer's re-INVITE asks for one: the streams as they are, with these codecs. */
export function offerAgain(previous: LocalDescription, { codecs, companions }: CodecSelection): LocalDescription {
  const audio: LocalAudio = { ...previous.audio, codecs, companions, direction: 'sendrecv' };
  return versioned(previous, (session) => writeDescription({ ...previous, session, audio }));
}

/** An answer to an offer of ours. */
export interface CheckedAnswer {
  /** Its formats are those that we offered, under the payload types and with the parameters that both sides agree on. */
  readonly answer: PeerDescription;
  /** The same under the payload types of our offer: RFC 3264 §5.1 has the peer send these, whatever it wants to be sent. */
  readonly offered: CodecSelection;
}

/** Reads the answer to an offer of ours; formats that we did not offer are left out, for nobody may use them. */
export function checkAnswer(sdp: string, offer: LocalDescription): SdpResult<CheckedAnswer> {
  const read = readAnswer(sdp, offer.media.length, offer.audioIndex);
  if (!read.ok) return read;
  const { audio } = read.answer;
  const isSecret = isEncrypted(audio.transport);
  if (isSecret !== isEncrypted(offer.audio.transport)) {
    return { ok: false, reason: isSecret ? 'encrypted' : 'not-an-answer' };
  }
  const codecs = agreedFormats(audio.codecs, offer.audio.codecs);
  if (codecs.theirs.length === 0) return { ok: false, reason: 'no-common-codec' };
  const companions = agreedFormats(audio.companions, offer.audio.companions);
  const agreed = { ...audio, codecs: codecs.theirs, companions: companions.theirs };
  // Deviation: a direction that the offer does not allow (RFC 3264 §6.1) is cut to what it allows, not refused.
  const direction = answerDirection(offer.audio.direction, audio.direction);
  const rtcpMux = audio.rtcpMux && offer.audio.rtcpMux;
  return {
    ok: true,
    answer: { ...read.answer, audio: { ...agreed, direction, rtcpMux } },
    offered: { codecs: codecs.ours, companions: companions.ours },
  };
}

function agreedFormats(
  answered: readonly SdpCodec[],
  offered: readonly SdpCodec[],
): { theirs: SdpCodec[]; ours: SdpCodec[] } {
  const theirs: SdpCodec[] = [];
  const ours: SdpCodec[] = [];
  for (const format of answered) {
    const own = findFormat(format, offered);
    const agreed = own && joined(format, own);
    if (own === undefined || !agreed || ours.includes(own)) continue;
    theirs.push(agreed);
    ours.push(own);
  }
  return { theirs, ours };
}

/**
 * The answer to an offer of a peer with these formats of it. With `previous`, what we last sent in the dialog, on the address and
 * ports that it has; the version of our description then rises only when something else in it changes (RFC 3264 §8).
 */
export function buildAnswer(request: {
  readonly offer: PeerDescription;
  readonly selection: CodecSelection;
  readonly from: { readonly session: SdpSession; readonly local: LocalEndpoint } | LocalDescription;
  /** What we are willing to do; default `sendrecv`. */
  readonly wanted?: Direction;
  readonly packets?: PacketTimes;
}): LocalDescription {
  const { offer, from, selection, packets = {} } = request;
  const local: LocalEndpoint = 'audio' in from ? from.audio : from.local;
  const direction = answerDirection(offer.audio.direction, request.wanted ?? 'sendrecv');
  const { attributes } = local.transport ?? PLAIN_RTP;
  const isSecret = isEncrypted(offer.audio.transport);
  const audio = localAudio({
    local,
    selection,
    rtcpMux: offer.audio.rtcpMux && (!isSecret || hasMux(local.transport)),
    // RFC 3264 §8.4: the old way of hold is an address of zeros, to which nothing can be sent.
    direction: isHoldAddress(offer.audio.address) ? answerDirection('sendonly', direction) : direction,
    packets: { ptimeMs: packets.ptimeMs ?? offer.audio.ptimeMs, maxptimeMs: packets.maxptimeMs },
    transport: { protocol: offer.audio.transport.protocol, attributes },
  });
  const { media, timing } = offer;
  const write = (session: SdpSession) =>
    writeDescription({ session, media, audioIndex: offer.audio.index, timing, audio });
  return 'audio' in from ? versioned(from, write) : write(from.session);
}

/** RFC 3264 §8: the version rises by one, but only with a change. */
function versioned(previous: LocalDescription, write: (session: SdpSession) => LocalDescription): LocalDescription {
  const unchanged = write(previous.session);
  if (unchanged.sdp === previous.sdp) return unchanged;
  return write({ id: previous.session.id, version: previous.session.version + 1 });
}

function localAudio(content: {
  local: LocalEndpoint;
  selection: CodecSelection;
  rtcpMux: boolean;
  direction: Direction;
  packets: PacketTimes;
  transport: RtpTransport;
}): LocalAudio {
  const { local, selection, rtcpMux, direction, packets, transport } = content;
  const { ptimeMs, maxptimeMs } = packets;
  return {
    address: local.address,
    rtpPort: local.rtpPort,
    rtcpPort: local.rtcpPort,
    codecs: selection.codecs,
    companions: selection.companions,
    rtcpMux,
    direction,
    ptimeMs: ptimeMs !== undefined && maxptimeMs !== undefined ? Math.min(ptimeMs, maxptimeMs) : ptimeMs,
    maxptimeMs,
    transport,
  };
}

function hasMux(transport: RtpTransport | undefined): boolean {
  return transport?.attributes.includes('rtcp-mux') === true;
}
