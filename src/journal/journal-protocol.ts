// What the journal and its thread say to each other.
import type { JournalEntry, JournalValue, SchemaStatement } from '../lib/journal-entry.js';
import type { Durability, SqliteRow } from './sqlite-file.js';

export interface JournalWorkerData {
  readonly file: string;
  readonly durability: Durability;
  readonly schema: readonly SchemaStatement[];
}

export type ToJournalWorker =
  /** Submissions of one group; each commits or fails by itself, all in one transaction. */
  | { readonly kind: 'group'; readonly groupId: number; readonly submissions: readonly (readonly JournalEntry[])[] }
  | {
      readonly kind: 'query';
      readonly queryId: number;
      readonly statement: string;
      readonly parameters: readonly JournalValue[];
    }
  | { readonly kind: 'close' };

/** Index of a submission in its group, and why it could not be committed. */
export type Failure = readonly [index: number, message: string];

export type FromJournalWorker =
  /** `lastGroupId` and its failures tell what became of a group that was under way when a thread died. */
  | { readonly kind: 'ready'; readonly lastGroupId: number; readonly lastFailures: readonly Failure[] }
  | { readonly kind: 'unavailable'; readonly message: string }
  | { readonly kind: 'group-done'; readonly groupId: number; readonly failures: readonly Failure[] }
  | { readonly kind: 'rows'; readonly queryId: number; readonly rows: readonly SqliteRow[] }
  | { readonly kind: 'query-failed'; readonly queryId: number; readonly message: string };
