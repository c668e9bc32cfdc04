// The outbox: a call's record is committed here with its settlement, and leaves only when every sink has it.
// Live calls have a row here too, so that the end of a call replaces one by the other in one transaction.
import type { CallRecord } from '../call/call-record.js';
import type { CallBooks, LiveCall } from '../call/ports.js';
import type { JournalEntry, JournalValue } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import { type Cdr, cdrSchema } from './cdr.js';
import { toCdr } from './to-cdr.js';

/** Tables of the outbox; handed to the journal when it opens. */
export const OUTBOX_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS live_calls (call_id TEXT PRIMARY KEY, data TEXT NOT NULL)`,
  // open: an attempt, the media report or the recording may still change it; ready: to be published.
  `CREATE TABLE IF NOT EXISTS cdr_outbox (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     call_id TEXT NOT NULL UNIQUE,
     revision INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('open', 'ready')),
     record TEXT NOT NULL,
     cdr TEXT
   )`,
  `CREATE INDEX IF NOT EXISTS cdr_outbox_state ON cdr_outbox (state, seq)`,
  `CREATE TABLE IF NOT EXISTS cdr_acknowledged (
     seq INTEGER NOT NULL, sink TEXT NOT NULL, PRIMARY KEY (seq, sink)
   ) WITHOUT ROWID`,
];

const KEEP_LIVE =
  'INSERT INTO live_calls (call_id, data) VALUES (?, ?) ON CONFLICT (call_id) DO UPDATE SET data = excluded.data';
const FORGET_LIVE = 'DELETE FROM live_calls WHERE call_id = ?';
const KEEP_RECORD = `INSERT INTO cdr_outbox (call_id, revision, state, record, cdr) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (call_id) DO UPDATE SET
    revision = excluded.revision, state = excluded.state, record = excluded.record, cdr = excluded.cdr`;
const FORGET_ACKNOWLEDGEMENTS =
  'DELETE FROM cdr_acknowledged WHERE seq = (SELECT seq FROM cdr_outbox WHERE call_id = ?)';
const READY_FOR = `SELECT seq, cdr FROM cdr_outbox o WHERE state = 'ready'
  AND NOT EXISTS (SELECT 1 FROM cdr_acknowledged a WHERE a.seq = o.seq AND a.sink = ?) ORDER BY seq LIMIT ?`;
const ACKNOWLEDGE = 'INSERT OR IGNORE INTO cdr_acknowledged (seq, sink) VALUES (?, ?)';
const DROP = `DELETE FROM cdr_outbox WHERE seq = ? AND state = 'ready'
  AND (SELECT count(*) FROM cdr_acknowledged a WHERE a.seq = cdr_outbox.seq) >= ?`;
const DROP_ACKNOWLEDGEMENTS = 'DELETE FROM cdr_acknowledged WHERE seq = ? AND seq NOT IN (SELECT seq FROM cdr_outbox)';

/** What the outbox needs of the journal. */
export interface OutboxJournal {
  commit(entries: readonly JournalEntry[]): Promise<void>;
  query(statement: string, parameters: readonly JournalValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

export interface ReadyCdr {
  readonly seq: number;
  readonly cdr: Cdr;
}

export class Outbox implements CallBooks {
  readonly #journal: OutboxJournal;
  readonly #log: Logger;
  /** Revisions of records that were ready once already, while their call is in this process. */
  readonly #revisions = new Map<string, number>();
  #onReady: () => void = () => {};

  constructor(journal: OutboxJournal, log: Logger) {
    this.#journal = journal;
    this.#log = log;
  }

  /** Called whenever a ready record may have been committed. */
  onReady(listener: () => void): void {
    this.#onReady = listener;
  }

  announce(): void {
    this.#onReady();
  }

  keepLive(call: LiveCall): readonly JournalEntry[] {
    return [{ statement: KEEP_LIVE, parameters: [call.record.callId, JSON.stringify(call)] }];
  }

  keepRecord(record: CallRecord, ready: boolean): readonly JournalEntry[] {
    const revision = this.#revisions.get(record.callId) ?? 1;
    if (ready) this.#revisions.set(record.callId, revision + 1);
    const cdr = ready ? JSON.stringify(toCdr(record, revision)) : null;
    const state = ready ? 'ready' : 'open';
    const entries: JournalEntry[] = [
      { statement: KEEP_RECORD, parameters: [record.callId, revision, state, JSON.stringify(record), cdr] },
    ];
    if (ready) {
      entries.push({ statement: FORGET_LIVE, parameters: [record.callId] });
      if (revision > 1) entries.push({ statement: FORGET_ACKNOWLEDGEMENTS, parameters: [record.callId] });
    }
    return entries;
  }

  commit(entries: readonly JournalEntry[]): Promise<void> {
    return this.#journal.commit(entries);
  }

  /** The call can change its record no more. */
  forget(callId: string): void {
    this.#revisions.delete(callId);
  }

  /** The oldest records that a sink has not acknowledged. */
  async readyFor(sink: string, limit: number): Promise<readonly ReadyCdr[]> {
    const rows = await this.#journal.query(READY_FOR, [sink, limit]);
    return rows.map((row) => ({ seq: Number(row.seq), cdr: cdrSchema.parse(JSON.parse(String(row.cdr))) }));
  }

  /** Notes what a sink has; a record that all `sinkCount` sinks have is dropped. */
  async acknowledge(sink: string, seqs: readonly number[], sinkCount: number): Promise<void> {
    const entries = seqs.flatMap((seq): JournalEntry[] => [
      { statement: ACKNOWLEDGE, parameters: [seq, sink] },
      { statement: DROP, parameters: [seq, sinkCount] },
      { statement: DROP_ACKNOWLEDGEMENTS, parameters: [seq] },
    ]);
    await this.#journal.commit(entries);
  }

  /** Live calls of an earlier process. */
  async leftLive(): Promise<readonly LiveCall[]> {
    const rows = await this.#journal.query('SELECT data FROM live_calls', []);
    return rows.flatMap((row) => this.#read<LiveCall>(row.data));
  }

  /** Records of an earlier process that were still waiting for something. */
  async leftOpen(): Promise<readonly CallRecord[]> {
    const rows = await this.#journal.query("SELECT record FROM cdr_outbox WHERE state = 'open'", []);
    return rows.flatMap((row) => this.#read<CallRecord>(row.record));
  }

  #read<T>(value: unknown): T[] {
    try {
      return [JSON.parse(String(value)) as T];
    } catch (error) {
      this.#log.error({ err: error }, 'journal row cannot be read');
      return [];
    }
  }
}
