// How many calls of each channel were settled in a span of time, and how long they lasted: what a gateway's own counter is held
// against. Durations are those that were measured, not what was billed for them.
import type { RowSource } from './ledger-tables.js';

export interface SettledCalls {
  /** Answered calls. */
  readonly calls: number;
  readonly seconds: number;
}

export interface SettledSpan {
  readonly sinceWallMs: number;
  /** Not itself in the span. */
  readonly untilWallMs: number;
  /** Calls from mobiles too. */
  readonly bothDirections: boolean;
}

/** By channel; a channel without any is not there. Of a shared ledger, this node's part alone. */
export async function countSettledCalls(
  rows: RowSource,
  { sinceWallMs, untilWallMs, bothDirections }: SettledSpan,
): Promise<ReadonlyMap<string, SettledCalls>> {
  const found = await rows(
    `SELECT channel_id, count(*) AS calls, sum(duration_ms) AS duration_ms FROM settlements
      WHERE settled_wall_ms >= ? AND settled_wall_ms < ? AND answered_wall_ms IS NOT NULL AND message IS NULL
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
