// What the main thread and a relay thread say to each other. Requests carry an id that their reply repeats.
import type { MessagePort } from 'node:worker_threads';
import type { MediaAddress, MediaEvent, MediaRefusal, MediaRemote } from '../../call/ports.js';
import type { MediaDropCause, MediaReport, Side } from '../../call/reports.js';
import type { SilenceFill } from '../player/leg-player.js';
import type { StartPlay } from '../player/session-plays.js';
import type { SocketsKind, SocketsSetting } from './open-sockets.js';
import type { Precedence } from './precedence.js';

export interface RelayNetwork {
  readonly name: string;
  /** Address to bind; IPv4 or IPv6. */
  readonly bind: string;
  /** Address written into SDP. */
  readonly advertise: string;
  /** First and last port, both included. */
  readonly mediaPorts: { readonly from: number; readonly to: number };
}

/** How every session treats its streams. */
export interface StreamSettings {
  /** SSRC, sequence numbers and timestamps go on when a side's source changes. */
  readonly continuity: boolean;
  /** Digits are kept for the report; they may be card data. */
  readonly keepDigits: boolean;
  readonly comfortNoise: ComfortNoiseSettings;
}

/** What a side gets while the other says nothing (RFC 3389). */
export interface ComfortNoiseSettings {
  /** CN of the other side for one that has not negotiated it: made into noise, or left out. */
  readonly received: 'noise' | 'drop';
  /** Sent when the other side has sent nothing for `afterMs`; null for nothing. */
  readonly whenSilent: SilenceFill | null;
  readonly afterMs: number;
}

export const DEFAULT_STREAMS: StreamSettings = {
  continuity: true,
  keepDigits: false,
  comfortNoise: { received: 'noise', whenSilent: null, afterMs: 200 },
};

export interface RelayThreadSettings {
  readonly streams: StreamSettings;
  readonly networks: readonly RelayNetwork[];
  /** Batches that one tap may hold before its packets are lost. */
  readonly maxTapBatches: number;
  /** Default `auto`. */
  readonly sockets?: SocketsSetting;
  /** What packets are marked with, by sockets that can. */
  readonly dscp?: number | false;
  /** So many relay threads there are, this one among them; default 1. */
  readonly relayThreads?: number;
}

/** What kind of sockets a thread uses, and why they are not batched where they might have been. */
export interface RelaySockets {
  readonly kind: SocketsKind;
  readonly detail: string | null;
}

/** Directions of ended sessions, by how users judge their score (ITU-T G.107, table B.1). */
export interface StreamQualities {
  readonly satisfied: number;
  readonly someDissatisfied: number;
  readonly manyDissatisfied: number;
  readonly nearlyAllDissatisfied: number;
}

/** Totals of all sessions since start, ended ones included. */
export interface RelayCounters {
  readonly sessions: number;
  readonly portsLent: number;
  readonly portsFree: number;
  /** Ports lent before their rest was over. */
  readonly restsShortened: number;
  /** Times that a port turned out to be another process's. */
  readonly portsForeign: number;
  /** Sessions refused because a network had no port left. */
  readonly refusedNoPorts: number;
  /** Packets that found a port's receive buffer full; with batched sockets alone, else 0. */
  readonly receiveOverflows: number;
  readonly packets: number;
  readonly lost: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
  readonly transcoded: number;
  readonly rtcpPackets: number;
  /** Packets of sounds, tones and noise that were made here. */
  readonly playedPackets: number;
  readonly rtcpGenerated: number;
  readonly dtmfEvents: number;
  /** Milliseconds for which a side that should have sent did not. */
  readonly silentMs: number;
  readonly qualities: StreamQualities;
  readonly dropped: Readonly<Record<MediaDropCause, number>>;
  /** Of all taps. */
  readonly forkedPackets: number;
  /** Forked packets that found a tap's queue full. */
  readonly forkLostPackets: number;
  readonly taps: Readonly<Record<string, TapCounters>>;
}

export interface TapCounters {
  readonly forkedPackets: number;
  /** Packets that found its queue full. */
  readonly lostPackets: number;
}

export type RelayRequest =
  | { readonly type: 'open'; readonly session: number; readonly callerNetwork: string; readonly calleeNetwork: string }
  | { readonly type: 'place'; readonly session: number; readonly network: string }
  | { readonly type: 'report'; readonly session: number }
  | { readonly type: 'close'; readonly session: number }
  | { readonly type: 'counters' }
  | { readonly type: 'shutdown' };

export type RelayNotice =
  | { readonly type: 'remote'; readonly session: number; readonly side: Side; readonly remote: MediaRemote }
  | { readonly type: 'clear'; readonly session: number; readonly side: Side }
  | {
      readonly type: 'fork';
      readonly session: number;
      readonly recordingId: string;
      readonly taps?: readonly string[];
    }
  | { readonly type: 'unfork'; readonly session: number }
  | { readonly type: 'watch'; readonly session: number; readonly afterMs: number | null }
  | { readonly type: 'play'; readonly session: number; readonly play: StartPlay }
  | { readonly type: 'stop'; readonly session: number; readonly playId: string }
  | { readonly type: 'tap'; readonly name: string; readonly flushMs?: number; readonly port: MessagePort };

/** A request has an id, a notice has none. */
export type RelayInput = (RelayRequest & { readonly id: number }) | (RelayNotice & { readonly id?: undefined });

export type OpenReply =
  | { readonly ok: true; readonly local: Readonly<Record<Side, MediaAddress>> }
  | { readonly ok: false; readonly reason: MediaRefusal };

export type PlaceReply =
  | { readonly ok: true; readonly local: MediaAddress }
  | { readonly ok: false; readonly reason: MediaRefusal };

export type RelayReply =
  | { readonly type: 'open'; readonly result: OpenReply }
  | { readonly type: 'place'; readonly result: PlaceReply }
  /** Null for a session that is not there. */
  | { readonly type: 'report'; readonly report: MediaReport | null }
  | { readonly type: 'close'; readonly report: MediaReport | null }
  | { readonly type: 'counters'; readonly counters: RelayCounters }
  | { readonly type: 'shutdown' };

export type RelayOutput =
  | { readonly type: 'ready'; readonly sockets: RelaySockets; readonly precedence: Precedence }
  | { readonly type: 'failed'; readonly network: string; readonly message: string }
  | { readonly type: 'event'; readonly session: number; readonly event: MediaEvent }
  | { readonly type: 'reply'; readonly id: number; readonly reply: RelayReply };

export function noDrops(): Record<MediaDropCause, number> {
  return { source: 0, ssrc: 0, 'payload-type': 0, malformed: 0, 'no-destination': 0, 'send-error': 0 };
}

/** The report of a session that relayed nothing, or whose relay was lost. */
export function emptyReport(): MediaReport {
  const stream = {
    packets: 0,
    bytes: 0,
    lost: 0,
    jitterMs: 0,
    outOfOrder: 0,
    duplicates: 0,
    rtcpPackets: 0,
    rtcpGenerated: 0,
    transcoded: 0,
    roundTripMs: null,
    peerReport: null,
    mos: null,
    silentMs: 0,
    dtmfEvents: 0,
    dtmfDigits: null,
    source: null,
    firstPacketWallMs: null,
  };
  return {
    caller: { ...stream, dropped: noDrops() },
    callee: { ...stream, dropped: noDrops() },
    lastPacketAgeMs: null,
  };
}
