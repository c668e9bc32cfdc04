// The caller's leg: one INVITE from a trunk, answered through createUAS, never createB2BUA (semantics.md).
import type { SessionTerms } from '../call/call-request.js';
import type { CallerLeg, CallerLegListener, LegIdentity, ReofferAnswer } from '../call/ports.js';
import type { DialogMessage, MessageAnswered } from '../call/ports-dialog.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { capabilityHeaders, TRANSFER_EXTENSIONS } from './capabilities.js';
import { hearRequests, sendInDialog } from './dialog-requests.js';
import { LegDialog } from './leg-dialog.js';
import type { LegHost } from './leg-host.js';
import { identityOfCaller } from './leg-identity.js';
import { reasonHeaders, sdpOf } from './message-parts.js';
import { AwaitedAck, toRenegotiation } from './renegotiation.js';
import { answerSession, NO_SESSION_TIMER, type SessionAgreement, sessionExtensions } from './session-expires.js';
import type { ServerResponse, SipDialog, SipMessage, SipRequest, SrfApplication } from './srf.js';

export class InboundLeg implements CallerLeg {
  readonly #srf: SrfApplication;
  readonly #request: SipRequest;
  readonly #response: ServerResponse;
  readonly #host: LegHost;
  readonly #log: Logger;
  #listener: CallerLegListener | undefined;
  #cancelled = false;
  #refused = false;
  #dialog: SipDialog | undefined;
  #identity: LegIdentity | null = null;
  #acknowledged = false;
  #ended = false;
  #hangUpWanted: { reason: string | undefined } | undefined;
  #terms = NO_SESSION_TIMER;
  #session: { readonly agreement: SessionAgreement | null; readonly headers: Readonly<Record<string, string>> } = {
    agreement: null,
    headers: {},
  };
  #inDialog: LegDialog | undefined;

  /** To be made in the tick that delivers the INVITE, so that no CANCEL is missed. */
  constructor(srf: SrfApplication, request: SipRequest, response: ServerResponse, host: LegHost, log: Logger) {
    this.#srf = srf;
    this.#request = request;
    this.#response = response;
    this.#host = host;
    this.#log = log;
    request.on(
      'cancel',
      guarded(log, 'cancel', () => {
        this.#cancelled = true;
        this.#listener?.cancelled();
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
    if (this.#cancelled) listener.cancelled();
  }

  ring(): void {
    if (this.#cancelled) return;
    this.#response.send(180, {});
  }

  progress(status: number, sdp: string): void {
    if (this.#cancelled) return;
    this.#response.send(status, { headers: { 'Content-Type': 'application/sdp' }, body: sdp });
  }

  connect(sdp: string): void {
    const extensions = [...sessionExtensions(this.#terms), ...TRANSFER_EXTENSIONS];
    this.#srf.createUAS(
      this.#request,
      this.#response,
      { localSdp: sdp, headers: { ...capabilityHeaders(extensions), ...this.#session.headers } },
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

  refuse(status: number, reason: string | undefined): void {
    // After a CANCEL the SIP server has already answered 487.
    if (this.#cancelled || this.#refused) return;
    this.#refused = true;
    this.#response.send(status, reasonHeaders(reason));
  }

  hangUp(reason: string | undefined): void {
    if (this.#ended) return;
    this.#inDialog?.close();
    if (this.#dialog === undefined && this.#identity !== null) {
      this.#endWithoutDialog();
      return;
    }
    // RFC 3261 §15: the callee's UA must not send BYE before its 200 was ACKed; without an ACK the SIP server ends the
    // dialog. The 200 itself may be on its way, and the dialog not made yet.
    if (this.#dialog === undefined || !this.#acknowledged) {
      this.#hangUpWanted = { reason };
      return;
    }
    this.#ended = true;
    this.#dialog.destroy(
      reasonHeaders(reason),
      guarded(this.#log, 'caller ended', (error) => {
        this.#host.callerOver(this);
        // While we are connected it has failed because the peer's BYE was first.
        if (error && !this.#host.isConnected) this.#endWithoutDialog();
      }),
    );
  }

  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    if (this.#inDialog === undefined) answered({ status: 481, sdp: null });
    else this.#inDialog.reoffer(sdp, answered);
  }

  send(message: DialogMessage, answered: MessageAnswered): void {
    sendInDialog({ dialog: this.#dialog, log: this.#log, account: undefined }, message, answered);
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
    if (this.#identity !== null) void this.#host.endOrphan(this.#identity, 'signalling-lost');
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
        account: undefined,
        terms: this.#terms,
        agreement: this.#session.agreement,
        role: 'uas',
        isServerOurs: this.#host.isServerOurs,
      },
      {
        renegotiated: (renegotiation) => this.#listener?.renegotiated(renegotiation),
        refreshDue: () => this.#listener?.refreshDue(),
        sessionOver: () => this.#listener?.sessionOver(),
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
        this.#listener?.hungUp(bye.source === 'application' && !this.#acknowledged ? 'no-ack' : 'bye');
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
    if (wanted !== undefined) this.hangUp(wanted.reason);
  }

  #renegotiate(request: SipRequest, response: ServerResponse): void {
    if (this.#listener === undefined) {
      response.send(500, { headers: { 'Retry-After': '5' } });
      return;
    }
    this.#listener.renegotiated(toRenegotiation(request, response, undefined, new AwaitedAck()));
  }
}
