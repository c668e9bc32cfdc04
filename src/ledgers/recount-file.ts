// Usage as the history in a ledger's file adds up to, without a running service and without changing the file.
import { existsSync } from 'node:fs';
import { openForReading } from '../journal/sqlite-file.js';
import type { Clock } from '../lib/clock.js';
import type { AllowanceUsage } from '../quota/ledger.js';
import { HISTORY_MS } from './journalled-memory-ledger.js';
import { readHistory } from './ledger-history.js';
import { LedgerMemory, type LedgerSettings } from './ledger-memory.js';
import { type RowSource, readReservations } from './ledger-tables.js';

export interface FileRecount {
  /** False when there is no file yet: nothing was ever used. */
  readonly found: boolean;
  readonly settlements: number;
  readonly adjustments: number;
  /** Reservations that the next start will settle or release. */
  readonly unfinished: number;
  readonly usages: readonly { readonly holder: string; readonly allowances: readonly AllowanceUsage[] }[];
}

/** @throws the driver's error */
export async function recountFile(file: string, settings: LedgerSettings, clock: Clock): Promise<FileRecount> {
  const memory = new LedgerMemory(settings, clock, () => {});
  const wallMs = clock.wallMs();
  const counted = { found: existsSync(file), settlements: 0, adjustments: 0, unfinished: 0 };
  if (counted.found) {
    const sqlite = openForReading(file);
    try {
      const rows: RowSource = (...ask) => Promise.resolve(sqlite.query(...ask));
      const tables = await rows("SELECT name FROM sqlite_master WHERE name = 'settlements'", []);
      if (tables.length > 0) {
        const history = await readHistory(rows, { sinceWallMs: wallMs - HISTORY_MS }, memory);
        counted.settlements = history.settlements;
        counted.adjustments = history.adjustments;
        counted.unfinished = (await readReservations(rows)).length;
      }
    } finally {
      sqlite.close();
    }
  }
  const usages = [...memory.usages(wallMs)].map(([holder, allowances]) => ({ holder, allowances }));
  memory.close();
  return { ...counted, usages };
}
