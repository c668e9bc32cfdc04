// How soon a thread gets its turn on a full machine. Linux has a niceness for each thread, where POSIX has one for the process
// (setpriority(2)); elsewhere nothing is changed.
import { constants, getPriority, setPriority } from 'node:os';

const { PRIORITY_HIGHEST, PRIORITY_LOW } = constants.priority;

/**
 * Changes the niceness of the calling thread: below nought it goes before others, above it lets them go first.
 * @returns its niceness afterwards: as it was, where the process may not go before others (no CAP_SYS_NICE, no RLIMIT_NICE)
 */
export function shiftNiceness(by: number): number {
  const before = getPriority();
  if (process.platform !== 'linux') return before;
  const after = Math.max(PRIORITY_HIGHEST, Math.min(PRIORITY_LOW, before + by));
  try {
    setPriority(after);
    return after;
  } catch {
    return before;
  }
}
