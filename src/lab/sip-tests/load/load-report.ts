// How a load run is told: one line of JSON, or a table for a person.
import type { LoadResult } from './load-run.js';

const SHOWN = 20;

export function loadLine(result: LoadResult): string {
  return JSON.stringify({
    offered: result.offered,
    failed: result.failed.length,
    violations: result.violations.length,
    rate: rounded(result.rate, 1),
    pddMs: { p50: rounded(result.pddMs.p50, 2), p99: rounded(result.pddMs.p99, 2) },
    cpuMsPerCall: rounded(result.cpuMsPerCall, 2),
    memoryMb: rounded(result.memoryMb, 0),
    retransmissions: result.retransmissions,
    ...(result.reloads !== null && { reloads: { ...result.reloads, longestMs: rounded(result.reloads.longestMs, 0) } }),
    ...(result.lostRacesPerThousand !== null && { lostRacesPerThousand: rounded(result.lostRacesPerThousand, 1) }),
  });
}

export function loadTable(result: LoadResult): string {
  const rows = [
    ['calls offered', String(result.offered)],
    ['rate reached', `${result.rate.toFixed(1)} calls/s`],
    ['failed (other than planned)', String(result.failed.length)],
    ['violations', String(result.violations.length)],
    ['post-dial delay added, p50', `${result.pddMs.p50.toFixed(2)} ms`],
    ['post-dial delay added, p99', `${result.pddMs.p99.toFixed(2)} ms`],
    ['CPU of simtrunk', `${result.cpuMsPerCall.toFixed(2)} ms a call`],
    ['memory of simtrunk, peak', `${result.memoryMb.toFixed(0)} MiB`],
    ['retransmissions of simtrunk', String(result.retransmissions)],
    ...reloadRows(result.reloads),
    ...(result.lostRacesPerThousand === null
      ? []
      : [['lost races', `${result.lostRacesPerThousand.toFixed(1)} of 1,000 reservations`]]),
  ];
  return rows.map(([name = '', value]) => `${name.padEnd(32)}${value}`).join('\n');
}

function reloadRows(reloads: LoadResult['reloads']): string[][] {
  if (reloads === null) return [];
  const { gatewaysRemoved, gatewaysAdded, plansChanged } = reloads;
  return [
    ['reloads meanwhile', `${reloads.reloads}, the longest ${reloads.longestMs.toFixed(0)} ms`],
    ['a gateway removed, added', `${gatewaysRemoved} times, ${gatewaysAdded} times`],
    ['all SIMs re-planned', `${plansChanged} times`],
  ];
}

/** The first failed calls and violations, as sentences. */
export function loadProblems(result: LoadResult): string[] {
  const list = (title: string, problems: readonly string[]) => [
    ...problems.slice(0, SHOWN).map((problem) => `${title}: ${problem}`),
    ...(problems.length > SHOWN ? [`${title}: and ${problems.length - SHOWN} more`] : []),
  ];
  return [...list('failed', result.failed), ...list('violation', result.violations)];
}

function rounded(value: number, digits: number): number | null {
  return Number.isFinite(value) ? Number(value.toFixed(digits)) : null;
}
