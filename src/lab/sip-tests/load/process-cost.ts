// What a process has used so far, as Linux counts it in /proc: all its threads, nothing of its children.
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessCost {
  /** User and system time, milliseconds. */
  readonly cpuMs: number;
  /** The most memory that was resident at once, MiB. */
  readonly peakMemoryMb: number;
}

/** USER_HZ is 100 on every Linux that Node runs on. */
const MS_PER_TICK = 10;

/** Undefined where there is no /proc, or the process has ended. */
export function costOf(pid: number): ProcessCost | undefined {
  try {
    const peakKb = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { cpuMs: cpuMsOf(readFileSync(`/proc/${pid}/stat`, 'utf8')), peakMemoryMb: Number(peakKb) / 1024 };
  } catch {
    return undefined;
  }
}

/** User and system time of each thread of a process, milliseconds, by its number; none where there is no /proc. */
export function threadCpuMs(pid: number): ReadonlyMap<number, number> {
  const threads = new Map<number, number>();
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      threads.set(Number(thread), cpuMsOf(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')));
    }
  } catch {
    // Ended meanwhile: what was read stands.
  }
  return threads;
}

function cpuMsOf(stat: string): number {
  // The command in parentheses may hold spaces: fields are counted behind it; utime is the 14th of all, stime the 15th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}
