// What the cores that serve applications share: the layers below them and the tables between them.
import type { SipTimers } from '../control.js';
import type { Counters } from '../counters.js';
import type { DialogTable } from '../dialog/dialog-table.js';
import type { ServerLog } from '../server-log.js';
import type { TimerWheel } from '../timer-wheel.js';
import type { TransactionLayer } from '../transaction/transaction-layer.js';
import type { TransportLayer } from '../transport/transport-layer.js';
import type { AppDialog } from './app-dialog.js';
import type { RouteTable } from './route-table.js';

export interface CoreContext {
  readonly transport: TransportLayer;
  readonly transactions: TransactionLayer;
  readonly dialogs: DialogTable<AppDialog>;
  readonly routes: RouteTable;
  readonly counters: Counters;
  readonly wheel: TimerWheel;
  readonly timers: SipTimers;
  readonly log: ServerLog;
  /** Told the Call-ID of a new INVITE of ours whose first response was 100. */
  onTrying(callId: string): void;
}
