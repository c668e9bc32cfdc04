// Suspended channels read from the journal's file without a running service, and without changing it.
import { existsSync } from 'node:fs';
import { openForReading } from '../journal/sqlite-file.js';
import type { SuspendableChannel, Suspension } from './suspensions.js';

/** Of channels that have the SIM that was suspended in them. @throws the driver's error */
export function readSuspended(file: string, channels: readonly SuspendableChannel[]): readonly string[] {
  if (!existsSync(file)) return [];
  const sqlite = openForReading(file);
  try {
    const tables = sqlite.query("SELECT name FROM sqlite_master WHERE name = 'suspensions'", []);
    if (tables.length === 0) return [];
    const simOf = new Map(channels.map(({ channelId, simId }) => [channelId, simId]));
    return sqlite
      .query('SELECT data FROM suspensions', [])
      .map(({ data }) => JSON.parse(String(data)) as Suspension)
      .flatMap(({ channelId, simId }) => (simOf.get(channelId) === simId ? [channelId] : []));
  } finally {
    sqlite.close();
  }
}
