// The copy of a call that rtpengine sends us: what is asked for, whence each side's copy will come, and where it shall go.
// A copy is plain RTP: G.711 as the side sent it, or transcoded to PCMA where the side has another codec.
import type { MediaCodec } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import { canonicalAddress } from '../addresses.js';
import { isSupplementary, nameOf } from './side-description.js';

/** Where rtpengine sends one side's copy from. */
export interface ForkSource {
  readonly address: string;
  readonly port: number;
}

/** What comes from there beside audio. */
export interface ForkOrigin extends ForkSource {
  /** Payload type of telephone-event; null when the side has none. */
  readonly eventType: number | null;
  /** The copies are the side's own packets, not transcoded: what is measured on them holds for the side. */
  readonly isOriginal: boolean;
}

const G711 = /^PCM[AU]$/i;

/** Codec manipulations of the request; undefined where both sides have G.711. */
export function forkCodecs(
  codecs: Readonly<Record<Side, readonly MediaCodec[]>>,
): { readonly mask: readonly string[]; readonly transcode: readonly string[] } | undefined {
  if (sideHasG711(codecs.caller) && sideHasG711(codecs.callee)) return undefined;
  const others = [...codecs.caller, ...codecs.callee].filter(
    (codec) => !isSupplementary(codec) && !G711.test(codec.name),
  );
  return { mask: [...new Set(others.map(nameOf))], transcode: ['PCMA'] };
}

/** The sources, caller first, and the answer that sends both copies to one port of ours; null when it cannot be read. */
export function answerFork(
  offer: string,
  codecs: Readonly<Record<Side, readonly MediaCodec[]>>,
  ours: ForkSource,
): { readonly sources: Readonly<Record<Side, ForkOrigin>>; readonly sdp: string } | null {
  const [session = '', ...medias] = offer.split(/\r?\n(?=m=)/);
  const caller = readMedia(medias[0], session);
  const callee = readMedia(medias[1], session);
  if (caller === null || callee === null || medias.length !== 2) return null;
  const family = ours.address.includes(':') ? 6 : 4;
  const lines = [
    'v=0',
    `o=- 1 1 IN IP${family} ${ours.address}`,
    's=-',
    `c=IN IP${family} ${ours.address}`,
    't=0 0',
    ...answerMedia(caller, codecs.caller, ours.port),
    ...answerMedia(callee, codecs.callee, ours.port),
  ];
  const sources = {
    caller: originOf(caller, codecs.caller),
    callee: originOf(callee, codecs.callee),
  };
  return { sources, sdp: `${lines.join('\r\n')}\r\n` };
}

interface OfferedMedia {
  readonly source: ForkSource;
  /** The text of each `a=rtpmap` line after its payload type, by that. */
  readonly maps: ReadonlyMap<string, string>;
}

function readMedia(text: string | undefined, session: string): OfferedMedia | null {
  const lines = text?.split(/\r?\n/) ?? [];
  const port = Number(/^m=audio (\d+) /.exec(lines[0] ?? '')?.[1]);
  const connection = [...session.split(/\r?\n/), ...lines].filter((line) => line.startsWith('c=IN IP')).at(-1);
  const address = canonicalAddress(connection?.split(' ')[2] ?? '');
  if (!Number.isInteger(port) || port <= 0 || address === null) return null;
  const maps = new Map<string, string>();
  for (const line of lines) {
    const [, payloadType, map] = /^a=rtpmap:(\d+) (\S+)/.exec(line) ?? [];
    if (payloadType !== undefined && map !== undefined) maps.set(payloadType, map);
  }
  return { source: { address, port }, maps };
}

function originOf({ source, maps }: OfferedMedia, codecs: readonly MediaCodec[]): ForkOrigin {
  const eventType = [...maps].find(([, map]) => /^telephone-event\/8000$/i.test(map))?.[0];
  return {
    ...{ address: source.address, port: source.port, isOriginal: sideHasG711(codecs) },
    eventType: eventType === undefined ? null : Number(eventType),
  };
}

function answerMedia({ maps }: OfferedMedia, codecs: readonly MediaCodec[], port: number): string[] {
  const own = codecs.filter((codec) => G711.test(codec.name)).map((codec) => nameOf(codec).toUpperCase());
  const wanted = own.length > 0 ? own : ['PCMA/8000'];
  const accepted = [...maps].filter(([, map]) => wanted.includes(map.toUpperCase()) || /^telephone-event\//i.test(map));
  return [
    `m=audio ${port} RTP/AVP ${accepted.map(([payloadType]) => payloadType).join(' ')}`,
    ...accepted.map(([payloadType, map]) => `a=rtpmap:${payloadType} ${map}`),
    'a=recvonly',
    // Where RTCP comes too it is dropped: nothing of it is needed.
    `a=rtcp:${port}`,
  ];
}

function sideHasG711(codecs: readonly MediaCodec[]): boolean {
  return codecs.length === 0 || codecs.some((codec) => G711.test(codec.name));
}
