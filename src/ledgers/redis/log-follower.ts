// Entries of the shared ledger's log, in the order of their numbers and each once. While the state of Redis is read anew they are
// kept; what is missing, or cannot be applied, is found out, and the state has to be read again.
import type { Logger } from '../../lib/logger.js';

/** Who books what the log says. */
export interface LogReader<E extends { readonly seq: number }> {
  /** Undefined for what another version may have written. @throws when it cannot be read */
  read(message: string): E | undefined;
  apply(entry: E): void;
  /** Entries are missing or, `anew`, one could not be booked: nothing is followed until {@link LogFollower.resumeAt}. */
  onStale(anew: boolean): void;
}

export class LogFollower<E extends { readonly seq: number }> {
  readonly #reader: LogReader<E>;
  readonly #log: Logger;
  /** Number of the last entry that was applied. */
  #seq = 0;
  /** Entries that came while the state was being read; undefined while it follows the log. */
  #kept: string[] | undefined = [];
  #waiting: { readonly seq: number; resolve(reached: boolean): void }[] = [];

  constructor(reader: LogReader<E>, log: Logger) {
    this.#reader = reader;
    this.#log = log;
  }

  get seq(): number {
    return this.#seq;
  }

  get isFollowing(): boolean {
    return this.#kept === undefined;
  }

  /** An entry, as it comes. */
  take(message: string): void {
    if (this.#kept !== undefined) {
      this.#kept.push(message);
      return;
    }
    const entry = this.#read(message);
    const seq = entry?.seq ?? Number.parseInt(message, 10);
    // Not of ours, or of before the state was read.
    if (!Number.isSafeInteger(seq) || seq <= this.#seq) return;
    if (seq !== this.#seq + 1) {
      this.stop();
      this.#reader.onStale(false);
      return;
    }
    this.#seq = seq;
    try {
      if (entry !== undefined) this.#reader.apply(entry);
    } catch (error) {
      this.#log.error({ err: error, alarm: 'defect' }, 'entry of the shared ledger cannot be applied');
      this.stop();
      this.#reader.onStale(true);
    }
    this.#wake();
  }

  /** From now on entries are kept until the state has been read again; who waits for one is told that it did not come. */
  stop(): void {
    this.#kept ??= [];
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve(false);
  }

  /** The state was read, as it was after the entry of this number: the log goes on behind it. */
  resumeAt(seq: number): void {
    this.#seq = seq;
    const kept = this.#kept ?? [];
    this.#kept = undefined;
    for (const message of kept) this.take(message);
  }

  /** Resolves when the entry of this number is applied; false when it may have been missed. */
  reached(seq: number): Promise<boolean> {
    if (this.#seq >= seq) return Promise.resolve(true);
    if (this.#kept !== undefined) return Promise.resolve(false);
    return new Promise((resolve) => this.#waiting.push({ seq, resolve }));
  }

  #read(message: string): E | undefined {
    try {
      return this.#reader.read(message);
    } catch (error) {
      this.#log.error({ err: error }, 'entry of the shared ledger cannot be read');
      return undefined;
    }
  }

  #wake(): void {
    if (this.#waiting.length === 0) return;
    const reached = this.#waiting.filter(({ seq }) => seq <= this.#seq);
    if (reached.length === 0) return;
    this.#waiting = this.#waiting.filter(({ seq }) => seq > this.#seq);
    for (const { resolve } of reached) resolve(true);
  }
}
