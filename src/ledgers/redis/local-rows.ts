// What a node keeps in its own journal of the shared ledger: its live reservations and its settlements, in the tables of the
// default ledger, and of each settlement whether Redis has it. Redis restarted with older data is made whole from here.
import type { JournalEntry, SchemaStatement } from '../../lib/journal-entry.js';
import type { PastAdjustment } from '../../quota/ledger.js';
import { adjustmentOf } from '../ledger-history.js';
import { type Row, type RowSource, requestOf } from '../ledger-tables.js';
import type { SharedSettlement } from './shared-records.js';

/** Given to the journal at its start, behind LEDGER_SCHEMA. */
export const SHARED_LEDGER_SCHEMA: readonly SchemaStatement[] = [
  // Settlements and adjustments that Redis may not have yet; a row is gone when Redis has told that it has it.
  `CREATE TABLE IF NOT EXISTS shared_settling (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('settlement', 'adjustment'))
  ) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS shared_node (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) WITHOUT ROWID`,
];

export function markSettling(reservationId: string): JournalEntry {
  return {
    statement: `INSERT OR IGNORE INTO shared_settling (id, kind) VALUES (?, 'settlement')`,
    parameters: [reservationId],
  };
}

export function markAdjusting(adjustmentId: string): JournalEntry {
  return {
    statement: `INSERT OR IGNORE INTO shared_settling (id, kind) VALUES (?, 'adjustment')`,
    parameters: [adjustmentId],
  };
}

/** Redis has them. */
export function markReady(ids: readonly string[]): JournalEntry {
  return {
    statement: 'DELETE FROM shared_settling WHERE id IN (SELECT value FROM json_each(?))',
    parameters: [JSON.stringify(ids)],
  };
}

/** `ahead`: of the clock of Redis against this machine's, milliseconds. */
export type NodeFact = 'node' | 'run' | 'fence' | 'ahead';

export function keepFact(name: NodeFact, value: string): JournalEntry {
  return {
    statement: 'INSERT INTO shared_node VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
    parameters: [name, value],
  };
}

export async function readFacts(rows: RowSource): Promise<ReadonlyMap<string, string>> {
  const found = await rows('SELECT name, value FROM shared_node', []);
  return new Map(found.map(({ name, value }) => [String(name), String(value)]));
}

/** Settlements that Redis may not have yet, in the order in which they were made. */
export async function readSettling(rows: RowSource): Promise<SharedSettlement[]> {
  const found = await rows(
    `SELECT s.* FROM settlements s JOIN shared_settling w ON w.id = s.reservation_id AND w.kind = 'settlement'
      ORDER BY s.sequence`,
    [],
  );
  return found.map(settlementOf);
}

export async function readAdjusting(rows: RowSource): Promise<PastAdjustment[]> {
  const found = await rows(
    `SELECT a.* FROM adjustments a JOIN shared_settling w ON w.id = a.adjustment_id AND w.kind = 'adjustment'
      ORDER BY a.sequence`,
    [],
  );
  return found.map(adjustmentOf);
}

const PAGE_ROWS = 500;

/** Everything that this node has settled since an instant, page by page. */
export async function* readOwnSettlements(rows: RowSource, sinceWallMs: number): AsyncGenerator<SharedSettlement[]> {
  for (let after = -1; ; ) {
    const page = await rows(
      'SELECT * FROM settlements WHERE sequence > ? AND settled_wall_ms >= ? ORDER BY sequence LIMIT ?',
      [after, sinceWallMs, PAGE_ROWS],
    );
    if (page.length > 0) yield page.map(settlementOf);
    if (page.length < PAGE_ROWS) return;
    after = Number(page.at(-1)?.sequence);
  }
}

export async function readOwnAdjustments(rows: RowSource, sinceWallMs: number): Promise<PastAdjustment[]> {
  const found = await rows('SELECT * FROM adjustments WHERE wall_ms >= ? ORDER BY sequence', [sinceWallMs]);
  return found.map(adjustmentOf);
}

export async function lastSequence(rows: RowSource): Promise<number> {
  const [found] = await rows(
    `SELECT max(coalesce((SELECT max(sequence) FROM settlements), 0),
      coalesce((SELECT max(sequence) FROM adjustments), 0)) AS last`,
    [],
  );
  return Number(found?.last ?? 0);
}

function settlementOf(row: Row): SharedSettlement {
  const request = requestOf(row);
  return {
    request,
    answeredWallMs: row.answered_wall_ms === null ? null : Number(row.answered_wall_ms),
    durationMs: Number(row.duration_ms),
    charge: {
      reservationId: request.reservationId,
      simId: request.simId,
      billedSeconds: Number(row.billed_seconds),
      cost: String(row.cost),
      currency: String(row.currency),
      estimated: row.estimated === 1,
    },
    settledWallMs: Number(row.settled_wall_ms),
  };
}
