// Kills a process with a ledger at any instant (also while it starts and while it recovers), starts the next one on the
// same file, and holds what is left against what was promised.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Durability } from '../../journal/sqlite-file.js';
import { checkPromises } from './check-promises.js';

export interface CrashTrial {
  readonly kills: number;
  readonly durability: Durability;
  /** Told after each file that was checked. */
  readonly onProgress?: (report: CrashReport) => void;
  /** Ends early when this says so. */
  readonly isOver?: () => boolean;
}

export interface CrashReport {
  readonly durability: Durability;
  readonly kills: number;
  /** Of them while the process was starting or recovering. */
  readonly killsAtStart: number;
  /** Settlements that had been promised, and are there once. */
  readonly settled: number;
  readonly settledSeconds: number;
  /** Other promises that hold: answers, renewals, releases. */
  readonly otherPromises: number;
  readonly problems: readonly string[];
}

const VICTIM = fileURLToPath(new URL('./crash-victim.js', import.meta.url));
/** A file is checked after so many kills, and a new one begun: reading a long history would make all starts slow. */
const KILLS_PER_FILE = 40;
/** A kill while the process works comes within so many promises, and then within this time. */
const WORK_PROMISES = 60;
const WORK_MS = 4;
/** Of kills, the share that comes before the process is ready. */
const AT_START = 0.25;
/** A first guess; then what the starts before it took. */
const START_MS = 200;

/** The trial ends with the first file that has a problem. */
export async function runCrashTrial({ kills, durability, onProgress, isOver }: CrashTrial): Promise<CrashReport> {
  let report: CrashReport = {
    ...{ durability, kills: 0, killsAtStart: 0, settled: 0, settledSeconds: 0, otherPromises: 0, problems: [] },
  };
  let startMs = START_MS;
  while (report.kills < kills && report.problems.length === 0 && !isOver?.()) {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-crash-'));
    try {
      const file = join(folder, 'ledger.db');
      const promises = join(folder, 'promises');
      const some = Math.min(KILLS_PER_FILE, kills - report.kills);
      let done = 0;
      let atStart = 0;
      while (done < some && !isOver?.()) {
        const args = [VICTIM, file, promises, `life${done}`, durability];
        const early = Math.random() < AT_START ? Math.random() * startMs : undefined;
        const readyAfterMs = await killOne(args, early);
        done += 1;
        if (readyAfterMs === undefined) atStart += 1;
        else startMs = (startMs * 3 + readyAfterMs) / 4;
      }
      const found = await checkPromises(file, promises, durability);
      report = {
        durability,
        kills: report.kills + done,
        killsAtStart: report.killsAtStart + atStart,
        settled: report.settled + found.settled,
        settledSeconds: report.settledSeconds + found.settledSeconds,
        otherPromises: report.otherPromises + found.otherPromises,
        problems: found.problems,
      };
      onProgress?.(report);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
  return report;
}

/** Kills a process `earlyMs` after its start, or at random while it works; resolves with how long its start took. */
async function killOne(args: readonly string[], earlyMs: number | undefined): Promise<number | undefined> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let readyAfterMs: number | undefined;
  let promisesLeft = earlyMs === undefined ? Math.floor(Math.random() * WORK_PROMISES) : 0;
  const worked = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      if (signal !== 'SIGKILL') reject(new Error(`the process ended by itself with ${code ?? signal}`));
    });
    child.stdout.on('data', (told: Buffer) => {
      if (told.includes('ready')) readyAfterMs = performance.now() - startedMs;
      if (readyAfterMs === undefined) return;
      promisesLeft -= told.length;
      if (promisesLeft <= 0) resolve();
    });
  });
  try {
    if (earlyMs === undefined) {
      await worked;
      await busyUntil(performance.now() + Math.random() * WORK_MS);
    } else await Promise.race([worked, new Promise((resolve) => setTimeout(resolve, earlyMs))]);
  } finally {
    child.kill('SIGKILL');
    await closed;
  }
  return readyAfterMs;
}

/** To a fraction of a millisecond: timers would prefer some instants. */
async function busyUntil(monotonicMs: number): Promise<void> {
  while (performance.now() < monotonicMs) await new Promise((resolve) => setImmediate(resolve));
}
