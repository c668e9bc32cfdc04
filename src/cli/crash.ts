// `simtrunk crash`: kills processes with a ledger at any instant, as often as is asked for, and checks what is left.
import type { Durability } from '../journal/sqlite-file.js';
import { type CrashReport, runCrashTrial } from '../ledgers/crash/crash-trial.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = `usage: simtrunk crash [--kills N] [--durability process | power] [--json]
  --kills N        in each durability mode (500)
  --durability D   one mode alone`;

const MODES: readonly Durability[] = ['process', 'power'];

/** Status 0 when every promise was kept. */
export async function run(args: string[]): Promise<number> {
  const { kills, modes, json } = read(args);
  let status = 0;
  for (const durability of modes) {
    const report = await runCrashTrial({
      kills,
      durability,
      onProgress: (soFar) => {
        if (soFar.kills < kills) process.stderr.write(`${lineOf(soFar)}\n`);
      },
    });
    process.stdout.write(`${json ? JSON.stringify(report) : lineOf(report)}\n`);
    for (const problem of report.problems) process.stderr.write(`${problem}\n`);
    if (report.problems.length > 0) status = 1;
  }
  return status;
}

function lineOf({ durability, kills, killsAtStart, settled, settledSeconds, otherPromises, problems }: CrashReport) {
  const lost = problems.length === 0 ? 'all kept' : `${problems.length} problems`;
  return (
    `${durability}: ${kills} kills (${killsAtStart} while starting), ${settled} settlements of ` +
    `${settledSeconds} s and ${otherPromises} other promises: ${lost}`
  );
}

function read(args: string[]): { kills: number; modes: readonly Durability[]; json: boolean } {
  const options = {
    kills: { type: 'string', default: '500' },
    durability: { type: 'string' },
    json: { type: 'boolean', default: false },
  } as const;
  const { values } = readCommandLine({ args, options }, USAGE);
  const kills = Number(values.kills);
  if (!Number.isInteger(kills) || kills < 1 || kills > 1_000_000) throw misused('--kills wants a whole number', USAGE);
  const modes = MODES.filter((mode) => values.durability === undefined || mode === values.durability);
  if (modes.length === 0) throw misused('--durability wants process or power', USAGE);
  return { kills, modes, json: values.json };
}
