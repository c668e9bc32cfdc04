// The ledger's tables in the journal, as entries to write and rows to read.
import type { JournalEntry, JournalValue, SchemaStatement } from '../lib/journal-entry.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { Charge, ReserveRequest } from '../quota/ledger.js';

/** Given to the journal at its start. */
export const LEDGER_SCHEMA: readonly SchemaStatement[] = [
  `CREATE TABLE IF NOT EXISTS reservations (
    reservation_id TEXT PRIMARY KEY,
    call_id TEXT NOT NULL,
    trunk TEXT NOT NULL,
    direction TEXT NOT NULL DEFAULT 'out',
    payers TEXT NOT NULL DEFAULT '',
    channel_id TEXT NOT NULL,
    sim_id TEXT NOT NULL,
    callee TEXT NOT NULL,
    number_class TEXT NOT NULL,
    reserved_wall_ms INTEGER NOT NULL,
    answered_wall_ms INTEGER,
    covered_until_wall_ms INTEGER,
    settled INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID`,
  // History: usage, affinity and spending are computed from these rows alone.
  `CREATE TABLE IF NOT EXISTS settlements (
    sequence INTEGER PRIMARY KEY,
    reservation_id TEXT NOT NULL UNIQUE,
    call_id TEXT NOT NULL,
    trunk TEXT NOT NULL,
    direction TEXT NOT NULL DEFAULT 'out',
    payers TEXT NOT NULL DEFAULT '',
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
  `CREATE TABLE IF NOT EXISTS channel_rests (
    channel_id TEXT PRIMARY KEY,
    until_wall_ms INTEGER NOT NULL
  ) WITHOUT ROWID`,
  ...['reservations', 'settlements'].flatMap((table) =>
    [
      ['direction', "TEXT NOT NULL DEFAULT 'out'"],
      ['payers', "TEXT NOT NULL DEFAULT ''"],
    ].map(([column, type]) => ({
      unless: `SELECT 1 FROM pragma_table_info('${table}') WHERE name = '${column}'`,
      statement: `ALTER TABLE ${table} ADD COLUMN ${column} ${type}`,
    })),
  ),
];

export interface SettlementRecord {
  readonly request: ReserveRequest;
  /** Null for an attempt that was not answered but counts a callee. */
  readonly answeredWallMs: number | null;
  readonly durationMs: number;
  readonly charge: Charge;
  readonly settledWallMs: number;
}

export function insertReservation(request: ReserveRequest): JournalEntry {
  return {
    statement: `INSERT INTO reservations (reservation_id, call_id, trunk, direction, payers, channel_id, sim_id, callee, number_class,
      reserved_wall_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    parameters: [
      request.reservationId,
      request.callId,
      request.trunk,
      request.direction,
      request.payers.join('\n'),
      request.channelId,
      request.simId,
      request.callee,
      request.numberClass,
      request.wallMs,
    ],
  };
}

export function markAnswered(reservationId: string, answeredWallMs: number, coveredUntilWallMs: number): JournalEntry {
  return {
    statement: 'UPDATE reservations SET answered_wall_ms = ?, covered_until_wall_ms = ? WHERE reservation_id = ?',
    parameters: [answeredWallMs, coveredUntilWallMs, reservationId],
  };
}

/** Slices only move forward, also when a late renewal is written after a later one. */
export function markCovered(reservationId: string, coveredUntilWallMs: number): JournalEntry {
  return {
    statement: `UPDATE reservations SET covered_until_wall_ms = max(coalesce(covered_until_wall_ms, 0), ?)
      WHERE reservation_id = ?`,
    parameters: [coveredUntilWallMs, reservationId],
  };
}

export function markSettled(reservationId: string): JournalEntry {
  return { statement: 'UPDATE reservations SET settled = 1 WHERE reservation_id = ?', parameters: [reservationId] };
}

export function deleteReservation(reservationId: string): JournalEntry {
  return { statement: 'DELETE FROM reservations WHERE reservation_id = ?', parameters: [reservationId] };
}

export function insertSettlement({
  request,
  answeredWallMs,
  durationMs,
  charge,
  settledWallMs,
}: SettlementRecord): JournalEntry {
  return {
    statement: `INSERT OR IGNORE INTO settlements (reservation_id, call_id, trunk, direction, payers, channel_id, sim_id, callee, number_class,
      reserved_wall_ms, answered_wall_ms, duration_ms, billed_seconds, cost, currency, estimated, settled_wall_ms)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    parameters: [
      request.reservationId,
      request.callId,
      request.trunk,
      request.direction,
      request.payers.join('\n'),
      request.channelId,
      request.simId,
      request.callee,
      request.numberClass,
      request.wallMs,
      answeredWallMs,
      durationMs,
      charge.billedSeconds,
      charge.cost,
      charge.currency,
      charge.estimated ? 1 : 0,
      settledWallMs,
    ],
  };
}

export function keepRest(channelId: string, untilWallMs: number): JournalEntry {
  return {
    statement: `INSERT INTO channel_rests VALUES (?, ?)
      ON CONFLICT (channel_id) DO UPDATE SET until_wall_ms = excluded.until_wall_ms`,
    parameters: [channelId, untilWallMs],
  };
}

// ---- reading ---------------------------------------------------------------------------------------------------------

export type Row = Readonly<Record<string, JournalValue>>;

/** Where rows come from: the running journal, or its file opened for reading. */
export type RowSource = (statement: string, parameters: readonly JournalValue[]) => Promise<readonly Row[]>;

export interface ReservationRow {
  readonly request: ReserveRequest;
  readonly answeredWallMs: number | null;
  readonly coveredUntilWallMs: number | null;
  readonly settled: boolean;
}

export async function readReservations(rows: RowSource): Promise<ReservationRow[]> {
  const found = await rows('SELECT * FROM reservations', []);
  return found.map((row) => ({
    request: requestOf(row),
    answeredWallMs: numberOrNull(row.answered_wall_ms),
    coveredUntilWallMs: numberOrNull(row.covered_until_wall_ms),
    settled: row.settled === 1,
  }));
}

const PAGE_ROWS = 20_000;

/** Settled history since an instant, in the order in which it was settled, page by page. */
export async function* readSettlements(rows: RowSource, sinceWallMs: number): AsyncGenerator<SettlementRecord> {
  for (let after = 0; ; ) {
    const page = await rows(
      'SELECT * FROM settlements WHERE sequence > ? AND settled_wall_ms >= ? ORDER BY sequence LIMIT ?',
      [after, sinceWallMs, PAGE_ROWS],
    );
    for (const row of page) yield settlementOf(row);
    if (page.length < PAGE_ROWS) return;
    after = Number(page.at(-1)?.sequence);
  }
}

export async function readSettlement(rows: RowSource, reservationId: string): Promise<SettlementRecord | undefined> {
  const [row] = await rows('SELECT * FROM settlements WHERE reservation_id = ?', [reservationId]);
  return row === undefined ? undefined : settlementOf(row);
}

export async function readRests(rows: RowSource): Promise<{ channelId: string; untilWallMs: number }[]> {
  const found = await rows('SELECT * FROM channel_rests', []);
  return found.map((row) => ({ channelId: String(row.channel_id), untilWallMs: Number(row.until_wall_ms) }));
}

function requestOf(row: Row): ReserveRequest {
  return {
    reservationId: String(row.reservation_id),
    callId: String(row.call_id),
    trunk: String(row.trunk),
    direction: row.direction === 'in' ? 'in' : 'out',
    payers: row.payers === undefined || row.payers === null ? [] : payersOf(String(row.payers)),
    channelId: String(row.channel_id),
    simId: String(row.sim_id),
    callee: String(row.callee),
    numberClass: String(row.number_class) as NumberClass,
    wallMs: Number(row.reserved_wall_ms),
  };
}

/** Names of payers hold no line break. */
function payersOf(text: string): readonly string[] {
  return text === '' ? [] : text.split('\n');
}

function settlementOf(row: Row): SettlementRecord {
  const request = requestOf(row);
  return {
    request,
    answeredWallMs: numberOrNull(row.answered_wall_ms),
    durationMs: Number(row.duration_ms),
    charge: {
      reservationId: request.reservationId,
      simId: request.simId,
      billedSeconds: Number(row.billed_seconds),
      cost: String(row.cost),
      currency: String(row.currency),
      estimated: row.estimated === 1,
    },
    settledWallMs: Number(row.settled_wall_ms),
  };
}

function numberOrNull(value: JournalValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}
