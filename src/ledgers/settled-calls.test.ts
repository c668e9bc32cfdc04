import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openJournal } from '../journal/journal.js';
import { SystemClock } from '../lib/clock.js';
import { furtherAnswerId } from '../quota/further-answer.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';
import { countSettledCalls } from './settled-calls.js';

const ROW = `INSERT INTO settlements (reservation_id, call_id, trunk, direction, channel_id, sim_id, callee, number_class,
  reserved_wall_ms, answered_wall_ms, duration_ms, billed_seconds, cost, currency, estimated, settled_wall_ms, message)
  VALUES (?, 'c', 'pbx', ?, ?, 's', '+821', 'mobile', 1, ?, ?, 1, '0', 'KRW', 0, ?, ?)`;

describe('countSettledCalls', () => {
  it('counts answered calls of each channel in a span, by direction, and no text messages or further answers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-settled-'));
    const log = pino({ level: 'silent' });
    const journal = await openJournal({
      ...{ file: join(folder, 'x.db'), durability: 'process', timeoutMs: 5_000, schema: LEDGER_SCHEMA },
      ...{ log, clock: new SystemClock() },
    });
    try {
      const rows = [
        ['out', 'gw1/1', 90, 1_500, 100, null],
        ['out', 'gw1/1', 90, 2_600, 199, null],
        ['in', 'gw1/1', 90, 9_000, 150, null],
        ['out', 'gw1/1', null, 0, 150, null],
        ['out', 'gw1/1', 90, 0, 150, '{}'],
        ['out', 'gw1/2', 90, 500, 99, null],
        ['out', 'gw1/2', 90, 500, 200, null],
      ] as const;
      await journal.commit(rows.map((row, n) => ({ statement: ROW, parameters: [`r${n}`, ...row] })));
      const further = [furtherAnswerId('r0', 1), 'out', 'gw1/1', 90, 0, 100, null];
      await journal.commit([{ statement: ROW, parameters: further }]);
      const count = async (bothDirections: boolean) => {
        const span = { sinceWallMs: 100, untilWallMs: 200, bothDirections };
        return [...(await countSettledCalls((...ask) => journal.query(...ask), span))];
      };
      assert.deepEqual(await count(false), [['gw1/1', { calls: 2, seconds: 4.1 }]]);
      assert.deepEqual(await count(true), [['gw1/1', { calls: 3, seconds: 13.1 }]]);
    } finally {
      await journal.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
