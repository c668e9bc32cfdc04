// The outbox: a call's record is committed here with its settlement, and leaves only when every sink has it.
// Live calls have a row here too, so that the end of a call replaces one by the other in one transaction.
import type { CallRecord } from '../call/call-record.js';
import type { CallBooks, LiveCall } from '../call/ports.js';
import type { Clock } from '../lib/clock.js';
import type { JournalEntry, JournalValue } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import { anyCdrSchema } from './cdr.js';
import { type MessageRecord, messageRecordSchema } from './message-record.js';
import { isMessageRecord, type PublishedRecord } from './sink.js';
import { toCdr } from './to-cdr.js';

/** Tables of the outbox; handed to the journal when it opens. */
export const OUTBOX_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS live_calls (call_id TEXT PRIMARY KEY, data TEXT NOT NULL)`,
  // open (revision 0): an attempt, the media report or the recording may still change it; ready: to be published.
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
/** An older revision that commits late never replaces a newer one. */
const KEEP_RECORD = `INSERT INTO cdr_outbox (call_id, revision, state, record, cdr) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (call_id) DO UPDATE SET
    revision = excluded.revision, state = excluded.state, record = excluded.record, cdr = excluded.cdr
    WHERE excluded.revision >= cdr_outbox.revision`;
const FORGET_ACKNOWLEDGEMENTS =
  'DELETE FROM cdr_acknowledged WHERE seq = (SELECT seq FROM cdr_outbox WHERE call_id = ?)';
const READY_FOR = `SELECT seq, revision, cdr FROM cdr_outbox o WHERE state = 'ready'
  AND NOT EXISTS (SELECT 1 FROM cdr_acknowledged a WHERE a.seq = o.seq AND a.sink = ?) ORDER BY seq LIMIT ?`;
/** Of the revision that the sink was given: a newer one may have taken its place meanwhile. */
const ACKNOWLEDGE = `INSERT OR IGNORE INTO cdr_acknowledged (seq, sink)
  SELECT seq, ? FROM cdr_outbox WHERE seq = ? AND revision = ?`;
const DROP = `DELETE FROM cdr_outbox WHERE seq = ? AND revision = ? AND state = 'ready'
  AND NOT EXISTS (SELECT 1 FROM json_each(?) AS sink WHERE NOT EXISTS (
    SELECT 1 FROM cdr_acknowledged a WHERE a.seq = cdr_outbox.seq AND a.sink = sink.value))`;
const DROP_ACKNOWLEDGEMENTS = 'DELETE FROM cdr_acknowledged WHERE seq = ? AND seq NOT IN (SELECT seq FROM cdr_outbox)';

/** A commit that failed (a full disk) is tried again after this pause, until it succeeds. */
const RETRY_PAUSE_MS = 1_000;

/** What the outbox needs of the journal. */
export interface OutboxJournal {
  /** False once it is being closed. */
  readonly isOpen: boolean;
  commit(entries: readonly JournalEntry[]): Promise<void>;
  query(statement: string, parameters: readonly JournalValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** Of a call, or of a text message. */
export interface ReadyCdr {
  readonly seq: number;
  readonly revision: number;
  readonly cdr: PublishedRecord;
}

export class Outbox implements CallBooks {
  readonly #journal: OutboxJournal;
  readonly #clock: Clock;
  readonly #log: Logger;
  #onReady: () => void = () => {};

  constructor(journal: OutboxJournal, clock: Clock, log: Logger) {
    this.#journal = journal;
    this.#clock = clock;
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

  keepRecord(record: CallRecord, revision: number | null): readonly JournalEntry[] {
    const { callId } = record;
    const json = JSON.stringify(record);
    if (revision === null) return [{ statement: KEEP_RECORD, parameters: [callId, 0, 'open', json, null] }];
    const cdr = JSON.stringify(toCdr(record, revision));
    return [
      { statement: KEEP_RECORD, parameters: [callId, revision, 'ready', json, cdr] },
      { statement: FORGET_LIVE, parameters: [callId] },
      ...(revision > 1 ? [{ statement: FORGET_ACKNOWLEDGEMENTS, parameters: [callId] }] : []),
    ];
  }

  /** Of a text message, which is over; published beside those of calls. */
  keepMessage(record: MessageRecord): readonly JournalEntry[] {
    const { messageId, revision } = record;
    const json = JSON.stringify(record);
    return [
      { statement: KEEP_RECORD, parameters: [messageId, revision, 'ready', '{}', json] },
      ...(revision > 1 ? [{ statement: FORGET_ACKNOWLEDGEMENTS, parameters: [messageId] }] : []),
    ];
  }

  async commit(entries: readonly JournalEntry[]): Promise<void> {
    for (;;) {
      try {
        await this.#journal.commit(entries);
        return;
      } catch (error) {
        if (!this.#journal.isOpen) throw error;
        this.#log.error({ err: error, alarm: 'journal' }, 'record not written; it is tried again');
        await new Promise<void>((resolve) => {
          this.#clock.after(RETRY_PAUSE_MS, resolve);
        });
      }
    }
  }

  /** The oldest records that a sink has not acknowledged. */
  async readyFor(sink: string, limit: number): Promise<readonly ReadyCdr[]> {
    const rows = await this.#journal.query(READY_FOR, [sink, limit]);
    return rows.flatMap((row) => {
      const seq = Number(row.seq);
      // One that does not fit is still evidence, and must not hold up those behind it.
      return this.#read<PublishedRecord>(row.cdr).map((cdr) => {
        const isMessage = isMessageRecord(cdr);
        const { success, error } = (isMessage ? messageRecordSchema : anyCdrSchema).safeParse(cdr);
        const id = isMessage ? cdr.messageId : cdr.callId;
        if (!success) this.#log.error({ id, err: error }, 'record does not fit its schema');
        return { seq, revision: Number(row.revision), cdr };
      });
    });
  }

  /** Notes what a sink has; a record that all of `sinks` have is dropped. */
  async acknowledge(sink: string, written: readonly ReadyCdr[], sinks: readonly string[]): Promise<void> {
    const names = JSON.stringify(sinks);
    const entries = written.flatMap(({ seq, revision }): JournalEntry[] => [
      { statement: ACKNOWLEDGE, parameters: [sink, seq, revision] },
      { statement: DROP, parameters: [seq, revision, names] },
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
