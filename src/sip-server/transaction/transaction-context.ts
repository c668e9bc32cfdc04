// What every transaction is given: timers, the wire, counters, log.
import type { SipTimers } from '../control.js';
import type { Counters } from '../counters.js';
import type { ServerLog } from '../server-log.js';
import type { TimerWheel } from '../timer-wheel.js';
import type { Flow } from '../transport/flow.js';

export interface TransactionContext {
  readonly timers: SipTimers;
  readonly wheel: TimerWheel;
  readonly counters: Counters;
  readonly log: ServerLog;
  /** Told where a request outside dialogs goes. */
  called(address: string): void;
  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void, isRepeated?: boolean): void;
}
