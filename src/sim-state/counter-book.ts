// What the comparisons of gateways' counters keep in the journal: where each channel's span began, and what each comparison found.
import type { JournalEntry, JournalValue, SchemaStatement } from '../lib/journal-entry.js';
import type { CountDifference } from './compare-counts.js';
import type { GatewayCount } from './read-counts.js';

/** Tables of the comparisons; handed to the journal when it opens. */
export const COUNTER_SCHEMA: readonly SchemaStatement[] = [
  'CREATE TABLE IF NOT EXISTS counter_baselines (channel_id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID',
  `CREATE TABLE IF NOT EXISTS counter_comparisons (
    channel_id TEXT NOT NULL, until_wall_ms INTEGER NOT NULL, data TEXT NOT NULL, PRIMARY KEY (channel_id, until_wall_ms)
  ) WITHOUT ROWID`,
];
const BEGIN =
  'INSERT INTO counter_baselines (channel_id, data) VALUES (?, ?) ON CONFLICT (channel_id) DO UPDATE SET data = excluded.data';
const KEEP = 'INSERT OR REPLACE INTO counter_comparisons (channel_id, until_wall_ms, data) VALUES (?, ?, ?)';
const FORGET = 'DELETE FROM counter_comparisons WHERE until_wall_ms < ?';
/** How long a comparison is kept. */
const KEPT_MS = 400 * 86_400_000;
const MOST_LISTED = 10_000;

/** What a gateway's counter of a channel said when a span began. */
export interface Baseline extends GatewayCount {
  readonly channelId: string;
  readonly atWallMs: number;
}

export interface Comparison extends CountDifference {
  readonly channelId: string;
  readonly sinceWallMs: number;
  readonly untilWallMs: number;
}

interface CounterJournal {
  commit(entries: readonly JournalEntry[]): Promise<void>;
  query(statement: string, parameters: readonly JournalValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export class CounterBook {
  readonly #journal: CounterJournal;

  constructor(journal: CounterJournal) {
    this.#journal = journal;
  }

  async baselines(): Promise<ReadonlyMap<string, Baseline>> {
    const rows = await this.#journal.query('SELECT data FROM counter_baselines', []);
    return new Map(rows.map(({ data }) => JSON.parse(String(data)) as Baseline).map((one) => [one.channelId, one]));
  }

  /** The last ones, newest first. */
  async comparisons(sinceWallMs: number): Promise<readonly Comparison[]> {
    const rows = await this.#journal.query(
      'SELECT data FROM counter_comparisons WHERE until_wall_ms >= ? ORDER BY until_wall_ms DESC, channel_id LIMIT ?',
      [sinceWallMs, MOST_LISTED],
    );
    return rows.map(({ data }) => JSON.parse(String(data)) as Comparison);
  }

  /** In one transaction: a comparison counts only with where the next one begins. */
  async write(comparisons: readonly Comparison[], baselines: readonly Baseline[], nowWallMs: number): Promise<void> {
    await this.#journal.commit([
      ...comparisons.map((one) => ({
        statement: KEEP,
        parameters: [one.channelId, one.untilWallMs, JSON.stringify(one)],
      })),
      ...baselines.map((one) => ({ statement: BEGIN, parameters: [one.channelId, JSON.stringify(one)] })),
      { statement: FORGET, parameters: [nowWallMs - KEPT_MS] },
    ]);
  }
}
