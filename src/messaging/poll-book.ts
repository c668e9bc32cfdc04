// What the pollers keep in the journal: how far each question has been read, and what was seen, so that after a restart, or when a
// gateway's store begins anew, nothing is taken twice.
import type { JournalEntry, SchemaStatement } from '../lib/journal-entry.js';
import type { StoreJournal } from './message-store.js';
import type { PollPlace } from './poll-place.js';

/** Tables, given to the journal at its start. */
export const POLL_SCHEMA: readonly SchemaStatement[] = [
  `CREATE TABLE IF NOT EXISTS message_polls (gateway TEXT NOT NULL, question TEXT NOT NULL, data TEXT NOT NULL,
     PRIMARY KEY (gateway, question)) WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS polled_entries (
     seen INTEGER PRIMARY KEY AUTOINCREMENT, gateway TEXT NOT NULL, identity TEXT NOT NULL, UNIQUE (gateway, identity))`,
  'CREATE INDEX IF NOT EXISTS polled_entries_in_order ON polled_entries (gateway, seen)',
];
const KEEP_READING = `INSERT INTO message_polls (gateway, question, data) VALUES (?, ?, ?)
  ON CONFLICT (gateway, question) DO UPDATE SET data = excluded.data`;
const KEEP_SEEN = 'INSERT OR IGNORE INTO polled_entries (gateway, identity) SELECT ?, value FROM json_each(?)';
const SEEN = 'SELECT identity FROM polled_entries WHERE gateway = ? AND identity IN (SELECT value FROM json_each(?))';
const FORGET = `DELETE FROM polled_entries WHERE gateway = ? AND seen <=
  (SELECT seen FROM polled_entries WHERE gateway = ? ORDER BY seen DESC LIMIT 1 OFFSET ?)`;
/** Of each gateway: more than any of them stores. */
const MOST_REMEMBERED = 50_000;

/** How far a question has been read. */
export interface PollReading {
  /** Null for a question without a cursor, and for one that has not been answered yet. */
  readonly place: PollPlace | null;
  /** All that was there when it was first asked has been read. */
  readonly hasCaughtUp: boolean;
}

export class PollBook {
  readonly #journal: StoreJournal;

  constructor(journal: StoreJournal) {
    this.#journal = journal;
  }

  /** As of one that was never asked, when what was kept cannot be read. */
  async reading(gateway: string, question: string): Promise<PollReading> {
    const statement = 'SELECT data FROM message_polls WHERE gateway = ? AND question = ?';
    const [row] = await this.#journal.query(statement, [gateway, question]);
    const kept = keptAs(row?.data);
    if (kept === null) return { place: null, hasCaughtUp: false };
    const { at, last = null, epoch = null, hasCaughtUp = false } = kept;
    return { place: typeof at === 'string' ? { at, last, epoch } : null, hasCaughtUp };
  }

  /** Those of `identities` that were seen before. */
  async seen(gateway: string, identities: readonly string[]): Promise<ReadonlySet<string>> {
    if (identities.length === 0) return new Set();
    const rows = await this.#journal.query(SEEN, [gateway, JSON.stringify(identities)]);
    return new Set(rows.map(({ identity }) => String(identity)));
  }

  /** In one transaction, with `more`; null: the question is where it was. */
  async keep(
    gateway: string,
    question: string,
    reading: PollReading | null,
    seen: readonly string[] = [],
    more: readonly JournalEntry[] = [],
  ): Promise<void> {
    const entries: JournalEntry[] = [...more];
    if (reading !== null) {
      const data = JSON.stringify({ ...reading.place, hasCaughtUp: reading.hasCaughtUp });
      entries.push({ statement: KEEP_READING, parameters: [gateway, question, data] });
    }
    if (seen.length > 0) {
      entries.push({ statement: KEEP_SEEN, parameters: [gateway, JSON.stringify(seen)] });
      entries.push({ statement: FORGET, parameters: [gateway, gateway, MOST_REMEMBERED] });
    }
    if (entries.length > 0) await this.#journal.commit(entries);
  }
}

/** Null for what cannot be read. */
function keptAs(data: unknown): (Partial<PollPlace> & { readonly hasCaughtUp?: boolean }) | null {
  try {
    const value: unknown = JSON.parse(String(data));
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
