// A request from a peer, from its arrival until it is answered: an application knows it by its TXN.
import { newId } from '../message/random-tokens.js';
import type { ResponseHead } from '../message/response-head.js';
import type { SipMessage } from '../message/sip-message.js';
import type { TimerOwner, WheelTimer } from '../timer-wheel.js';
import type { ServerTransaction, ServerTransactionUser } from '../transaction/server-transaction.js';
import type { Flow } from '../transport/flow.js';
import type { AppConnection } from './app-connection.js';
import type { AppDialog } from './app-dialog.js';

/** What a request tells the core that made it. */
export interface NetworkRequestCore {
  acknowledged(ack: SipMessage, flow: Flow): void;
  ended(request: NetworkRequest): void;
  /** The application said nothing at all in time. */
  ignored(request: NetworkRequest): void;
}

export class NetworkRequest implements ServerTransactionUser, TimerOwner {
  readonly txnId = newId();
  readonly method: string;
  readonly head: ResponseHead;
  readonly #core: NetworkRequestCore;
  transaction: ServerTransaction | null = null;
  app: AppConnection | null = null;
  /** The dialog that it came in, or that its 2xx made. */
  dialog: AppDialog | null = null;
  /** Empty when it neither came in a dialog nor can make one. */
  dialogId = '';
  /** Our To tag. */
  tag = '';
  hasProvisional = false;
  /** Runs until the application answers an INVITE with anything. */
  patience: WheelTimer | null = null;
  /** The echo of the final response of an INVITE. */
  sentFinal: string | null = null;

  constructor(method: string, head: ResponseHead, core: NetworkRequestCore) {
    this.method = method;
    this.head = head;
    this.#core = core;
  }

  onAck(ack: SipMessage, flow: Flow): void {
    this.#core.acknowledged(ack, flow);
  }

  onTimer(): void {
    this.#core.ignored(this);
  }

  onEnded(): void {
    this.patience?.cancel();
    this.#core.ended(this);
  }
}
