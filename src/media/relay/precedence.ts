// How soon a relay thread gets its turn on a full machine: what waits there is heard late, so it goes before the others, where it may.
import { availableParallelism, getPriority } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { shiftNiceness } from '../../lib/thread-priority.js';
import { loadNativeSockets } from './batched-sockets.js';
import type { SocketsSetting } from './open-sockets.js';

/**
 * `real-time`: before every thread that is not, on Linux with the native part, where the process may (CAP_SYS_NICE, RLIMIT_RTPRIO).
 * `niceness`: with a greater share than others (CAP_SYS_NICE, RLIMIT_NICE). `none`: in its turn.
 */
export type Precedence = 'real-time' | 'niceness' | 'none';

/** At once: a process that may have a part of it has none. */
export const NICENESS_SHIFT = -10;
/** As the native part says it. */
const REAL_TIME = 2;

/**
 * Has the calling thread go before others; returns how. Where such threads could have every core, none does: whoever floods their
 * ports would keep SIP and the journal from theirs.
 * @param threads so many of the process take it
 */
export function takePrecedence(setting: SocketsSetting, threads = 1): Precedence {
  if (threads >= availableParallelism()) return 'none';
  const { native } = setting === 'dgram' ? { native: null } : loadNativeSockets();
  const precedence = native?.precede() ?? 0;
  if (precedence === REAL_TIME) {
    // V8's helpers have no precedence: a collection that they have begun to help with waits until they have a turn, 5 to 60 ms
    // on a full machine, where alone it takes 0.5. The flag holds for all threads: V8 has none for one.
    setFlagsFromString('--no-parallel-scavenge');
    return 'real-time';
  }
  const before = getPriority();
  return shiftNiceness(NICENESS_SHIFT) < before ? 'niceness' : 'none';
}
