// The only file that knows the SQLite driver (libsql, its synchronous API); another driver is swapped in here.
import Database from 'libsql';
import { SimtrunkError } from '../lib/errors.js';
import type { JournalValue } from '../lib/journal-entry.js';

export type SqliteRow = Readonly<Record<string, JournalValue>>;

export type Durability =
  /** Survives a killed process; a power cut may lose the last commits, never the file. */
  | 'process'
  /** Each commit is on the disk before it is reported. */
  | 'power';

const MAX_CACHED_STATEMENTS = 256;

export class SqliteFile {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  /** Opens or creates the file in WAL mode. @throws the driver's error */
  constructor(file: string, durability: Durability) {
    this.#database = new Database(file);
    this.#database.exec('PRAGMA journal_mode = WAL');
    this.#database.exec(`PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
    this.#database.exec('PRAGMA busy_timeout = 1000');
    this.#database.exec('PRAGMA temp_store = MEMORY');
  }

  get inTransaction(): boolean {
    return this.#database.inTransaction;
  }

  execute(script: string): void {
    this.#database.exec(script);
  }

  run(statement: string, parameters: readonly JournalValue[]): void {
    this.#prepare(statement).run(parameters);
  }

  query(statement: string, parameters: readonly JournalValue[]): SqliteRow[] {
    return this.#prepare(statement).all(parameters) as SqliteRow[];
  }

  close(): void {
    this.#statements.clear();
    this.#database.close();
  }

  #prepare(statement: string): Database.Statement {
    const known = this.#statements.get(statement);
    if (known !== undefined) return known;
    const prepared = this.#database.prepare(statement);
    if (this.#statements.size >= MAX_CACHED_STATEMENTS) this.#statements.clear();
    this.#statements.set(statement, prepared);
    return prepared;
  }
}

/** Takes a lock that the kernel frees when the process dies, however it dies; undefined when another holds it. */
export function lockFile(file: string): { release(): void } | undefined {
  const database = new Database(file);
  try {
    database.exec('PRAGMA busy_timeout = 0');
    database.exec('PRAGMA journal_mode = DELETE');
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return {
    release() {
      database.exec('ROLLBACK');
      database.close();
    },
  };
}

/**
 * Opens a file that another process may be writing, for questions only; nothing is created.
 * @throws SimtrunkError JOURNAL_UNAVAILABLE
 */
export function openForReading(file: string): SqliteFile {
  try {
    const sqlite = new SqliteFile(file, 'process');
    sqlite.execute('PRAGMA query_only = 1');
    return sqlite;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message = `Cannot read the journal ${file}: ${why}. Look at ledger.file and --data, and at who may read it.`;
    throw new SimtrunkError('JOURNAL_UNAVAILABLE', message, { cause });
  }
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    /SQLITE_BUSY|SQLITE_LOCKED|locked/i.test(`${(error as { code?: string }).code} ${error.message}`)
  );
}
