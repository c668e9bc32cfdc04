// How many calls of each channel this node's journal has settled in a span of time, and how long they lasted: what a gateway's own
// counter is held against, which counts a call once however many branches of it answered.
import { FURTHER_MARK } from '../quota/further-answer.js';
import type { SettledCalls, SettledSpan } from '../quota/ledger.js';
import type { RowSource } from './ledger-tables.js';

/** By channel; a channel without any is not there. */
export async function countSettledCalls(
  rows: RowSource,
  { sinceWallMs, untilWallMs, bothDirections }: SettledSpan,
): Promise<ReadonlyMap<string, SettledCalls>> {
  const found = await rows(
    `SELECT channel_id, count(*) AS calls, sum(duration_ms) AS duration_ms FROM settlements
      WHERE settled_wall_ms >= ? AND settled_wall_ms < ? AND answered_wall_ms IS NOT NULL AND message IS NULL
        AND instr(reservation_id, '${FURTHER_MARK}') = 0
        ${bothDirections ? '' : "AND direction = 'out'"} GROUP BY channel_id`,
    [sinceWallMs, untilWallMs],
  );
  return new Map(
    found.map(({ channel_id, calls, duration_ms }) => [
      String(channel_id),
      { calls: Number(calls), seconds: Number(duration_ms) / 1_000 },
    ]),
  );
}
