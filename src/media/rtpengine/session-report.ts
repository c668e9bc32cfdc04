// The media report of a session at rtpengine: its own counters, and what was measured on the copies while the call was forked.
// Without a fork nobody looks at sequence numbers: loss and jitter are then what the peers' RTCP said, as far as they did.
import type { MediaReport, Side, StreamReport } from '../../call/reports.js';
import { emptyReport } from '../relay/relay-messages.js';
import { scoreOf } from '../relay/stream-quality.js';
import type { NgDictionary, NgValue } from './bencode.js';
import type { ForkedStream, ForkReport } from './fork-messages.js';

/** rtpengine's figures of one side. */
export interface SideCounters {
  readonly packets: number;
  readonly bytes: number;
  readonly errors: number;
  readonly rtcpPackets: number;
  readonly isTranscoding: boolean;
  /** Codec of most of its packets; null when rtpengine does not say. */
  readonly codecName: string | null;
  /** Where its packets should come from; null while none have come, of whomever, and for the zeros of a side on hold. */
  readonly endpoint: string | null;
  readonly told: ToldFigures | null;
}

/** What a side has told by RTCP, of what it hears; rtpengine has it as soon as both sides' round trips are known. */
export interface ToldFigures {
  /** Where packets are transcoded it is what rtpengine itself missed of what the side *sends*. */
  readonly lost: number;
  readonly jitterMs: number;
  /** Between rtpengine and the side, and back. */
  readonly roundTripMs: number | null;
}

/** Reads a reply to `query`; null for a side that is not in it. `tags`: what the side is called, the present name last. */
export function readCounters(reply: NgDictionary, ...tags: readonly string[]): SideCounters | null {
  const medias = tags.map((tag) => dictionary(list(dictionary(dictionary(reply.tags)?.[tag])?.medias)?.[0]));
  const counted = medias.map((media) => list(media?.streams)?.map(dictionary) ?? []);
  const media = medias.at(-1) ?? null;
  const rtp = counted.at(-1)?.[0];
  if (rtp === null || rtp === undefined) return null;
  const sumOf = (name: string, component: number) =>
    counted.reduce((sum, streams) => sum + (integer(dictionary(streams[component]?.stats)?.[name]) ?? 0), 0);
  const ssrc = integer(rtp.SSRC);
  const stats = dictionary(rtp.stats);
  const hasSent = (integer(stats?.packets) ?? 0) > 0;
  return {
    packets: sumOf('packets', 0),
    bytes: sumOf('bytes', 0),
    errors: sumOf('errors', 0),
    rtcpPackets: sumOf('packets', 1),
    isTranscoding: list(media?.flags)?.includes('transcoding') ?? false,
    codecName: typeof media?.codec === 'string' ? (media.codec.split('/')[0] ?? null) : null,
    endpoint: hasSent ? endpointOf(dictionary(rtp.endpoint)) : null,
    told: ssrc === null ? null : toldFigures(dictionary(dictionary(reply.SSRC)?.[String(ssrc)])),
  };
}

/** rtpengine keeps by SSRC what the *sender* of that SSRC has said of what it hears. */
function toldFigures(told: NgDictionary | null): ToldFigures | null {
  if (told === null) return null;
  const average = dictionary(told['average MOS']);
  return {
    // 24 bits, two's complement (RFC 3550 §6.4.1), which rtpengine takes for a plain number.
    lost: ((integer(told['cumulative loss']) ?? 0) << 8) >> 8,
    jitterMs: integer(average?.jitter) ?? 0,
    // 'round-trip time' is that of both legs together.
    roundTripMs: millisecondsOf(integer(average?.['round-trip time leg'])),
  };
}

export interface SideHistory {
  /** Milliseconds since a packet was last known to have come, of whomever; null before the first. */
  readonly lastPacketAgeMs: number | null;
  readonly firstPacketWallMs: number | null;
  /** Where its first packets came from; null before them. */
  readonly source: string | null;
  /** What it told last. */
  readonly told: ToldFigures | null;
  /** Its audio, the last that it had. */
  readonly audio: SideAudio | null;
  /** Datagrams of faxes among its packets. */
  readonly faxPackets: number;
  readonly transcoded: number;
  readonly silentMs: number;
  readonly dtmfEvents: number;
  readonly dtmfDigits: string | null;
}

export interface SideAudio {
  readonly codecName: string;
  readonly packetMs: number;
}

export function composeReport(
  counters: Readonly<Record<Side, SideCounters | null>>,
  histories: Readonly<Record<Side, SideHistory>>,
  forked: ForkReport | null,
): MediaReport {
  const ages = [forked?.caller, forked?.callee, histories.caller, histories.callee]
    .map((source) => source?.lastPacketAgeMs ?? null)
    .filter((ageMs) => ageMs !== null);
  const of = (side: Side, other: Side): Stream => ({
    counters: counters[side],
    isTranscoded: counters[side]?.isTranscoding === true || counters[other]?.isTranscoding === true,
    history: histories[side],
    heardBy: histories[other].told,
    forked: forked?.[side] ?? null,
  });
  return {
    caller: streamReport('caller', of('caller', 'callee')),
    callee: streamReport('callee', of('callee', 'caller')),
    lastPacketAgeMs: ages.length === 0 ? null : Math.min(...ages),
  };
}

interface Stream {
  readonly counters: SideCounters | null;
  readonly isTranscoded: boolean;
  readonly history: SideHistory;
  /** What the other side told of it. */
  readonly heardBy: ToldFigures | null;
  readonly forked: ForkedStream | null;
}

function streamReport(side: Side, stream: Stream): StreamReport {
  const { counters, isTranscoded, history, heardBy, forked } = stream;
  const none = emptyReport()[side];
  const measured = measuredOf(stream);
  const lost = isTranscoded ? history.told?.lost : heardBy?.lost;
  const packets = counters?.packets ?? forked?.packets ?? 0;
  return {
    ...none,
    packets,
    bytes: counters?.bytes ?? 0,
    lost: measured?.lost ?? Math.max(0, lost ?? 0),
    jitterMs: measured?.jitterMs ?? heardBy?.jitterMs ?? 0,
    outOfOrder: measured?.outOfOrder ?? 0,
    duplicates: measured?.duplicates ?? 0,
    rtcpPackets: counters?.rtcpPackets ?? 0,
    transcoded: history.transcoded,
    roundTripMs: history.told?.roundTripMs ?? null,
    peerReport: heardBy === null || isTranscoded ? null : { lost: heardBy.lost, jitterMs: heardBy.jitterMs },
    mos: scoreOfStream(stream, measured, packets),
    silentMs: history.silentMs,
    dtmfEvents: history.dtmfEvents,
    dtmfDigits: history.dtmfDigits,
    // rtpengine's errors: foreign sources (strict source), unknown payload types and what could not be sent *to* the side, in one figure.
    dropped: { ...none.dropped, source: counters?.errors ?? 0 },
    source: history.source,
    firstPacketWallMs: earlierOf(forked?.firstPacketWallMs ?? null, history.firstPacketWallMs),
  };
}

/** Copies that were transcoded have a numbering of their own. */
function measuredOf({ forked, history }: Stream): ForkedStream | null {
  const isG711 = /^PCM[AU]$/i.test(history.audio?.codecName ?? 'PCMA');
  return forked?.isOriginal && isG711 && forked.packets > 0 ? forked : null;
}

/** rtpengine's own score knows of no codec: what was measured, or what RTCP told, is rated as the relay rates what it measures. */
function scoreOfStream(stream: Stream, measured: ForkedStream | null, packets: number): number | null {
  const { isTranscoded, history, heardBy } = stream;
  if (history.audio === null) return null;
  const way = Object.assign(
    { roundTripsMs: [history.told?.roundTripMs ?? null, heardBy?.roundTripMs ?? null] },
    history.audio,
  );
  if (measured !== null) return scoreOf(measured, way);
  const lost = isTranscoded ? history.told?.lost : heardBy?.lost;
  if (heardBy === null || lost === undefined) return null;
  // Whether it was lost in bursts is not told.
  const heard = { packets: Math.max(0, packets - history.faxPackets), duplicates: 0, lost: Math.max(0, lost), gaps: 0 };
  return scoreOf(Object.assign(heard, { jitterMs: heardBy.jitterMs }), way);
}

function earlierOf(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}

function endpointOf(endpoint: NgDictionary | null): string | null {
  const { address, port } = endpoint ?? {};
  if (typeof address !== 'string' || typeof port !== 'number' || /^[0.:]*$/.test(address)) return null;
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function dictionary(value: NgValue | undefined): NgDictionary | null {
  return typeof value === 'object' && !Array.isArray(value) ? (value as NgDictionary) : null;
}

function list(value: NgValue | undefined): readonly NgValue[] | null {
  return Array.isArray(value) ? (value as readonly NgValue[]) : null;
}

function integer(value: NgValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}

/** One decimal of a millisecond; rtpengine says nought of what it does not know. */
function millisecondsOf(microseconds: number | null): number | null {
  return microseconds === null || microseconds === 0 ? null : Math.round(microseconds / 100) / 10;
}
