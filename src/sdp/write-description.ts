// Writes our own description: our origin, our address, and nothing of the other side but its codecs.
import { isIPv6 } from 'node:net';
import sdpTransform, { type WrittenMedia } from 'sdp-transform';
import { formatsOf, type LocalAudio, type LocalDescription, type MediaLine, type SdpSession } from './description.js';

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
  const ipVersion = isIPv6(audio.address) ? 6 : 4;
  const sdp = sdpTransform.write({
    version: 0,
    origin: {
      username: '-',
      sessionId: session.id,
      sessionVersion: session.version,
      netType: 'IN',
      ipVer: ipVersion,
      address: audio.address,
    },
    name: '-',
    connection: { version: ipVersion, ip: audio.address },
    timing: { start: timing.start, stop: timing.stop },
    media: media.map((line, index) => (index === audioIndex ? writtenAudio(line, audio) : writtenRefusal(line))),
  });
  return { sdp, session, media, audioIndex, timing, audio };
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
