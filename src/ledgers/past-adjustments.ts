// Corrections of usage as history has them: who made each one, when and why. From the running journal or from its file.
import { existsSync } from 'node:fs';
import { openForReading } from '../journal/sqlite-file.js';
import type { AdjustmentsQuery, PastAdjustment, PastAdjustments } from '../quota/ledger.js';
import { adjustmentOf } from './ledger-history.js';
import type { RowSource } from './ledger-tables.js';

/** Oldest first; of more than may be, the last ones. */
export async function readPastAdjustments(rows: RowSource, query: AdjustmentsQuery): Promise<PastAdjustments> {
  const { holder, sinceWallMs, most } = query;
  const columns = await rows("SELECT name FROM pragma_table_info('adjustments')", []);
  if (columns.length === 0) return { adjustments: [], isCut: false, isPartOnly: false };
  // A file of an earlier version that is only read does not say when they were made.
  const isTimed = columns.some(({ name }) => name === 'made_wall_ms');
  const found = await rows(
    `SELECT * FROM adjustments WHERE ${isTimed ? 'coalesce(made_wall_ms, wall_ms)' : 'wall_ms'} >= ?
      AND (? IS NULL OR holder = ?) ORDER BY sequence DESC LIMIT ?`,
    [sinceWallMs, holder, holder, most + 1],
  );
  return {
    adjustments: found.slice(0, most).reverse().map(adjustmentOf),
    isCut: found.length > most,
    isPartOnly: false,
  };
}

export interface FileAdjustments extends PastAdjustments {
  /** False when there is no file yet: nothing was ever adjusted. */
  readonly found: boolean;
}

/** Without a running service, and without changing the file. @throws the driver's error */
export async function adjustmentsInFile(file: string, query: AdjustmentsQuery): Promise<FileAdjustments> {
  if (!existsSync(file)) return { found: false, adjustments: [], isCut: false, isPartOnly: false };
  const sqlite = openForReading(file);
  try {
    return { found: true, ...(await readPastAdjustments((...ask) => Promise.resolve(sqlite.query(...ask)), query)) };
  } finally {
    sqlite.close();
  }
}

/** In the order in which they were made. */
export function byTimeMade(a: PastAdjustment, b: PastAdjustment): number {
  return (a.madeWallMs ?? a.wallMs) - (b.madeWallMs ?? b.wallMs);
}
