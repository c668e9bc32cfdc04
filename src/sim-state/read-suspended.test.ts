import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openJournal } from '../journal/journal.js';
import { SystemClock } from '../lib/clock.js';
import { readSuspended } from './read-suspended.js';
import { openSuspensions, SUSPENSION_SCHEMA } from './suspensions.js';

describe('readSuspended', () => {
  it('reads from the file what a service has suspended, but for another SIM', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-suspended-'));
    const file = join(folder, 'x.db');
    const channels = [1, 2, 3].map((port) => ({ channelId: `gw1/${port}`, gateway: 'gw1', simId: `sim ${port}` }));
    const log = pino({ level: 'silent' });
    const clock = new SystemClock();
    const settings = { file, durability: 'process', timeoutMs: 5_000, schema: SUSPENSION_SCHEMA } as const;
    try {
      assert.deepEqual(readSuspended(file, channels), []);
      const journal = await openJournal({ ...settings, log, clock });
      const suspensions = await openSuspensions({ channels, mostPercent: 100 }, { journal, clock, log, onChange() {} });
      for (const { channelId } of channels) suspensions.suspend(channelId, { streak: 'no-alerting', count: 15 });
      suspensions.resume('gw1/3');
      await journal.close();
      const swapped = channels.map((channel) =>
        channel.channelId === 'gw1/2' ? { ...channel, simId: 'new' } : channel,
      );
      assert.deepEqual([readSuspended(file, channels), readSuspended(file, swapped)], [['gw1/1', 'gw1/2'], ['gw1/1']]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
