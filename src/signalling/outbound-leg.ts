// One attempt's leg: one INVITE to one channel through createUAC, with its CANCEL, its late answer and its BYE.
import { isNamed } from '../call/dialog-name.js';
import { NO_HEADERS, type PassedHeaders } from '../call/passed-headers.js';
import type { CalleeLeg, CalleeLegListener, DialRequest, LegIdentity, ReofferAnswer } from '../call/ports.js';
import type { DialogMessage, DialogName, MessageAnswered } from '../call/ports-dialog.js';
import type { DigestAccount } from '../digest/digest-guard.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { callExtensions, capabilityHeaders, RELIABLE_EXTENSION } from './capabilities.js';
import { ChallengeAnswers, challengerOf, isDialogGone, repetitionOf, requestInDialog } from './challenge-answers.js';
import { hearRequests, sendInDialog } from './dialog-requests.js';
import { LegDialog } from './leg-dialog.js';
import type { LegHost } from './leg-host.js';
import { identityOfCallee } from './leg-identity.js';
import { readReasons, reasonHeaders, tagOf } from './message-parts.js';
import { endingHeaders, readPassed } from './passed-headers.js';
import { plainAddress } from './peer-table.js';
import { takeEarlyRequest } from './renegotiation.js';
import { sdpOf } from './session-body.js';
import { askForSession, BearableInterval, NO_SESSION_TIMER, sessionExtensions, sessionOf } from './session-expires.js';
import type { DialError, SipDialog, SipMessage, SipRequest, SipResponse, SrfApplication } from './srf.js';

/** Branches of a forked INVITE that are told apart: an honest proxy forks to fewer. */
const MAX_BRANCHES = 32;

/** A second place to call somebody at. */
export interface OtherPlace {
  readonly address: DialRequest['address'];
  readonly nextHop?: string;
}

export class OutboundLeg implements CalleeLeg {
  readonly #srf: SrfApplication;
  readonly #host: LegHost;
  readonly #log: Logger;
  readonly #listener: CalleeLegListener;
  readonly #account: DigestAccount | undefined;
  readonly #answers: ChallengeAnswers;
  #request: DialRequest | undefined;
  #otherwise: OtherPlace | undefined;
  /** Undefined until it has left, and while it is being sent again with credentials. */
  #invite: SipRequest | undefined;
  #cancelled = false;
  #cancelWanted: { reason: string | undefined } | undefined;
  #dialog: SipDialog | undefined;
  #identity: LegIdentity | null = null;
  #sipCallId = '';
  #over = false;
  #hangingUp = false;
  #terms = NO_SESSION_TIMER;
  readonly #bearable = new BearableInterval();
  #inDialog: LegDialog | undefined;
  readonly #allowedHeaders: readonly string[];
  /** What each branch of a forked INVITE has described before its answer, by the tag of its To (RFC 3261 §12.1.2). */
  readonly #earlySdp = new Map<string, string>();
  /** The branch that has described itself last. */
  #lastBranch = '';
  /** Those that have rung: each has an early dialog. */
  readonly #ringing = new Set<string>();

  /**
   * @param account what the gateway gets when it asks for credentials
   * @param allowedHeaders of its messages, those that may go to the other side
   */
  constructor(
    srf: SrfApplication,
    host: LegHost,
    listener: CalleeLegListener,
    account: DigestAccount | undefined,
    log: Logger,
    allowedHeaders: readonly string[] = [],
  ) {
    this.#srf = srf;
    this.#account = account;
    this.#answers = new ChallengeAnswers(account);
    this.#host = host;
    this.#listener = listener;
    this.#log = log;
    this.#allowedHeaders = allowedHeaders;
  }

  get identity(): LegIdentity | null {
    return this.#identity === null ? null : (this.#inDialog?.identityNow(this.#identity) ?? this.#identity);
  }

  noteTrying(): void {
    if (!this.#over && this.#dialog === undefined) this.#listener.trying();
  }

  noteForkedAnswer(): void {
    this.#listener.answeredAgain?.();
  }

  /** For a channel that is nowhere now: the attempt fails as one whose INVITE could not be sent, a moment later. */
  failUnsent(): void {
    this.#over = true;
    queueMicrotask(
      guarded(this.#log, 'unsent', () => this.#listener.failed({ status: null, reasons: [], local: true })),
    );
  }

  /**
   * @param nextHop where it is sent to, when that is not where the request-URI says
   * @param otherwise where it is sent to when nobody can be reached there
   */
  start(
    request: DialRequest,
    markers: Readonly<Record<string, string>>,
    nextHop?: string,
    otherwise?: OtherPlace,
  ): void {
    this.#request = request;
    this.#otherwise = otherwise;
    this.#terms = request.sessionTimer ?? NO_SESSION_TIMER;
    this.#send(
      request,
      {
        ...capabilityHeaders(this.#extensions()),
        ...(request.prack === 'required' ? { Require: RELIABLE_EXTENSION } : {}),
        ...askForSession(this.#terms, null),
        ...request.passedHeaders,
        ...request.address.headers,
        ...markers,
        // Known before it is sent: after a crash it tells whose a late answer is.
        'Call-ID': request.attemptId,
        'Max-Forwards': String(request.maxForwards),
      },
      nextHop,
    );
  }

  #send(request: DialRequest, headers: Readonly<Record<string, string>>, proxy?: string): void {
    this.#srf.createUAC(
      request.address.requestUri,
      {
        localSdp: request.offerSdp,
        callingNumber: request.address.fromUser,
        headers: { ...headers },
        ...(proxy === undefined ? {} : { proxy }),
      },
      {
        cbRequest: guarded(this.#log, 'invite sent', (error, invite) => {
          if (error || invite === undefined) return;
          this.#invite = invite;
          this.#takeOverUpdates(invite);
          // With credentials it is the same attempt, under the same Call-ID.
          if (this.#sipCallId === '') {
            this.#sipCallId = invite.get('Call-ID') ?? '';
            this.#host.calleeSent(this.#sipCallId, this);
            this.#listener.sent(this.#sipCallId);
          }
          const wanted = this.#cancelWanted;
          if (wanted !== undefined) this.cancel(wanted.reason);
        }),
        cbProvisional: guarded(this.#log, 'provisional response', (response) => {
          this.#listener.heardFrom(plainAddress(response.source_address));
          this.#onProvisional(response);
        }),
      },
      guarded(this.#log, 'final response', (error, dialog) => {
        if (dialog !== undefined && !error) this.#onAnswer(dialog);
        else if (!this.#sendAgain(error?.res, headers, proxy) && !this.#sendElsewhere(error?.res, headers))
          this.#onFailure(error);
      }),
    );
  }

  hasEarlyDialog(name: DialogName): boolean {
    if (this.#over || this.#dialog !== undefined || this.#invite === undefined) return false;
    const local = this.#invite.get('From') ?? '';
    const callId = this.#sipCallId;
    return [...this.#ringing].some((tag) => isNamed({ callId, local, remote: `;tag=${tag}` }, name));
  }

  #onProvisional(response: SipResponse): void {
    const { status } = response;
    const branch = tagOf(response, 'To');
    if (branch !== '' && this.#ringing.size < MAX_BRANCHES) this.#ringing.add(branch);
    // RFC 3261 §21.1: only an 18x tells how the call goes; RFC 6228: a 199, which we do not ask for, ends one branch of it.
    if (status < 180 || status === 199) {
      this.#listener.trying();
      return;
    }
    const sdp = sdpOf(response);
    if (sdp !== null) this.#noteDescribed(branch, sdp);
    this.#listener.progressed(status, sdp, readPassed(response, this.#allowedHeaders));
  }

  #noteDescribed(branch: string, sdp: string): void {
    if (this.#earlySdp.size < MAX_BRANCHES || this.#earlySdp.has(branch)) this.#earlySdp.set(branch, sdp);
    this.#lastBranch = branch;
  }

  /** After a challenge, or 422, the same again with what was missing; false when that is no use: the attempt has failed. */
  #sendAgain(
    response: SipResponse | undefined,
    headers: Readonly<Record<string, string>>,
    proxy: string | undefined,
  ): boolean {
    const [invite, request] = [this.#invite, this.#request];
    if (response === undefined || invite === undefined || request === undefined || this.#cancelled || this.#over)
      return false;
    const missing =
      this.#answers.headersFor(response, { method: 'INVITE', uri: invite.uri, body: request.offerSdp }) ??
      this.#longerSession(response);
    if (missing === null) return false;
    // What is cancelled from now on is the INVITE to come.
    this.#invite = undefined;
    const nextHop = proxy ?? challengerOf(invite.uri, response);
    this.#send(request, { ...headers, ...repetitionOf(invite), ...missing }, nextHop);
    return true;
  }

  /** Whoever would be reached by a connection that is gone is called at the other place, if there is one. */
  #sendElsewhere(response: SipResponse | undefined, headers: Readonly<Record<string, string>>): boolean {
    const [invite, request, other] = [this.#invite, this.#request, this.#otherwise];
    const isUnreached = response === undefined || (isLocal(response) && response.status === 503);
    if (other === undefined || request === undefined || !isUnreached || this.#cancelled || this.#over) return false;
    this.#otherwise = undefined;
    this.#invite = undefined;
    this.#request = { ...request, address: other.address };
    const repetition = invite === undefined ? {} : repetitionOf(invite);
    this.#send(this.#request, { ...headers, ...other.address.headers, ...repetition }, other.nextHop);
    return true;
  }

  #longerSession(response: SipResponse): Readonly<Record<string, string>> | null {
    if (this.#terms.mode === 'off' || !this.#bearable.raise(response)) return null;
    return askForSession(this.#terms, null, this.#bearable.minSeconds);
  }

  cancel(reason: string | undefined): void {
    if (this.#over || this.#dialog !== undefined) return;
    this.#cancelled = true;
    if (this.#invite === undefined) {
      this.#cancelWanted = { reason };
      return;
    }
    this.#cancelWanted = undefined;
    // The server holds it back until a provisional response (RFC 3261 §9.1); an unknown transaction has ended already.
    this.#invite.cancel(reasonHeaders(reason), (error) => {
      if (error) this.#log.debug({ leg: 'callee', cause: String(error) }, 'cancel was not needed');
    });
  }

  hangUp(reason: string | undefined, passed: PassedHeaders = NO_HEADERS): void {
    if (this.#over || this.#hangingUp) return;
    this.#hangingUp = true;
    this.#inDialog?.end();
    if (this.#dialog === undefined) {
      this.#endWithoutDialog();
      return;
    }
    const [dialog, log, account] = [this.#dialog, this.#log, this.#account];
    requestInDialog(
      { dialog, log, account },
      { method: 'BYE', headers: endingHeaders(reason, passed).headers ?? {} },
      (error) => {
        if (!error) this.#clear();
        // Of a dialog that is gone the server or the peer was first, and that BYE is on its way.
        else if (!this.#host.isConnected || !isDialogGone(error)) this.#endWithoutDialog();
      },
    );
  }

  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    if (this.#inDialog === undefined) answered({ status: 481, sdp: null });
    else this.#inDialog.reoffer(sdp, answered);
  }

  send(message: DialogMessage, answered: MessageAnswered): void {
    sendInDialog({ dialog: this.#dialog, log: this.#log, account: this.#account }, message, answered);
  }

  /**
   * The SIP server that held the transaction or dialog is gone: a BYE now goes out as a request of its own. Of an attempt
   * without an answer nothing more will be heard, but its phone may ring on: the call keeps the channel for its time.
   */
  detach(): void {
    if (this.#over) return;
    this.#dialog = undefined;
    this.#inDialog?.close();
    if (this.#identity === null) {
      this.#markOver();
    } else if (this.#hangingUp) {
      this.#endWithoutDialog();
    }
  }

  /**
   * createUAC answers an early UPDATE with its first offer whatever was asked; it attaches that listener right after
   * this callback, so ours takes its place in the microtask that follows.
   */
  #takeOverUpdates(invite: SipRequest): void {
    queueMicrotask(() => {
      invite.removeAllListeners('update');
      invite.on(
        'update',
        guarded(this.#log, 'early update', (request, response) => {
          const terms = { known: this.#extensions(), contact: invite.get('Contact') };
          const sdp = sdpOf(request);
          if (sdp !== null) this.#noteDescribed(tagOf(request, 'From'), sdp);
          takeEarlyRequest(request, response, terms, (renegotiation) => this.#listener.renegotiated(renegotiation));
        }),
      );
    });
  }

  #onAnswer(dialog: SipDialog): void {
    this.#dialog = dialog;
    this.#identity = identityOfCallee(this.#sent(dialog.req), dialog.res, dialog.remote.uri);
    const inDialog = new LegDialog(
      dialog,
      dialog.res,
      {
        clock: this.#host.clock,
        log: this.#log,
        account: this.#account,
        terms: this.#terms,
        extensions: this.#extensions(),
        agreement: sessionOf(dialog.res, this.#terms),
        peerMinSeconds: this.#bearable.minSeconds,
        role: 'uac',
        isServerOurs: this.#host.isServerOurs,
      },
      this.#listener,
    );
    this.#inDialog = inDialog;
    dialog.on(
      'destroy',
      guarded(this.#log, 'callee bye', (bye) => {
        inDialog.close();
        // Also when the server ended the leg by itself: a 200 that crossed our CANCEL.
        if (this.#hangingUp) {
          this.#clear();
          return;
        }
        this.#markOver();
        const passed = readPassed(bye, this.#allowedHeaders);
        this.#listener.hungUp(readReasons(bye), this.#host.latenessMs(bye), passed);
      }),
    );
    for (const event of ['modify', 'update'] as const) {
      dialog.on(
        event,
        guarded(this.#log, event, (request, response) => inDialog.onRequest(request, response)),
      );
    }
    dialog.on(
      'ack',
      guarded(this.#log, 'callee ack', (ack) => void inDialog.onAck(ack)),
    );
    hearRequests(dialog, this.#log, () => this.#listener);
    // RFC 3261 §13.2.1: a 200 need not repeat what its branch has described; another branch's description is not its own.
    const branch = tagOf(dialog.res, 'To');
    const sdp = sdpOf(dialog.res) ?? (branch === this.#lastBranch ? null : (this.#earlySdp.get(branch) ?? ''));
    const passed = readPassed(dialog.res, this.#allowedHeaders);
    this.#listener.heardFrom(plainAddress(dialog.res.source_address));
    this.#listener.answered(sdp, this.#host.latenessMs(dialog.res), passed);
  }

  #extensions(): readonly string[] {
    return callExtensions(sessionExtensions(this.#terms), this.#request?.prack ?? 'supported');
  }

  #sent(invite: SipMessage): { readonly invite: SipMessage; readonly channelId: string } {
    return { invite, channelId: this.#request?.channelId ?? '' };
  }

  #onFailure(error: DialError | null): void {
    const response = error?.res;
    // Answered, but without the Contact that a dialog needs (RFC 3261 §12.1.1): it is billed, so it has to be ended.
    if (response !== undefined && response.status === 200 && this.#invite !== undefined) {
      this.#identity = identityOfCallee(this.#sent(this.#invite), response, this.#invite.uri);
      this.#listener.answered(null, this.#host.latenessMs(response));
      return;
    }
    this.#markOver();
    if (response === undefined) {
      this.#log.warn({ leg: 'callee', cause: error?.message }, 'invite was not sent');
      this.#listener.failed({ status: null, reasons: [], local: true });
      return;
    }
    const reasons = readReasons(response);
    const passed = readPassed(response, this.#allowedHeaders);
    this.#listener.failed({ status: response.status, reasons, local: isLocal(response), passed });
  }

  #endWithoutDialog(): void {
    if (this.#identity === null) {
      this.#clear();
      return;
    }
    void this.#host.endOrphan(this.#identity, 'signalling-lost').finally(() => this.#clear());
  }

  #clear(): void {
    if (this.#over) return;
    this.#markOver();
    this.#listener.cleared();
  }

  #markOver(): void {
    this.#over = true;
    this.#host.calleeOver(this.#sipCallId);
  }
}

/** The server makes 408 and 503 itself and then gives no source address (wire protocol §3). */
function isLocal(response: SipResponse): boolean {
  return response.source_address === '' || response.source_address === undefined;
}
