// Writes of the ledger that must not be forgotten: each is tried until the journal has it, and those of one call come to
// the journal in the order in which they were made, so that one which took long never undoes what came after it.
import type { Journal } from '../journal/journal.js';
import type { Clock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';

/** A commit that failed is tried again after this pause, until it succeeds. */
const RETRY_PAUSE_MS = 1_000;

export class OrderedWrites {
  readonly #journal: Journal;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** The last write of each call that is not done yet. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #failing = new Set<string>();

  constructor({ journal, clock, log }: { readonly journal: Journal; readonly clock: Clock; readonly log: Logger }) {
    this.#journal = journal;
    this.#clock = clock;
    this.#log = log;
  }

  /** True while a write of this call has failed and is to be tried again. */
  isFailing(callId: string): boolean {
    return this.#failing.has(callId);
  }

  /** Takes a step when all earlier ones of the call are done; at once when there are none. */
  inOrder(callId: string, step: () => Promise<void>): Promise<void> {
    const before = this.#last.get(callId);
    const done = before === undefined ? step() : before.then(step);
    const over = done.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(callId, over);
    void over.then(() => {
      if (this.#last.get(callId) === over) this.#last.delete(callId);
    });
    return done;
  }

  /** Resolves when everything that was given by now is written, or never will be. */
  async written(): Promise<void> {
    await Promise.all(this.#last.values());
  }

  /** Commits, however often it takes, until the journal is closed: a step that has happened must not be forgotten. */
  persist(callId: string, entries: readonly JournalEntry[], step: string): Promise<void> {
    return this.inOrder(callId, () => this.#write(callId, entries, step));
  }

  /**
   * Writes what a later write makes good, once. Resolves also when that fails, and at once behind a write that is being tried
   * again: what it tells of is true in memory, and a live call goes on.
   */
  once(callId: string, entries: readonly JournalEntry[], step: string): Promise<void> {
    const isBlocked = this.isFailing(callId);
    const written = this.inOrder(callId, () => this.#journal.commit(entries)).catch((err) =>
      this.#log.error({ err, step, alarm: 'journal' }, 'ledger record not written; a later one makes it good'),
    );
    return isBlocked ? Promise.resolve() : written;
  }

  /** As `persist`, for what nobody waits for; `unless` resolves to whether it need not be written. */
  inBackground(
    callId: string,
    entries: readonly JournalEntry[],
    step: string,
    unless: Promise<boolean> = Promise.resolve(false),
  ): void {
    this.inOrder(callId, async () => {
      if (!(await unless)) await this.#write(callId, entries, step);
    }).catch((error) => this.#log.error({ err: error, step }, 'ledger record lost at the end'));
  }

  async #write(callId: string, entries: readonly JournalEntry[], step: string): Promise<void> {
    try {
      while (!(await this.#isWritten(entries, step))) {
        this.#failing.add(callId);
        await new Promise<void>((resolve) => {
          this.#clock.after(RETRY_PAUSE_MS, resolve);
        });
      }
    } finally {
      this.#failing.delete(callId);
    }
  }

  async #isWritten(entries: readonly JournalEntry[], step: string): Promise<boolean> {
    try {
      await this.#journal.commit(entries);
      return true;
    } catch (error) {
      if (!this.#journal.isOpen) throw error;
      this.#log.error({ err: error, step }, 'ledger record not written; it is tried again');
      return false;
    }
  }
}
