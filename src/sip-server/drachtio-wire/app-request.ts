// A request that an application, or the server itself, sent: known by its TXN until its final response.
import { newId } from '../message/random-tokens.js';
import type { SipMessage } from '../message/sip-message.js';
import type { ClientTransaction, ClientTransactionUser } from '../transaction/client-transaction.js';
import type { Flow } from '../transport/flow.js';
import type { AppConnection } from './app-connection.js';
import type { AppDialog } from './app-dialog.js';

export interface AppRequestCore {
  responded(request: AppRequest, response: SipMessage, flow: Flow): void;
  failed(request: AppRequest, status: 408 | 503): void;
  ended(request: AppRequest): void;
}

export class AppRequest implements ClientTransactionUser {
  readonly txnId = newId();
  readonly method: string;
  /** Empty when it is in no dialog and cannot make one. */
  readonly dialogId: string;
  readonly #core: AppRequestCore;
  /** Null when the server sent it by itself, or when the application has gone. */
  app: AppConnection | null;
  /** The dialog that it was sent in, or that its 2xx made. */
  dialog: AppDialog | null;
  readonly isInDialog: boolean;
  transaction: ClientTransaction | null = null;
  hasProvisional = false;
  hasFinal = false;
  isCancelled = false;
  /** It is counted in the `openOffers` of its dialog. */
  isOffer = false;
  /** Inside a dialog: a reliable provisional response has come. */
  hasReliable = false;
  /** The early dialogs that reliable provisional responses made, by the peer's tag; null without any. */
  early: Map<string, AppDialog> | null = null;
  /** Early dialogs whose last reliable provisional response the application has not acknowledged yet, in their order. */
  readonly owedPracks: AppDialog[] = [];
  /** Further branches that have answered and were ended, by the peer's tag; null without any. */
  endedForks: Map<string, AppDialog> | null = null;
  /** A CANCEL that waits for a provisional response. RFC 3261 §9.1. */
  heldCancel: string | null = null;

  constructor(
    method: string,
    dialogId: string,
    dialog: AppDialog | null,
    app: AppConnection | null,
    core: AppRequestCore,
  ) {
    this.method = method;
    this.dialogId = dialogId;
    this.dialog = dialog;
    this.isInDialog = dialog !== null;
    this.app = app;
    this.#core = core;
  }

  onResponse(response: SipMessage, flow: Flow): void {
    this.#core.responded(this, response, flow);
  }

  /** RFC 3261 §9.1: a CANCEL waits for a provisional response of the target that is tried now. */
  onRetargeted(): void {
    this.hasProvisional = false;
  }

  onTimeout(): void {
    this.#core.failed(this, 408);
  }

  onTransportFailure(): void {
    this.#core.failed(this, 503);
  }

  onEnded(): void {
    this.#core.ended(this);
  }
}
