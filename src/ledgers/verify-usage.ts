// Usage recomputed from settled history and adjustments, against what a ledger decides by.
import type { Clock } from '../lib/clock.js';
import type { AllowanceUsage, UsageDifference, VerifyReport } from '../quota/ledger.js';
import { RUNNING_PAGE_ROWS, readHistory } from './ledger-history.js';
import { LedgerMemory, type LedgerSettings } from './ledger-memory.js';
import type { RowSource } from './ledger-tables.js';

/** What a ledger decided by at an instant. */
export interface UsageSnapshot {
  readonly wallMs: number;
  /** The last place in history that it counts. */
  readonly sequence: number;
  readonly usages: ReadonlyMap<string, readonly AllowanceUsage[]>;
}

export function takeSnapshot(memory: LedgerMemory, wallMs: number): UsageSnapshot {
  return { wallMs, sequence: memory.sequence, usages: new Map(memory.usages(wallMs)) };
}

/** All history up to the snapshot's last place must be readable by now. */
export async function verifyUsage(
  snapshot: UsageSnapshot,
  settings: LedgerSettings,
  rows: RowSource,
  sinceWallMs: number,
  clock: Clock,
): Promise<VerifyReport> {
  const anew = new LedgerMemory(settings, clock, () => {});
  const range = { sinceWallMs, untilSequence: snapshot.sequence, pageRows: RUNNING_PAGE_ROWS };
  const { settlements, adjustments } = await readHistory(rows, range, anew);
  const differences = compareUsage(snapshot.usages, new Map(anew.usages(snapshot.wallMs)));
  anew.close();
  return { ok: differences.length === 0, settlements, adjustments, differences };
}

/** Where the usage that is decided by is not what history adds up to. */
export function compareUsage(
  decidedBy: ReadonlyMap<string, readonly AllowanceUsage[]>,
  recomputed: ReadonlyMap<string, readonly AllowanceUsage[]>,
): UsageDifference[] {
  const holders = new Set([...decidedBy.keys(), ...recomputed.keys()]);
  return [...holders].flatMap((holder) =>
    differencesOf(holder, decidedBy.get(holder) ?? [], recomputed.get(holder) ?? []),
  );
}

function differencesOf(
  holder: string,
  decidedBy: readonly AllowanceUsage[],
  recomputed: readonly AllowanceUsage[],
): UsageDifference[] {
  const known = new Map(decidedBy.map((usage) => [usage.allowanceId, usage]));
  const fromHistory = new Map(recomputed.map((usage) => [usage.allowanceId, usage]));
  const differences: UsageDifference[] = [];
  for (const { allowanceId, windowStartWallMs } of new Map([...known, ...fromHistory]).values()) {
    const used = known.get(allowanceId)?.used ?? 0;
    const should = fromHistory.get(allowanceId)?.used ?? 0;
    if (used !== should) differences.push({ holder, allowanceId, windowStartWallMs, used, recomputed: should });
  }
  return differences;
}
