// What a process has used so far, as Linux counts it in /proc: all its threads, nothing of its children.
import { readFileSync } from 'node:fs';

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
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may hold spaces: fields are counted behind it; utime is the 14th of all, stime the 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[11]) + Number(fields[12]);
    const peakKb = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { cpuMs: ticks * MS_PER_TICK, peakMemoryMb: Number(peakKb) / 1024 };
  } catch {
    return undefined;
  }
}
