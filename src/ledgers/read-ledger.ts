// A ledger's state read from its file without a running service, and without changing it.
import { existsSync } from 'node:fs';
import { openForReading } from '../journal/sqlite-file.js';
import type { Clock } from '../lib/clock.js';
import { loadMemory } from './journalled-memory-ledger.js';
import { LedgerMemory, type LedgerSettings } from './ledger-memory.js';

export interface ReadLedger {
  readonly memory: LedgerMemory;
  /** False when there is no file yet: nothing was ever used. */
  readonly found: boolean;
  close(): void;
}

/** A running service may be writing the file: what it has committed is read. @throws the driver's error */
export async function readLedger(file: string, settings: LedgerSettings, clock: Clock): Promise<ReadLedger> {
  const memory = new LedgerMemory(settings, clock, () => {});
  const found = existsSync(file);
  if (found) {
    const sqlite = openForReading(file);
    try {
      const tables = sqlite.query("SELECT name FROM sqlite_master WHERE name = 'settlements'", []);
      if (tables.length > 0) {
        await loadMemory(memory, (...ask) => Promise.resolve(sqlite.query(...ask)), clock);
      }
    } finally {
      sqlite.close();
    }
  }
  return { memory, found, close: () => memory.close() };
}
