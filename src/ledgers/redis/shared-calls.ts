// How many calls of each channel all nodes have settled in a span of time: read from history in Redis, by its clock.
import { isFurtherAnswer } from '../../quota/further-answer.js';
import type { SettledCalls, SettledSpan } from '../../quota/ledger.js';
import { type Ask, type HistoryEntry, historyPages, recordOf } from './history-entries.js';
import type { SharedSettlement } from './shared-records.js';

/** Entries are named by the time of Redis at which they came. */
export async function countSharedCalls(
  ask: Ask,
  { sinceWallMs, untilWallMs, bothDirections }: SettledSpan,
): Promise<ReadonlyMap<string, SettledCalls>> {
  const counts = new Map<string, { calls: number; seconds: number }>();
  for await (const page of historyPages(ask, `${Math.max(0, sinceWallMs - 1)}-9999999`)) {
    for (const entry of page) {
      const settled = readCall(entry);
      if (settled === null) continue;
      const { request, answeredWallMs, durationMs, settledWallMs } = settled;
      const isInSpan = settledWallMs >= sinceWallMs && settledWallMs < untilWallMs;
      const isCall = request.message === undefined && !isFurtherAnswer(request.reservationId);
      const isCounted = isCall && (bothDirections || request.direction === 'out');
      if (!isInSpan || !isCounted || answeredWallMs === null) continue;
      const count = counts.get(request.channelId) ?? { calls: 0, seconds: 0 };
      counts.set(request.channelId, count);
      count.calls += 1;
      count.seconds += durationMs / 1_000;
    }
  }
  return counts;
}

function readCall(entry: HistoryEntry): SharedSettlement | null {
  if (entry.kind !== 'settlement') return null;
  try {
    const record = recordOf(entry);
    return 'settlement' in record ? record.settlement : null;
  } catch {
    // Another version's, or nobody's: whoever books history has said so already.
    return null;
  }
}
