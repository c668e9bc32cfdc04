// What we read of a peer's session description (RFC 8866) and what we write in our own: audio over RTP/AVP.
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

/** The audio stream of a peer's description. */
export interface AudioStream {
  /** Index of its m-line. */
  readonly index: number;
  /** IPv4 or IPv6 in canonical text; `0.0.0.0` or `::` means hold (RFC 3264 §8.4). */
  readonly address: string;
  readonly rtpPort: number;
  /** From `a=rtcp` (RFC 3605), else the RTP port plus one; 0 when there is none. */
  readonly rtcpPort: number;
  /** The peer would put RTCP on the RTP port (RFC 5761); our answers never agree to it. */
  readonly rtcpMux: boolean;
  readonly direction: Direction;
  /** Audio codecs in the peer's order of preference, telephone-event not among them. */
  readonly codecs: readonly SdpCodec[];
  /** telephone-event payload types (RFC 4733), one for each clock rate. */
  readonly telephoneEvents: readonly SdpCodec[];
  readonly ptimeMs?: number;
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
export interface LocalAudio {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcpPort: number;
  readonly direction: Direction;
  readonly codecs: readonly SdpCodec[];
  readonly telephoneEvents: readonly SdpCodec[];
  readonly ptimeMs?: number;
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

/** Why a peer's description cannot be used; each is answered with 488 in an offer (malformed: 400 or 488). */
export type SdpRefusal =
  | 'malformed'
  | 'no-audio'
  /** Audio only by SDES or DTLS (RFC 4568, RFC 5763): the embedded relay would neither decrypt nor record it. */
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

/** Every payload type of a stream, telephone-event included. */
export function payloadTypesOf(audio: Pick<AudioStream, 'codecs' | 'telephoneEvents'>): number[] {
  return [...audio.codecs, ...audio.telephoneEvents].map((codec) => codec.payloadType);
}
