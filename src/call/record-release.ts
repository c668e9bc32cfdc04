// When a call's record goes to the books: as it stands at the call's end, and released once nothing can change it any more
// and everything that the call committed before is in the journal (docs/decisions/when-a-cdr-is-published.md).
import type { JournalEntry } from '../lib/journal-entry.js';
import type { CallRecord } from './call-record.js';
import type { CallBooks } from './ports.js';

export interface RecordSource {
  /** The record as it stands. */
  record(): CallRecord;
  /** Nothing that the record tells of is still to come, or none that it waits for. */
  isComplete(): boolean;
  /** A commit has ended, well or not. */
  onCommitted(): void;
  onFailed(what: string, error: unknown): void;
}

export class RecordRelease {
  readonly #books: CallBooks;
  readonly #source: RecordSource;
  /** Commits under way: one that came after the release would bring back what that replaced. */
  #uncommitted = 0;
  /** Number of the last released revision. */
  #revision = 0;
  /** The record has changed since it was last released. */
  #isUnreleased = false;

  constructor(books: CallBooks, source: RecordSource) {
    this.#books = books;
    this.#source = source;
  }

  /** Whether commits are under way. */
  get isBusy(): boolean {
    return this.#uncommitted > 0;
  }

  /** Entries that keep the record, to be committed with a step of the ledger; they release it when they may. */
  entries(): readonly JournalEntry[] {
    // What is released already is not taken back: the next revision tells, and no later commit than that brings a live call back.
    this.#isUnreleased = !this.#source.isComplete() || (this.isBusy && this.#revision === 0);
    if (!this.#isUnreleased) this.#revision += 1;
    else if (this.#revision > 0) return [];
    return this.#books.keepRecord(this.#source.record(), this.#isUnreleased ? null : this.#revision);
  }

  /** Keeps the record by itself; of a call that is not over it keeps nothing. */
  write(): void {
    if (this.#source.record().endReason === null) return;
    // A commit under way holds back nothing but the release, which follows it.
    if (this.#source.isComplete() && this.isBusy) this.#isUnreleased = true;
    else this.track('record', this.#books.commit(this.entries()));
  }

  /** Has the release wait for a commit. */
  track(what: string, commit: Promise<unknown>): void {
    this.#uncommitted += 1;
    commit
      .catch((error) => this.#source.onFailed(what, error))
      .finally(() => {
        this.#uncommitted -= 1;
        if (this.#revision > 0) this.#books.announce();
        if (this.#isUnreleased && this.#source.isComplete()) this.write();
        this.#source.onCommitted();
      });
  }
}
