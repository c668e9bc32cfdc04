// Requests inside a dialog that the server sends by itself: ACK, BYE and the refreshing of a session. RFC 3261 §13.2.2.4,
// §15.1.1, RFC 4028 §7.4.
import { parseNameAddress } from '../message/name-address.js';
import type { OutgoingRequest } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';
import type { AppDialog } from './app-dialog.js';
import type { AppHeaders } from './app-headers.js';
import { AppRequest, type AppRequestCore } from './app-request.js';
import type { CdrStopReason } from './cdr-reporter.js';
import { composeInDialog, flowInDialog } from './compose-request.js';
import { type CoreContext, withFlow } from './core-context.js';
import { sentRequestMeta } from './meta.js';
import { INDIFFERENT } from './sent-requests.js';
import type { SessionTimers } from './session-timers.js';

const NO_HEADERS: AppHeaders = {
  from: undefined,
  to: undefined,
  callId: undefined,
  cseqNumber: undefined,
  contact: undefined,
  maxForwards: undefined,
  contentType: undefined,
  others: '',
};

const SESSION_EXPIRED = 'SIP;cause=200;text="Session timer expired"';

export class OwnRequests {
  readonly #context: CoreContext;
  readonly #sessions: SessionTimers;

  constructor(context: CoreContext, sessions: SessionTimers) {
    this.#context = context;
    this.#sessions = sessions;
  }

  /** Ends a dialog from our side with a BYE and tells its application, which asked for none of it. */
  readonly endDialog = (dialog: AppDialog, reason: string): void => {
    this.#context.dialogs.remove(dialog);
    // The application must be told even if the peer left no way to it: then the BYE goes where its messages came from.
    const { origin } = dialog;
    const target = dialog.remoteTarget ?? parseNameAddress(origin.remoteParty)?.uri ?? 'sip:unknown.invalid';
    const known = dialog.remoteTarget === null ? origin.flow : flowInDialog(dialog, target, this.#context.transport);
    withFlow(this.#context, known, (found) => {
      const flow = found ?? origin.flow;
      const headers = { ...NO_HEADERS, others: `Reason: ${reason}\r\n` };
      const bye = composeInDialog('BYE', dialog, target, headers, '', flow);
      const request = new AppRequest('BYE', dialog.id, dialog, null, INDIFFERENT);
      request.transaction = this.#context.transactions.startClient(bye, flow, request);
      const meta = sentRequestMeta(bye.text.length, flow);
      dialog.app?.send(`sip|${meta}|unsolicited|${dialog.id}|\r\n${bye.text}`);
      this.#context.cdrs.stop('application', cdrReason(reason), () => bye.text);
    });
  };

  /** Sends the ACK of a 2xx and keeps it for the case that the 2xx comes again. */
  sendAck(dialog: AppDialog, uri: string, headers: AppHeaders, body: string, flow: Flow): OutgoingRequest {
    const ack = composeInDialog('ACK', dialog, uri, headers, body, flow);
    const bytes = Buffer.from(ack.text, 'latin1');
    dialog.lastAck = { cseqNumber: ack.cseqNumber, bytes, flow };
    if (dialog.session !== null && body.startsWith('v=0')) dialog.localSdp = body;
    this.#context.counters.sentRequest('ACK');
    this.#context.transport.send(bytes, flow);
    return ack;
  }

  /** What an ACK sets free: the end of a dialog that only waited for it. */
  acknowledged(dialog: AppDialog): void {
    // The peer's BYE was here before this ACK: nothing is left to end.
    if (this.#context.dialogs.isRetired(dialog)) this.#context.dialogs.remove(dialog);
    else if (dialog.endsAfterAck) {
      dialog.endsAfterAck = false;
      this.endDialog(dialog, 'SIP;cause=200;text="ACK-BYE due to cancel race condition"');
    }
  }

  /** A 2xx to a re-INVITE whose dialog was ended meanwhile: its application knows nothing of it any more, its sender waits. */
  acknowledge(dialog: AppDialog): void {
    this.#acknowledge(dialog, () => undefined);
  }

  /** A 2xx that nobody wants: acknowledged and ended. RFC 3261 §13.2.2.4. */
  acknowledgeAndEnd(dialog: AppDialog, reason: string): void {
    this.#acknowledge(dialog, () => this.endDialog(dialog, `SIP;cause=200;text="${reason}"`));
  }

  /** Refreshes the session: UPDATE where the peer knows it, for it needs no description (RFC 4028 §7.4), else INVITE. */
  refresh(dialog: AppDialog, intervalSeconds: number): void {
    const target = dialog.remoteTarget;
    if (dialog.openOffers > 0 || dialog.owesAck) {
      dialog.session?.retry();
      return;
    }
    if (target === null || this.#context.dialogs.isRetired(dialog)) return;
    withFlow(this.#context, flowInDialog(dialog, target, this.#context.transport), (flow) => {
      if (flow === null) return;
      const method = dialog.allowsUpdate ? 'UPDATE' : 'INVITE';
      const body = method === 'INVITE' ? dialog.localSdp : '';
      const others = `Supported: timer\r\nSession-Expires: ${intervalSeconds};refresher=uac\r\n`;
      const outgoing = composeInDialog(method, dialog, target, { ...NO_HEADERS, others }, body, flow);
      const request = new AppRequest(method, dialog.id, dialog, null, this.#refreshing);
      if (method === 'INVITE') {
        request.isOffer = true;
        dialog.openOffers++;
        dialog.ackSeq = null;
      }
      request.transaction = this.#context.transactions.startClient(outgoing, flow, request);
    });
  }

  readonly #refreshing: AppRequestCore = {
    responded: (request, response) => this.#refreshed(request, response),
    // RFC 4028 §10: a peer that does not answer is given up.
    failed: (request) => this.#refreshed(request, null),
    ended: () => undefined,
  };

  #refreshed(request: AppRequest, response: SipMessage | null): void {
    const { dialog, transaction, method } = request;
    const status = response?.status ?? 408;
    if (dialog === null || transaction === null || status < 200) return;
    if (request.hasFinal) {
      if (dialog.lastAck !== null && status < 300)
        this.#context.transport.send(dialog.lastAck.bytes, dialog.lastAck.flow);
      return;
    }
    request.hasFinal = true;
    if (request.isOffer) dialog.openOffers--;
    if (method === 'INVITE' && status < 300) {
      dialog.ackSeq = transaction.request.cseqNumber;
      this.acknowledge(dialog);
    }
    if (this.#context.dialogs.isRetired(dialog)) return;
    if (response !== null && status < 300) {
      this.#sessions.called(dialog, response, transaction.request);
    } else if (status === 408 || status === 481) this.endDialog(dialog, SESSION_EXPIRED);
    else dialog.session?.retry();
  }

  /** The session timer ran out: nobody refreshed it. */
  expired(dialog: AppDialog): void {
    if (!this.#context.dialogs.isRetired(dialog)) this.endDialog(dialog, SESSION_EXPIRED);
  }

  #acknowledge(dialog: AppDialog, then: () => void): void {
    const target = dialog.remoteTarget;
    if (target === null) return;
    withFlow(this.#context, flowInDialog(dialog, target, this.#context.transport), (found) => {
      if (found === null) return;
      dialog.endsAfterAck = false;
      this.sendAck(dialog, target, NO_HEADERS, '', found);
      then();
    });
  }
}

function cdrReason(reason: string): CdrStopReason {
  if (reason === SESSION_EXPIRED) return 'session-expired';
  return reason.includes('ACK timeout') ? 'system-error-initiated-termination' : 'system-initiated-termination';
}
