// Requests that applications sent: known by TXN until their final response, and cancelled while they ring. RFC 3261 §9.1.
import { cancelText, type OutgoingRequest } from '../message/outgoing-request.js';
import type { Flow } from '../transport/flow.js';
import type { AppConnection } from './app-connection.js';
import type { AppDialog } from './app-dialog.js';
import { AppRequest, type AppRequestCore } from './app-request.js';
import type { CoreContext } from './core-context.js';

/** For requests whose outcome is nobody's business. */
export const INDIFFERENT: AppRequestCore = {
  responded: () => undefined,
  failed: () => undefined,
  ended: () => undefined,
};

export class SentRequests {
  readonly #context: CoreContext;
  /** Requests without a final response. */
  readonly #byTxn = new Map<string, AppRequest>();
  /** INVITEs inside a dialog without a final response. */
  readonly #openInvites = new Map<AppDialog, AppRequest>();
  /** Dialog ids of INVITEs that were refused, while their transaction lasts: it sends their ACK. */
  readonly #refused = new Set<string>();

  constructor(context: CoreContext) {
    this.#context = context;
  }

  byTxn(txnId: string): AppRequest | undefined {
    return this.#byTxn.get(txnId);
  }

  ofApp(app: AppConnection): AppRequest[] {
    return [...this.#byTxn.values()].filter((request) => request.app === app);
  }

  openInviteIn(dialog: AppDialog): AppRequest | undefined {
    return this.#openInvites.get(dialog);
  }

  isRefused(dialogId: string): boolean {
    return this.#refused.has(dialogId);
  }

  /** @param announce called when the request is known, before it is on its way */
  launch(request: AppRequest, outgoing: OutgoingRequest, flow: Flow, announce: () => void): void {
    this.#byTxn.set(request.txnId, request);
    const { dialog, method } = request;
    if (dialog !== null && (method === 'INVITE' || (method === 'UPDATE' && outgoing.hasBody))) {
      request.isOffer = true;
      dialog.openOffers++;
      if (method === 'INVITE') {
        this.#openInvites.set(dialog, request);
        dialog.ackSeq = null;
      }
    }
    announce();
    request.transaction = this.#context.transactions.startClient(outgoing, flow, request);
  }

  /** A final response has come, or was made in its place. */
  conclude(request: AppRequest, status: number): void {
    request.hasFinal = true;
    request.heldCancel = null;
    this.#byTxn.delete(request.txnId);
    const { dialog, method } = request;
    if (dialog !== null) {
      if (request.isOffer) {
        request.isOffer = false;
        dialog.openOffers--;
      }
      if (this.#openInvites.get(dialog) === request) this.#openInvites.delete(dialog);
      if (method === 'BYE' ? status !== 401 && status !== 407 : endsSubscription(request, status)) {
        this.#context.dialogs.remove(dialog);
      }
    }
    if (method === 'INVITE' && !request.isInDialog && status >= 300) this.#refused.add(request.dialogId);
  }

  /** The transaction of a request is over. */
  forget(request: AppRequest): void {
    this.#refused.delete(request.dialogId);
  }

  /** @returns the CANCEL, which waits for a provisional response if none has come */
  cancelInvite(request: AppRequest, extraHeaders: string): string {
    const { transaction } = request;
    if (transaction === null) return '';
    request.isCancelled = true;
    const text = cancelText(transaction.request, extraHeaders);
    if (request.hasProvisional) this.#sendCancel(request, text);
    else request.heldCancel = text;
    return text;
  }

  releaseCancel(request: AppRequest): void {
    const text = request.heldCancel;
    if (text === null) return;
    request.heldCancel = null;
    this.#sendCancel(request, text);
  }

  #sendCancel(request: AppRequest, text: string): void {
    const { transaction } = request;
    if (transaction === null) return;
    // The 200 to a CANCEL is nobody's business; the 487 to its INVITE is what counts.
    const cancel = new AppRequest('CANCEL', '', null, null, INDIFFERENT);
    cancel.transaction = this.#context.transactions.startClient(
      { ...transaction.request, method: 'CANCEL', text },
      transaction.flow,
      cancel,
    );
    transaction.expectFinal();
  }
}

/** RFC 6665 §4.2.2: a subscription ends with the NOTIFY that says so, and with a subscriber who knows nothing of it. */
function endsSubscription({ method, dialog, transaction }: AppRequest, status: number): boolean {
  if (method !== 'NOTIFY' || dialog?.origin.method !== 'SUBSCRIBE') return false;
  return status === 481 || /\r\nSubscription-State:[ \t]*terminated/i.test(transaction?.request.text ?? '');
}
