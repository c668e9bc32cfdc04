// Requests from peers, on their way to an application. RFC 3261 §8.2, §9.2, §12.2.2, §14.2, §15.1.2; RFC 3311 §5.2.

import type { SipDrain } from '../control.js';
import { MIN_SESSION_SECONDS, parseSessionExpires } from '../dialog/session-timer.js';
import { checkMessage, isStandardMethod } from '../message/check-message.js';
import { newTag } from '../message/random-tokens.js';
import { bareResponse, responseHeadOf, stampedTopVia } from '../message/response-head.js';
import type { SipMessage } from '../message/sip-message.js';
import type { ServerTransaction } from '../transaction/server-transaction.js';
import { defaultPortOf, type Flow } from '../transport/flow.js';
import type { AppConnection } from './app-connection.js';
import type { AppDialog } from './app-dialog.js';
import type { CoreContext } from './core-context.js';
import { networkMeta } from './meta.js';
import { NetworkRequest, type NetworkRequestCore } from './network-request.js';
import type { ProxyCore } from './proxy-core.js';
import type { RequestHandlers } from './request-handlers.js';
import { requestText } from './request-text.js';
import { refuseForOverload, refuseMalformed } from './stateless-refusals.js';
import type { UasAnswers } from './uas-answers.js';

/** Methods that make no sense outside a dialog: 481. */
const DIALOG_ONLY = new Set(['BYE', 'UPDATE', 'PRACK']);

const MAKES_DIALOG = new Set(['INVITE', 'SUBSCRIBE', 'REFER']);

/** An application may stay silent about an INVITE for so many T1: 64 s by default, as on drachtio-server. */
const PATIENCE_T1 = 128;

/** Seconds after which a peer may repeat a request that crossed another. RFC 3261 §14.2, RFC 3311 §5.2: 0 to 10. */
const RETRY_AFTER = 'Retry-After: 2\r\n';

export class UasCore implements NetworkRequestCore {
  readonly #context: CoreContext;
  readonly #answers: UasAnswers;
  readonly #proxies: ProxyCore;
  readonly #handlers: RequestHandlers;
  /** Set while no new dialogs are taken. */
  drain: SipDrain | null = null;

  constructor(context: CoreContext, answers: UasAnswers, proxies: ProxyCore, handlers: RequestHandlers) {
    this.#context = context;
    this.#answers = answers;
    this.#proxies = proxies;
    this.#handlers = handlers;
  }

  receive(request: SipMessage, flow: Flow): void {
    const { counters, transactions } = this.#context;
    counters.receivedRequest(request.method);
    const problem = checkMessage(request);
    if (problem !== null) {
      refuseMalformed(this.#context, request, flow, problem);
      return;
    }
    if (transactions.receiveRequest(request, flow)) return;
    if (request.method === 'ACK') this.acknowledged(request, flow);
    else if (this.#context.overload.isReached() && !this.#belongsToCall(request))
      refuseForOverload(this.#context, request, flow);
    else if (request.method === 'CANCEL') this.#cancel(request, flow);
    else this.#offer(request, flow);
  }

  acknowledged(ack: SipMessage, flow: Flow): void {
    if (!this.#proxies.forwardAck(ack, flow)) this.#answers.unacknowledged.acknowledged(ack, flow);
  }

  /** Its unanswered requests get a 503. Deviation: drachtio-server leaves the peers without an answer. */
  appGone(app: AppConnection): void {
    for (const request of this.#answers.pending.ofApp(app)) {
      if (request.sentFinal === null && request.taker === null) this.#answers.finish(request, 503);
    }
  }

  ended(request: NetworkRequest): void {
    request.taker?.ended();
    this.#answers.ended(request);
  }

  /** Deviation: drachtio-server forgets the request and leaves the peer without an answer. */
  ignored(request: NetworkRequest): void {
    if (request.sentFinal === null) this.#answers.finish(request, 408);
  }

  overdue(request: NetworkRequest): void {
    const { transaction } = request;
    if (transaction !== null) this.#answers.transmit(transaction, 100, bareResponse(request.head, 100, ''));
  }

  /** Whether a request is part of what we have taken on already. */
  #belongsToCall(request: SipMessage): boolean {
    return request.method === 'CANCEL'
      ? this.#context.transactions.inviteOf(request) !== undefined
      : request.to?.tag !== undefined &&
          (this.#context.dialogs.ofRequest(request) !== undefined || this.#proxies.isOnRoute(request));
  }

  #start(request: SipMessage, flow: Flow): { entry: NetworkRequest; transaction: ServerTransaction } {
    const head = responseHeadOf(request, stampedTopVia(request, flow.address, flow.port));
    const entry = new NetworkRequest(request.method, head, this);
    // RFC 3261 §18.2.2: a response whose connection has closed goes to the port of the Via.
    const viaPort = request.via?.port ?? defaultPortOf(flow.listener.protocol);
    const back = flow.connection === null ? flow : { ...flow, returnPort: viaPort };
    const transaction = this.#context.transactions.startServer(request, back, entry);
    entry.transaction = transaction;
    return { entry, transaction };
  }

  #offer(request: SipMessage, flow: Flow): void {
    const { entry, transaction } = this.#start(request, flow);
    const isInvite = request.method === 'INVITE';
    if (isInvite) this.#answers.transmit(transaction, 100, bareResponse(entry.head, 100, ''));
    const toTag = request.to?.tag;
    if (toTag !== undefined) {
      entry.tag = toTag;
      const dialog = this.#context.dialogs.ofRequest(request);
      if (dialog !== undefined) {
        this.#offerInDialog(request, flow, entry, dialog);
        return;
      }
      if (this.#proxies.isOnRoute(request)) {
        this.#proxies.forward(entry, transaction);
        return;
      }
      if (isInvite) {
        this.#answers.refuse(entry, 481);
        return;
      }
    } else if (this.#answers.pending.identify(request, entry) !== undefined && !this.#isOnItsWayBack(request)) {
      // RFC 3261 §8.2.2.2: it was forked on its way, and both copies have come here.
      this.#answers.refuse(entry, 482);
      return;
    }
    if (DIALOG_ONLY.has(request.method)) {
      this.#answers.refuse(entry, 481);
      return;
    }
    if (this.drain !== null && MAKES_DIALOG.has(request.method)) {
      const { retryAfterSeconds } = this.drain;
      const retryAfter = retryAfterSeconds === undefined ? '' : `Retry-After: ${retryAfterSeconds}\r\n`;
      this.#answers.refuse(entry, 503, retryAfter);
      return;
    }
    if (this.#handlers.takes(entry, transaction)) return;
    const app = this.#context.routes.pick(request.method.toLowerCase());
    if (app === undefined) {
      // RFC 3261 §12.2.2: with a tag it was meant for a dialog.
      if (toTag !== undefined) this.#answers.refuse(entry, 481);
      else if (isStandardMethod(request.method)) this.#answers.refuse(entry, 503);
      else this.#answers.refuse(entry, 501, `Allow: ${this.#context.routes.methods.join(', ')}\r\n`);
      return;
    }
    this.offerTo(app, request, flow, entry);
  }

  /** Gives a new request to an application. */
  offerTo(app: AppConnection, request: SipMessage, flow: Flow, entry: NetworkRequest): void {
    this.#hand(entry, app);
    if (entry.method === 'INVITE' || entry.method === 'SUBSCRIBE') {
      entry.dialogId = `${request.callId};from-tag=${request.from?.tag ?? ''}`;
    }
    const { listener } = flow;
    const meta = networkMeta(request.byteLength, flow);
    const text = requestText(request, flow);
    app.send(`sip|${meta}|${entry.txnId}||${listener.address}|${listener.port}|\r\n${text}`);
    if (entry.method === 'INVITE') this.#context.cdrs.attempt('network', text);
  }

  /** A request that we have proxied ourselves before: no copy, but a spiral (RFC 3261 §16.3). */
  #isOnItsWayBack(request: SipMessage): boolean {
    const vias = request.values('via').join(',');
    return this.#context.transport.listeners.some(({ sentBy }) => vias.includes(` ${sentBy};`));
  }

  #offerInDialog(request: SipMessage, flow: Flow, entry: NetworkRequest, dialog: AppDialog): void {
    const number = request.cseq?.number ?? 0;
    if (dialog.remoteSeq !== null && number < dialog.remoteSeq) {
      // RFC 3261 §12.2.2: a request out of order.
      this.#answers.refuse(entry, 500);
      return;
    }
    dialog.remoteSeq = number;
    dialog.heardFrom(flow);
    const { method } = request;
    if (method === 'BYE' && dialog.isEarly && dialog.origin.role === 'uas') {
      this.#hangUpEarly(dialog, entry);
      return;
    }
    if (method === 'BYE' && dialog.origin.method === 'INVITE') {
      this.#context.cdrs.stop('network', 'normal-release', () => requestText(request, flow));
    }
    const endsDialog = method === 'BYE' || isTerminatingNotify(request, dialog);
    if (endsDialog) this.#answers.peerEnds(dialog);
    const { app } = dialog;
    if (app === null || !app.isOpen) {
      this.#answers.refuse(entry, 481);
      return;
    }
    if (!endsDialog && this.#crosses(request, entry, dialog)) return;
    entry.isInDialog = true;
    entry.dialog = dialog;
    entry.dialogId = dialog.id;
    if (!endsDialog) this.#answers.pending.awaitAnswer(dialog, entry);
    this.#hand(entry, app);
    const meta = networkMeta(request.byteLength, flow);
    const txnId = this.#txnIdFor(entry, dialog);
    app.send(`sip|${meta}|${txnId}|${dialog.id}|\r\n${requestText(request, flow)}`);
    // Only now: a 2xx that waited for it makes a dialog, in which drachtio-srf would not know what to do with a PRACK.
    if (method === 'PRACK') dialog.reliable?.acknowledged();
  }

  /** Before its INVITE is answered an UPDATE is known by the INVITE's TXN, which only CSeq tells apart in the answer. */
  #txnIdFor(entry: NetworkRequest, dialog: AppDialog): string {
    if (entry.method !== 'UPDATE' || !dialog.isEarly || dialog.origin.role !== 'uas') return entry.txnId;
    const invite = this.#answers.pending.unansweredIn(dialog).find(({ method }) => method === 'INVITE');
    if (invite === undefined) return entry.txnId;
    invite.earlyUpdate = entry;
    return invite.txnId;
  }

  /** What must not be before something else in the dialog is over is refused here. @returns true when it was */
  #crosses(request: SipMessage, entry: NetworkRequest, dialog: AppDialog): boolean {
    const { method } = request;
    if (method === 'PRACK') {
      if (dialog.reliable?.isNamedBy(request.value('rack') ?? '')) return false;
      // RFC 3262 §3.
      this.#answers.refuse(entry, 481);
      return true;
    }
    if (method !== 'INVITE' && method !== 'UPDATE') return false;
    const session = this.#context.keepsSessions ? parseSessionExpires(request.value('session-expires')) : null;
    if (session !== null && session.intervalSeconds < MIN_SESSION_SECONDS) {
      this.#answers.refuse(entry, 422, `Min-SE: ${MIN_SESSION_SECONDS}\r\n`);
      return true;
    }
    if (this.#answers.pending.hasUnanswered(dialog, method)) {
      // RFC 3261 §14.2, RFC 3311 §5.2.
      this.#answers.refuse(entry, 500, RETRY_AFTER);
      return true;
    }
    if (dialog.openOffers > 0 && (method === 'INVITE' || request.hasBody)) {
      // RFC 3261 §14.2. Deviation: drachtio-server leaves it to the application, which drachtio-srf does not let it see.
      this.#answers.refuse(entry, 491);
      return true;
    }
    return false;
  }

  /** RFC 3261 §15.1.2. Deviation: drachtio-server answers 481 to the BYE and 500 to the INVITE. */
  #hangUpEarly(dialog: AppDialog, bye: NetworkRequest): void {
    this.#answers.refuse(bye, 200);
    const invite = this.#answers.pending.unansweredIn(dialog).find(({ method }) => method === 'INVITE');
    this.#answers.peerEnds(dialog);
    if (invite !== undefined) this.#answers.tellCancelled(invite, 'The caller hung up with BYE');
  }

  #hand(entry: NetworkRequest, app: AppConnection): void {
    entry.app = app;
    if (entry.method === 'INVITE') {
      const { wheel, timers } = this.#context;
      entry.patience = wheel.after(PATIENCE_T1 * timers.t1Ms, entry, 'patience');
    }
    this.#answers.pending.add(entry);
  }

  #cancel(request: SipMessage, flow: Flow): void {
    const { entry: cancel } = this.#start(request, flow);
    const invite = this.#context.transactions.inviteOf(request);
    const target = invite?.user;
    if (invite === undefined || !(target instanceof NetworkRequest)) {
      this.#answers.refuse(cancel, 481);
      return;
    }
    cancel.tag = target.tag;
    if (invite.state === 'proceeding') {
      if (target.tag === '') target.tag = newTag();
      cancel.tag = target.tag;
      this.#answers.refuse(cancel, 200);
      if (target.taker !== null) {
        target.taker.cancelled();
        return;
      }
      const dialogId = target.hasProvisional || target.dialog !== null ? target.dialogId : '';
      const meta = networkMeta(request.byteLength, flow);
      target.app?.send(`sip|${meta}|${target.txnId}|${dialogId}|\r\n${requestText(request, flow)}`);
      this.#answers.finish(target, 487);
    } else if (invite.state === 'accepted') {
      // RFC 3261 §9.2 would answer 200 and do nothing; drachtio-server ends the call, and the caller wants just that.
      this.#answers.refuse(cancel, 481);
      const { dialog } = target;
      if (dialog !== null && target.sentFinal !== null) {
        this.#answers.unacknowledged.end(dialog, 'SIP;cause=200;text="CANCEL after 200 OK"');
      }
    } else this.#answers.refuse(cancel, 200);
  }
}

/** RFC 6665 §4.1.3: a NOTIFY that says `terminated` ends its subscription. */
function isTerminatingNotify(request: SipMessage, dialog: AppDialog): boolean {
  return (
    request.method === 'NOTIFY' &&
    dialog.origin.method === 'SUBSCRIBE' &&
    /^terminated/i.test(request.value('subscription-state') ?? '') &&
    !/refer/i.test(request.value('event') ?? '')
  );
}
