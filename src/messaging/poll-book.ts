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
const KEEP_PLACE = `INSERT INTO message_polls (gateway, question, data) VALUES (?, ?, ?)
  ON CONFLICT (gateway, question) DO UPDATE SET data = excluded.data`;
const KEEP_SEEN = 'INSERT OR IGNORE INTO polled_entries (gateway, identity) SELECT ?, value FROM json_each(?)';
const SEEN = 'SELECT identity FROM polled_entries WHERE gateway = ? AND identity IN (SELECT value FROM json_each(?))';
const FORGET = `DELETE FROM polled_entries WHERE gateway = ? AND seen <=
  (SELECT seen FROM polled_entries WHERE gateway = ? ORDER BY seen DESC LIMIT 1 OFFSET ?)`;
/** Of each gateway: more than any of them stores. */
const MOST_REMEMBERED = 50_000;

export class PollBook {
  readonly #journal: StoreJournal;

  constructor(journal: StoreJournal) {
    this.#journal = journal;
  }

  /** Null while a question has not been answered yet, or what was kept cannot be read. */
  async place(gateway: string, question: string): Promise<PollPlace | null> {
    const statement = 'SELECT data FROM message_polls WHERE gateway = ? AND question = ?';
    const [row] = await this.#journal.query(statement, [gateway, question]);
    try {
      const { at, last, epoch } = JSON.parse(String(row?.data)) as PollPlace;
      return typeof at === 'string' ? { at, last: last ?? null, epoch: epoch ?? null } : null;
    } catch {
      return null;
    }
  }

  /** Those of `identities` that were seen before. */
  async seen(gateway: string, identities: readonly string[]): Promise<ReadonlySet<string>> {
    if (identities.length === 0) return new Set();
    const rows = await this.#journal.query(SEEN, [gateway, JSON.stringify(identities)]);
    return new Set(rows.map(({ identity }) => String(identity)));
  }

  /** In one transaction. Left out: a question without a place. */
  async keep(gateway: string, question: string, place: PollPlace | null, seen: readonly string[]): Promise<void> {
    const entries: JournalEntry[] = [];
    if (place !== null) entries.push({ statement: KEEP_PLACE, parameters: [gateway, question, JSON.stringify(place)] });
    if (seen.length > 0) {
      entries.push({ statement: KEEP_SEEN, parameters: [gateway, JSON.stringify(seen)] });
      entries.push({ statement: FORGET, parameters: [gateway, gateway, MOST_REMEMBERED] });
    }
    if (entries.length > 0) await this.#journal.commit(entries);
  }
}
