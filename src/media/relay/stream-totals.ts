// Sums over the streams of a relay's sessions: for metrics, never by call.
import type { MediaDropCause, MediaReport, Side, StreamReport } from '../../call/reports.js';
import { noDrops, type StreamQualities } from './relay-messages.js';

/** What is summed up over sessions, by the names of a stream's report. */
const SUMMED = [
  ...(['packets', 'lost', 'outOfOrder', 'duplicates', 'transcoded'] as const),
  ...(['rtcpPackets', 'rtcpGenerated', 'dtmfEvents', 'silentMs'] as const),
] as const;

/** Of one stream. */
export type StreamCounts = Pick<StreamReport, (typeof SUMMED)[number] | 'dropped'>;

export type StreamTotals = Record<(typeof SUMMED)[number], number> & {
  dropped: Record<MediaDropCause, number>;
  qualities: Record<keyof StreamQualities, number>;
};

export function noTotals(): StreamTotals {
  return {
    ...{ packets: 0, lost: 0, outOfOrder: 0, duplicates: 0, transcoded: 0 },
    ...{ rtcpPackets: 0, rtcpGenerated: 0, dtmfEvents: 0, silentMs: 0 },
    dropped: noDrops(),
    qualities: { satisfied: 0, someDissatisfied: 0, manyDissatisfied: 0, nearlyAllDissatisfied: 0 },
  };
}

export function copyOf(totals: StreamTotals): StreamTotals {
  return { ...totals, dropped: { ...totals.dropped }, qualities: { ...totals.qualities } };
}

const DROP_CAUSES = Object.keys(noDrops()) as MediaDropCause[];

export function addStreams(totals: StreamTotals, { caller, callee }: Readonly<Record<Side, StreamCounts>>): void {
  for (const stream of [caller, callee]) {
    for (const figure of SUMMED) totals[figure] += stream[figure];
    for (const cause of DROP_CAUSES) totals.dropped[cause] += stream.dropped[cause];
  }
}

/** Counts how the streams of an ended session were rated. */
export function countQuality(totals: StreamTotals, report: MediaReport): void {
  for (const stream of [report.caller, report.callee]) {
    const quality = qualityOf(stream);
    if (quality !== null) totals.qualities[quality] += 1;
  }
}

/** How users judge a score: ITU-T G.107, table B.1; its two best and its two worst classes count as one each. */
function qualityOf({ mos }: StreamReport): keyof StreamQualities | null {
  if (mos === null) return null;
  if (mos >= 4.03) return 'satisfied';
  if (mos >= 3.6) return 'someDissatisfied';
  return mos >= 3.1 ? 'manyDissatisfied' : 'nearlyAllDissatisfied';
}
