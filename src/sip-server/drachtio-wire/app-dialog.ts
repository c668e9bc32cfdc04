// A dialog with the application that owns it and what is open on it.
import { Dialog, type DialogOrigin } from '../dialog/dialog.js';
import type { AppConnection } from './app-connection.js';
import type { AppRequest } from './app-request.js';
import type { NetworkRequest } from './network-request.js';

export class AppDialog extends Dialog {
  /** The connection that made it; it stays the owner when it is gone. */
  readonly app: AppConnection | null;
  /** Requests of the peer that the application has not answered. */
  readonly unanswered = new Set<NetworkRequest>();
  /** Our re-INVITE that has no final response. */
  openInvite: AppRequest | null = null;
  /** The application cancelled, yet the call was answered: BYE follows the ACK. */
  endsAfterAck = false;

  constructor(origin: DialogOrigin, app: AppConnection | null) {
    super(origin);
    this.app = app;
  }
}
