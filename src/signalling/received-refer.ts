// A REFER in a dialog and the NOTIFYs that follow it (RFC 3515, RFC 6665): each with the status line of the call that was asked for,
// one after another, for over UDP two at once may overtake each other.
import type { DialogName, Referral, ReferTarget } from '../call/ports-dialog.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { ALLOWED } from './capabilities.js';
import { cseqNumber, uriOf } from './message-parts.js';
import { readReferTo, targetOf } from './refer-to.js';
import type { ServerResponse, SipDialog, SipRequest } from './srf.js';

/** How long the peer may think that it is told more; each NOTIFY says it again. */
const SUBSCRIPTION_SECONDS = 180;
/** RFC 3261 §21, of the responses that a call may have here; others go without words. */
const PHRASES: Readonly<Record<number, string>> = {
  100: 'Trying',
  180: 'Ringing',
  183: 'Session Progress',
  200: 'OK',
  403: 'Forbidden',
  404: 'Not Found',
  408: 'Request Timeout',
  480: 'Temporarily Unavailable',
  481: 'Call/Transaction Does Not Exist',
  484: 'Address Incomplete',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  500: 'Server Internal Error',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  603: 'Decline',
};

export interface ReferredDialog {
  readonly dialog: SipDialog;
  readonly log: Logger;
  /** REFERs before this one: the first needs no id in its NOTIFYs (RFC 3515 §2.4.6). */
  readonly earlier: number;
}

export class ReceivedRefer implements Referral {
  readonly target: ReferTarget;
  readonly replaces: DialogName | null;
  readonly referredBy: string | null;
  readonly #response: ServerResponse;
  readonly #dialog: SipDialog;
  readonly #log: Logger;
  readonly #event: string;
  readonly #isSilent: boolean;
  /** Statuses to be told, once the one under way was answered. */
  readonly #waiting: number[] = [];
  #isTelling = false;
  #isOver = false;

  private constructor(
    request: SipRequest,
    response: ServerResponse,
    parts: ReferredDialog,
    target: ReferTarget,
    replaces: DialogName | null,
  ) {
    this.target = target;
    this.replaces = replaces;
    this.referredBy = request.get('Referred-By') ?? null;
    this.#response = response;
    this.#dialog = parts.dialog;
    this.#log = parts.log;
    this.#event = parts.earlier === 0 ? 'refer' : `refer;id=${cseqNumber(request)}`;
    this.#isSilent = /^\s*false/i.test(request.get('Refer-Sub') ?? '');
    parts.dialog.on('destroy', () => {
      this.#isOver = true;
    });
  }

  /** Null when it was answered: 400 without exactly one Refer-To that can be read (RFC 3515 §2.4.2). */
  static read(request: SipRequest, response: ServerResponse, parts: ReferredDialog): ReceivedRefer | null {
    const referTo = readReferTo(request.get('Refer-To'));
    if (referTo === null) {
      response.send(400, {});
      return null;
    }
    const { type, local, remote, req } = parts.dialog;
    // The other of the two headers, and the request-URI of an INVITE of ours, name the peer.
    const names = type === 'uas' ? [req.get('To') ?? '', `<${req.uri}>`] : [req.get('From') ?? ''];
    const ours = [local.contact ?? '', ...names].map(uriOf);
    const target = targetOf(referTo.uri, { peer: remote.uri, ours });
    return new ReceivedRefer(request, response, parts, target, referTo.replaces);
  }

  accept(): void {
    // RFC 4488 §4: whoever agrees to tell nothing says so.
    this.#response.send(202, this.#isSilent ? { headers: { 'Refer-Sub': 'false' } } : {});
  }

  refuse(status: number): void {
    this.#isOver = true;
    this.#response.send(status, status === 405 ? { headers: { Allow: ALLOWED } } : {});
  }

  progress(status: number): void {
    if (this.#isSilent || this.#isOver) return;
    if (status >= 200) this.#isOver = true;
    // What has been overtaken by a later word need not be said any more.
    if (this.#isTelling && this.#waiting.length > 0) this.#waiting.length = 0;
    this.#waiting.push(status);
    this.#tellNext();
  }

  #tellNext(): void {
    const status = this.#waiting.shift();
    if (status === undefined || this.#isTelling) {
      if (status !== undefined) this.#waiting.unshift(status);
      return;
    }
    this.#isTelling = true;
    const state = status < 200 ? `active;expires=${SUBSCRIPTION_SECONDS}` : 'terminated;reason=noresource';
    const { contact } = this.#dialog.local;
    const headers = {
      Event: this.#event,
      'Subscription-State': state,
      'Content-Type': 'message/sipfrag;version=2.0',
      ...(contact !== undefined && { Contact: contact }),
    };
    const body = `SIP/2.0 ${status} ${PHRASES[status] ?? 'Unknown'}\r\n`;
    this.#dialog.request(
      { method: 'NOTIFY', headers, body },
      guarded(this.#log, 'refer notify', (error, response) => {
        if (response !== undefined && response.status < 200) return;
        this.#isTelling = false;
        // RFC 6665 §4.2.2: whoever does not know the subscription any more is told nothing more of it.
        if (error || response === undefined || response.status >= 300) {
          this.#isOver = true;
          this.#waiting.length = 0;
        }
        this.#tellNext();
      }),
    );
  }
}
