// A dialog with the application that owns it.
import { Dialog, type DialogOrigin } from '../dialog/dialog.js';
import type { ReliableProvisionals } from '../dialog/reliable-provisionals.js';
import type { SessionTimer } from '../dialog/session-timer.js';
import type { AppConnection } from './app-connection.js';

export class AppDialog extends Dialog {
  /** The connection that made it; it stays the owner when it is gone. */
  readonly app: AppConnection | null;
  /** The application cancelled, yet the call was answered: BYE follows the ACK. */
  endsAfterAck = false;
  /** Its INVITE has no final response yet. */
  isEarly = false;
  /** INVITEs inside the dialog, and UPDATEs with an offer, that we have sent and that are not answered. */
  openOffers = 0;
  /** As the called side: what the last INVITE was answered with so far. */
  reliable: ReliableProvisionals | null = null;
  /** As the calling side: RSeq of the last reliable provisional response. */
  lastRSeq = 0;
  /** As the calling side: of all branches of a forked INVITE, those that wait for a PRACK, in the order of their responses. */
  owedPracks: AppDialog[] | null = null;
  session: SessionTimer | null = null;

  constructor(origin: DialogOrigin, app: AppConnection | null) {
    super(origin);
    this.app = app;
  }

  override release(): void {
    this.session?.stop();
    this.session = null;
  }
}
