// Responses to the requests of applications. RFC 3261 §13.2.2, RFC 3262 §4 for reliable provisional ones, RFC 6665 §4.1.2.
import { parseNameAddress, splitElements } from '../message/name-address.js';
import { newTag } from '../message/random-tokens.js';
import { reasonPhrase } from '../message/reason-phrases.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';
import type { AppConnection } from './app-connection.js';
import { AppDialog } from './app-dialog.js';
import type { AppRequest, AppRequestCore } from './app-request.js';
import type { CoreContext } from './core-context.js';
import { fabricatedMeta, networkMeta } from './meta.js';
import type { OwnRequests } from './own-requests.js';
import type { SentRequests } from './sent-requests.js';
import type { SessionTimers } from './session-timers.js';

/** Branches of one forked INVITE that may have an early dialog: an honest proxy forks to fewer. */
const MAX_EARLY_DIALOGS = 32;

export class UacResponses implements AppRequestCore {
  readonly #context: CoreContext;
  readonly #sent: SentRequests;
  readonly #own: OwnRequests;
  readonly #sessions: SessionTimers;

  constructor(context: CoreContext, sent: SentRequests, own: OwnRequests, sessions: SessionTimers) {
    this.#context = context;
    this.#sent = sent;
    this.#own = own;
    this.#sessions = sessions;
  }

  responded(request: AppRequest, response: SipMessage, flow: Flow): void {
    const { status } = response;
    if (status < 200) {
      this.#provisional(request, response, flow);
      return;
    }
    if (request.method === 'INVITE' && status < 300) {
      this.#answered(request, response, flow);
      return;
    }
    this.#conclude(request, status);
    if (status < 300) this.#succeeded(request, response, flow);
    else if (request.method === 'INVITE' && !request.isInDialog) {
      const reason = request.isCancelled && status === 487 ? 'call-canceled' : 'call-rejected';
      this.#context.cdrs.stop('network', reason, () => response.head + response.body);
    }
    this.#deliver(request, response, flow);
  }

  ended(request: AppRequest): void {
    this.#sent.forget(request);
    const { dialog } = request;
    if (request.method === 'INVITE' && dialog !== null && this.#context.dialogs.isRetired(dialog)) {
      this.#context.dialogs.remove(dialog);
    }
  }

  failed(request: AppRequest, status: 408 | 503): void {
    if (request.hasFinal) return;
    this.#conclude(request, status);
    const { transaction, app } = request;
    if (transaction === null) return;
    const { via, from, to, callId, cseqNumber, method } = transaction.request;
    const tag = parseNameAddress(to)?.tag === undefined ? `;tag=${newTag()}` : '';
    const text =
      `SIP/2.0 ${status} ${reasonPhrase(status)}\r\nVia: ${via}\r\nFrom: ${from}\r\nTo: ${to}${tag}\r\n` +
      `Call-ID: ${callId}\r\nCSeq: ${cseqNumber} ${method}\r\nContent-Length: 0\r\n\r\n`;
    app?.send(`sip|${fabricatedMeta(transaction.flow)}|${request.txnId}|${request.dialogId}|\r\n${text}`);
    if (method === 'INVITE' && !request.isInDialog) {
      this.#context.cdrs.stop('network', request.isCancelled ? 'call-canceled' : 'call-rejected', () => text);
    }
  }

  #provisional(request: AppRequest, response: SipMessage, flow: Flow): void {
    const { status } = response;
    if (status === 100 && request.method === 'INVITE' && !request.isInDialog && !request.hasProvisional) {
      this.#context.onTrying(response.callId);
    }
    request.hasProvisional = true;
    this.#sent.releaseCancel(request);
    if (status === 100) return;
    const rseq = request.method === 'INVITE' ? response.value('rseq') : undefined;
    if (rseq === undefined) {
      if (request.method === 'INVITE' && !request.isInDialog) this.#openEarly(request, response, flow);
      this.#deliver(request, response, flow);
    } else if (this.#isNextReliable(request, response, flow, Number(rseq))) this.#deliver(request, response, flow);
  }

  /** RFC 3261 §12.1.2: a provisional response with a tag makes an early dialog; null when it cannot. */
  #openEarly(request: AppRequest, response: SipMessage, flow: Flow): AppDialog | null {
    const tag = response.to?.tag;
    if (tag === undefined || request.hasFinal) return null;
    const known = request.early?.get(tag);
    if (known !== undefined) return known;
    if ((request.early?.size ?? 0) >= MAX_EARLY_DIALOGS) return null;
    const dialog = this.#dialogOf(request, response, flow, null);
    if (dialog === null) return null;
    dialog.isEarly = true;
    dialog.ackSeq = null;
    request.early ??= new Map();
    request.early.set(tag, dialog);
    this.#context.dialogs.add(dialog);
    return dialog;
  }

  /**
   * Whether a reliable provisional response is the next of its branch; a first one makes an early dialog, for its PRACK.
   * RFC 3262 §4. Deviation: drachtio-server passes repetitions on, each of which drachtio-srf would acknowledge.
   */
  #isNextReliable(request: AppRequest, response: SipMessage, flow: Flow, rseq: number): boolean {
    if (request.isInDialog) {
      const { dialog } = request;
      if (dialog === null || (request.hasReliable && rseq !== dialog.lastRSeq + 1)) return false;
      request.hasReliable = true;
      dialog.lastRSeq = rseq;
      return true;
    }
    const dialog = this.#openEarly(request, response, flow);
    // 0 is no RSeq (RFC 3262 §7.1): none has come in this dialog.
    if (dialog === null || (dialog.lastRSeq !== 0 && rseq !== dialog.lastRSeq + 1)) return false;
    dialog.lastRSeq = rseq;
    request.owedPracks.push(dialog);
    dialog.owedPracks = request.owedPracks;
    if (dialog.remoteTarget === null) refreshTarget(dialog, response);
    this.#context.dialogs.prefer(dialog);
    return true;
  }

  /** A 2xx to INVITE: the first makes or refreshes the dialog, the same again gets the ACK again. */
  #answered(request: AppRequest, response: SipMessage, flow: Flow): void {
    const { dialog } = request;
    if (request.hasFinal) {
      if (dialog !== null) this.#answeredAgain(request, dialog, response, flow);
      return;
    }
    const early = request.early?.get(response.to?.tag ?? '') ?? null;
    this.#conclude(request, response.status);
    if (dialog === null) this.#makeDialog(request, response, flow, early);
    else {
      refreshTarget(dialog, response);
      dialog.ackSeq = request.transaction?.request.cseqNumber ?? null;
      // A BYE of either side was first: the application's ACK would find no dialog.
      if (this.#context.dialogs.byId(dialog.id) !== dialog) this.#own.acknowledge(dialog);
    }
    if (request.dialog !== null && request.transaction !== null) {
      this.#sessions.called(request.dialog, response, request.transaction.request);
    }
    if (request.app?.isOpen) this.#deliver(request, response, flow);
    else if (request.dialog !== null) this.#own.acknowledgeAndEnd(request.dialog, 'Nobody is left to take the call');
    if (!request.isInDialog) this.#context.cdrs.start('network', 'uac', response.head + response.body);
  }

  #answeredAgain(request: AppRequest, dialog: AppDialog, response: SipMessage, flow: Flow): void {
    if (!request.isInDialog && response.to?.tag !== dialog.origin.remoteTag) {
      this.#forkAnswered(request, response, flow);
    } else if (dialog.lastAck !== null && dialog.lastAck.cseqNumber === response.cseq?.number) {
      this.#context.counters.retransmissions++;
      this.#context.transport.send(dialog.lastAck.bytes, dialog.lastAck.flow);
    }
  }

  /**
   * RFC 3261 §13.2.2.4: another branch of a forked INVITE has answered. Deviation: drachtio-server acknowledges the first branch
   * again. Of its BYE nobody is told: an application knows the dialog by the name of the branch that is talking.
   */
  #forkAnswered(request: AppRequest, response: SipMessage, flow: Flow): void {
    const tag = response.to?.tag ?? '';
    const ended = request.endedForks?.get(tag);
    if (ended !== undefined) {
      // Its ACK was lost.
      this.#context.counters.retransmissions++;
      if (ended.lastAck !== null) this.#context.transport.send(ended.lastAck.bytes, ended.lastAck.flow);
      return;
    }
    if ((request.endedForks?.size ?? 0) >= MAX_EARLY_DIALOGS) return;
    const fork = this.#dialogOf(request, response, flow, null, null);
    if (fork === null) return;
    request.endedForks ??= new Map();
    request.endedForks.set(tag, fork);
    this.#own.acknowledgeAndEnd(fork, 'Another branch has answered');
    this.#context.onForkedAnswer(response.callId);
  }

  /** A 2xx to anything but INVITE. */
  #succeeded(request: AppRequest, response: SipMessage, flow: Flow): void {
    const { dialog, method, transaction } = request;
    if (method === 'SUBSCRIBE' && dialog === null) this.#makeDialog(request, response, flow, null);
    else if (dialog !== null && (method === 'UPDATE' || method === 'SUBSCRIBE')) {
      refreshTarget(dialog, response);
      if (method === 'UPDATE' && transaction !== null) this.#sessions.called(dialog, response, transaction.request);
    }
  }

  /** @param early the dialog that reliable provisional responses of this branch made; its numbers go on */
  #makeDialog(request: AppRequest, response: SipMessage, flow: Flow, early: AppDialog | null): void {
    const dialog = this.#dialogOf(request, response, flow, early);
    if (dialog === null) return;
    dialog.endsAfterAck = request.isCancelled;
    request.dialog = dialog;
    this.#context.dialogs.add(dialog);
  }

  #dialogOf(
    request: AppRequest,
    response: SipMessage,
    flow: Flow,
    early: AppDialog | null,
    app: AppConnection | null = request.app,
  ): AppDialog | null {
    const sent = request.transaction?.request;
    if (sent === undefined) return null;
    const contact = parseNameAddress(response.value('contact') ?? '');
    const isSuccess = (response.status ?? 0) >= 200;
    const dialog = new AppDialog(
      {
        role: 'uac',
        method: sent.method,
        id: request.dialogId,
        callId: sent.callId,
        localTag: parseNameAddress(sent.from)?.tag ?? '',
        remoteTag: response.to?.tag ?? '',
        localParty: sent.from,
        remoteParty: response.value('to') ?? sent.to,
        localSeq: early?.localSeq ?? sent.cseqNumber,
        remoteSeq: early?.remoteSeq ?? null,
        // A 2xx without Contact (RFC 3261 §12.1.1 wants one) is acknowledged and ended all the same.
        remoteTarget: contact?.uri ?? early?.remoteTarget ?? (isSuccess ? sent.uri : null),
        // RFC 3261 §13.2.2.4: the route set is that of the 2xx, whatever a provisional response said.
        routeSet: splitElements(response.values('record-route')).reverse(),
        contact: contactOf(sent.text),
        flow,
      },
      app,
    );
    dialog.ackSeq = sent.method === 'INVITE' ? sent.cseqNumber : null;
    dialog.lastRSeq = early?.lastRSeq ?? 0;
    return dialog;
  }

  #conclude(request: AppRequest, status: number): void {
    this.#sent.conclude(request, status);
    if (request.early === null) return;
    for (const early of request.early.values()) this.#context.dialogs.remove(early);
    request.early = null;
  }

  #deliver(request: AppRequest, response: SipMessage, flow: Flow): void {
    const meta = networkMeta(response.byteLength, flow);
    request.app?.send(`sip|${meta}|${request.txnId}|${request.dialogId}|\r\n${response.head}${response.body}`);
  }
}

function refreshTarget(dialog: AppDialog, response: SipMessage): void {
  const target = parseNameAddress(response.value('contact') ?? '')?.uri;
  if (target !== undefined) dialog.remoteTarget = target;
}

function contactOf(text: string): string {
  const start = text.indexOf('\r\nContact: ');
  return start === -1 ? '' : text.slice(start + 11, text.indexOf('\r\n', start + 11));
}
