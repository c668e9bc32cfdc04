// Requests from peers that live: by the TXN that applications use, by dialog while unanswered, and by what copies share.
import type { SipMessage } from '../message/sip-message.js';
import type { AppConnection } from './app-connection.js';
import type { AppDialog } from './app-dialog.js';
import type { NetworkRequest } from './network-request.js';

export class PendingRequests {
  readonly #byTxn = new Map<string, NetworkRequest>();
  /** Unanswered ones that came in a dialog, and INVITEs whose early dialog it is. */
  readonly #byDialog = new Map<AppDialog, Set<NetworkRequest>>();
  readonly #byIdentity = new Map<string, NetworkRequest>();

  add(request: NetworkRequest): void {
    this.#byTxn.set(request.txnId, request);
  }

  byTxn(txnId: string): NetworkRequest | undefined {
    return this.#byTxn.get(txnId);
  }

  /** Still known to its transaction, no more to applications. */
  remove(request: NetworkRequest): void {
    this.#byTxn.delete(request.txnId);
    this.answered(request);
  }

  awaitAnswer(dialog: AppDialog, request: NetworkRequest): void {
    const unanswered = this.#byDialog.get(dialog);
    if (unanswered === undefined) this.#byDialog.set(dialog, new Set([request]));
    else unanswered.add(request);
  }

  answered(request: NetworkRequest): void {
    const { dialog } = request;
    if (dialog === null) return;
    const unanswered = this.#byDialog.get(dialog);
    unanswered?.delete(request);
    if (unanswered?.size === 0) this.#byDialog.delete(dialog);
  }

  unansweredIn(dialog: AppDialog): readonly NetworkRequest[] {
    const unanswered = this.#byDialog.get(dialog);
    return unanswered === undefined ? [] : [...unanswered];
  }

  hasUnanswered(dialog: AppDialog, method: string): boolean {
    for (const request of this.#byDialog.get(dialog) ?? []) if (request.method === method) return true;
    return false;
  }

  ofApp(app: AppConnection): NetworkRequest[] {
    return [...this.#byTxn.values()].filter((request) => request.app === app);
  }

  /** Notes a request outside a dialog. @returns the one that it is a copy of, come by another way (RFC 3261 §8.2.2.2) */
  identify(message: SipMessage, request: NetworkRequest): NetworkRequest | undefined {
    const identity = `${message.callId} ${message.from?.tag ?? ''} ${message.cseq?.number ?? 0} ${message.method}`;
    const original = this.#byIdentity.get(identity);
    if (original !== undefined) return original;
    request.identity = identity;
    this.#byIdentity.set(identity, request);
    return undefined;
  }

  /**
   * Its answer asks for the same request again, by another way or with credentials; not every client counts CSeq on for that.
   */
  expectAgain(request: NetworkRequest): void {
    if (request.identity !== '') this.#byIdentity.delete(request.identity);
    request.identity = '';
  }

  /** Its transaction is over. */
  forget(request: NetworkRequest): void {
    this.remove(request);
    this.expectAgain(request);
  }
}
