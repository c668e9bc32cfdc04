// A journal whose process may die after any of its commits.
import type { SqliteFile } from '../../journal/sqlite-file.js';
import type { JournalEntry, JournalValue } from '../../lib/journal-entry.js';
import { TypedEmitter } from '../../lib/typed-events.js';

/** Commits at once, as many times as it may: then the process is dead, and says nothing any more. */
export class MortalJournal {
  readonly events = new TypedEmitter(() => {});
  readonly isOpen = true;
  readonly isStalled = false;
  commitsLeft = Number.POSITIVE_INFINITY;
  readonly #sqlite: SqliteFile;

  constructor(sqlite: SqliteFile) {
    this.#sqlite = sqlite;
  }

  commit(entries: readonly JournalEntry[]): Promise<void> {
    if (this.commitsLeft <= 0) return new Promise(() => {});
    this.commitsLeft -= 1;
    this.#sqlite.execute('BEGIN');
    for (const { statement, parameters } of entries) this.#sqlite.run(statement, parameters);
    this.#sqlite.execute('COMMIT');
    return Promise.resolve();
  }

  query(statement: string, parameters: readonly JournalValue[] = []) {
    return Promise.resolve(this.#sqlite.query(statement, parameters));
  }
}
