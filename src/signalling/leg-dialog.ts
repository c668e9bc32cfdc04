// A leg's dialog between its answer and its BYE: re-INVITE and UPDATE of either side, one offer at a time (RFC 3261 §14, RFC 3311
// §5, RFC 6337), and the session timer (RFC 4028). What an offer says is the call's affair.
import type { LegIdentity, Renegotiation, ReofferAnswer } from '../call/ports.js';
import { guarded } from './callback-guard.js';
import { capabilityHeaders, unknownExtensions } from './capabilities.js';
import { contactUri } from './message-parts.js';
import { type DialogSettings, OwnOffers } from './own-offers.js';
import { AwaitedAck } from './renegotiation.js';
import { hasOtherBody, sdpOf } from './session-body.js';
import { answerSession, type SessionAnswer } from './session-expires.js';
import type { ServerResponse, SipDialog, SipMessage, SipRequest } from './srf.js';

export interface LegDialogListener {
  renegotiated(renegotiation: Renegotiation): void;
  /** The session is to be refreshed by a re-INVITE: its description is the call's. */
  refreshDue(): void;
  /** The peer has not refreshed the session, or knows nothing of the dialog any more. */
  sessionOver(): void;
  /** What `identityNow` tells has changed so much that a BYE after a crash would go wrong. */
  identityChanged?(): void;
}

/** RFC 3261 §14.2, RFC 3311 §5.2: 0 to 10. */
const LONGEST_RETRY_AFTER_SECONDS = 10;

export class LegDialog {
  readonly #dialog: SipDialog;
  readonly #settings: DialogSettings;
  readonly #listener: LegDialogListener;
  readonly #own: OwnOffers;
  readonly #ack = new AwaitedAck();
  /** Our 200 that made the dialog has its ACK, or was none of ours. */
  #isAcknowledged: boolean;
  #remoteTarget: string;
  /** By which the peer's offer, or its wish for one of ours, is to be answered; null when there is none. */
  #asked: ServerResponse | null = null;
  #isClosed = false;

  /** @param invite the peer's message of the two that made the dialog */
  constructor(dialog: SipDialog, invite: SipMessage, settings: DialogSettings, listener: LegDialogListener) {
    this.#dialog = dialog;
    this.#settings = settings;
    this.#listener = listener;
    this.#isAcknowledged = settings.role === 'uac';
    this.#remoteTarget = dialog.remote.uri;
    this.#own = new OwnOffers(dialog, settings, {
      isHeldUp: () => this.#asked !== null || !this.#isAcknowledged || this.#ack.isAwaited,
      refreshDue: () => listener.refreshDue(),
      sessionOver: () => listener.sessionOver(),
      answered: (response) => this.#noteTarget(response),
      wentOn: () => listener.identityChanged?.(),
    });
    this.#own.learn(invite);
    this.#own.agree(settings.agreement);
  }

  /** A re-INVITE of ours; with 491 when an offer of the peer went before it, with 481 when the dialog is over. */
  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    this.#own.send(sdp, answered);
  }

  /** The identity of the leg, with what has become of its CSeq and the peer's Contact since its answer. */
  identityNow(identity: LegIdentity): LegIdentity {
    const cseq = Math.max(identity.cseq, this.#own.lastCseq);
    if (cseq === identity.cseq && this.#remoteTarget === identity.remoteTarget) return identity;
    return { ...identity, cseq, remoteTarget: this.#remoteTarget };
  }

  /** False when it is no ACK of a re-INVITE: that of the 200 which made the dialog. */
  onAck(ack: SipMessage): boolean {
    this.#isAcknowledged = true;
    const isKnown = this.#ack.take(ack);
    this.#own.goOn();
    return isKnown;
  }

  /** A re-INVITE or an UPDATE of the peer. */
  onRequest(request: SipRequest, response: ServerResponse): void {
    if (this.#isClosed) {
      // RFC 3261 §15.1.1: with our BYE the dialog was over.
      response.send(481, {});
      return;
    }
    if (request.method === 'INVITE' && this.#ack.isAwaited) {
      // drachtio-srf tells of an ACK a little later than of the re-INVITE behind it.
      setImmediate(guarded(this.#settings.log, 're-INVITE', () => this.#take(request, response)));
    } else this.#take(request, response);
  }

  /** A BYE of ours is about to go out: what the peer still waits for is answered before it. */
  end(): void {
    const asked = this.#asked;
    this.close();
    asked?.send(487, {});
  }

  /** A BYE has come, and the server has answered what was open (RFC 3261 §15.1.2); or the server is gone. */
  close(): void {
    this.#isClosed = true;
    this.#asked = null;
    this.#own.close();
  }

  #take(request: SipRequest, response: ServerResponse): void {
    const { terms, extensions } = this.#settings;
    const refuse = (status: number, headers: Record<string, string> = {}) => response.send(status, { headers });
    const unknown = unknownExtensions(request, extensions);
    if (this.#isClosed) refuse(481);
    else if (unknown.length > 0) refuse(420, { Unsupported: unknown.join(', ') });
    else if (hasOtherBody(request)) refuse(415, { Accept: 'application/sdp' });
    else {
      const session = answerSession(request, terms, this.#own.agreement);
      const isOffer = request.method === 'INVITE' || sdpOf(request) !== null;
      this.#own.learn(request);
      if (!session.ok) refuse(422, { 'Min-SE': String(session.minSeconds) });
      else if (!isOffer) this.#refreshed(request, response, session);
      // RFC 3261 §14.2, RFC 3311 §5.2.
      else if (this.#own.isOpen || this.#ack.isAnswerAwaited) refuse(491);
      else if (this.#asked !== null) refuse(500, { 'Retry-After': retryAfter() });
      else this.#offer(request, response, session);
    }
  }

  /** An UPDATE without an offer changes nothing but the peer's Contact and the time of the session (RFC 4028 §7.4). */
  #refreshed(request: SipRequest, response: ServerResponse, session: Extract<SessionAnswer, { ok: true }>): void {
    this.#noteTarget(request);
    this.#own.agree(session.agreement);
    response.send(200, { headers: this.#headersWith(session.headers) });
  }

  #offer(request: SipRequest, response: ServerResponse, session: Extract<SessionAnswer, { ok: true }>): void {
    this.#asked = response;
    let onAnswer: (sdp: string | null) => void = () => {};
    const offerSdp = sdpOf(request);
    const renegotiation: Renegotiation = {
      offerSdp,
      accept: (sdp) => {
        if (!this.#takes(response)) return;
        this.#noteTarget(request);
        this.#own.outdate();
        this.#own.agree(session.agreement);
        if (request.method === 'INVITE') {
          this.#ack.await(request, (answer) => onAnswer(answer), offerSdp === null);
        }
        const headers = { ...this.#headersWith(session.headers), 'Content-Type': 'application/sdp' };
        response.send(200, { headers, body: sdp });
      },
      refuse: (status) => {
        if (!this.#takes(response)) return;
        response.send(status, {});
        this.#own.goOn();
      },
      onAnswer: (listener) => {
        onAnswer = listener;
      },
    };
    try {
      this.#listener.renegotiated(renegotiation);
    } catch (error) {
      // Unanswered it would be in the way of every other offer.
      renegotiation.refuse(500);
      throw error;
    }
  }

  /** False when it has been answered, in a dialog that is over. */
  #takes(response: ServerResponse): boolean {
    if (this.#asked !== response) return false;
    this.#asked = null;
    return true;
  }

  #headersWith(session: Readonly<Record<string, string>>): Record<string, string> {
    const { contact } = this.#dialog.local;
    const headers = { ...capabilityHeaders(this.#settings.extensions), ...session };
    return contact === undefined ? headers : { Contact: contact, ...headers };
  }

  /** RFC 3261 §12.2: re-INVITE and UPDATE, and what answers them, may move the peer's Contact. */
  #noteTarget(message: SipMessage): void {
    const target = contactUri(message) ?? this.#remoteTarget;
    if (target === this.#remoteTarget) return;
    this.#remoteTarget = target;
    this.#listener.identityChanged?.();
  }
}

function retryAfter(): string {
  return String(Math.floor(Math.random() * (LONGEST_RETRY_AFTER_SECONDS + 1)));
}
