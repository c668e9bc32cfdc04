// Many calls through one embedded server: its memory must be the same after the last as after the warming up, and once the
// last transaction has ended nothing may be left.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeCalls, startCallees } from './sip-load.js';
import { median } from './sip-message-bench.js';
import { type EmbeddedParts, startEmbedded } from './sip-parts.js';
import { elapsed } from './sip-transactions-bench.js';

export interface SipSoakSettings {
  readonly sipp: readonly string[];
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly say: (line: string) => void;
}

/** What the server held at one moment under load. */
export interface MemorySample {
  readonly atMs: number;
  /** Resident memory of the server's process. */
  readonly rssMb: number;
  /** Heap of the server's thread, with what is not collected yet. */
  readonly heapMb: number;
}

/** Of one half of the run. */
export interface MemoryLevels {
  /** The most that was resident. */
  readonly rssMb: number;
  /** The lowest heap, just after a collection: the median of those of each minute and a half. */
  readonly heapMb: number;
}

export interface SipSoakResult {
  readonly benchmark: 'sip-soak';
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly failed: number;
  readonly retransmissions: number;
  /** The first and the second half of the run, the warming up excluded. */
  readonly warm: MemoryLevels;
  readonly end: MemoryLevels;
  /** When 64·T1 had gone by after the last call. */
  readonly left: { readonly transactions: number; readonly dialogs: number; readonly timers: number };
  /** What grew or was left; empty when the soak has passed. */
  readonly problems: readonly string[];
}

const SAMPLE_MS = 1_000;
const TALK_MS = 500;
/** 64·T1, T4 and a little: transactions live that long, so the number of them is constant from then on. */
const LINGER_MS = 40_000;
/** Full collections come every minute or so: each half must have seen some. */
const COLLECTED_MS = 90_000;
/** What may be more at the end: the allocator's and the collector's own ups and downs, not a leak of many calls. */
const SLACK = 1.15;
const SLACK_MB = 8;

export async function soakSip(settings: SipSoakSettings): Promise<SipSoakResult> {
  const logFolder = mkdtempSync(join(tmpdir(), 'simtrunk-soak-'));
  const world = { sipp: settings.sipp, logFolder };
  const callees = await startCallees(world);
  let parts: EmbeddedParts | undefined;
  try {
    parts = await startEmbedded({ calleePort: callees.port });
    const { server } = parts;
    const samples: MemorySample[] = [];
    const startMs = performance.now();
    let isOver = false;
    const sampling = (async () => {
      for (let count = 1; !isOver; count++) {
        await elapsed(SAMPLE_MS);
        const { heapUsedBytes } = await server.report();
        const sample = {
          atMs: performance.now() - startMs,
          rssMb: rssMbOf(server.pid),
          heapMb: heapUsedBytes / 2 ** 20,
        };
        samples.push(sample);
        if (count % 10 === 0) {
          settings.say(
            `${Math.round(sample.atMs / 1000)} s: resident ${sample.rssMb.toFixed(0)} MiB, heap ${sample.heapMb.toFixed(0)} MiB`,
          );
        }
      }
    })();
    const placed = await placeCalls(world, parts.sipAddress, settings.calls, settings.callsPerSecond, TALK_MS);
    isOver = true;
    await sampling;
    const levels = levelsOf(samples);
    settings.say('waiting for every transaction to end');
    const left = await settle(server);
    return {
      benchmark: 'sip-soak',
      calls: placed.placed,
      callsPerSecond: settings.callsPerSecond,
      failed: placed.failed,
      retransmissions: placed.retransmissions,
      ...levels,
      left,
      problems: problemsOf(placed.failed, levels, left),
    };
  } finally {
    await parts?.stop();
    await callees.stop();
    rmSync(logFolder, { recursive: true, force: true });
  }
}

export function levelsOf(samples: readonly MemorySample[]): { warm: MemoryLevels; end: MemoryLevels } {
  const lastMs = samples.at(-1)?.atMs ?? 0;
  const middleMs = (LINGER_MS + lastMs) / 2;
  const isLongEnough = lastMs - middleMs >= COLLECTED_MS;
  const halfOf = (isInside: (atMs: number) => boolean): MemoryLevels => {
    const half = samples.filter(({ atMs }) => isLongEnough && atMs >= LINGER_MS && isInside(atMs));
    return {
      rssMb: tenths(Math.max(...half.map(({ rssMb }) => rssMb))),
      heapMb: tenths(median(lowestHeaps(half))),
    };
  };
  return { warm: halfOf((atMs) => atMs < middleMs), end: halfOf((atMs) => atMs >= middleMs) };
}

/** One lucky collection in an hour says nothing of the level: one lowest heap for each stretch that has seen one. */
function lowestHeaps(samples: readonly MemorySample[]): number[] {
  const firstMs = samples[0]?.atMs ?? 0;
  const stretches = Math.max(1, Math.floor(((samples.at(-1)?.atMs ?? 0) - firstMs) / COLLECTED_MS));
  const lowest = new Array<number>(stretches).fill(Number.POSITIVE_INFINITY);
  for (const { atMs, heapMb } of samples) {
    const stretch = Math.min(stretches - 1, Math.floor((atMs - firstMs) / COLLECTED_MS));
    lowest[stretch] = Math.min(lowest[stretch] ?? heapMb, heapMb);
  }
  return lowest;
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

export function problemsOf(
  failed: number,
  { warm, end }: { warm: MemoryLevels; end: MemoryLevels },
  left: SipSoakResult['left'],
): string[] {
  const problems: string[] = [];
  if (failed > 0) problems.push(`${failed} calls failed`);
  if (!Number.isFinite(warm.rssMb)) return [...problems, 'too short to tell whether memory grows: place more calls'];
  const hasGrown = (before: number, after: number): boolean => after > Math.max(before * SLACK, before + SLACK_MB);
  if (hasGrown(warm.rssMb, end.rssMb)) problems.push(`resident memory grew from ${warm.rssMb} to ${end.rssMb} MiB`);
  if (hasGrown(warm.heapMb, end.heapMb)) problems.push(`the heap grew from ${warm.heapMb} to ${end.heapMb} MiB`);
  for (const [what, count] of Object.entries(left)) if (count > 0) problems.push(`${count} ${what} left`);
  return problems;
}

async function settle(server: EmbeddedParts['server']): Promise<SipSoakResult['left']> {
  const endMs = performance.now() + LINGER_MS;
  for (;;) {
    const { transactions, dialogs, timers } = await server.report();
    if (transactions + dialogs + timers === 0 || performance.now() > endMs) return { transactions, dialogs, timers };
    await elapsed(SAMPLE_MS);
  }
}

function rssMbOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024;
}
