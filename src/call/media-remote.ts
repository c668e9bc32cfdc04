// What the relay is told of a side (ports.ts, MediaRemote), and the recorder of its codecs: pure, from what was negotiated.
import {
  type AudioStream,
  acceptsMedia,
  type CodecSelection,
  type FaxStream,
  formatsOf,
  isEncrypted,
  type SdpCodec,
} from '../sdp/description.js';
import type { G711Codec, MediaRemote } from './ports.js';

/** Whose media it is: what the config and the signalling say of it. */
export interface MediaPeer {
  readonly signallingAddress: string;
  readonly nat: 'auto' | 'off';
  readonly mediaSources: readonly string[];
  /** It is another session of ours. */
  readonly isOurs?: boolean;
}

/** What was agreed with a side. */
export interface AgreedAudio {
  readonly audio: AudioStream;
  /** What it may send, by our numbers. */
  readonly sent: CodecSelection;
  /** What it wants to be sent, where that is by numbers of its own (RFC 3264 §5.1). */
  readonly wanted: CodecSelection;
  readonly rtcpMux: boolean;
}

export function audioRemote({ audio, sent, wanted, rtcpMux }: AgreedAudio, peer: MediaPeer): MediaRemote {
  const codecs = formatsOf(sent);
  const own = formatsOf(wanted);
  const isRenumbered = own.some(({ payloadType }, at) => payloadType !== codecs[at]?.payloadType);
  // What it wants to be sent it often sends as well, whatever RFC 3264 says.
  const taken = new Set(codecs.map(({ payloadType }) => payloadType));
  return {
    address: audio.address,
    rtpPort: audio.rtpPort,
    rtcpPort: audio.rtcpPort,
    signallingAddress: peer.signallingAddress,
    nat: peer.nat,
    sources: peer.mediaSources,
    ...(peer.isOurs && { isOurs: true }),
    codecs: [...codecs, ...own.filter(({ payloadType }) => !taken.has(payloadType))],
    ...(isRenumbered && { sentCodecs: own }),
    ...(audio.ptimeMs !== undefined && { ptimeMs: audio.ptimeMs }),
    ...(rtcpMux && { rtcpMux: true }),
    ...(isEncrypted(audio.transport) && { transport: audio.transport }),
    sends: acceptsMedia(audio),
    ...(isSilent(audio) && { isSilent: true }),
  };
}

export function faxRemote({ address, port }: FaxStream, peer: MediaPeer): MediaRemote {
  return {
    address,
    rtpPort: port,
    rtcpPort: 0,
    signallingAddress: peer.signallingAddress,
    nat: peer.nat,
    sources: peer.mediaSources,
    codecs: [],
    isUdptl: true,
    sends: true,
    // Of a fax one side at a time speaks.
    isSilent: true,
  };
}

/** Payload types of a side for the recorder; `copiesAsG711`: the engine makes G.711 of whatever else there is. */
export function recordedOf(formats: readonly SdpCodec[], copiesAsG711: boolean): Readonly<Record<number, G711Codec>> {
  const byType: Record<number, G711Codec> = {};
  for (const { name, payloadType } of formats) {
    const upper = name.toUpperCase();
    if (upper === 'PCMA' || upper === 'PCMU') byType[payloadType] = upper;
  }
  return copiesAsG711 && Object.keys(byType).length === 0 ? COPIED : byType;
}

/** What an engine makes of a side without G.711. */
const COPIED: Readonly<Record<number, G711Codec>> = { 8: 'PCMA' };

/** It says of itself that it sends nothing. */
function isSilent({ direction }: AudioStream): boolean {
  return direction === 'recvonly' || direction === 'inactive';
}
