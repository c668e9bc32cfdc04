// What we read of a peer's session description (RFC 8866) and what we write in our own: audio over RTP.
// Plain data; reading is in read-description.ts, writing in write-description.ts, agreement in negotiate.ts.

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One payload type of an RTP stream. Names compare without case. */
export interface SdpCodec {
  readonly payloadType: number;
  readonly name: string;
  readonly clockRateHz: number;
  /** Absent for one channel. */
  readonly channels?: number;
  /** The text after `a=fmtp:<payload type> `, as received. */
  readonly fmtp?: string;
}

/** How RTP travels (RFC 3551, RFC 3711, RFC 4585, RFC 5764). */
export const RTP_PROTOCOLS = [
  'RTP/AVP',
  'RTP/AVPF',
  'RTP/SAVP',
  'RTP/SAVPF',
  'UDP/TLS/RTP/SAVP',
  'UDP/TLS/RTP/SAVPF',
] as const;
export type RtpProtocol = (typeof RTP_PROTOCOLS)[number];

/** The way of a stream, with the values of the `a=` lines that belong to it (crypto, fingerprint, setup, ice-*, candidate, rtcp-mux). */
export interface RtpTransport {
  readonly protocol: RtpProtocol;
  readonly attributes: readonly string[];
}

/** Formats of one side of a leg, audio codecs in order of preference. */
export interface CodecSelection {
  readonly codecs: readonly SdpCodec[];
  /** telephone-event (RFC 4733), one for each clock rate, and comfort noise (RFC 3389). */
  readonly companions: readonly SdpCodec[];
}

/** The audio stream of a peer's description. */
export interface AudioStream extends CodecSelection {
  /** Index of its m-line. */
  readonly index: number;
  /** IPv4 or IPv6 in canonical text; `0.0.0.0` or `::` means hold (RFC 3264 §8.4). */
  readonly address: string;
  readonly rtpPort: number;
  /** From `a=rtcp` (RFC 3605), else the RTP port plus one; 0 when there is none at this address. */
  readonly rtcpPort: number;
  /** The peer puts RTCP on the RTP port if both sides say so (RFC 5761). */
  readonly rtcpMux: boolean;
  readonly direction: Direction;
  readonly ptimeMs: number | undefined;
  /** The longest packet that the peer takes (RFC 8866 §6.3). */
  readonly maxptimeMs: number | undefined;
  readonly transport: RtpTransport;
}

/** An m-line as it must be mirrored in an answer (RFC 3264 §6). */
export interface MediaLine {
  readonly type: string;
  readonly port: number;
  readonly protocol: string;
  readonly formats: readonly string[];
}

/** A peer's description with an audio stream that we can relay. */
export interface PeerDescription {
  readonly media: readonly MediaLine[];
  /** An answer repeats the offer's `t=` line (RFC 3264 §6). */
  readonly timing: { readonly start: number; readonly stop: number };
  readonly audio: AudioStream;
}

/** Identity of our own description in one dialog: the `o=` line (RFC 8866 §5.2). */
export interface SdpSession {
  /** Decimal digits. */
  readonly id: string;
  readonly version: number;
}

/** Our side of the audio stream. */
export interface LocalAudio extends CodecSelection {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  readonly rtcpMux: boolean;
  readonly direction: Direction;
  readonly ptimeMs: number | undefined;
  readonly maxptimeMs: number | undefined;
  readonly transport: RtpTransport;
}

/** A description that we sent, or are about to send. */
export interface LocalDescription {
  readonly sdp: string;
  readonly session: SdpSession;
  readonly media: readonly MediaLine[];
  readonly audioIndex: number;
  readonly timing: { readonly start: number; readonly stop: number };
  readonly audio: LocalAudio;
}

/** The image stream of a peer's description. */
export interface FaxStream {
  readonly index: number;
  readonly address: string;
  readonly port: number;
  /** Values of its `a=T38…` lines. */
  readonly attributes: readonly string[];
}

export interface FaxDescription extends Pick<PeerDescription, 'media' | 'timing'> {
  readonly fax: FaxStream;
}

/** A description of ours with a fax, or one that has gone back to audio: its m-lines stay (RFC 3264 §8). */
export interface LocalFax extends Pick<LocalDescription, 'sdp' | 'session' | 'media' | 'timing'> {
  readonly faxIndex: number;
}

/** Why a peer's description cannot be used; each is answered with 488 in an offer (malformed: 400 or 488). */
export type SdpRefusal =
  | 'malformed'
  | 'no-audio'
  /** Audio only by SDES or DTLS (RFC 4568, RFC 5763), which can be neither ended here nor passed. */
  | 'encrypted'
  /** A host name or a multicast group where an IP address is needed. */
  | 'unsupported-address'
  | 'no-common-codec'
  /** Not a legal answer to the offer (RFC 3264 §6), for instance another number of m-lines. */
  | 'not-an-answer'
  /** The answer has the audio stream with port 0. */
  | 'stream-refused';

export type SdpResult<T> = ({ readonly ok: true } & T) | { readonly ok: false; readonly reason: SdpRefusal };

export function isHoldAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** Whether media may be sent to the stream's owner: it receives, and says where. */
export function acceptsMedia(audio: AudioStream): boolean {
  return (
    (audio.direction === 'sendrecv' || audio.direction === 'recvonly') &&
    !isHoldAddress(audio.address) &&
    audio.rtpPort !== 0
  );
}

export function isEncrypted({ protocol }: Pick<RtpTransport, 'protocol'>): boolean {
  return protocol.includes('SAVP');
}

/** Every format of a stream. */
export function formatsOf({ codecs, companions }: CodecSelection): SdpCodec[] {
  return [...codecs, ...companions];
}
