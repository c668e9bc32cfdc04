import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openJournal } from '../journal/journal.js';
import { SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { CRASH_SETUP } from './crash-setup.js';
import { openJournalledLedger } from './journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';

const VICTIM = fileURLToPath(new URL('./crash-victim.js', import.meta.url));
const ROUNDS = 24;
/** Rounds stop early on a slow machine, but not before this many. */
const MIN_ROUNDS = 10;
const TIME_LIMIT_MS = 9_000;

/** Runs a victim and kills it while it works. */
async function killOne(file: string, promises: string, round: number): Promise<void> {
  const child = spawn(process.execPath, [VICTIM, file, promises, `round${round}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`the victim ended by itself with ${code}`)));
    child.stdout.once('data', () => resolve());
  });
  child.removeAllListeners('exit');
  // From the first instant of work to some hundred steps later.
  const until = process.hrtime.bigint() + BigInt(Math.floor(Math.random() * 60_000_000));
  while (process.hrtime.bigint() < until) await new Promise((resolve) => setImmediate(resolve));
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}

describe('the journalled ledger, killed at any instant', () => {
  let folder = '';

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-crash-'));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('loses no settled second, counts none twice and leaves no channel stuck', async function () {
    this.timeout(60_000);
    const file = join(folder, 'ledger.db');
    const promises = join(folder, 'promises');
    const startedMs = Date.now();
    let rounds = 0;
    while (rounds < ROUNDS && (rounds < MIN_ROUNDS || Date.now() - startedMs < TIME_LIMIT_MS)) {
      await killOne(file, promises, rounds++);
    }

    // Each line is one write, which a signal does not cut.
    const promised = (await readFile(promises, 'utf8')).trimEnd().split('\n');
    const log = createLogger({ level: 'silent', redactNumbers: false });
    const clock = new SystemClock();
    const journal = await openJournal({
      file,
      durability: 'process',
      timeoutMs: 10_000,
      log,
      clock,
      schema: LEDGER_SCHEMA,
    });
    const ledger = await openJournalledLedger({ ...CRASH_SETUP, journal, clock, log });
    try {
      for (const orphan of ledger.orphans()) {
        if (orphan.settled) await ledger.vacate(orphan.reservationId);
        else if (orphan.answeredWallMs === null) await ledger.release(orphan.reservationId, { invited: true });
        else {
          const { reservationId, answeredWallMs } = orphan;
          await ledger.settle({ reservationId, answeredWallMs, durationMs: 0, estimated: true, channelInUse: false });
        }
      }
      const booked = new Map<string, number>();
      const bySim = new Map<string, number>();
      for (const row of await journal.query('SELECT reservation_id, sim_id, billed_seconds FROM settlements')) {
        const [reservationId, simId, seconds] = [
          String(row.reservation_id),
          String(row.sim_id),
          Number(row.billed_seconds),
        ];
        assert.equal(booked.has(reservationId), false, 'settled twice');
        booked.set(reservationId, seconds);
        bySim.set(simId, (bySim.get(simId) ?? 0) + seconds);
      }
      assert.deepEqual((await ledger.verify()).differences, []);
      let settled = 0;
      for (const line of promised) {
        const [what = '', reservationId = '', seconds] = line.split(' ');
        if (what === 'settled') {
          settled += 1;
          assert.equal(booked.get(reservationId), Number(seconds), line);
        }
        if (what === 'answered') assert.ok(booked.has(reservationId), `answered but never settled: ${line}`);
        if (what === 'released')
          assert.equal(booked.get(reservationId), 0, `released, yet not kept or charged: ${line}`);
        assert.notEqual(what, 'refused', `a channel was stuck: ${line}`);
      }
      assert.ok(settled > rounds, `only ${settled} settlements in ${rounds} rounds`);
      for (const { simId } of CRASH_SETUP.sims) {
        assert.equal(ledger.usageOf(simId, clock.wallMs())?.allowances[0]?.used, bySim.get(simId) ?? 0);
      }
      for (const { channelId } of CRASH_SETUP.channels) assert.equal(ledger.view.channelState(channelId), 'idle');
      assert.deepEqual(await journal.query('SELECT * FROM reservations'), []);
    } finally {
      ledger.close();
      await journal.close();
    }
  });
});
