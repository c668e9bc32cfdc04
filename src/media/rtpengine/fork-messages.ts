// What the main thread and the fork thread say to each other. Requests carry an id that their reply repeats.
import type { MessagePort } from 'node:worker_threads';
import type { Side } from '../../call/reports.js';
import type { TapCounters } from '../relay/relay-messages.js';
import type { ForkOrigin, ForkSource } from './fork-description.js';

export interface ForkThreadSettings {
  /** Address and port where copies arrive; port 0 for any. */
  readonly bind: ForkSource;
  /** Batches that one tap may hold before its packets are lost. */
  readonly maxTapBatches: number;
}

/** What was received of one side's copy. */
export interface ForkedStream {
  /** These are the side's own packets: their figures are the side's. */
  readonly isOriginal: boolean;
  readonly packets: number;
  readonly lost: number;
  /** Times that at least one packet was missing. */
  readonly gaps: number;
  readonly jitterMs: number;
  readonly outOfOrder: number;
  readonly duplicates: number;
  readonly firstPacketWallMs: number | null;
  /** Milliseconds since the last packet; null before the first, and after the end of the fork. */
  readonly lastPacketAgeMs: number | null;
}

export type ForkReport = Readonly<Record<Side, ForkedStream>>;

/** A telephone-event in the copies has ended. */
export interface ForkedDtmf {
  readonly fork: number;
  readonly side: Side;
  readonly event: string;
  readonly durationMs: number;
}

export interface ForkCounters {
  readonly forks: number;
  readonly taps: Readonly<Record<string, TapCounters>>;
  /** Packets that came from nowhere that was described. */
  readonly strayPackets: number;
}

export type ForkInput =
  | {
      readonly type: 'begin';
      readonly fork: number;
      readonly recordingId: string;
      /** Names of the taps; the recorder's when undefined. */
      readonly taps: readonly string[] | undefined;
    }
  /** Says where the copies of a fork come from, from now on. */
  | {
      readonly type: 'expect';
      readonly fork: number;
      readonly sources: Readonly<Record<Side, ForkOrigin>>;
      /** Address of the rtpengine itself: copies may come from there, too. */
      readonly engineAddress: string | null;
    }
  /** Nothing of a side was copied for a while. */
  | { readonly type: 'interrupt'; readonly fork: number; readonly side: Side }
  | { readonly type: 'end'; readonly fork: number }
  | { readonly type: 'tap'; readonly name: string; readonly flushMs: number | undefined; readonly port: MessagePort }
  | { readonly type: 'report'; readonly id: number; readonly fork: number }
  | { readonly type: 'counters'; readonly id: number }
  | { readonly type: 'shutdown' };

export type ForkOutput =
  | { readonly type: 'ready'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string }
  | { readonly type: 'dtmf'; readonly dtmf: ForkedDtmf }
  /** Null for a fork that is not there. */
  | { readonly type: 'report'; readonly id: number; readonly report: ForkReport | null }
  | { readonly type: 'counters'; readonly id: number; readonly counters: ForkCounters };
