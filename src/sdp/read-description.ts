// Reads a peer's session description (RFC 8866). The text is hostile: whatever it holds, the outcome is a value.
// Only the lines that we use are shown to sdp-transform's grammar, so that no pattern of it runs over foreign text.
import { isIPv4, isIPv6, SocketAddress } from 'node:net';
import sdpTransform, { type ParsedMedia, type ParsedSession } from 'sdp-transform';
import { isCompanion, staticCodec, TELEPHONE_EVENT, withParameters } from './codecs.js';
import {
  type AudioStream,
  type Direction,
  isEncrypted,
  type MediaLine,
  type PeerDescription,
  RTP_PROTOCOLS,
  type RtpProtocol,
  type RtpTransport,
  type SdpCodec,
  type SdpResult,
} from './description.js';

const MAX_SDP_CHARS = 16_384;
const MAX_MEDIA_LINES = 16;
const MAX_FORMATS = 64;
const MAX_FMTP_CHARS = 256;
const MAX_PTIME_MS = 200;
/** RFC 4733 §2.1: the rate of whatever the stream has beside events, here of G.711. */
const DEFAULT_EVENT_RATE_HZ = 8_000;
const MAX_TRANSPORT_LINES = 64;
const MAX_ATTRIBUTE_CHARS = 512;
const FAX_LINE = /^a=(T38[A-Za-z]{1,32}(?::[ -~]{1,64})?)$/;

const M_LINE = /^m=([!-~]{1,32}) (\d{1,5})(?:\/\d{1,5})? ([!-~]{1,64}) ([ -~]+)$/;
const USED_LINE =
  /^(?:[vct]=|a=(?:rtpmap:|fmtp:|ptime:|maxptime:|rtcp:|rtcp-mux$|sendrecv$|sendonly$|recvonly$|inactive$))/;
/** What belongs to the way of a stream, not to what it carries: never read here, only handed on where somebody ends it. */
const TRANSPORT_LINE =
  /^a=((?:crypto|fingerprint|setup|connection|tls-id|ice-ufrag|ice-pwd|ice-options|candidate):[ -~]+|ice-lite|end-of-candidates|rtcp-mux|rtcp-mux-only)$/;
const DIRECTIONS: readonly string[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'];

/** The lines of a description that parsed, before an audio stream is looked for. */
interface ParsedDescription {
  readonly media: readonly MediaLine[];
  readonly parsed: ParsedSession;
  /** Transport attributes of the session, then of each m-line. */
  readonly transport: { readonly session: readonly string[]; readonly media: readonly (readonly string[])[] };
  /** `a=T38…` of each m-line. */
  readonly fax: readonly (readonly string[])[];
}

/** What a description says beside audio, for whoever reads another stream of it. */
export interface ReadLines extends Pick<PeerDescription, 'media' | 'timing'> {
  /** As written, for an m-line; undefined when there is none. */
  addressOf(index: number): string | undefined;
  faxOf(index: number): readonly string[];
}

export function readLines(sdp: string): ReadLines | null {
  const lines = parseLines(sdp);
  if (lines === null) return null;
  const { media, parsed, fax } = lines;
  return {
    media,
    timing: timingOf(parsed),
    addressOf(index) {
      const ip = (parsed.media[index]?.connection ?? parsed.connection)?.ip;
      return ip === undefined ? undefined : String(ip);
    },
    faxOf: (index) => fax[index] ?? [],
  };
}

/** Reads an offer: the first audio stream over plain RTP, else over SRTP, or why there is none. */
export function readOffer(sdp: string): SdpResult<{ offer: PeerDescription }> {
  const lines = parseLines(sdp);
  if (lines === null) return { ok: false, reason: 'malformed' };
  const streams = [...lines.media.keys()].filter((index) => {
    const line = lines.media[index];
    return line?.type === 'audio' && line.port !== 0 && rtpProtocolOf(line) !== undefined;
  });
  const index = streams.find((at) => !isEncrypted({ protocol: protocolAt(lines, at) })) ?? streams[0];
  if (index === undefined) return { ok: false, reason: 'no-audio' };
  const described = describe(lines, index);
  return described.ok ? { ok: true, offer: described.description } : described;
}

/** Reads an answer to an offer that had `mediaLines` m-lines with the audio stream at `audioIndex`. */
export function readAnswer(
  sdp: string,
  mediaLines: number,
  audioIndex: number,
): SdpResult<{ answer: PeerDescription }> {
  const lines = parseLines(sdp);
  if (lines === null) return { ok: false, reason: 'malformed' };
  // RFC 3264 §6: as many m-lines as the offer, in its order.
  const line = lines.media[audioIndex];
  if (lines.media.length !== mediaLines || line?.type !== 'audio') return { ok: false, reason: 'not-an-answer' };
  if (line.port === 0) return { ok: false, reason: 'stream-refused' };
  if (rtpProtocolOf(line) === undefined) return { ok: false, reason: 'not-an-answer' };
  const described = describe(lines, audioIndex);
  return described.ok ? { ok: true, answer: described.description } : described;
}

function rtpProtocolOf({ protocol }: MediaLine): RtpProtocol | undefined {
  return RTP_PROTOCOLS.find((known) => known === protocol.toUpperCase());
}

function protocolAt({ media }: ParsedDescription, index: number): RtpProtocol {
  const line = media[index];
  return (line && rtpProtocolOf(line)) ?? 'RTP/AVP';
}

function parseLines(sdp: string): ParsedDescription | null {
  if (typeof sdp !== 'string' || sdp.length > MAX_SDP_CHARS) return null;
  const lines = sdp.split(/\r\n|\r|\n/).map((line) => line.trimEnd());
  if (lines[0] !== 'v=0') return null;
  const media: MediaLine[] = [];
  const used: string[] = [];
  const ofSession: string[] = [];
  const ofMedia: string[][] = [];
  const ofFax: string[][] = [];
  for (const line of lines) {
    if (line.startsWith('m=')) {
      const mediaLine = parseMediaLine(line);
      if (mediaLine === null || media.length === MAX_MEDIA_LINES) return null;
      media.push(mediaLine);
      ofMedia.push([]);
      ofFax.push([]);
      // A stand-in that the grammar always matches keeps its sections aligned with ours.
      used.push('m=audio 9 RTP/AVP 0');
      continue;
    }
    if (USED_LINE.test(line)) used.push(line);
    const attribute = line.length > MAX_ATTRIBUTE_CHARS ? undefined : TRANSPORT_LINE.exec(line)?.[1];
    const attributes = ofMedia.at(-1) ?? ofSession;
    if (attribute !== undefined && attributes.length < MAX_TRANSPORT_LINES) attributes.push(attribute);
    const faxAttribute = FAX_LINE.exec(line)?.[1];
    const faxAttributes = ofFax.at(-1);
    if (faxAttribute !== undefined && faxAttributes !== undefined && faxAttributes.length < MAX_TRANSPORT_LINES) {
      faxAttributes.push(faxAttribute);
    }
  }
  const parsed = sdpTransform.parse(used.join('\r\n'));
  return { media, parsed, transport: { session: ofSession, media: ofMedia }, fax: ofFax };
}

function parseMediaLine(line: string): MediaLine | null {
  const match = M_LINE.exec(line);
  if (match === null) return null;
  const [, type = '', port = '', protocol = '', formats = ''] = match;
  const tokens = formats.split(' ').filter((token) => token !== '');
  if (Number(port) > 65_535 || tokens.length === 0 || tokens.length > MAX_FORMATS) return null;
  return { type, port: Number(port), protocol, formats: tokens };
}

function describe(lines: ParsedDescription, index: number): SdpResult<{ description: PeerDescription }> {
  const line = lines.media[index];
  const section = lines.parsed.media[index];
  if (line === undefined || section === undefined) return { ok: false, reason: 'malformed' };
  const address = readAddress(section.connection ?? lines.parsed.connection);
  if (address === 'malformed' || address === 'unsupported-address') return { ok: false, reason: address };
  const formats = readFormats(line, section);
  if (formats === null) return { ok: false, reason: 'malformed' };
  const ptimeMs = packetTime(section.ptime);
  const maxptimeMs = packetTime(section.maxptime);
  const audio: AudioStream = {
    index,
    address: address.canonical,
    rtpPort: line.port,
    rtcpPort: readRtcpPort(line, section, address.canonical),
    rtcpMux: section.rtcpMux !== undefined,
    direction: readDirection(section.direction ?? lines.parsed.direction),
    codecs: formats.filter((codec) => !isCompanion(codec)),
    companions: formats.filter(isCompanion),
    ptimeMs,
    maxptimeMs,
    transport: transportAt(lines, index),
  };
  return { ok: true, description: { media: lines.media, timing: timingOf(lines.parsed), audio } };
}

function timingOf({ timing }: ParsedSession): PeerDescription['timing'] {
  return { start: wholeNumber(timing?.start), stop: wholeNumber(timing?.stop) };
}

function readAddress(
  connection: { version?: unknown; ip?: unknown } | undefined,
): { canonical: string } | 'malformed' | 'unsupported-address' {
  if (connection === undefined || connection.ip === undefined) return 'malformed';
  const text = String(connection.ip);
  if (connection.version === 4 && isIPv4(text)) {
    return Number(text.split('.')[0]) >= 224 ? 'unsupported-address' : { canonical: text };
  }
  if (connection.version === 6 && isIPv6(text) && !text.includes('%')) {
    return text.toLowerCase().startsWith('ff') ? 'unsupported-address' : { canonical: canonicalIpv6(text) };
  }
  return isIPv4(text) || isIPv6(text) ? 'malformed' : 'unsupported-address';
}

function canonicalIpv6(text: string): string {
  return new SocketAddress({ address: text, family: 'ipv6' }).address;
}

/** The codecs of an RTP m-line in its order; null when a format is no payload type. Unknown ones are left out. */
function readFormats(line: MediaLine, section: ParsedMedia): SdpCodec[] | null {
  const codecs: SdpCodec[] = [];
  for (const format of line.formats) {
    if (!/^\d{1,3}$/.test(format) || Number(format) > 127) return null;
    const payloadType = Number(format);
    if (codecs.some((codec) => codec.payloadType === payloadType)) continue;
    const codec = mappedCodec(payloadType, section) ?? staticCodec(payloadType);
    if (codec === undefined) continue;
    const fmtp = section.fmtp.find((entry) => entry.payload === payloadType)?.config;
    const config = fmtp === undefined ? '' : String(fmtp).slice(0, MAX_FMTP_CHARS);
    codecs.push(config === '' ? codec : withParameters(codec, config));
  }
  return codecs;
}

function mappedCodec(payloadType: number, section: ParsedMedia): SdpCodec | undefined {
  const entry = section.rtp.find((rtp) => rtp.payload === payloadType);
  if (entry === undefined) return undefined;
  const name = String(entry.codec ?? '');
  const stated = wholeNumber(entry.rate);
  // Deviation: FreeSWITCH 1.11 states 0 in a call that it recovers after its own end. Without the event that call had no more digits.
  const clockRateHz = stated === 0 && name.toLowerCase() === TELEPHONE_EVENT ? DEFAULT_EVENT_RATE_HZ : stated;
  if (name === '' || name.length > 32 || clockRateHz < 1000 || clockRateHz > 384_000) return undefined;
  const channels = wholeNumber(entry.encoding);
  return channels > 1 && channels <= 255
    ? { payloadType, name, clockRateHz, channels }
    : { payloadType, name, clockRateHz };
}

function readRtcpPort(line: MediaLine, section: ParsedMedia, rtpAddress: string): number {
  const stated = wholeNumber(section.rtcp?.port);
  const address = section.rtcp?.address;
  // RFC 3605 §2.1 allows another address, which we could only learn from packets.
  if (stated > 0 && address !== undefined && canonicalAddress(String(address)) !== rtpAddress) return 0;
  // With rtcp-mux this may be the RTP port itself; where that is not agreed to, RTCP is on the next one (RFC 5761 §5.1.1).
  if (stated > 0 && stated <= 65_535 && stated !== line.port) return stated;
  return line.port > 0 && line.port < 65_535 ? line.port + 1 : 0;
}

function canonicalAddress(text: string): string {
  return isIPv6(text) ? canonicalIpv6(text) : text;
}

/** With the session's attributes, which hold for each stream that does not have its own (RFC 8866 §5.13). */
function transportAt(lines: ParsedDescription, index: number): RtpTransport {
  const own = lines.transport.media[index] ?? [];
  const names = new Set(own.map(attributeName));
  const inherited = lines.transport.session.filter((attribute) => !names.has(attributeName(attribute)));
  return { protocol: protocolAt(lines, index), attributes: [...inherited, ...own] };
}

function attributeName(attribute: string): string {
  return attribute.split(':', 1)[0] ?? '';
}

function packetTime(value: unknown): number | undefined {
  const ms = Number(value);
  return ms > 0 && ms <= MAX_PTIME_MS ? ms : undefined;
}

function readDirection(value: unknown): Direction {
  return DIRECTIONS.includes(value as string) ? (value as Direction) : 'sendrecv';
}

function wholeNumber(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
