// What rtpengine is told of one side: a session description as that side could have written it, and how to learn whence its
// media comes. What rtpengine answers is read for the address and the transport that the other side must be told.
import { isIPv6 } from 'node:net';
import type { MediaAddress, MediaCodec, MediaRemote, MediaTransport } from '../../call/ports.js';
import { canonicalAddress, isPrivateAddress } from '../addresses.js';

/** Before a side is known its description has a codec that rtpengine always knows. */
const PLACEHOLDER_CODECS: readonly MediaCodec[] = [{ payloadType: 8, name: 'PCMA', clockRateHz: 8_000 }];
/** rtpengine takes 0.0.0.0 with port 9 for trickle ICE, and would send to whoever sends first; this is nobody. */
const NOWHERE_PORT = 1;
/** Datagrams of T.38: rtpengine passes them unread from one such side to the other. */
const FAX_PROTOCOL = 'udptl';

export type Learning = 'off' | 'heuristic';

export interface SideDescription {
  readonly sdp: string;
  readonly learning: Learning;
  readonly protocol: MediaTransport['protocol'] | typeof FAX_PROTOCOL;
  readonly usesIce: boolean;
}

/** A side that is not known yet, or not any more: nothing is sent to it, and nobody is taken for it. */
export function describeNobody(isV6: boolean, transport: MediaTransport | null): SideDescription {
  const address = isV6 ? '::' : '0.0.0.0';
  return {
    sdp: write({ address, rtpPort: NOWHERE_PORT, rtcp: null, codecs: PLACEHOLDER_CODECS, transport }),
    learning: 'off',
    protocol: transport?.protocol ?? 'RTP/AVP',
    usesIce: usesIce(transport),
  };
}

/** `transport` is what the side was opened with, where the remote has none of its own. */
export function describeRemote(remote: MediaRemote, transport: MediaTransport | null): SideDescription {
  const travels = remote.transport ?? transport;
  const isProtected = travels !== null && travels.protocol !== 'RTP/AVP' && travels.protocol !== 'RTP/AVPF';
  // rtpengine sends to a side on hold unless its address is zeros. Not so for a protected one: a changed address would
  // reset its keys' packet counts.
  const isMuted = !remote.sends && !isProtected;
  const zeros = isIPv6(remote.address) ? '::' : '0.0.0.0';
  return {
    sdp: write({
      address: isMuted ? zeros : remote.address,
      rtpPort: remote.rtpPort === 0 ? NOWHERE_PORT : remote.rtpPort,
      // RTCP goes on during hold (RFC 3264 §8.4).
      rtcp: remote.rtcpMux || remote.rtcpPort === 0 ? null : { address: remote.address, port: remote.rtcpPort },
      codecs: remote.codecs.length === 0 ? PLACEHOLDER_CODECS : remote.codecs,
      transport: travels,
      ...(remote.ptimeMs !== undefined && { ptimeMs: remote.ptimeMs }),
      ...(remote.rtcpMux && { rtcpMux: true }),
    }),
    learning: isMuted ? 'heuristic' : learningOf(remote),
    protocol: travels?.protocol ?? 'RTP/AVP',
    usesIce: usesIce(travels),
  };
}

/** A side in a fax; `remote`: null while it is not known. */
export function describeFax(remote: MediaRemote | null, isV6: boolean): SideDescription {
  const address = remote?.address ?? (isV6 ? '::' : '0.0.0.0');
  const port = remote === null || remote.rtpPort === 0 ? NOWHERE_PORT : remote.rtpPort;
  return {
    sdp: written([...head(address), `m=image ${port} ${FAX_PROTOCOL} t38`, 'a=sendrecv']),
    learning: remote === null ? 'off' : learningOf(remote),
    protocol: FAX_PROTOCOL,
    usesIce: false,
  };
}

/**
 * rtpengine either takes packets of exactly the SDP's address and port, or learns: for three seconds from each signal it lets
 * everybody in and keeps the source that is most like the SDP's. It learns only where semantics.md lets another address in.
 */
function learningOf(remote: MediaRemote): Learning {
  const address = canonicalAddress(remote.address);
  if (address === null || remote.sources.length > 0) return 'heuristic';
  if (remote.nat === 'off') return 'off';
  return isPrivateAddress(address) || address !== canonicalAddress(remote.signallingAddress) ? 'heuristic' : 'off';
}

/** Codec manipulations of an offer, so that what only one side has is transcoded to what the other has. */
export function codecsBetween(
  offerer: readonly MediaCodec[],
  answerer: readonly MediaCodec[],
): { readonly consume?: readonly string[]; readonly transcode?: readonly string[] } | undefined {
  const audio = (codecs: readonly MediaCodec[]) => codecs.filter((codec) => !isSupplementary(codec));
  const onlyOfOfferer = audio(offerer).filter((codec) => !hasCodec(answerer, codec));
  const onlyOfAnswerer = audio(answerer).filter((codec) => !hasCodec(offerer, codec));
  if (onlyOfOfferer.length === 0 && onlyOfAnswerer.length === 0) return undefined;
  return { consume: onlyOfOfferer.map(nameOf), transcode: onlyOfAnswerer.map(nameOf) };
}

/** Events and comfort noise travel beside audio. */
export function isSupplementary({ name }: Pick<MediaCodec, 'name'>): boolean {
  return /^(telephone-event|CN)$/i.test(name);
}

function hasCodec(codecs: readonly MediaCodec[], codec: MediaCodec): boolean {
  return codecs.some((other) => nameOf(other).toUpperCase() === nameOf(codec).toUpperCase());
}

/** As rtpengine names it: name, clock rate, and channels where there are several. */
export function nameOf({ name, clockRateHz, channels = 1 }: MediaCodec): string {
  return channels > 1 ? `${name}/${clockRateHz}/${channels}` : `${name}/${clockRateHz}`;
}

/** Our address towards a side, from what rtpengine wrote for it; null when it is not there. */
export function readLocal(sdp: string): MediaAddress | null {
  const lines = sdp.split(/\r?\n/);
  const mediaAt = lines.findIndex((line) => /^m=(?:audio|image) /.test(line));
  const [, port, protocol] = lines[mediaAt]?.split(' ') ?? [];
  const media = lines.slice(mediaAt + 1).filter((line) => line.startsWith('a='));
  const connection = lines.filter((line) => line.startsWith('c=IN IP')).at(-1);
  const address = canonicalAddress(connection?.split(' ')[2] ?? '');
  const rtpPort = Number(port);
  if (mediaAt < 0 || address === null || !Number.isInteger(rtpPort) || rtpPort <= 0) return null;
  const values = media.map((line) => line.slice(2));
  const rtcp = Number(/^rtcp:(\d+)/.exec(values.find((value) => value.startsWith('rtcp:')) ?? '')?.[1] ?? rtpPort + 1);
  const attributes = values.filter((value) => TRANSPORT_ATTRIBUTE.test(value));
  // That RTCP shares the port is agreed with a plain peer by whoever writes our description.
  const isPlain =
    (protocol === 'RTP/AVP' || protocol === FAX_PROTOCOL) && attributes.every((value) => value === 'rtcp-mux');
  if (isPlain) return { address, rtpPort, rtcpPort: rtcp };
  const transport = { protocol: protocol as MediaTransport['protocol'], attributes };
  return { address, rtpPort, rtcpPort: rtcp, transport };
}

const TRANSPORT_ATTRIBUTE = /^(crypto|fingerprint|setup|ice-[a-z]+|candidate|end-of-candidates|rtcp-mux)(:|$)/;

function usesIce(transport: MediaTransport | null): boolean {
  return transport?.attributes.some((value) => value.startsWith('ice-ufrag')) ?? false;
}

interface Described {
  readonly address: string;
  readonly rtpPort: number;
  readonly rtcp: { readonly address: string; readonly port: number } | null;
  readonly codecs: readonly MediaCodec[];
  readonly transport: MediaTransport | null;
  readonly ptimeMs?: number;
  readonly rtcpMux?: boolean;
}

function write({ address, rtpPort, rtcp, codecs, transport, ptimeMs, rtcpMux }: Described): string {
  const attributes = transport?.attributes ?? [];
  return written([
    ...head(address),
    `m=audio ${rtpPort} ${transport?.protocol ?? 'RTP/AVP'} ${codecs.map((codec) => codec.payloadType).join(' ')}`,
    ...codecs.flatMap((codec) => [
      `a=rtpmap:${codec.payloadType} ${nameOf(codec)}`,
      ...(codec.fmtp === undefined ? [] : [`a=fmtp:${codec.payloadType} ${codec.fmtp}`]),
    ]),
    ...(ptimeMs === undefined ? [] : [`a=ptime:${ptimeMs}`]),
    ...(rtcp === null ? [] : [`a=rtcp:${rtcp.port} ${inNetwork(rtcp.address)}`]),
    ...(rtcpMux && !attributes.includes('rtcp-mux') ? ['a=rtcp-mux'] : []),
    ...attributes.map((value) => `a=${value}`),
    'a=sendrecv',
  ]);
}

function head(address: string): string[] {
  return ['v=0', `o=- 1 1 ${inNetwork(address)}`, 's=-', `c=${inNetwork(address)}`, 't=0 0'];
}

function written(lines: readonly string[]): string {
  // What a peer wrote must not begin another line of ours.
  return `${lines.map((line) => line.replace(/[\r\n].*/s, '')).join('\r\n')}\r\n`;
}

function inNetwork(address: string): string {
  return `IN IP${isIPv6(address) ? 6 : 4} ${address}`;
}
