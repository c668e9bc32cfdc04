// The ledger over a journal that stalls or fails: what is refused, what is retried, what stays blocked.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, type JournalEvents, openJournal } from '../journal/journal.js';
import { ManualClock, SystemClock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import { createLogger } from '../lib/logger.js';
import { TypedEmitter } from '../lib/typed-events.js';
import type { NumberClass } from '../numbers/number-class.js';
import { CRASH_SETUP } from './crash/crash-setup.js';
import {
  type JournalledLedgerOptions,
  JournalledMemoryLedger,
  openJournalledLedger,
} from './journalled-memory-ledger.js';
import { LedgerMemory } from './ledger-memory.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';

/** A journal whose commits succeed, fail or hang as the test says. */
class TroubledJournal {
  readonly events = new TypedEmitter<JournalEvents>((error) => {
    throw error;
  });
  mode: 'works' | 'fails' | 'hangs' = 'works';
  isStalled = false;
  isOpen = true;
  readonly written: string[] = [];
  #hanging: { resume(): void; fail(error: Error): void }[] = [];

  commit(entries: readonly JournalEntry[]): Promise<void> {
    if (this.mode === 'fails') return Promise.reject(new Error('disk full'));
    const write = () => {
      this.written.push(...entries.map(({ statement }) => statement.trim().split(/\s+/).slice(0, 3).join(' ')));
    };
    if (this.mode === 'works') {
      write();
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const resume = () => {
        write();
        resolve();
      };
      this.#hanging.push({ resume, fail: reject });
    });
  }

  query(): Promise<[]> {
    return Promise.resolve([]);
  }

  stall(): void {
    this.mode = 'hangs';
    this.isStalled = true;
    this.events.emit('journal:stalled', 'slow-commit');
  }

  recover(): void {
    this.mode = 'works';
    this.isStalled = false;
    for (const { resume } of this.#hanging.splice(0)) resume();
    this.events.emit('journal:recovered');
  }

  /** What hangs fails, and all that comes. */
  fill(): void {
    this.mode = 'fails';
    this.isStalled = false;
    for (const { fail } of this.#hanging.splice(0)) fail(new Error('disk full'));
    this.events.emit('journal:recovered');
  }
}

/** Lets everything that waits for no timer happen. */
function settleDown(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

describe('the journalled ledger, over a real journal that cannot be written', () => {
  const log = createLogger({ level: 'silent', redactNumbers: false });
  const schema = [
    ...LEDGER_SCHEMA,
    'CREATE TABLE IF NOT EXISTS live (call_id TEXT PRIMARY KEY)',
    'CREATE TABLE IF NOT EXISTS full_disk (since INTEGER)',
    `CREATE TRIGGER IF NOT EXISTS nothing_fits BEFORE INSERT ON reservations WHEN EXISTS (SELECT 1 FROM full_disk)
      BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END`,
  ];
  const run = (statement: string): JournalEntry => ({ statement, parameters: [] });
  let folder = '';
  let journal: Journal;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-trouble-'));
    const file = join(folder, 'ledger.db');
    const clock = new SystemClock();
    journal = await openJournal({ file, durability: 'process', timeoutMs: 60_000, log, clock, schema });
  });

  afterEach(async () => {
    await journal.close();
    await rm(folder, { recursive: true });
  });

  it('leaves nothing of an emergency call whose reservation could be written only after it was released', async () => {
    const clock = new ManualClock();
    const ledger = await openJournalledLedger({ ...CRASH_SETUP, journal, clock, log });
    await journal.commit([run('INSERT INTO full_disk VALUES (1)')]);
    const reserved = await ledger.reserve(
      {
        ...{
          reservationId: 'r1',
          callId: 'c1',
          trunk: 'pbx',
          channelId: 'gw1/1',
          simId: 'sim1',
          direction: 'out',
          payers: [],
        },
        ...{ callee: '119', numberClass: 'emergency', wallMs: clock.wallMs() },
      },
      [run("INSERT OR REPLACE INTO live VALUES ('c1')")],
    );
    assert.equal(reserved.ok, true);
    const releasing = ledger.release('r1', { invited: true }, () => [run("DELETE FROM live WHERE call_id = 'c1'")]);
    await journal.commit([run('DELETE FROM full_disk')]);
    while (clock.pendingTimers === 0) await settleDown();
    clock.advance(1_000);
    await releasing;
    assert.deepEqual(await journal.query('SELECT * FROM reservations'), []);
    assert.deepEqual(await journal.query('SELECT * FROM live'), []);
    ledger.close();
    const next = await openJournalledLedger({ ...CRASH_SETUP, journal, clock, log });
    assert.deepEqual(next.orphans(), []);
    next.close();
  });
});

describe('the journalled ledger, over a journal in trouble', () => {
  let clock: ManualClock;
  let journal: TroubledJournal;
  let ledger: JournalledMemoryLedger;

  beforeEach(() => {
    clock = new ManualClock();
    journal = new TroubledJournal();
    const log = createLogger({ level: 'silent', redactNumbers: false });
    const memory = new LedgerMemory(CRASH_SETUP, clock, (error) => {
      throw error;
    });
    const options: JournalledLedgerOptions = { ...CRASH_SETUP, journal: journal as unknown as Journal, clock, log };
    ledger = new JournalledMemoryLedger(memory, options);
  });

  function reserve(reservationId: string, port = 1, numberClass: NumberClass = 'mobile') {
    return ledger.reserve({
      reservationId,
      callId: reservationId,
      trunk: 'pbx',
      direction: 'out',
      payers: [],
      channelId: `gw1/${port}`,
      simId: `sim${port}`,
      callee: '+821011112222',
      numberClass,
      wallMs: clock.wallMs(),
    });
  }

  const settlement = { reservationId: 'r1', durationMs: 30_000, estimated: false, channelInUse: false };

  it('refuses at once while the journal is stalled', async () => {
    journal.stall();
    assert.deepEqual(await reserve('r1'), { ok: false, reason: 'journal-stalled' });
    assert.equal(ledger.view.channelState('gw1/1'), 'idle');
  });

  it('refuses a reservation that the stall catches waiting, and deletes what is written of it later', async () => {
    journal.mode = 'hangs';
    const waiting = reserve('r1');
    journal.stall();
    assert.deepEqual(await waiting, { ok: false, reason: 'journal-stalled' });
    assert.equal(ledger.view.channelState('gw1/1'), 'idle');
    journal.recover();
    await settleDown();
    assert.deepEqual(journal.written, ['INSERT INTO reservations', 'DELETE FROM reservations']);
    assert.equal((await reserve('r2')).ok, true);
  });

  it('takes a reservation back whose record cannot be written', async () => {
    journal.mode = 'fails';
    assert.deepEqual(await reserve('r1'), { ok: false, reason: 'journal-stalled' });
    assert.equal(ledger.view.channelState('gw1/1'), 'idle');
    assert.deepEqual(ledger.usageOf('sim1', clock.wallMs())?.allowances[0]?.held, 0);
    journal.mode = 'works';
    assert.equal((await reserve('r2')).ok, true);
  });

  it('never lets the journal stop an emergency call', async () => {
    journal.stall();
    assert.equal((await reserve('r1', 1, 'emergency')).ok, true);
    journal.recover();
    journal.mode = 'fails';
    assert.equal((await reserve('r2', 2, 'emergency')).ok, true);
    await settleDown();
    journal.mode = 'works';
    clock.advance(1_000);
    await settleDown();
    assert.equal(journal.written.filter((statement) => statement === 'INSERT INTO reservations').length, 2);
  });

  it('writes an emergency reservation that failed before what follows it, also when the stall ended in a full disk', async () => {
    journal.stall();
    assert.equal((await reserve('r1', 1, 'emergency')).ok, true);
    journal.fill();
    await settleDown();
    const releasing = ledger.release('r1', { invited: true });
    // The release alone could be written by now: it waits for its reservation.
    journal.mode = 'works';
    await settleDown();
    assert.deepEqual(journal.written, []);
    clock.advance(1_000);
    await releasing;
    assert.deepEqual(journal.written, [
      'INSERT INTO reservations',
      'INSERT INTO settlements',
      'DELETE FROM reservations',
      'INSERT INTO channel_rests',
    ]);
  });

  it('lets an emergency call fail over while its first reservation still waits for the disk', async () => {
    journal.mode = 'fails';
    const call = {
      callId: 'c1',
      trunk: 'pbx',
      direction: 'out',
      payers: [],
      callee: '119',
      numberClass: 'emergency',
      wallMs: clock.wallMs(),
    } as const;
    const first = { ...call, reservationId: 'a1', channelId: 'gw1/1', simId: 'sim1' };
    const second = { ...call, reservationId: 'a2', channelId: 'gw1/2', simId: 'sim2' };
    assert.equal((await ledger.reserve(first)).ok, true);
    await settleDown();
    const releasing = ledger.release('a1', { invited: true });
    assert.equal((await ledger.reserve(second)).ok, true);
    journal.mode = 'works';
    clock.advance(1_000);
    await releasing;
    await settleDown();
    assert.deepEqual(
      journal.written.filter((statement) => statement.endsWith('reservations')),
      ['INSERT INTO reservations', 'DELETE FROM reservations', 'INSERT INTO reservations'],
    );
  });

  it('renews a live call that the journal cannot write down, also behind an answer that is not written yet', async () => {
    await reserve('r1');
    const talking = await ledger.confirm('r1', clock.wallMs());
    clock.advance(15_000);
    journal.mode = 'fails';
    assert.deepEqual(await ledger.renew('r1', clock.wallMs() + 30_000), talking);
    await reserve('r2', 2, 'emergency');
    void ledger.confirm('r2', clock.wallMs());
    await settleDown();
    assert.ok((await ledger.renew('r2', clock.wallMs() + 30_000)).maxCallSeconds > 0);
    journal.mode = 'works';
    clock.advance(1_000);
    await settleDown();
    assert.ok(journal.written.some((statement) => statement.startsWith('UPDATE reservations')));
  });

  it('tries a settlement again until it is written, and keeps the channel blocked meanwhile', async () => {
    await reserve('r1');
    await ledger.confirm('r1', clock.wallMs());
    journal.mode = 'fails';
    let charged = false;
    const settling = ledger.settle({ ...settlement, answeredWallMs: clock.wallMs() }).then((charge) => {
      charged = true;
      return charge;
    });
    for (let attempt = 0; attempt < 5; attempt++) {
      await settleDown();
      clock.advance(1_000);
      assert.equal(charged, false);
      assert.equal(ledger.view.channelState('gw1/1'), 'busy');
      assert.deepEqual(await reserve(`other${attempt}`), { ok: false, reason: 'channel-busy' });
    }
    assert.equal(ledger.usageOf('sim1', clock.wallMs())?.allowances[0]?.used, 30);
    journal.mode = 'works';
    await settleDown();
    clock.advance(1_000);
    assert.equal((await settling).billedSeconds, 30);
    assert.equal(ledger.view.channelState('gw1/1'), 'idle');
  });

  it('tries a release again until it is written', async () => {
    await reserve('r1');
    journal.mode = 'fails';
    const releasing = ledger.release('r1', { invited: true });
    await settleDown();
    assert.equal(ledger.view.channelState('gw1/1'), 'busy');
    journal.mode = 'works';
    clock.advance(1_000);
    await releasing;
    assert.equal(ledger.view.channelState('gw1/1'), 'idle');
  });

  it('stops trying when the journal is closed', async () => {
    await reserve('r1');
    journal.mode = 'fails';
    const releasing = ledger.release('r1', { invited: true });
    await settleDown();
    journal.isOpen = false;
    clock.advance(1_000);
    await assert.rejects(releasing, /disk full/);
    assert.equal(clock.pendingTimers, 0);
  });
});
