// The ledger's tables in the journal, given to it at its start.
import type { SchemaStatement } from '../lib/journal-entry.js';

export const LEDGER_SCHEMA: readonly SchemaStatement[] = [
  `CREATE TABLE IF NOT EXISTS reservations (
    reservation_id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    trunk TEXT NOT NULL,
    direction TEXT NOT NULL DEFAULT 'out',
    payers TEXT,
    channel_id TEXT NOT NULL,
    sim_id TEXT NOT NULL,
    callee TEXT NOT NULL,
    number_class TEXT NOT NULL,
    reserved_wall_ms INTEGER NOT NULL,
    answered_wall_ms INTEGER,
    covered_until_wall_ms INTEGER,
    settled INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID`,
  // History: usage, affinity, attempts and spending are computed from these rows and from adjustments alone.
  `CREATE TABLE IF NOT EXISTS settlements (
    sequence INTEGER PRIMARY KEY,
    reservation_id TEXT NOT NULL UNIQUE,
    call_id TEXT NOT NULL,
    trunk TEXT NOT NULL,
    direction TEXT NOT NULL DEFAULT 'out',
    payers TEXT,
    channel_id TEXT NOT NULL,
    sim_id TEXT NOT NULL,
    callee TEXT NOT NULL,
    number_class TEXT NOT NULL,
    reserved_wall_ms INTEGER NOT NULL,
    answered_wall_ms INTEGER,
    duration_ms REAL NOT NULL,
    billed_seconds INTEGER NOT NULL,
    cost TEXT NOT NULL,
    currency TEXT NOT NULL,
    estimated INTEGER NOT NULL,
    settled_wall_ms INTEGER NOT NULL
  )`,
  'CREATE INDEX IF NOT EXISTS settlements_by_time ON settlements (settled_wall_ms)',
  // Corrections, each with who asked for it and why; numbered in one row with settlements: the order is what costs follow.
  `CREATE TABLE IF NOT EXISTS adjustments (
    sequence INTEGER PRIMARY KEY,
    adjustment_id TEXT NOT NULL UNIQUE,
    holder TEXT NOT NULL,
    allowance_id TEXT NOT NULL,
    amount INTEGER NOT NULL,
    reason TEXT NOT NULL,
    by_whom TEXT NOT NULL,
    wall_ms INTEGER NOT NULL,
    made_wall_ms INTEGER
  )`,
  `CREATE TABLE IF NOT EXISTS channel_rests (
    channel_id TEXT PRIMARY KEY,
    until_wall_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  // Of a text message: its kind and how many; null for a call.
  ...['reservations', 'settlements'].map((table) => ({
    unless: `SELECT 1 FROM pragma_table_info('${table}') WHERE name = 'message'`,
    statement: `ALTER TABLE ${table} ADD COLUMN message TEXT`,
  })),
  // When the slice up to which a call is covered was asked for: null where that was at its answer, and in files of an earlier version.
  {
    unless: "SELECT 1 FROM pragma_table_info('reservations') WHERE name = 'renewed_wall_ms'",
    statement: 'ALTER TABLE reservations ADD COLUMN renewed_wall_ms INTEGER',
  },
  // Files of an earlier version do not say when an adjustment was made.
  {
    unless: "SELECT 1 FROM pragma_table_info('adjustments') WHERE name = 'made_wall_ms'",
    statement: 'ALTER TABLE adjustments ADD COLUMN made_wall_ms INTEGER',
  },
  // Files of the first version have no directions and payers: all calls went out, and their trunk alone paid (null).
  ...['reservations', 'settlements'].flatMap((table) =>
    [
      ['direction', "TEXT NOT NULL DEFAULT 'out'"],
      ['payers', 'TEXT'],
    ].map(([column, type]) => ({
      unless: `SELECT 1 FROM pragma_table_info('${table}') WHERE name = '${column}'`,
      statement: `ALTER TABLE ${table} ADD COLUMN ${column} ${type}`,
    })),
  ),
];
