// What the cores that serve applications share: the layers below them and the tables between them.
import type { SipTimers } from '../control.js';
import type { Counters } from '../counters.js';
import type { Defence } from '../defence/defence.js';
import type { Overload } from '../defence/overload.js';
import type { DialogTable } from '../dialog/dialog-table.js';
import type { ServerLog } from '../server-log.js';
import type { TimerWheel } from '../timer-wheel.js';
import type { TransactionLayer } from '../transaction/transaction-layer.js';
import type { Flow } from '../transport/flow.js';
import type { TransportLayer } from '../transport/transport-layer.js';
import type { AppDialog } from './app-dialog.js';
import type { CdrReporter } from './cdr-reporter.js';
import type { RegisteredFlows } from './registered-flows.js';
import type { RouteTable } from './route-table.js';

export interface CoreContext {
  readonly transport: TransportLayer;
  readonly transactions: TransactionLayer;
  readonly dialogs: DialogTable<AppDialog>;
  readonly routes: RouteTable;
  readonly cdrs: CdrReporter;
  readonly registrations: RegisteredFlows;
  readonly counters: Counters;
  readonly defence: Defence;
  readonly overload: Overload;
  readonly wheel: TimerWheel;
  readonly timers: SipTimers;
  /** Session timers are the server's affair; else the applications'. */
  readonly keepsSessions: boolean;
  readonly log: ServerLog;
  /** Told the Call-ID of a new INVITE of ours whose first response was 100. */
  onTrying(callId: string): void;
  /** Told of each further branch of a forked INVITE that was answered, once. */
  onForkedAnswer(callId: string): void;
}

/**
 * Goes on with a flow: at once where it is known, else when the name of the next hop has been looked up. A fault then is
 * logged, for there is nobody left to throw it to.
 */
export function withFlow(
  context: CoreContext,
  flow: Flow | null | Promise<Flow | null>,
  action: (flow: Flow | null) => void,
): void {
  if (!(flow instanceof Promise)) {
    action(flow);
    return;
  }
  flow.then(action).catch((error: unknown) => {
    context.log.write('error', 'A request could not be sent', {
      error: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
  });
}
