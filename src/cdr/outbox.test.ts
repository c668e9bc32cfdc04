import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LiveCall } from '../call/ports.js';
import { type Journal, openJournal } from '../journal/journal.js';
import { ManualClock, SystemClock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import { createLogger } from '../lib/logger.js';
import { callRecord } from './cdr-test-kit.js';
import { OUTBOX_SCHEMA, Outbox, type OutboxJournal } from './outbox.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

describe('Outbox', () => {
  let folder = '';
  let journal: Journal;
  let outbox: Outbox;

  async function open(): Promise<void> {
    journal = await openJournal({
      file: join(folder, 'journal.db'),
      durability: 'process',
      timeoutMs: 60_000,
      log,
      clock: new SystemClock(),
      schema: OUTBOX_SCHEMA,
    });
    outbox = new Outbox(journal, new ManualClock(), log);
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-outbox-'));
    await open();
  });

  afterEach(async () => {
    await journal.close();
    await rm(folder, { recursive: true });
  });

  /** Another process on the same file. */
  async function restart(): Promise<void> {
    await journal.close();
    await open();
  }

  const live = (callId: string): LiveCall => ({ record: callRecord(callId), caller: null, callees: [] });
  const keep = (callId: string, revision: number | null = 1, calling = '201') =>
    outbox.commit(outbox.keepRecord(callRecord(callId, { calling }), revision));
  const readyIds = async (sink: string, limit = 100) =>
    (await outbox.readyFor(sink, limit)).map(
      ({ cdr }) => `${'callId' in cdr ? cdr.callId : cdr.messageId}:${cdr.revision}`,
    );
  const liveIds = async () => (await outbox.leftLive()).map(({ record }) => record.callId);
  const acknowledge = async (sink: string, sinks: readonly string[], limit = 100) =>
    outbox.acknowledge(sink, await outbox.readyFor(sink, limit), sinks);
  const rowsOf = async (table: string) => (await journal.query(`SELECT * FROM ${table}`)).length;

  it('keeps a live call over a crash, in its last state', async () => {
    await outbox.commit(outbox.keepLive(live('a')));
    await outbox.commit(outbox.keepLive({ ...live('a'), record: callRecord('a', { codec: 'PCMA' }) }));
    await restart();
    assert.deepEqual(await outbox.leftLive(), [{ ...live('a'), record: callRecord('a', { codec: 'PCMA' }) }]);
  });

  it('keeps the live row of a call whose record still waits, and publishes nothing of it', async () => {
    await outbox.commit(outbox.keepLive(live('a')));
    await keep('a', null);
    await restart();
    assert.deepEqual(await liveIds(), ['a']);
    assert.deepEqual(await outbox.leftOpen(), [callRecord('a')]);
    assert.deepEqual(await readyIds('files'), []);
  });

  it('replaces live row and waiting record by the one to publish, in one transaction', async () => {
    await outbox.commit(outbox.keepLive(live('a')));
    await keep('a', null);
    await keep('a', 1);
    await restart();
    assert.deepEqual([await liveIds(), await outbox.leftOpen()], [[], []]);
    assert.deepEqual(await readyIds('files'), ['a:1']);
  });

  it('gives records in the order in which they first came, no more than asked for', async () => {
    for (const callId of ['c', 'a', 'b']) await keep(callId);
    assert.deepEqual(await readyIds('files', 2), ['c:1', 'a:1']);
    assert.deepEqual(await readyIds('files'), ['c:1', 'a:1', 'b:1']);
  });

  it('drops a record when every sink has it, and gives it to none twice', async () => {
    const sinks = ['files', 'queue'];
    await keep('a');
    await acknowledge('files', sinks);
    assert.deepEqual([await readyIds('files'), await readyIds('queue')], [[], ['a:1']]);
    await restart();
    assert.deepEqual([await readyIds('files'), await readyIds('queue')], [[], ['a:1']]);
    await acknowledge('queue', sinks);
    assert.deepEqual([await rowsOf('cdr_outbox'), await rowsOf('cdr_acknowledged')], [0, 0]);
  });

  it('does not count what a sink that is no longer configured has acknowledged', async () => {
    await keep('a');
    await acknowledge('old', ['old', 'files']);
    await acknowledge('files', ['files', 'new']);
    assert.deepEqual(await readyIds('new'), ['a:1']);
    await acknowledge('new', ['files', 'new']);
    assert.equal(await rowsOf('cdr_outbox'), 0);
  });

  it('publishes a revision to sinks that had the record already, also when it was dropped', async () => {
    await keep('a');
    await keep('b');
    await acknowledge('files', ['files', 'queue']);
    await keep('a', 2);
    assert.deepEqual(await readyIds('files'), ['a:2']);
    await acknowledge('files', ['files', 'queue']);
    await acknowledge('queue', ['files', 'queue']);
    assert.equal(await rowsOf('cdr_outbox'), 0);
    await keep('b', 2);
    assert.deepEqual(await readyIds('queue'), ['b:2']);
  });

  it('does not lose a revision that was committed while a sink wrote the one before', async () => {
    await keep('a');
    const beingWritten = await outbox.readyFor('files', 100);
    await keep('a', 2);
    await outbox.acknowledge('files', beingWritten, ['files']);
    assert.deepEqual(await readyIds('files'), ['a:2']);
  });

  it('never lets a record that commits late replace a newer one', async () => {
    await keep('a', 2, 'new');
    await keep('a', 1, 'old');
    await keep('a', null, 'older');
    const [ready] = await outbox.readyFor('files', 1);
    assert.deepEqual([ready?.revision, ready?.cdr.calling], [2, 'new']);
    assert.deepEqual(await outbox.leftOpen(), []);
  });

  it('goes on when a row cannot be read, and delivers one that an older version wrote', async () => {
    await keep('a');
    await keep('b');
    await keep('c');
    const change = "UPDATE cdr_outbox SET cdr = ? WHERE call_id = 'a' OR call_id = ?";
    await journal.commit([
      { statement: change, parameters: ['{"version":0,"callId":"a","revision":1}', 'a'] },
      { statement: "UPDATE cdr_outbox SET cdr = '{' WHERE call_id = 'b'", parameters: [] },
      { statement: "INSERT INTO live_calls VALUES ('d', 'nonsense')", parameters: [] },
    ]);
    assert.deepEqual(await readyIds('files'), ['a:1', 'c:1']);
    assert.deepEqual(await liveIds(), []);
  });

  it('commits a record however often it takes, until the journal is closed', async () => {
    const clock = new ManualClock();
    let failures = 2;
    let isOpen = true;
    const commits: (readonly JournalEntry[])[] = [];
    const failing: OutboxJournal = {
      get isOpen() {
        return isOpen;
      },
      async commit(entries) {
        if (failures-- > 0) throw new Error('disk full');
        commits.push(entries);
      },
      query: async () => [],
    };
    const books = new Outbox(failing, clock, log);
    const kept = books.commit(books.keepRecord(callRecord('a'), 1));
    for (let tries = 0; tries < 2; tries++) {
      await new Promise(setImmediate);
      assert.equal(clock.pendingTimers, 1);
      clock.advance(1_000);
    }
    await kept;
    assert.equal(commits.length, 1);
    failures = 1;
    isOpen = false;
    await assert.rejects(books.commit(books.keepRecord(callRecord('b'), 1)), /disk full/);
    assert.equal(clock.pendingTimers, 0);
  });
});
