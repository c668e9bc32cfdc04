// The ledger over a journal that stalls or fails: what is refused, what is retried, what stays blocked.
import assert from 'node:assert/strict';
import type { Journal, JournalEvents } from '../journal/journal.js';
import { ManualClock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import { createLogger } from '../lib/logger.js';
import { TypedEmitter } from '../lib/typed-events.js';
import type { NumberClass } from '../numbers/number-class.js';
import { CRASH_SETUP } from './crash-setup.js';
import { type JournalledLedgerOptions, JournalledMemoryLedger } from './journalled-memory-ledger.js';
import { LedgerMemory } from './ledger-memory.js';

/** A journal whose commits succeed, fail or hang as the test says. */
class TroubledJournal {
  readonly events = new TypedEmitter<JournalEvents>((error) => {
    throw error;
  });
  mode: 'works' | 'fails' | 'hangs' = 'works';
  isStalled = false;
  isOpen = true;
  readonly written: string[] = [];
  #hanging: (() => void)[] = [];

  commit(entries: readonly JournalEntry[]): Promise<void> {
    if (this.mode === 'fails') return Promise.reject(new Error('disk full'));
    const write = () => {
      this.written.push(...entries.map(({ statement }) => statement.trim().split(/\s+/).slice(0, 3).join(' ')));
    };
    if (this.mode === 'works') {
      write();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      this.#hanging.push(() => {
        write();
        resolve();
      });
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
    for (const resume of this.#hanging.splice(0)) resume();
    this.events.emit('journal:recovered');
  }
}

/** Lets everything that waits for no timer happen. */
function settleDown(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

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
    journal.mode = 'works';
    clock.advance(1_000);
    await settleDown();
    assert.equal(journal.written.filter((statement) => statement === 'INSERT INTO reservations').length, 2);
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
