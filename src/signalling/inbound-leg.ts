// The caller's leg: one INVITE from a trunk, answered through createUAS, never createB2BUA (semantics.md).
import type { Reliability, SessionTerms } from '../call/call-request.js';
import { NO_HEADERS, type PassedHeaders } from '../call/passed-headers.js';
import type { CallerLeg, CallerLegListener, LegIdentity, ReofferAnswer } from '../call/ports.js';
import type { DialogMessage, MessageAnswered } from '../call/ports-dialog.js';
import type { DigestAccount } from '../digest/digest-guard.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { callExtensions, capabilityHeaders, TRANSFER_EXTENSIONS } from './capabilities.js';
import { isDialogGone, requestInDialog } from './challenge-answers.js';
import { hearRequests, sendInDialog } from './dialog-requests.js';
import { LegDialog } from './leg-dialog.js';
import type { LegHost } from './leg-host.js';
import { identityOfCaller } from './leg-identity.js';
import { readReasons } from './message-parts.js';
import { endingHeaders, readPassed } from './passed-headers.js';
import { ProvisionalAnswers } from './provisional-answers.js';
import { takeEarlyRequest } from './renegotiation.js';
import { sdpOf } from './session-body.js';
import { answerSession, NO_SESSION_TIMER, type SessionAgreement, sessionExtensions } from './session-expires.js';
import type { ServerResponse, SipDialog, SipMessage, SipRequest, SrfApplication } from './srf.js';

export class InboundLeg implements CallerLeg {
  readonly #srf: SrfApplication;
  readonly #request: SipRequest;
  readonly #response: ServerResponse;
  readonly #host: LegHost;
  readonly #log: Logger;
  #listener: CallerLegListener | undefined;
  #cancelled: 'by-caller' | 'no-prack' | null = null;
  #refused = false;
  #dialog: SipDialog | undefined;
  #identity: LegIdentity | null = null;
  #acknowledged = false;
  /** Our 200 waits for a PRACK. */
  #isAnswerHeld = false;
  #ended = false;
  #hangUpWanted: { reason: string | undefined; passed: PassedHeaders } | undefined;
  #terms = NO_SESSION_TIMER;
  #session: { readonly agreement: SessionAgreement | null; readonly headers: Readonly<Record<string, string>> } = {
    agreement: null,
    headers: {},
  };
  #inDialog: LegDialog | undefined;
  readonly #provisionals: ProvisionalAnswers;
  readonly #allowedHeaders: readonly string[];
  /** What the peer gets when it asks for credentials in the dialog: to be set as soon as the peer is known. */
  account: DigestAccount | undefined;

  /**
   * To be made in the tick that delivers the INVITE, so that no CANCEL is missed.
   * @param allowedHeaders of its messages, those that may go to the other side
   */
  constructor(
    srf: SrfApplication,
    request: SipRequest,
    response: ServerResponse,
    host: LegHost,
    log: Logger,
    allowedHeaders: readonly string[] = [],
  ) {
    this.#srf = srf;
    this.#request = request;
    this.#response = response;
    this.#host = host;
    this.#log = log;
    this.#allowedHeaders = allowedHeaders;
    this.#provisionals = new ProvisionalAnswers(request, response, log, {
      extensions: () => this.#extensions(),
      onPrack: (prack, isAnswer) => this.#onPrack(prack, isAnswer),
    });
    request.on(
      'cancel',
      guarded(log, 'cancel', (cancel) => {
        // The embedded server's word for a caller that it has answered 504: none has cancelled.
        this.#cancelled = this.#provisionals.isPrackOwed && isWithoutPrack(cancel) ? 'no-prack' : 'by-caller';
        this.#provisionals.stop();
        this.#tellCancelled();
        if (this.#isAnswerHeld) this.#listener?.connectFailed();
        this.#isAnswerHeld = false;
      }),
    );
    request.on(
      'update',
      guarded(log, 'early update', (update, answer) => this.#renegotiate(update, answer)),
    );
  }

  get identity(): LegIdentity | null {
    return this.#identity === null ? null : (this.#inDialog?.identityNow(this.#identity) ?? this.#identity);
  }

  /** False when its session would be too short for these terms: it has been told so (RFC 4028 §9). */
  keepSession(terms: SessionTerms): boolean {
    const session = answerSession(this.#request, terms);
    if (!session.ok) {
      this.#response.send(422, { headers: { 'Min-SE': String(session.minSeconds) } });
      return false;
    }
    this.#terms = terms;
    this.#session = session;
    return true;
  }

  listen(listener: CallerLegListener): void {
    this.#listener = listener;
    this.#tellCancelled();
  }

  #tellCancelled(): void {
    if (this.#cancelled === 'no-prack') this.#listener?.cancelled('no-prack');
    else if (this.#cancelled !== null) this.#listener?.cancelled();
  }

  /** For which callers provisional responses are reliable: to be set before any. */
  set reliability(reliability: Reliability) {
    this.#provisionals.reliability = reliability;
  }

  get mayOfferEarly(): boolean {
    return this.#provisionals.mayOffer;
  }

  get isDescribed(): boolean {
    return this.#provisionals.isDescribed;
  }

  ring(status: number, passed?: PassedHeaders): void {
    this.#provisionals.send(status, null, passed);
  }

  progress(status: number, sdp: string, passed?: PassedHeaders): void {
    this.#provisionals.send(status, sdp, passed);
  }

  connect(sdp: string | null, passed: PassedHeaders = NO_HEADERS): void {
    this.#provisionals.stop();
    // Ours holds the 200 back by itself (RFC 3262 §3); drachtio-server 0.9.10 sends it then with a broken reason phrase.
    if (this.#host.isServerOurs) {
      this.#answer(sdp, passed);
      return;
    }
    this.#isAnswerHeld = true;
    this.#provisionals.whenAcknowledged(() => this.#isAnswerHeld && this.#answer(sdp, passed));
  }

  #answer(sdp: string | null, passed: PassedHeaders): void {
    this.#isAnswerHeld = false;
    this.#srf.createUAS(
      this.#request,
      this.#response,
      {
        localSdp: sdp ?? '',
        headers: { ...capabilityHeaders(this.#extensions()), ...this.#session.headers, ...passed },
      },
      guarded(this.#log, 'caller answered', (error, dialog) => {
        if (error || dialog === undefined) {
          this.#log.info({ leg: 'caller', cause: String(error) }, 'caller could not be answered');
          this.#listener?.connectFailed();
          return;
        }
        this.#adopt(dialog);
        this.#listener?.connected();
      }),
    );
  }

  refuse(status: number, reason: string | undefined, passed: PassedHeaders = NO_HEADERS): void {
    // After a CANCEL the SIP server has already answered 487.
    if (this.#cancelled !== null || this.#refused) return;
    this.#refused = true;
    this.#provisionals.stop();
    const send = () => this.#response.send(status, endingHeaders(reason, passed));
    // drachtio-server 0.9.10 ends with a segmentation fault when it has to send a failure while a PRACK is owed.
    if (this.#host.isServerOurs) send();
    else this.#provisionals.whenAcknowledged(send);
  }

  hangUp(reason: string | undefined, passed: PassedHeaders = NO_HEADERS): void {
    if (this.#ended) return;
    this.#inDialog?.end();
    if (this.#dialog === undefined && this.#identity !== null) {
      this.#endWithoutDialog();
      return;
    }
    // RFC 3261 §15: the callee's UA must not send BYE before its 200 was ACKed; without an ACK the SIP server ends the
    // dialog. The 200 itself may be on its way, and the dialog not made yet.
    if (this.#dialog === undefined || !this.#acknowledged) {
      this.#hangUpWanted = { reason, passed };
      return;
    }
    this.#ended = true;
    const [dialog, log, account] = [this.#dialog, this.#log, this.account];
    requestInDialog(
      { dialog, log, account },
      { method: 'BYE', headers: endingHeaders(reason, passed).headers ?? {} },
      (error) => {
        this.#host.callerOver(this);
        // Of a dialog that is gone the peer's BYE was first.
        if (error && (!this.#host.isConnected || !isDialogGone(error))) this.#endWithoutDialog();
        else this.#listener?.cleared?.();
      },
    );
  }

  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    if (this.#inDialog === undefined) answered({ status: 481, sdp: null });
    else this.#inDialog.reoffer(sdp, answered);
  }

  send(message: DialogMessage, answered: MessageAnswered): void {
    sendInDialog({ dialog: this.#dialog, log: this.#log, account: this.account }, message, answered);
  }

  /** The SIP server that held the dialog is gone: from now on a BYE goes out as a request of its own. */
  detach(): void {
    this.#dialog = undefined;
    this.#inDialog?.close();
    // The ACK that it waited for will not be told any more.
    if (this.#hangUpWanted !== undefined && !this.#ended) this.#endWithoutDialog();
  }

  #endWithoutDialog(): void {
    this.#ended = true;
    this.#host.callerOver(this);
    if (this.#identity === null) return;
    void this.#host.endOrphan(this.#identity, 'signalling-lost').finally(() => this.#listener?.cleared?.());
  }

  #adopt(dialog: SipDialog): void {
    this.#dialog = dialog;
    this.#identity = identityOfCaller(this.#request, dialog);
    const inDialog = new LegDialog(
      dialog,
      this.#request,
      {
        clock: this.#host.clock,
        log: this.#log,
        account: this.account,
        terms: this.#terms,
        extensions: this.#extensions(),
        agreement: this.#session.agreement,
        role: 'uas',
        isServerOurs: this.#host.isServerOurs,
      },
      {
        renegotiated: (renegotiation) => this.#listener?.renegotiated(renegotiation),
        refreshDue: () => this.#listener?.refreshDue(),
        sessionOver: () => this.#listener?.sessionOver(),
        identityChanged: () => this.#listener?.identityChanged?.(),
      },
    );
    this.#inDialog = inDialog;
    this.#host.callerAnswered(this);
    dialog.on(
      'ack',
      guarded(this.#log, 'caller ack', (ack) => this.#onAck(ack)),
    );
    dialog.on(
      'destroy',
      guarded(this.#log, 'caller bye', (bye) => {
        this.#ended = true;
        inDialog.close();
        this.#host.callerOver(this);
        this.#listener?.hungUp(causeOfBye(bye), readPassed(bye, this.#allowedHeaders), this.#host.latenessMs(bye));
      }),
    );
    for (const event of ['modify', 'update'] as const) {
      dialog.on(
        event,
        guarded(this.#log, event, (request, response) => inDialog.onRequest(request, response)),
      );
    }
    hearRequests(dialog, this.#log, () => this.#listener);
  }

  #onAck(ack: SipMessage): void {
    if (this.#inDialog?.onAck(ack) || this.#acknowledged) return;
    this.#acknowledged = true;
    this.#listener?.acknowledged(sdpOf(ack));
    const wanted = this.#hangUpWanted;
    if (wanted !== undefined) this.hangUp(wanted.reason, wanted.passed);
  }

  /** RFC 3262 §5: a PRACK answers the offer of the response that it acknowledges, or makes an offer of its own. */
  #onPrack(prack: SipRequest, isAnswer: boolean): void {
    const response = prack.res;
    if (response === undefined) return;
    const sdp = sdpOf(prack);
    if (sdp === null || isAnswer || this.#listener === undefined) response.send(200, {});
    // Deviation: an offer that cannot be used gets 488, for which RFC 3262 §3 has no place; the call goes on as it was.
    else this.#renegotiate(prack, response);
    if (isAnswer) this.#listener?.answeredEarly?.(sdp);
  }

  /** Before the answer. */
  #renegotiate(request: SipRequest, response: ServerResponse): void {
    takeEarlyRequest(
      request,
      response,
      { known: this.#extensions(), contact: this.#provisionals.contact },
      (renegotiation) => {
        if (this.#listener === undefined) renegotiation.refuse(500);
        else this.#listener.renegotiated(renegotiation);
      },
    );
  }

  #extensions(): readonly string[] {
    const later = [...sessionExtensions(this.#terms), ...TRANSFER_EXTENSIONS];
    return callExtensions(later, this.#provisionals.reliability);
  }
}

/** What the SIP server says of a BYE that it has sent by itself (wire protocol §5.3, §5.4). */
function causeOfBye(bye: SipMessage): 'bye' | 'no-ack' | 'session-expired' {
  if (bye.source !== 'application') return 'bye';
  const text = readReasons(bye).join();
  if (text.includes('ACK timeout')) return 'no-ack';
  return text.includes('Session timer expired') ? 'session-expired' : 'bye';
}

function isWithoutPrack(cancel: SipMessage): boolean {
  return readReasons(cancel).some((reason) => reason.includes('cause=487') && reason.includes('"No PRACK"'));
}
