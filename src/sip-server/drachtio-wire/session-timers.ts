// Which dialogs have a session timer, agreed in the 2xx to an INVITE or UPDATE. RFC 4028 §7, §9, §10.
// The applications ask for it with Session-Expires in what they send; refreshing and giving up is the server's.
import { parseSessionExpires, SessionTimer } from '../dialog/session-timer.js';
import type { OutgoingRequest } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { AppDialog } from './app-dialog.js';
import type { CoreContext } from './core-context.js';

export interface SessionActions {
  refresh(dialog: AppDialog, intervalSeconds: number): void;
  expired(dialog: AppDialog): void;
}

export class SessionTimers {
  readonly #context: Pick<CoreContext, 'wheel' | 'keepsSessions'>;
  readonly #actions: SessionActions;

  constructor(context: Pick<CoreContext, 'wheel' | 'keepsSessions'>, actions: SessionActions) {
    this.#context = context;
    this.#actions = actions;
  }

  /** An application answered the peer's request with 2xx. */
  answered(dialog: AppDialog, answer: SipMessage, request: SipMessage): void {
    this.#agree(dialog, answer.value('session-expires'), 'uas', request, answer.body);
  }

  /** The peer answered our request with 2xx. */
  called(dialog: AppDialog, response: SipMessage, request: OutgoingRequest): void {
    const value = response.value('session-expires');
    // The body is cut out of the text only where a timer may need it.
    const body = value === undefined ? '' : request.text.slice(request.text.indexOf('\r\n\r\n') + 4);
    this.#agree(dialog, value, 'uac', response, body);
  }

  #agree(
    dialog: AppDialog,
    value: string | undefined,
    ourRole: 'uac' | 'uas',
    ofPeer: SipMessage,
    ourBody: string,
  ): void {
    dialog.session?.stop();
    dialog.session = null;
    if (value === undefined || !this.#context.keepsSessions) return;
    const agreement = parseSessionExpires(value);
    if (agreement === null) return;
    if (ourBody.startsWith('v=0')) dialog.localSdp = ourBody;
    dialog.allowsUpdate ||= /\bUPDATE\b/i.test(ofPeer.values('allow').join(','));
    const isRefresher = agreement.refresher === ourRole;
    dialog.session = new SessionTimer(this.#context.wheel, agreement.intervalSeconds, isRefresher, {
      refresh: (intervalSeconds) => this.#actions.refresh(dialog, intervalSeconds),
      expired: () => this.#actions.expired(dialog),
    });
  }
}
