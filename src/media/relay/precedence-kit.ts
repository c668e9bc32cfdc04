// Whether this process may have a thread go before others: for tests, which must tell a machine that forbids it from code that
// does not do it. Limits and capabilities are read from proc(5); then another program tries, for what namespaces and sandboxes forbid.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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

/** Why no thread of ours may be less nice; null where one may. */
export function nicenessRefusal(): string | null {
  if (process.platform !== 'linux') return 'only Linux has a niceness of threads';
  // getrlimit(2): 20 minus the lowest niceness that may be set.
  if (!hasCapability() && 20 - limitOf('Max nice priority') >= niceness())
    return 'neither CAP_SYS_NICE nor RLIMIT_NICE';
  if (!isInstalled('nice')) return null;
  const { stdout, stderr } = spawnSync('nice', ['-n', '-1', 'nice'], { encoding: 'utf8' });
  return Number(stdout) < niceness() ? null : stderr.trim() || `it stays at ${niceness()}`;
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
