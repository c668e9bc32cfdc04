// A dialog with the application that owns it.
import { Dialog, type DialogOrigin } from '../dialog/dialog.js';
import type { AppConnection } from './app-connection.js';

export class AppDialog extends Dialog {
  /** The connection that made it; it stays the owner when it is gone. */
  readonly app: AppConnection | null;
  /** The application cancelled, yet the call was answered: BYE follows the ACK. */
  endsAfterAck = false;

  constructor(origin: DialogOrigin, app: AppConnection | null) {
    super(origin);
    this.app = app;
  }
}
