// One statement for the journal. Kept in lib so that the domain can pass entries on without knowing the journal.

export type JournalValue = string | number | null;

/** One SQL statement with its positional parameters; entries submitted together commit together or not at all. */
export interface JournalEntry {
  readonly statement: string;
  readonly parameters: readonly JournalValue[];
}

/** A statement run at every start (`CREATE … IF NOT EXISTS`), or one run while a question has no row: a migration. */
export type SchemaStatement = string | { readonly unless: string; readonly statement: string };
