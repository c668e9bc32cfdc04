// Commits groups of submissions to one SQLite file: one transaction a group, and one bad submission never fails another.
// Each group leaves its number in the file, so that after a crash of the thread it is known whether it was committed.
import type { JournalEntry, SchemaStatement } from '../lib/journal-entry.js';
import type { Failure } from './journal-protocol.js';
import type { SqliteFile } from './sqlite-file.js';

const STATE_SCHEMA = `
CREATE TABLE IF NOT EXISTS journal_state (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  last_group_id INTEGER NOT NULL,
  last_failures TEXT NOT NULL
)`;

export class GroupCommitter {
  readonly #sqlite: SqliteFile;

  constructor(sqlite: SqliteFile, schema: readonly SchemaStatement[]) {
    this.#sqlite = sqlite;
    sqlite.execute(STATE_SCHEMA);
    sqlite.run("INSERT OR IGNORE INTO journal_state VALUES (1, 0, '[]')", []);
    for (const step of schema) {
      if (typeof step === 'string') sqlite.execute(step);
      else if (sqlite.query(step.unless, []).length === 0) sqlite.execute(step.statement);
    }
  }

  lastGroup(): { lastGroupId: number; lastFailures: readonly Failure[] } {
    const [row] = this.#sqlite.query('SELECT last_group_id, last_failures FROM journal_state', []);
    return {
      lastGroupId: Number(row?.last_group_id ?? 0),
      lastFailures: JSON.parse(String(row?.last_failures ?? '[]')) as Failure[],
    };
  }

  /** Returns the submissions that were not committed. Never throws. */
  commit(groupId: number, submissions: readonly (readonly JournalEntry[])[]): readonly Failure[] {
    try {
      return this.#transaction(groupId, submissions, 'together');
    } catch {
      // Something in the group is bad, or the disk is full: find out which, one savepoint a submission.
    }
    try {
      return this.#transaction(groupId, submissions, 'one by one');
    } catch (error) {
      const message = messageOf(error);
      return submissions.map((_, index): Failure => [index, message]);
    }
  }

  #transaction(
    groupId: number,
    submissions: readonly (readonly JournalEntry[])[],
    manner: 'together' | 'one by one',
  ): readonly Failure[] {
    const sqlite = this.#sqlite;
    const failures: Failure[] = [];
    sqlite.run('BEGIN IMMEDIATE', []);
    try {
      for (const [index, entries] of submissions.entries()) {
        if (manner === 'together') this.#apply(entries);
        else {
          const message = this.#applyAlone(entries);
          if (message !== undefined) failures.push([index, message]);
        }
      }
      sqlite.run('UPDATE journal_state SET last_group_id = ?, last_failures = ?', [groupId, JSON.stringify(failures)]);
      sqlite.run('COMMIT', []);
      return failures;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (SQLITE_FULL, SQLITE_IOERR).
      if (sqlite.inTransaction) sqlite.run('ROLLBACK', []);
      throw error;
    }
  }

  #apply(entries: readonly JournalEntry[]): void {
    for (const { statement, parameters } of entries) this.#sqlite.run(statement, parameters);
  }

  #applyAlone(entries: readonly JournalEntry[]): string | undefined {
    this.#sqlite.run('SAVEPOINT submission', []);
    try {
      this.#apply(entries);
      this.#sqlite.run('RELEASE submission', []);
      return undefined;
    } catch (error) {
      if (!this.#sqlite.inTransaction) throw error;
      this.#sqlite.run('ROLLBACK TO submission', []);
      this.#sqlite.run('RELEASE submission', []);
      return messageOf(error);
    }
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
