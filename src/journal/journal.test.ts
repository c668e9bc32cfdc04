import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ManualClock, SystemClock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import { createLogger } from '../lib/logger.js';
import type { DyingJournalWorkerData } from './dying-journal-worker.js';
import { type Journal, type JournalOptions, openJournal } from './journal.js';
import type { JournalWorkerData } from './journal-protocol.js';

const SCHEMA = ['CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'];
const log = createLogger({ level: 'silent', redactNumbers: false });

function note(id: number, text: string | null = `note ${id}`): JournalEntry {
  return { statement: 'INSERT INTO notes VALUES (?, ?)', parameters: [id, text] };
}

describe('openJournal', () => {
  let folder = '';
  const opened: Journal[] = [];

  async function open(changes: Partial<JournalOptions> = {}): Promise<Journal> {
    const journal = await openJournal({
      file: join(folder, 'data', 'journal.db'),
      durability: 'process',
      timeoutMs: 2_000,
      log,
      clock: new SystemClock(),
      schema: SCHEMA,
      ...changes,
    });
    opened.push(journal);
    return journal;
  }

  async function idsIn(journal: Journal): Promise<unknown[]> {
    return (await journal.query('SELECT id FROM notes ORDER BY id')).map((row) => row.id);
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-journal-'));
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((journal) => journal.close()));
    await rm(folder, { recursive: true });
  });

  it('keeps what was committed over a restart, in either durability mode', async () => {
    for (const [index, durability] of (['process', 'power'] as const).entries()) {
      const first = await open({ durability });
      await first.commit([note(index), note(index + 10)]);
      await first.close();
      const second = await open({ durability });
      assert.ok((await idsIn(second)).includes(index + 10));
      await second.close();
    }
  });

  it('waits for the disk in the mode for power cuts only', async () => {
    for (const [durability, synchronous] of [['process', 1] as const, ['power', 2] as const]) {
      const journal = await open({ durability });
      assert.deepEqual(await journal.query('PRAGMA synchronous'), [{ synchronous }]);
      assert.deepEqual(await journal.query('PRAGMA journal_mode'), [{ journal_mode: 'wal' }]);
      await journal.close();
    }
  });

  it('commits the entries of one call together or not at all', async () => {
    const journal = await open();
    await assert.rejects(journal.commit([note(1), note(2, null)]), {
      code: 'JOURNAL_UNAVAILABLE',
      message: /NOT NULL/,
    });
    assert.deepEqual(await idsIn(journal), []);
  });

  it('never lets one bad submission poison the others of its group', async () => {
    const journal = await open();
    const results = await Promise.allSettled([
      journal.commit([note(1)]),
      journal.commit([note(2), note(1)]),
      journal.commit([{ statement: 'INSERT INTO nowhere VALUES (1)', parameters: [] }]),
      journal.commit([note(3)]),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    );
    assert.deepEqual(await idsIn(journal), [1, 3]);
    assert.equal(journal.counters.groups, 1);
    assert.equal(journal.counters.failedSubmissions, 2);
  });

  it('commits what gathers in one turn as one group, at most 256 records a group', async () => {
    const journal = await open();
    await Promise.all(Array.from({ length: 1_000 }, (_, id) => journal.commit([note(id)])));
    assert.equal((await idsIn(journal)).length, 1_000);
    assert.equal(journal.counters.groups, 4);
    assert.equal(journal.counters.records, 1_000);
  });

  it('takes a single call with more records than a group', async () => {
    const journal = await open();
    await journal.commit(Array.from({ length: 600 }, (_, id) => note(id)));
    assert.equal((await idsIn(journal)).length, 600);
  });

  it('flushes what is pending when it is closed, and refuses what comes later', async () => {
    const journal = await open();
    const pending = Array.from({ length: 700 }, (_, id) => journal.commit([note(id)]));
    const closing = journal.close();
    await assert.rejects(journal.commit([note(9_999)]), { code: 'JOURNAL_UNAVAILABLE' });
    await Promise.all(pending);
    await closing;
    await journal.close();
    assert.equal((await idsIn(await open())).length, 700);
  });

  it('refuses a file that this or another process has open, and leaves it alone', async () => {
    const journal = await open();
    await assert.rejects(open(), { code: 'JOURNAL_IN_USE', message: /--data/ });
    const program = `
      const { openJournal } = await import(${JSON.stringify(new URL('./journal.js', import.meta.url).href)});
      const { SystemClock } = await import(${JSON.stringify(new URL('../lib/clock.js', import.meta.url).href)});
      await openJournal({ file: ${JSON.stringify(join(folder, 'data', 'journal.db'))}, durability: 'process', timeoutMs: 1000,
        log: { error() {}, warn() {} }, clock: new SystemClock(), schema: [] }).catch((error) => process.stdout.write(error.code));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
    });
    await once(child, 'exit');
    assert.equal(printed, 'JOURNAL_IN_USE');
    await journal.commit([note(1)]);
    await journal.close();
    await open();
  });

  it('says what is wrong with a file that is no database, and holds no lock afterwards', async () => {
    const file = join(folder, 'other.db');
    await writeFile(file, 'this is not a database, however long the text is '.repeat(100));
    await assert.rejects(open({ file }), { code: 'JOURNAL_UNAVAILABLE', message: /other\.db/ });
    await rm(file);
    await open({ file });
  });

  it('says so when its folder cannot be made', async () => {
    await writeFile(join(folder, 'data'), '');
    await assert.rejects(open(), { code: 'JOURNAL_UNAVAILABLE' });
  });

  it('rejects commits on a full disk, says so, and goes on when there is room again', async () => {
    const journal = await open({ schema: [...SCHEMA, 'PRAGMA max_page_count = 12'] });
    const failures: string[] = [];
    journal.events.on('journal:commit-failed', (message) => failures.push(message));
    await journal.commit([note(1)]);
    await assert.rejects(journal.commit([note(2, 'x'.repeat(200_000))]), { message: /full/ });
    assert.equal(failures.length, 1);
    assert.equal(journal.isStalled, false);
    await journal.commit([note(3)]);
    assert.deepEqual(await idsIn(journal), [1, 3]);
  });

  it('is stalled while a commit takes longer than the limit, and recovers with it', async () => {
    const clock = new ManualClock();
    const journal = await open({ clock, timeoutMs: 500 });
    const seen: string[] = [];
    journal.events.on('journal:stalled', (cause) => seen.push(cause));
    journal.events.on('journal:recovered', () => seen.push('recovered'));
    const busy =
      'INSERT INTO notes WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT i, i FROM n';
    const committed = journal.commit([{ statement: busy, parameters: [] }]);
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(499);
    assert.equal(journal.isStalled, false);
    clock.advance(1);
    assert.equal(journal.isStalled, true);
    await committed;
    assert.equal(journal.isStalled, false);
    assert.deepEqual(seen, ['slow-commit', 'recovered']);
  });

  function startDying(data: JournalWorkerData, changes: Partial<DyingJournalWorkerData>): Worker {
    const workerData = { ...data, diesAtGroup: 1, dies: 'before-commit', ...changes } satisfies DyingJournalWorkerData;
    return new Worker(new URL('./dying-journal-worker.js', import.meta.url), { workerData });
  }

  it('restarts a thread that died, commits every submission exactly once, and answers what was asked', async () => {
    let threads = 0;
    const journal = await open({
      startWorker: (data) => {
        threads += 1;
        return startDying(data, { diesAtGroup: 2, dies: threads % 2 === 0 ? 'after-commit' : 'before-commit' });
      },
    });
    const seen: string[] = [];
    journal.events.on('journal:stalled', (cause) => seen.push(cause));
    journal.events.on('journal:recovered', () => seen.push('recovered'));
    for (let round = 0; round < 6; round++) {
      const ids = Array.from({ length: 400 }, (_, index) => round * 400 + index);
      const commits = ids.map((id) => journal.commit([note(id)]));
      const rows = journal.query('SELECT count(*) AS count FROM notes');
      await Promise.all([...commits, rows]);
    }
    assert.equal((await idsIn(journal)).length, 2_400);
    assert.ok(journal.counters.restarts >= 5);
    assert.equal(journal.isStalled, false);
    assert.deepEqual(seen.slice(0, 2), ['thread-ended', 'recovered']);
  });

  it('closes although its thread died and cannot be started again, and says what was not written', async () => {
    let threads = 0;
    const journal = await open({
      startWorker: (data) => {
        threads += 1;
        return startDying(threads === 1 ? data : { ...data, schema: ['this is no SQL'] }, {});
      },
    });
    await Promise.all([assert.rejects(journal.commit([note(1)]), { code: 'JOURNAL_UNAVAILABLE' }), journal.close()]);
  });
});
