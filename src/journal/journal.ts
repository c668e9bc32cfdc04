// The journal: one SQLite file written by one thread, with group commit. Handed to the parts whose tables it keeps.
// A group is what has gathered while the one before it was committed (at most 256 records); an idle journal
// commits at the end of the event loop's turn.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Clock, ClockTimer } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import type { JournalEntry, JournalValue, SchemaStatement } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import { TypedEmitter } from '../lib/typed-events.js';
import type { Failure, FromJournalWorker, JournalWorkerData, ToJournalWorker } from './journal-protocol.js';
import { type Durability, lockFile, type SqliteRow } from './sqlite-file.js';

const MAX_GROUP_RECORDS = 256;
/** A thread that dies at once again is not restarted in a busy loop. */
const RESTART_PAUSE_MS = 1_000;

export interface JournalOptions {
  /** Absolute path; its folder is made. */
  readonly file: string;
  readonly durability: Durability;
  /** A commit that takes longer stalls the journal until it is done. */
  readonly timeoutMs: number;
  readonly log: Logger;
  readonly clock: Clock;
  /** Statements of the tables' owners, run at every start in this order. */
  readonly schema: readonly SchemaStatement[];
  /** For tests of a dying thread. */
  readonly startWorker?: (data: JournalWorkerData) => Worker;
}

export interface JournalEvents {
  /** New calls are refused from now on. */
  'journal:stalled': readonly [cause: 'slow-commit' | 'thread-ended'];
  'journal:recovered': readonly [];
  /** Entries that will never be in the file: a full disk, or a statement that cannot run. */
  'journal:commit-failed': readonly [message: string];
}

export interface JournalCounters {
  readonly groups: number;
  readonly records: number;
  readonly failedSubmissions: number;
  readonly restarts: number;
  /** Duration of the slowest group so far. */
  readonly slowestCommitMs: number;
}

interface Submission {
  readonly entries: readonly JournalEntry[];
  resolve(): void;
  reject(error: Error): void;
}

interface Group {
  readonly groupId: number;
  readonly submissions: readonly Submission[];
  readonly sentMs: number;
}

interface Query {
  readonly statement: string;
  readonly parameters: readonly JournalValue[];
  resolve(rows: readonly SqliteRow[]): void;
  reject(error: Error): void;
}

/** Opens the file. @throws SimtrunkError JOURNAL_IN_USE or JOURNAL_UNAVAILABLE; nothing is left open then. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  let lock: ReturnType<typeof lockFile>;
  try {
    await mkdir(dirname(options.file), { recursive: true });
    lock = lockFile(`${options.file}.lock`);
  } catch (cause) {
    throw unavailable(options.file, cause as Error);
  }
  if (lock === undefined) {
    throw new SimtrunkError(
      'JOURNAL_IN_USE',
      `Another process uses the journal ${options.file}. Stop it, or give this one its own ledger.file or --data folder.`,
    );
  }
  const journal = new Journal(options, lock);
  try {
    await journal.start();
    return journal;
  } catch (cause) {
    lock.release();
    throw unavailable(options.file, cause as Error);
  }
}

export class Journal {
  readonly events: TypedEmitter<JournalEvents>;
  readonly #options: JournalOptions;
  readonly #lock: { release(): void };
  #worker: Worker | undefined;
  #groupId = 0;
  #pending: Submission[] = [];
  #inFlight: Group | undefined;
  #flushScheduled = false;
  #queryId = 0;
  readonly #queries = new Map<number, Query>();
  #stallTimer: ClockTimer | undefined;
  #restartTimer: ClockTimer | undefined;
  #stalled = false;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closed: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;
  readonly #counters = { groups: 0, records: 0, failedSubmissions: 0, restarts: 0, slowestCommitMs: 0 };

  /** Use {@link openJournal}. */
  constructor(options: JournalOptions, lock: { release(): void }) {
    this.#options = options;
    this.#lock = lock;
    this.events = new TypedEmitter((error, event) =>
      options.log.error({ err: error, event }, 'journal listener failed'),
    );
  }

  /** True while a commit takes longer than the limit, or the thread is being restarted. */
  get isStalled(): boolean {
    return this.#stalled;
  }

  /** False once it is being closed: nothing more will be committed. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get counters(): JournalCounters {
    return { ...this.#counters };
  }

  /** Resolves when all entries are in the file; rejects when none of them is and none will be. */
  commit(entries: readonly JournalEntry[]): Promise<void> {
    if (this.#state !== 'open')
      return Promise.reject(new SimtrunkError('JOURNAL_UNAVAILABLE', 'The journal is closed.'));
    if (entries.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#pending.push({ entries, resolve, reject });
      this.#scheduleFlush();
    });
  }

  /** Rows of a question; sees every commit that has resolved. */
  query(statement: string, parameters: readonly JournalValue[] = []): Promise<readonly SqliteRow[]> {
    if (this.#state === 'closed') {
      return Promise.reject(new SimtrunkError('JOURNAL_UNAVAILABLE', 'The journal is closed.'));
    }
    return new Promise((resolve, reject) => {
      const queryId = ++this.#queryId;
      this.#queries.set(queryId, { statement, parameters, resolve, reject });
      this.#post({ kind: 'query', queryId, statement, parameters });
    });
  }

  /** Commits what is pending, ends the thread and frees the file. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Starts the thread and waits until it has the file open. */
  async start(): Promise<void> {
    const { file, durability, schema, startWorker } = this.#options;
    const data: JournalWorkerData = { file, durability, schema };
    const worker = startWorker === undefined ? defaultWorker(data) : startWorker(data);
    const ready = await new Promise<Extract<FromJournalWorker, { kind: 'ready' }>>((resolve, reject) => {
      worker.once('message', (message: FromJournalWorker) => {
        if (message.kind === 'ready') resolve(message);
        else reject(new Error(message.kind === 'unavailable' ? message.message : message.kind));
      });
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the thread ended')));
    });
    // Not all listeners at once: the worker has some of its own.
    for (const event of ['message', 'error', 'exit']) worker.removeAllListeners(event);
    worker.on('message', (message: FromJournalWorker) => this.#receive(message));
    worker.on('error', (error) => this.#options.log.error({ err: error }, 'journal thread failed'));
    worker.on('exit', () => this.#threadEnded(worker));
    this.#worker = worker;
    this.#groupId = Math.max(this.#groupId, ready.lastGroupId);
    this.#resume(ready.lastGroupId, ready.lastFailures);
  }

  async #close(): Promise<void> {
    this.#state = 'closing';
    if (this.#pending.length > 0 || this.#inFlight !== undefined) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
        this.#flush();
      });
    }
    this.#state = 'closed';
    this.#restartTimer?.cancel();
    const worker = this.#worker;
    if (worker !== undefined) {
      await new Promise<void>((resolve) => {
        worker.once('exit', () => resolve());
        worker.postMessage({ kind: 'close' } satisfies ToJournalWorker);
      });
    }
    for (const query of this.#queries.values())
      query.reject(new SimtrunkError('JOURNAL_UNAVAILABLE', 'The journal is closed.'));
    this.#queries.clear();
    this.#lock.release();
  }

  #scheduleFlush(): void {
    if (this.#flushScheduled || this.#inFlight !== undefined) return;
    this.#flushScheduled = true;
    setImmediate(() => {
      this.#flushScheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#inFlight !== undefined || this.#pending.length === 0 || this.#worker === undefined) return;
    let records = 0;
    let count = 0;
    for (const { entries } of this.#pending) {
      if (count > 0 && records + entries.length > MAX_GROUP_RECORDS) break;
      records += entries.length;
      count += 1;
    }
    const submissions = this.#pending.slice(0, count);
    this.#pending = this.#pending.slice(count);
    const { clock, timeoutMs } = this.#options;
    this.#inFlight = { groupId: ++this.#groupId, submissions, sentMs: clock.monotonicMs() };
    this.#stallTimer = clock.after(timeoutMs, () => this.#stall('slow-commit'));
    this.#sendGroup(this.#inFlight);
  }

  #sendGroup({ groupId, submissions }: Group): void {
    this.#post({ kind: 'group', groupId, submissions: submissions.map(({ entries }) => entries) });
  }

  #receive(message: FromJournalWorker): void {
    switch (message.kind) {
      case 'group-done':
        this.#groupDone(message.groupId, message.failures);
        break;
      case 'rows':
        this.#takeQuery(message.queryId)?.resolve(message.rows);
        break;
      case 'query-failed':
        this.#takeQuery(message.queryId)?.reject(new SimtrunkError('JOURNAL_UNAVAILABLE', message.message));
        break;
    }
  }

  #groupDone(groupId: number, failures: readonly Failure[]): void {
    const group = this.#inFlight;
    if (group === undefined || group.groupId !== groupId) return;
    this.#inFlight = undefined;
    this.#stallTimer?.cancel();
    this.#recover();
    this.#count(group, failures);
    const messages = new Map(failures);
    for (const [index, submission] of group.submissions.entries()) {
      const message = messages.get(index);
      if (message === undefined) submission.resolve();
      else submission.reject(new SimtrunkError('JOURNAL_UNAVAILABLE', `Not written to the journal: ${message}`));
    }
    if (this.#pending.length > 0) this.#flush();
    else if (this.#whenIdle !== undefined) this.#whenIdle();
  }

  #count(group: Group, failures: readonly Failure[]): void {
    this.#counters.groups += 1;
    this.#counters.records += group.submissions.reduce((sum, { entries }) => sum + entries.length, 0);
    this.#counters.failedSubmissions += failures.length;
    const tookMs = this.#options.clock.monotonicMs() - group.sentMs;
    this.#counters.slowestCommitMs = Math.max(this.#counters.slowestCommitMs, tookMs);
    const message = failures[0]?.[1];
    if (message === undefined) return;
    this.#options.log.error({ failed: failures.length, cause: message }, 'journal commit failed');
    this.events.emit('journal:commit-failed', message);
  }

  #threadEnded(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#stallTimer?.cancel();
    if (this.#state === 'closed') return;
    this.#stall('thread-ended');
    void this.#restart();
  }

  /** The group under way is sent again only if the file shows that it was not committed. */
  #resume(lastGroupId: number, lastFailures: readonly Failure[]): void {
    for (const [queryId, { statement, parameters }] of this.#queries) {
      this.#post({ kind: 'query', queryId, statement, parameters });
    }
    const group = this.#inFlight;
    if (group === undefined) {
      this.#recover();
      this.#flush();
    } else if (group.groupId <= lastGroupId) this.#groupDone(group.groupId, lastFailures);
    else this.#sendGroup(group);
  }

  async #restart(): Promise<void> {
    this.#counters.restarts += 1;
    try {
      await this.start();
      this.#options.log.warn('journal thread restarted');
    } catch (error) {
      this.#options.log.error({ err: error }, 'journal thread could not be restarted');
      if (this.#state !== 'open') {
        this.#giveUp(error as Error);
        return;
      }
      this.#restartTimer = this.#options.clock.after(RESTART_PAUSE_MS, () => void this.#restart());
    }
  }

  /** While closing, a thread that does not come back must not hold up the end of the process. */
  #giveUp(cause: Error): void {
    const lost = [...(this.#inFlight?.submissions ?? []), ...this.#pending];
    this.#inFlight = undefined;
    this.#pending = [];
    for (const submission of lost) {
      submission.reject(
        new SimtrunkError('JOURNAL_UNAVAILABLE', 'Not written to the journal: its thread ended.', { cause }),
      );
    }
    this.#whenIdle?.();
  }

  #stall(cause: 'slow-commit' | 'thread-ended'): void {
    if (this.#stalled) return;
    this.#stalled = true;
    this.#options.log.error({ cause }, 'journal stalled');
    this.events.emit('journal:stalled', cause);
  }

  #recover(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    this.#options.log.warn('journal recovered');
    this.events.emit('journal:recovered');
  }

  #takeQuery(queryId: number): Query | undefined {
    const query = this.#queries.get(queryId);
    this.#queries.delete(queryId);
    return query;
  }

  #post(message: ToJournalWorker): void {
    this.#worker?.postMessage(message);
  }
}

function defaultWorker(data: JournalWorkerData): Worker {
  return new Worker(new URL('./journal-worker.js', import.meta.url), { workerData: data });
}

function unavailable(file: string, cause: Error): SimtrunkError {
  const text = `Cannot open the journal ${file}: ${cause.message}. Make it writable, or change ledger.file or --data.`;
  return new SimtrunkError('JOURNAL_UNAVAILABLE', text, { cause });
}
