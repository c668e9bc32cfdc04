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
  /** Where its packets come from. */
  readonly endpoint: string | null;
  readonly ssrc: number | null;
  /** What was told by RTCP about its stream. */
  readonly told: { readonly lost: number; readonly jitterMs: number; readonly roundTripMs: number | null } | null;
}

const PACKET_MS = 20;

/** Reads a reply to `query`; null for a side that is not in it. */
export function readCounters(reply: NgDictionary, tag: string): SideCounters | null {
  const media = list(dictionary(dictionary(reply.tags)?.[tag])?.medias)?.[0];
  const streams = list(dictionary(media)?.streams)?.map(dictionary) ?? [];
  const [rtp, rtcp] = streams;
  if (rtp === null || rtp === undefined) return null;
  const flags = list(dictionary(media)?.flags) ?? [];
  const stats = dictionary(rtp.stats);
  const packets = integer(stats?.packets) ?? 0;
  const ssrc = integer(rtp.SSRC);
  const told = ssrc === null ? null : dictionary(dictionary(reply.SSRC)?.[String(ssrc)]);
  const average = dictionary(told?.['average MOS']);
  return {
    packets,
    bytes: integer(stats?.bytes) ?? 0,
    errors: integer(stats?.errors) ?? 0,
    rtcpPackets: integer(dictionary(rtcp?.stats)?.packets) ?? 0,
    isTranscoding: flags.includes('transcoding'),
    endpoint: packets === 0 ? null : endpointOf(dictionary(rtp.endpoint)),
    ssrc,
    told: told && {
      lost: integer(told['cumulative loss']) ?? 0,
      jitterMs: integer(average?.jitter) ?? 0,
      roundTripMs: thousandthOf(integer(average?.['round-trip time'])),
    },
  };
}

export interface SideHistory {
  /** Milliseconds since a packet was last known to have come; null before the first. */
  readonly lastPacketAgeMs: number | null;
  readonly firstPacketWallMs: number | null;
  readonly silentMs: number;
  readonly dtmfEvents: number;
  readonly dtmfDigits: string | null;
}

export function composeReport(
  counters: Readonly<Record<Side, SideCounters | null>>,
  history: Readonly<Record<Side, SideHistory>>,
  forked: ForkReport | null,
  codecNames: Readonly<Record<Side, string | null>>,
): MediaReport {
  const age = (side: Side) => forked?.[side].lastPacketAgeMs ?? history[side].lastPacketAgeMs;
  const ages = [age('caller'), age('callee')].filter((ageMs) => ageMs !== null);
  return {
    caller: streamReport('caller', counters.caller, history.caller, forked?.caller ?? null, codecNames.caller),
    callee: streamReport('callee', counters.callee, history.callee, forked?.callee ?? null, codecNames.callee),
    lastPacketAgeMs: ages.length === 0 ? null : Math.min(...ages),
  };
}

function streamReport(
  side: Side,
  counters: SideCounters | null,
  history: SideHistory,
  forked: ForkedStream | null,
  codecName: string | null,
): StreamReport {
  const none = emptyReport()[side];
  // Copies that were transcoded have a numbering of their own.
  const measured = forked?.isOriginal ? forked : null;
  const packets = counters?.packets ?? forked?.packets ?? 0;
  return {
    ...none,
    packets,
    bytes: counters?.bytes ?? 0,
    lost: measured?.lost ?? counters?.told?.lost ?? 0,
    jitterMs: measured?.jitterMs ?? counters?.told?.jitterMs ?? 0,
    outOfOrder: measured?.outOfOrder ?? 0,
    duplicates: measured?.duplicates ?? 0,
    rtcpPackets: counters?.rtcpPackets ?? 0,
    transcoded: counters?.isTranscoding === true ? packets : 0,
    roundTripMs: counters?.told?.roundTripMs ?? null,
    peerReport: counters?.told ? { lost: counters.told.lost, jitterMs: counters.told.jitterMs } : null,
    mos: measured?.mos ?? toldScore(counters, codecName),
    silentMs: history.silentMs,
    dtmfEvents: history.dtmfEvents,
    dtmfDigits: history.dtmfDigits,
    // rtpengine's errors: foreign sources (strict source), unknown payload types and failed sends in one figure.
    dropped: { ...none.dropped, source: counters?.errors ?? 0 },
    source: counters?.endpoint ?? null,
    firstPacketWallMs: forked?.firstPacketWallMs ?? history.firstPacketWallMs,
  };
}

/** rtpengine's own score knows of no codec: what RTCP told is rated as the relay rates what it has measured. */
function toldScore(counters: SideCounters | null, codecName: string | null): number | null {
  if (!counters?.told || codecName === null) return null;
  const { lost, jitterMs, roundTripMs } = counters.told;
  const heard = { packets: counters.packets, duplicates: 0, lost: Math.max(0, lost), gaps: 0, jitterMs };
  return scoreOf(heard, { codecName, packetMs: PACKET_MS, roundTripsMs: [roundTripMs] });
}

function endpointOf(endpoint: NgDictionary | null): string | null {
  const { address, port } = endpoint ?? {};
  if (typeof address !== 'string' || typeof port !== 'number') return null;
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

function thousandthOf(value: number | null): number | null {
  return value === null || value === 0 ? null : value / 1000;
}
