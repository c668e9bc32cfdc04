// Writes our own description: our origin, our address, and nothing of the other side but its codecs.
import { isIPv6 } from 'node:net';
import sdpTransform, { type WrittenMedia } from 'sdp-transform';
import {
  formatsOf,
  type LocalAudio,
  type LocalDescription,
  type LocalFax,
  type MediaLine,
  type SdpSession,
} from './description.js';

/** A description with the audio stream at `audioIndex`; every other line of `media` is refused with port 0. */
export function writeDescription(content: {
  readonly session: SdpSession;
  readonly media: readonly MediaLine[];
  readonly audioIndex: number;
  readonly timing: { readonly start: number; readonly stop: number };
  readonly audio: LocalAudio;
}): LocalDescription {
  const { session, audio, audioIndex, timing } = content;
  const media = content.media.map((line, index) => (index === audioIndex ? audioLine(line, audio) : refused(line)));
  const sdp = writeLines({
    session,
    timing,
    address: audio.address,
    media: media.map((line, index) => (index === audioIndex ? writtenAudio(line, audio) : writtenRefusal(line))),
  });
  return { sdp, session, media, audioIndex, timing, audio };
}

/** A description with a fax at `faxIndex` and no other stream: every other line of `media` stands with the port that it has. */
export function writeFaxDescription(content: {
  readonly session: SdpSession;
  readonly media: readonly MediaLine[];
  readonly faxIndex: number;
  readonly timing: { readonly start: number; readonly stop: number };
  readonly address: string;
  readonly attributes: readonly string[];
}): LocalFax {
  const { session, media, faxIndex, timing, address, attributes } = content;
  const sdp = writeLines({
    session,
    timing,
    address,
    media: media.map((line, index) => {
      const { type, port, protocol, formats } = line;
      const invalid = index === faxIndex ? attributes.map((value) => ({ value })) : [];
      return { type, port, protocol, payloads: formats.join(' '), ...(invalid.length > 0 && { invalid }) };
    }),
  });
  return { sdp, session, media, timing, faxIndex };
}

function writeLines(content: {
  session: SdpSession;
  timing: { readonly start: number; readonly stop: number };
  address: string;
  media: WrittenMedia[];
}): string {
  const { session, timing, address, media } = content;
  const ipVersion = isIPv6(address) ? 6 : 4;
  return sdpTransform.write({
    version: 0,
    origin: {
      username: '-',
      sessionId: session.id,
      sessionVersion: session.version,
      netType: 'IN',
      ipVer: ipVersion,
      address,
    },
    name: '-',
    connection: { version: ipVersion, ip: address },
    timing: { start: timing.start, stop: timing.stop },
    media,
  });
}

/** The m-line of an offer that has nothing but our audio. */
export function ownAudioLine(audio: LocalAudio): MediaLine {
  return audioLine({ type: 'audio', port: 0, protocol: audio.transport.protocol, formats: [] }, audio);
}

function audioLine(line: MediaLine, audio: LocalAudio): MediaLine {
  const formats = formatsOf(audio).map((codec) => String(codec.payloadType));
  return { type: 'audio', port: audio.rtpPort, protocol: line.protocol, formats };
}

function refused(line: MediaLine): MediaLine {
  return { ...line, port: 0 };
}

function writtenAudio(line: MediaLine, audio: LocalAudio): WrittenMedia {
  const codecs = formatsOf(audio);
  const attributes = audio.transport.attributes.filter((attribute) => !(audio.rtcpMux && attribute === 'rtcp-mux'));
  return {
    type: line.type,
    port: line.port,
    protocol: line.protocol,
    payloads: line.formats.join(' '),
    rtp: codecs.map((codec) => ({
      payload: codec.payloadType,
      codec: codec.name,
      rate: codec.clockRateHz,
      ...(codec.channels !== undefined && { encoding: codec.channels }),
    })),
    fmtp: codecs.flatMap((codec) =>
      codec.fmtp === undefined ? [] : [{ payload: codec.payloadType, config: codec.fmtp }],
    ),
    ...(audio.ptimeMs !== undefined && { ptime: audio.ptimeMs }),
    ...(audio.maxptimeMs !== undefined && { maxptime: audio.maxptimeMs }),
    direction: audio.direction,
    ...(audio.rtcpPort !== audio.rtpPort + 1 && audio.rtcpPort !== 0 && { rtcp: { port: audio.rtcpPort } }),
    ...(audio.rtcpMux && { rtcpMux: 'rtcp-mux' as const }),
    ...(attributes.length > 0 && { invalid: attributes.map((value) => ({ value })) }),
  };
}

function writtenRefusal(line: MediaLine): WrittenMedia {
  // RFC 3264 §6: the formats of a refused stream mean nothing, but one must be there.
  return { type: line.type, port: 0, protocol: line.protocol, payloads: line.formats.join(' ') };
}
