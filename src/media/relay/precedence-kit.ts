// Whether this process may have a thread go before others: for tests, which must tell a machine that forbids it from code that
// does not do it. Limits and capabilities are read from proc(5); then another program tries, for what namespaces and sandboxes forbid.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { isInstalled } from '../../lib/end-with-us.js';

/** Its bit (capabilities(7)). */
const CAP_SYS_NICE = 23n;

/** Why no thread of ours may be real-time; null where one may. */
export function realTimeRefusal(): string | null {
  if (process.platform !== 'linux') return 'only Linux has priorities of threads';
  if (!hasCapability() && limitOf('Max realtime priority') === 0) return 'neither CAP_SYS_NICE nor RLIMIT_RTPRIO';
  if (!isInstalled('chrt')) return null;
  const { status, stderr } = spawnSync('chrt', ['--reset-on-fork', '--rr', '1', 'true'], { encoding: 'utf8' });
  return status === 0 ? null : stderr.trim() || `chrt ended with ${status}`;
}

/**
 * Why no thread of ours may be less nice by so much at once; null where one may.
 * @param by below nought
 */
export function nicenessRefusal(by: number): string | null {
  if (process.platform !== 'linux') return 'only Linux has a niceness of threads';
  const now = niceness();
  const limit = hasCapability() ? Number.POSITIVE_INFINITY : limitOf('Max nice priority');
  const refusal = refusalByLimit(limit, now, by);
  if (refusal !== null || !isInstalled('nice')) return refusal;
  const { stdout, stderr } = spawnSync('nice', ['-n', String(shifted(now, by) - now), 'nice'], { encoding: 'utf8' });
  return stdout.trim() === String(shifted(now, by)) ? null : stderr.trim() || `it stays at ${now}`;
}

/** Why that limit forbids to be less nice by so much, from `now` on; null where it allows it. */
export function refusalByLimit(limit: number, now: number, by: number): string | null {
  if (shifted(now, by) >= now) return `at ${now} it can be no lower`;
  // getrlimit(2): 20 minus the lowest niceness that may be set. What is below is refused, not set as low as may be.
  return shifted(now, by) >= 20 - limit ? null : `no CAP_SYS_NICE, and RLIMIT_NICE is ${limit}`;
}

function shifted(now: number, by: number): number {
  return Math.max(constants.priority.PRIORITY_HIGHEST, now + by);
}

function hasCapability(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_SYS_NICE) & 1n) === 1n;
}

/** The soft limit. */
function limitOf(name: string): number {
  const limits = readFileSync('/proc/self/limits', 'utf8').split('\n');
  const said =
    limits
      .find((line) => line.startsWith(name))
      ?.slice(name.length)
      .trim()
      .split(/\s+/)[0] ?? '0';
  return said === 'unlimited' ? Number.POSITIVE_INFINITY : Number(said);
}

/** Of this thread: proc(5), /proc/pid/stat: field 19, counted behind the name. */
function niceness(): number {
  return Number(readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ')[16]);
}
