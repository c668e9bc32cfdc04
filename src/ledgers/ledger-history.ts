// Settled history, read in the order in which memory booked it. Pages are made into text by SQLite: a million rows read as
// objects, a value at a time, took ten seconds; as JSON they take three.
import type { NumberClass } from '../numbers/number-class.js';
import type { Adjustment, PastAdjustment } from '../quota/ledger.js';
import type { Direction } from '../quota/plan.js';
import type { MessageLoad } from '../quota/usage.js';
import { messageOf, payersOf, type Row, type RowSource } from './ledger-tables.js';

/** A settled attempt as memory needs it. */
export interface HistoryRecord {
  readonly callId: string;
  readonly trunk: string;
  readonly direction: Direction;
  readonly payers: readonly string[];
  readonly simId: string;
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly reservedWallMs: number;
  /** Null for an attempt that was not answered. */
  readonly answeredWallMs: number | null;
  readonly durationMs: number;
  readonly billedSeconds: number;
  /** What it was charged, by the plan of its time. */
  readonly cost: string;
  readonly settledWallMs: number;
  /** Of a text message. */
  readonly message?: MessageLoad | undefined;
}

/** Takes history as it is read. */
export interface HistoryReader {
  settled(record: HistoryRecord): void;
  adjusted(adjustment: Adjustment): void;
}

export interface HistoryRange {
  readonly sinceWallMs: number;
  /** The last place in history that is read; left out: all. */
  readonly untilSequence?: number;
  /** Rows read at a time: the journal commits nothing meanwhile. */
  readonly pageRows?: number;
}

export interface HistoryCounts {
  readonly settlements: number;
  readonly adjustments: number;
  /** The last place in history that is taken. */
  readonly sequence: number;
}

/** At start nobody waits for the journal. */
const PAGE_ROWS = 20_000;
/** A running ledger goes on meanwhile: few rows at a time hold up neither its journal nor its calls. */
export const RUNNING_PAGE_ROWS = 2_000;

/** Reads settlements and adjustments since an instant, in their order. */
export async function readHistory(rows: RowSource, range: HistoryRange, reader: HistoryReader): Promise<HistoryCounts> {
  const { sinceWallMs, untilSequence = Number.MAX_SAFE_INTEGER, pageRows = PAGE_ROWS } = range;
  const columns = await columnsOf(rows);
  const adjustments = await readAdjustments(rows, sinceWallMs, untilSequence);
  let adjusted = 0;
  const adjustUntil = (sequence: number) => {
    for (
      let next = adjustments[adjusted];
      next !== undefined && next.sequence < sequence;
      next = adjustments[adjusted]
    ) {
      reader.adjusted(next.adjustment);
      adjusted += 1;
    }
  };
  let settlements = 0;
  let after = (await firstSequence(rows, sinceWallMs)) - 1;
  // The next page is asked for before this one is taken: SQLite works while memory does.
  let coming = readPage(rows, columns, after, untilSequence, pageRows);
  for (;;) {
    const page = await coming;
    const last = page.at(-1);
    if (last === undefined) break;
    after = last[0];
    const isLast = page.length < pageRows;
    if (!isLast) coming = readPage(rows, columns, after, untilSequence, pageRows);
    for (const row of page) {
      const record = recordOf(row);
      if (record.settledWallMs < sinceWallMs) continue;
      adjustUntil(row[0]);
      reader.settled(record);
      settlements += 1;
    }
    if (isLast) break;
  }
  adjustUntil(Number.POSITIVE_INFINITY);
  return { settlements, adjustments: adjusted, sequence: await lastSequence(rows) };
}

type PageRow = readonly [
  sequence: number,
  callId: string,
  trunk: string,
  direction: Direction,
  payers: string,
  simId: string,
  callee: string,
  numberClass: NumberClass,
  reservedWallMs: number,
  answeredWallMs: number | null,
  durationMs: number,
  billedSeconds: number,
  cost: string,
  settledWallMs: number,
  message: string | null,
];

async function readPage(
  rows: RowSource,
  columns: string,
  after: number,
  until: number,
  pageRows: number,
): Promise<readonly PageRow[]> {
  const [found] = await rows(
    `SELECT json_group_array(json_array(${columns})) AS page FROM (SELECT * FROM settlements
      WHERE sequence > ? AND sequence <= ? ORDER BY sequence LIMIT ?)`,
    [after, until, pageRows],
  );
  return JSON.parse(String(found?.page ?? '[]')) as readonly PageRow[];
}

function recordOf(row: PageRow): HistoryRecord {
  return {
    callId: row[1],
    trunk: row[2],
    direction: row[3],
    payers: payersOf(row[4]),
    simId: row[5],
    callee: row[6],
    numberClass: row[7],
    reservedWallMs: row[8],
    answeredWallMs: row[9],
    durationMs: row[10],
    billedSeconds: row[11],
    cost: row[12],
    settledWallMs: row[13],
    message: messageOf(row[14]),
  };
}

/** A file of the first version that is only read has neither directions nor payers. */
async function columnsOf(rows: RowSource): Promise<string> {
  const known = new Set((await rows("SELECT name FROM pragma_table_info('settlements')", [])).map(({ name }) => name));
  const direction = known.has('direction') ? 'direction' : "'out'";
  const message = known.has('message') ? 'message' : 'NULL';
  const payers = known.has('payers') ? "coalesce(payers, 'trunk:' || trunk)" : "'trunk:' || trunk";
  return `sequence, call_id, trunk, ${direction}, ${payers}, sim_id, callee, number_class, reserved_wall_ms,
    answered_wall_ms, duration_ms, billed_seconds, cost, settled_wall_ms, ${message}`;
}

async function readAdjustments(rows: RowSource, sinceWallMs: number, untilSequence: number) {
  const tables = await rows("SELECT 1 FROM sqlite_master WHERE name = 'adjustments'", []);
  if (tables.length === 0) return [];
  const found = await rows('SELECT * FROM adjustments WHERE wall_ms >= ? AND sequence <= ? ORDER BY sequence', [
    sinceWallMs,
    untilSequence,
  ]);
  return found.map((row) => ({ sequence: Number(row.sequence), adjustment: adjustmentOf(row) }));
}

/** Of any table that keeps adjustments. */
export function adjustmentOf(row: Row): PastAdjustment {
  return {
    adjustmentId: String(row.adjustment_id),
    holder: String(row.holder),
    allowanceId: String(row.allowance_id),
    amount: Number(row.amount),
    reason: String(row.reason),
    by: String(row.by_whom),
    wallMs: Number(row.wall_ms),
    madeWallMs: row.made_wall_ms === null || row.made_wall_ms === undefined ? null : Number(row.made_wall_ms),
  };
}

async function firstSequence(rows: RowSource, sinceWallMs: number): Promise<number> {
  const [found] = await rows('SELECT min(sequence) AS first FROM settlements WHERE settled_wall_ms >= ?', [
    sinceWallMs,
  ]);
  return found?.first === null || found === undefined ? Number.MAX_SAFE_INTEGER : Number(found.first);
}

async function lastSequence(rows: RowSource): Promise<number> {
  const ofTable = async (table: string) => {
    const [found] = await rows(`SELECT max(sequence) AS last FROM ${table}`, []);
    return Number(found?.last ?? 0);
  };
  const tables = await rows("SELECT name FROM sqlite_master WHERE name = 'adjustments'", []);
  return Math.max(await ofTable('settlements'), tables.length === 0 ? 0 : await ofTable('adjustments'));
}
