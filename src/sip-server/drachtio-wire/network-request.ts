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
  /** No final response yet to a request that is no INVITE, and the peer begins to wonder. */
  overdue(request: NetworkRequest): void;
}

/** Whoever answers a request in place of an application: told what an application would be told. */
export interface RequestTaker {
  cancelled(): void;
  ended(): void;
}

export class NetworkRequest implements ServerTransactionUser, TimerOwner {
  readonly txnId = newId();
  readonly method: string;
  readonly head: ResponseHead;
  readonly #core: NetworkRequestCore;
  transaction: ServerTransaction | null = null;
  app: AppConnection | null = null;
  /** Set once an application has had it proxied: from then on the application may not answer. */
  taker: RequestTaker | null = null;
  /** The dialog that it came in, or that an answer to it made. */
  dialog: AppDialog | null = null;
  isInDialog = false;
  /** Empty when it neither came in a dialog nor can make one. */
  dialogId = '';
  /** Our To tag. */
  tag = '';
  hasProvisional = false;
  /** An UPDATE that came before this INVITE was answered; applications know both by one TXN. */
  earlyUpdate: NetworkRequest | null = null;
  /** By which a copy that came another way is known (RFC 3261 §8.2.2.2); '' for a request in a dialog. */
  identity = '';
  /** Runs until the application answers an INVITE with anything. */
  patience: WheelTimer | null = null;
  /** A reliable provisional response has been sent. */
  hasReliable = false;
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

  onOverdue(): void {
    this.#core.overdue(this);
  }

  onTimer(): void {
    this.#core.ignored(this);
  }

  onEnded(): void {
    this.patience?.cancel();
    this.#core.ended(this);
  }
}
