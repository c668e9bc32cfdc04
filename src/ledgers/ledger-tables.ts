// What the ledger writes to its tables, as entries for the journal, and the rows of what is not over yet.
import type { JournalEntry, JournalValue } from '../lib/journal-entry.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { Charge, PastAdjustment, ReserveRequest } from '../quota/ledger.js';
import type { MessageKind } from '../quota/plan.js';
import type { MessageLoad } from '../quota/usage.js';

export interface SettlementRecord {
  /** Place in history, shared with adjustments: the order in which memory booked. */
  readonly sequence: number;
  readonly request: ReserveRequest;
  /** Null for an attempt that was not answered. */
  readonly answeredWallMs: number | null;
  readonly durationMs: number;
  readonly charge: Charge;
  readonly settledWallMs: number;
}

const INSERT_RESERVATION = `INSERT INTO reservations (reservation_id, call_id, trunk, direction, payers, channel_id, sim_id,
  callee, number_class, reserved_wall_ms, covered_until_wall_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
/** Calls are many, and write what they need. */
const INSERT_MESSAGE_RESERVATION = INSERT_RESERVATION.replace('_wall_ms)', '_wall_ms, message)').replace('?)', '?, ?)');

/** `coveredUntilWallMs`: what its payers hold, as if it were answered now; null when nothing is held of anybody. */
export function insertReservation(request: ReserveRequest, coveredUntilWallMs: number | null): JournalEntry {
  const parameters = requestParameters(request, coveredUntilWallMs);
  if (request.message === undefined) return { statement: INSERT_RESERVATION, parameters };
  return { statement: INSERT_MESSAGE_RESERVATION, parameters: [...parameters, messageText(request.message)] };
}

export function markAnswered(reservationId: string, answeredWallMs: number, coveredUntilWallMs: number): JournalEntry {
  return {
    statement: 'UPDATE reservations SET answered_wall_ms = ?, covered_until_wall_ms = ? WHERE reservation_id = ?',
    parameters: [answeredWallMs, coveredUntilWallMs, reservationId],
  };
}

/** Slices only move forward, also when a late renewal is written after a later one. */
export function markCovered(reservationId: string, coveredUntilWallMs: number, renewedWallMs: number): JournalEntry {
  return {
    statement: `UPDATE reservations SET covered_until_wall_ms = max(coalesce(covered_until_wall_ms, 0), ?),
      renewed_wall_ms = max(coalesce(renewed_wall_ms, 0), ?) WHERE reservation_id = ?`,
    parameters: [coveredUntilWallMs, renewedWallMs, reservationId],
  };
}

export function markSettled(reservationId: string): JournalEntry {
  return { statement: 'UPDATE reservations SET settled = 1 WHERE reservation_id = ?', parameters: [reservationId] };
}

export function deleteReservation(reservationId: string): JournalEntry {
  return { statement: 'DELETE FROM reservations WHERE reservation_id = ?', parameters: [reservationId] };
}

/** The same reservation again changes nothing; anything else that does not fit fails, and is never passed over. */
const INSERT_SETTLEMENT = `INSERT INTO settlements (reservation_id, call_id, trunk, direction, payers, channel_id, sim_id,
  callee, number_class, reserved_wall_ms, sequence, answered_wall_ms, duration_ms, billed_seconds, cost, currency, estimated,
  settled_wall_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (reservation_id) DO NOTHING`;
const INSERT_MESSAGE_SETTLEMENT = INSERT_SETTLEMENT.replace('settled_wall_ms)', 'settled_wall_ms, message)').replace(
  '?)',
  '?, ?)',
);

export function insertSettlement(record: SettlementRecord): JournalEntry {
  const { sequence, answeredWallMs, durationMs, charge, settledWallMs } = record;
  const { billedSeconds, cost, currency } = charge;
  const charged = [answeredWallMs, durationMs, billedSeconds, cost, currency, charge.estimated ? 1 : 0, settledWallMs];
  const parameters = requestParameters(record.request, sequence).concat(charged);
  const { message } = record.request;
  if (message === undefined) return { statement: INSERT_SETTLEMENT, parameters };
  return { statement: INSERT_MESSAGE_SETTLEMENT, parameters: [...parameters, messageText(message)] };
}

export function insertAdjustment(sequence: number, adjustment: PastAdjustment): JournalEntry {
  const { adjustmentId, holder, allowanceId, amount, reason, by, wallMs, madeWallMs } = adjustment;
  return {
    statement: `INSERT INTO adjustments (sequence, adjustment_id, holder, allowance_id, amount, reason, by_whom, wall_ms,
      made_wall_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (adjustment_id) DO NOTHING`,
    parameters: [sequence, adjustmentId, holder, allowanceId, amount, reason, by, wallMs, madeWallMs],
  };
}

export function keepRest(channelId: string, untilWallMs: number): JournalEntry {
  return {
    statement: `INSERT INTO channel_rests VALUES (?, ?)
      ON CONFLICT (channel_id) DO UPDATE SET until_wall_ms = excluded.until_wall_ms`,
    parameters: [channelId, untilWallMs],
  };
}

/** In the order of the columns that both tables begin with, and the one after them: an array that grows takes twice as much. */
function requestParameters(request: ReserveRequest, next: JournalValue): JournalValue[] {
  return [
    request.reservationId,
    request.callId,
    request.trunk,
    request.direction,
    payersText(request.payers),
    request.channelId,
    request.simId,
    request.callee,
    request.numberClass,
    request.wallMs,
    next,
  ];
}

/** One a line. A name with a line break in it must not read as two. */
function payersText(payers: readonly string[]): string {
  if (payers.length === 1 && !payers[0]?.includes('\n')) return payers[0] as string;
  for (const payer of payers)
    if (payer.includes('\n')) return payersText(payers.map((name) => name.replaceAll('\n', ' ')));
  return payers.join('\n');
}

function messageText({ kind, count }: MessageLoad): string {
  return `${kind} ${count}`;
}

/** Undefined for a call. */
export function messageOf(text: JournalValue | undefined): MessageLoad | undefined {
  if (text === null || text === undefined) return undefined;
  const [kind, count] = String(text).split(' ');
  return { kind: kind as MessageKind, count: Number(count) };
}

export function payersOf(text: string): readonly string[] {
  return text === '' ? [] : text.split('\n');
}

// ---- reading ---------------------------------------------------------------------------------------------------------

export type Row = Readonly<Record<string, JournalValue>>;

/** Where rows come from: the running journal, or its file opened for reading. */
export type RowSource = (statement: string, parameters: readonly JournalValue[]) => Promise<readonly Row[]>;

export interface ReservationRow {
  readonly request: ReserveRequest;
  readonly answeredWallMs: number | null;
  /** Of one that was not answered: what its payers hold. */
  readonly coveredUntilWallMs: number | null;
  /** When it was covered so far; null: at its answer, or not known. */
  readonly renewedWallMs: number | null;
  readonly settled: boolean;
}

export async function readReservations(rows: RowSource): Promise<ReservationRow[]> {
  const found = await rows('SELECT * FROM reservations', []);
  return found.map((row) => ({
    request: requestOf(row),
    answeredWallMs: numberOrNull(row.answered_wall_ms),
    coveredUntilWallMs: numberOrNull(row.covered_until_wall_ms),
    renewedWallMs: numberOrNull(row.renewed_wall_ms),
    settled: row.settled === 1,
  }));
}

export async function readSettlement(rows: RowSource, reservationId: string): Promise<Charge | undefined> {
  const [row] = await rows('SELECT * FROM settlements WHERE reservation_id = ?', [reservationId]);
  if (row === undefined) return undefined;
  return {
    reservationId,
    simId: String(row.sim_id),
    billedSeconds: Number(row.billed_seconds),
    cost: String(row.cost),
    currency: String(row.currency),
    estimated: row.estimated === 1,
  };
}

export async function hasAdjustment(rows: RowSource, adjustmentId: string): Promise<boolean> {
  const found = await rows('SELECT 1 FROM adjustments WHERE adjustment_id = ?', [adjustmentId]);
  return found.length > 0;
}

export async function readRests(rows: RowSource): Promise<{ channelId: string; untilWallMs: number }[]> {
  const found = await rows('SELECT * FROM channel_rests', []);
  return found.map((row) => ({ channelId: String(row.channel_id), untilWallMs: Number(row.until_wall_ms) }));
}

/** Of either table. */
export function requestOf(row: Row): ReserveRequest {
  const request = {
    reservationId: String(row.reservation_id),
    callId: String(row.call_id),
    trunk: String(row.trunk),
    // Files of the first version that are only read have neither.
    direction: row.direction === 'in' ? ('in' as const) : ('out' as const),
    payers: payersOf(String(row.payers ?? `trunk:${row.trunk}`)),
    channelId: String(row.channel_id),
    simId: String(row.sim_id),
    callee: String(row.callee),
    numberClass: String(row.number_class) as NumberClass,
    wallMs: Number(row.reserved_wall_ms),
  };
  const message = messageOf(row.message);
  return message === undefined ? request : { ...request, message };
}

function numberOrNull(value: JournalValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value);
}
