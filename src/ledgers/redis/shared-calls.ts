// How many calls of each channel all nodes have settled in a span of time: read from history in Redis, by its clock.
import type { SettledCalls, SettledSpan } from '../../quota/ledger.js';
import type { Reply } from './redis-link.js';
import type { Ask } from './replica.js';
import { readSettlement } from './shared-records.js';

const PAGE = '1000';

/** Entries are named by the time of Redis at which they came. */
export async function countSharedCalls(
  ask: Ask,
  { sinceWallMs, untilWallMs, bothDirections }: SettledSpan,
): Promise<ReadonlyMap<string, SettledCalls>> {
  const counts = new Map<string, { calls: number; seconds: number }>();
  for (let last = `${Math.max(0, sinceWallMs - 1)}-9999999`; ; ) {
    const page = await ask('history', [last, PAGE]);
    for (const [entry, fields] of page as readonly [string, Reply][]) {
      last = entry;
      const settled = readCall(fields);
      if (settled === null) continue;
      const { request, answeredWallMs, durationMs, settledWallMs } = settled;
      const isInSpan = settledWallMs >= sinceWallMs && settledWallMs < untilWallMs;
      const isCounted = request.message === undefined && (bothDirections || request.direction === 'out');
      if (!isInSpan || !isCounted || answeredWallMs === null) continue;
      const count = counts.get(request.channelId) ?? { calls: 0, seconds: 0 };
      counts.set(request.channelId, count);
      count.calls += 1;
      count.seconds += durationMs / 1_000;
    }
    if (page.length < Number(PAGE)) return counts;
  }
}

function readCall(fields: Reply): ReturnType<typeof readSettlement> | null {
  const named = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) named.set(String(fields[at]), String(fields[at + 1]));
  if (named.get('kind') !== 'settlement') return null;
  try {
    return readSettlement(named.get('record') ?? '', Number(named.get('at')));
  } catch {
    // Another version's, or nobody's: whoever books history has said so already.
    return null;
  }
}
