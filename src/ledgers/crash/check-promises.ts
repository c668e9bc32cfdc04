// What killed processes left in a ledger's file, against the facts that they had been promised: computed from the file's
// rows by a few sums of its own, then compared with what the ledger itself says.
import { readFile } from 'node:fs/promises';
import { type Journal, openJournal } from '../../journal/journal.js';
import type { Durability } from '../../journal/sqlite-file.js';
import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { type JournalledMemoryLedger, openJournalledLedger } from '../journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../ledger-schema.js';
import { CRASH_PAYERS, CRASH_SETUP } from './crash-setup.js';
import { recoverOrphans } from './recover-orphans.js';

export interface PromisesFound {
  readonly settled: number;
  readonly settledSeconds: number;
  readonly otherPromises: number;
  readonly problems: readonly string[];
}

interface Booked {
  readonly simId: string;
  readonly payers: readonly string[];
  readonly billedSeconds: number;
  readonly durationMs: number;
  readonly isAnswered: boolean;
  readonly isEstimated: boolean;
}

export async function checkPromises(file: string, promises: string, durability: Durability): Promise<PromisesFound> {
  const log = createLogger({ level: 'silent', redactNumbers: false });
  const clock = new SystemClock();
  const schema = LEDGER_SCHEMA;
  const journal = await openJournal({ file, durability, timeoutMs: 10_000, log, clock, schema });
  const ledger = await openJournalledLedger({ ...CRASH_SETUP, journal, clock, log });
  try {
    await recoverOrphans(ledger, () => {});
    const problems: string[] = [];
    const booked = await readBooked(journal, problems);
    const adjusted = await readAdjusted(journal);
    const found = checkLines(await readLines(promises), booked, adjusted, problems);
    await checkLedger(ledger, journal, booked, adjusted, clock.wallMs(), problems);
    return { ...found, problems };
  } finally {
    ledger.close();
    await journal.close();
  }
}

/** Each line is one write, which a signal does not cut. A process that was killed early may have promised nothing. */
async function readLines(promises: string): Promise<readonly string[]> {
  const text = await readFile(promises, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

async function readBooked(journal: Journal, problems: string[]): Promise<ReadonlyMap<string, Booked>> {
  const booked = new Map<string, Booked>();
  for (const row of await journal.query('SELECT * FROM settlements')) {
    const reservationId = String(row.reservation_id);
    if (booked.has(reservationId)) problems.push(`settled twice: ${reservationId}`);
    const payers = String(row.payers);
    booked.set(reservationId, {
      simId: String(row.sim_id),
      payers: payers === '' ? [] : payers.split('\n'),
      billedSeconds: Number(row.billed_seconds),
      durationMs: Number(row.duration_ms),
      isAnswered: row.answered_wall_ms !== null,
      isEstimated: row.estimated === 1,
    });
  }
  return booked;
}

interface Adjusted {
  readonly holder: string;
  readonly amount: number;
}

async function readAdjusted(journal: Journal): Promise<ReadonlyMap<string, Adjusted>> {
  const rows = await journal.query('SELECT adjustment_id, holder, amount FROM adjustments');
  return new Map(
    rows.map((row) => [String(row.adjustment_id), { holder: String(row.holder), amount: Number(row.amount) }]),
  );
}

function checkLines(
  lines: readonly string[],
  booked: ReadonlyMap<string, Booked>,
  adjusted: ReadonlyMap<string, Adjusted>,
  problems: string[],
): Omit<PromisesFound, 'problems'> {
  let settled = 0;
  let settledSeconds = 0;
  let otherPromises = 0;
  const seen = new Set<string>();
  for (const line of lines) {
    const [what = '', reservationId = '', figure = ''] = line.split(' ');
    const row = booked.get(reservationId);
    if (what === 'settled') {
      settled += 1;
      settledSeconds += Number(figure);
      if (row?.billedSeconds !== Number(figure)) problems.push(`promised ${line}, booked ${row?.billedSeconds}`);
      if (seen.has(reservationId)) problems.push(`promised twice: ${line}`);
      seen.add(reservationId);
      continue;
    }
    otherPromises += 1;
    if (what === 'answered' && row?.isAnswered !== true) problems.push(`answered but never settled: ${line}`);
    if (what === 'renewed' && row?.isEstimated === true && row.durationMs < Number(figure)) {
      problems.push(`charged less than what was renewed: ${line}, booked ${row.durationMs} ms`);
    }
    if (what === 'released' && row?.billedSeconds !== 0) problems.push(`released, yet not kept or charged: ${line}`);
    if (what === 'withdrawn' && row !== undefined) problems.push(`no INVITE left, yet kept: ${line}`);
    if (what === 'adjusted' && adjusted.get(reservationId)?.amount !== Number(figure)) {
      problems.push(`an adjustment is lost: ${line}`);
    }
    if (what === 'refused') problems.push(`a channel was stuck: ${line}`);
  }
  return { settled, settledSeconds, otherPromises };
}

async function checkLedger(
  ledger: JournalledMemoryLedger,
  journal: Journal,
  booked: ReadonlyMap<string, Booked>,
  adjusted: ReadonlyMap<string, Adjusted>,
  wallMs: number,
  problems: string[],
): Promise<void> {
  const rows = [...booked.values()].filter(({ isAnswered }) => isAnswered);
  const compare = (
    what: string,
    used: number | undefined,
    of: readonly Booked[],
    secondsOf: (row: Booked) => number,
  ) => {
    const sum = of.reduce((seconds, row) => seconds + secondsOf(row), 0);
    if (used !== sum) problems.push(`${what} has ${used} s, its settlements add up to ${sum}`);
  };
  for (const { simId } of CRASH_SETUP.sims) {
    const used = ledger.usageOf(simId, wallMs)?.allowances[0]?.used;
    const corrections = [...adjusted.values()].filter(({ holder }) => holder === `sim:${simId}`);
    compare(
      simId,
      used === undefined ? used : used - corrections.reduce((sum, { amount }) => sum + amount, 0),
      rows.filter((row) => row.simId === simId),
      (row) => row.billedSeconds,
    );
  }
  for (const payer of CRASH_PAYERS) {
    const used = ledger.usageOfPayer(payer, wallMs)?.[0]?.used;
    const seconds = ({ durationMs }: Booked) => Math.max(1, Math.ceil(durationMs / 1000));
    compare(
      payer,
      used,
      rows.filter((row) => row.payers.includes(payer)),
      seconds,
    );
  }
  for (const { holder, allowanceId, used, recomputed } of (await ledger.verify()).differences) {
    problems.push(`${holder} ${allowanceId} is ${used}, recounted ${recomputed}`);
  }
  for (const { channelId } of CRASH_SETUP.channels) {
    const state = ledger.view.channelState(channelId);
    if (state !== 'idle') problems.push(`channel ${channelId} is left ${state}`);
  }
  const left = await journal.query('SELECT count(*) AS left FROM reservations');
  if (left[0]?.left !== 0) problems.push(`${left[0]?.left} reservations are left`);
}
