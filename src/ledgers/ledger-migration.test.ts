// A file of the first version: what it says is kept, whether it is opened to go on or only read.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '../journal/journal.js';
import { SqliteFile } from '../journal/sqlite-file.js';
import { ManualClock, SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { allowanceOf, capsOf, planOf } from '../quota/plan-defaults.js';
import { openJournalledLedger } from './journalled-memory-ledger.js';
import type { LedgerSettings } from './ledger-memory.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';
import { readLedger } from './read-ledger.js';

/** As version 0.1.0 wrote them. */
const FIRST_SCHEMA = [
  `CREATE TABLE reservations (reservation_id TEXT PRIMARY KEY, call_id TEXT NOT NULL, trunk TEXT NOT NULL,
    channel_id TEXT NOT NULL, sim_id TEXT NOT NULL, callee TEXT NOT NULL, number_class TEXT NOT NULL,
    reserved_wall_ms INTEGER NOT NULL, answered_wall_ms INTEGER, covered_until_wall_ms INTEGER,
    settled INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID`,
  `CREATE TABLE settlements (sequence INTEGER PRIMARY KEY, reservation_id TEXT NOT NULL UNIQUE, call_id TEXT NOT NULL,
    trunk TEXT NOT NULL, channel_id TEXT NOT NULL, sim_id TEXT NOT NULL, callee TEXT NOT NULL, number_class TEXT NOT NULL,
    reserved_wall_ms INTEGER NOT NULL, answered_wall_ms INTEGER, duration_ms REAL NOT NULL, billed_seconds INTEGER NOT NULL,
    cost TEXT NOT NULL, currency TEXT NOT NULL, estimated INTEGER NOT NULL, settled_wall_ms INTEGER NOT NULL)`,
  'CREATE INDEX settlements_by_time ON settlements (settled_wall_ms)',
  'CREATE TABLE channel_rests (channel_id TEXT PRIMARY KEY, until_wall_ms INTEGER NOT NULL) WITHOUT ROWID',
];

const PORTS = [1, 2, 3];
const SETTINGS: LedgerSettings = {
  plans: [planOf({ name: 'office', allowances: [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 600 })] })],
  sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'office' })),
  channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 5_000 })),
  sliceSeconds: 30,
  capsOf: (payer) =>
    payer === 'trunk:pbx'
      ? capsOf({ name: 'pbx', allowances: [allowanceOf({ id: 'cap', counts: 'seconds', limit: 600 })] })
      : undefined,
};

describe('a ledger’s file of the first version', () => {
  const clock = new ManualClock();
  const nowWallMs = clock.wallMs();
  let folder = '';
  let file = '';

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-migration-'));
    file = join(folder, 'simtrunk.db');
    const sqlite = new SqliteFile(file, 'process');
    for (const statement of FIRST_SCHEMA) sqlite.execute(statement);
    const settlement = `INSERT INTO settlements VALUES (?, ?, ?, 'pbx', 'gw1/1', 'sim1', '+821011112222', 'mobile', ?, ?, ?,
      ?, '0', 'KRW', 0, ?)`;
    sqlite.run(settlement, [7, 'r7', 'c7', nowWallMs - 90_000, nowWallMs - 80_000, 40_500, 41, nowWallMs - 39_000]);
    sqlite.run(settlement, [9, 'r9', 'c9', nowWallMs - 30_000, nowWallMs - 20_000, 15_000, 15, nowWallMs - 5_000]);
    sqlite.run(
      `INSERT INTO reservations VALUES ('r10', 'c10', 'pbx', 'gw1/2', 'sim2', '+821011112222', 'mobile', ?, ?, ?, 0)`,
      [nowWallMs - 9_000, nowWallMs - 4_000, nowWallMs + 26_000],
    );
    sqlite.run("INSERT INTO channel_rests VALUES ('gw1/3', ?)", [nowWallMs + 2_000]);
    sqlite.close();
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('opens, keeps usage, live reservations and rests, and goes on', async () => {
    const log = createLogger({ level: 'silent', redactNumbers: false });
    for (const round of [1, 2]) {
      const journal = await openJournal({
        ...{ file, durability: 'process', timeoutMs: 60_000, log, schema: LEDGER_SCHEMA },
        clock: new SystemClock(),
      });
      const ledger = await openJournalledLedger({ ...SETTINGS, journal, clock, log });
      assert.equal(ledger.usageOf('sim1', nowWallMs)?.allowances[0]?.used, 56);
      assert.equal(ledger.usageOfPayer('trunk:pbx', nowWallMs)?.[0]?.used, round === 1 ? 56 : 86);
      assert.equal(ledger.attemptsTo('+821011112222', nowWallMs - 86_400_000), round === 1 ? 3 : 4);
      assert.deepEqual(ledger.view.simsOf('+821011112222'), round === 1 ? ['sim1'] : ['sim1', 'sim2']);
      assert.equal(ledger.view.channelState('gw1/3'), 'resting');
      if (round === 1) {
        assert.deepEqual(
          ledger.orphans().map(({ reservationId, renewedWallMs, settled }) => [reservationId, renewedWallMs, settled]),
          [['r10', null, false]],
        );
        const settlement = { reservationId: 'r10', answeredWallMs: nowWallMs - 4_000, durationMs: 30_000 };
        await ledger.settle({ ...settlement, estimated: true, channelInUse: false });
        const reserved = await ledger.reserve({
          ...{ reservationId: 'r11', callId: 'c11', trunk: 'pbx', direction: 'out', payers: ['trunk:pbx'] },
          ...{ channelId: 'gw1/1', simId: 'sim1', callee: '+821011112222', numberClass: 'mobile', wallMs: nowWallMs },
        });
        assert.equal(reserved.ok, true);
        await ledger.release('r11', { invited: true });
      }
      assert.deepEqual(await ledger.verify(), {
        ...{ ok: true, settlements: 4, adjustments: 0, differences: [] },
      });
      ledger.close();
      await journal.close();
    }
  });

  it('can be read as it is, without being changed', async () => {
    const stored = await readLedger(file, SETTINGS, clock);
    assert.equal(stored.memory.usageOfPayer('trunk:pbx', nowWallMs)?.[0]?.used, 56);
    assert.equal(stored.memory.bookOf('sim1')?.usage(nowWallMs)[0]?.used, 56);
    assert.equal(stored.memory.channelState('gw1/2'), 'busy');
    stored.close();
    const sqlite = new SqliteFile(file, 'process');
    assert.equal(sqlite.query("SELECT name FROM pragma_table_info('settlements')", []).length, 16);
    sqlite.close();
  });
});
