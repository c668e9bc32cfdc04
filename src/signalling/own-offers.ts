// Re-INVITEs of ours in one dialog, one at a time: put off while the peer is asking, sent again after a glare (RFC 3261 §14.1), after
// 422 (RFC 4028 §7.3) and after 500 with Retry-After; and the refreshing of the session, by UPDATE where that will do (§7.4).
import type { SessionTerms } from '../call/call-request.js';
import type { ReofferAnswer } from '../call/ports.js';
import type { DigestAccount } from '../digest/digest-guard.js';
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { capabilityHeaders, optionTags } from './capabilities.js';
import { requestInDialog } from './challenge-answers.js';
import { cseqNumber } from './message-parts.js';
import { sdpOf } from './session-body.js';
import { askForSession, BearableInterval, type SessionAgreement, sessionOf } from './session-expires.js';
import { SessionTimer } from './session-timer.js';
import type { SipDialog, SipMessage, SipResponse } from './srf.js';

export interface DialogSettings {
  readonly clock: Clock;
  readonly log: Logger;
  readonly account: DigestAccount | undefined;
  readonly terms: SessionTerms;
  /** Option tags that the peer is told of, and may require. */
  readonly extensions: readonly string[];
  /** What the INVITE and its answer have agreed on. */
  readonly agreement: SessionAgreement | null;
  /** The Min-SE of the peer's 422 to our INVITE. */
  readonly peerMinSeconds?: number;
  /** Whether the INVITE was ours: then we wait longer after a glare (RFC 3261 §14.1). */
  readonly role: 'uac' | 'uas';
  /** The embedded server, which leaves session timers to us; a drachtio-server has its own beside ours. */
  readonly isServerOurs: boolean;
}

export interface OwnOffersHost {
  /** Nothing may be offered now: the peer waits for an answer, or we for its ACK. */
  isHeldUp(): boolean;
  refreshDue(): void;
  sessionOver(): void;
  /** A 2xx to a request of ours. */
  answered(response: SipMessage): void;
  /** Many requests were sent since this was told last. */
  wentOn(): void;
}

interface Offer {
  readonly sdp: string;
  readonly answered: (answer: ReofferAnswer) => void;
  tries: number;
  isOver: boolean;
}

const OVER: ReofferAnswer = { status: 481, sdp: null };
const OUTDATED: ReofferAnswer = { status: 491, sdp: null };
const MAX_TRIES = 5;
/** A BYE after a crash is numbered a hundred above what was kept of the leg. */
const MANY_REQUESTS = 50;
const LONGEST_RETRY_AFTER_SECONDS = 10;
/** A drachtio-server refreshes by itself at half the interval, give or take 5 s, with a description that may be an old one. */
const BEFORE_A_FOREIGN_SERVER_MS = 10_000;

export class OwnOffers {
  readonly #dialog: SipDialog;
  readonly #settings: DialogSettings;
  readonly #host: OwnOffersHost;
  readonly #timer: SessionTimer;
  #current: Offer | null = null;
  #waiting: Offer[] = [];
  #pause: ClockTimer | null = null;
  #isUpdating = false;
  #allowsUpdate = false;
  readonly #bearable: BearableInterval;
  #lastCseq = 0;
  #requests = 0;
  #isClosed = false;

  constructor(dialog: SipDialog, settings: DialogSettings, host: OwnOffersHost) {
    this.#dialog = dialog;
    this.#settings = settings;
    this.#host = host;
    this.#bearable = new BearableInterval(settings.peerMinSeconds);
    const { clock, log } = settings;
    const events = {
      refreshDue: guarded(log, 'session refresh', () => this.#refresh()),
      sessionOver: guarded(log, 'session end', () => host.sessionOver()),
    };
    this.#timer = new SessionTimer(clock, events, settings.isServerOurs ? 0 : BEFORE_A_FOREIGN_SERVER_MS);
  }

  /** A re-INVITE of ours has no final response yet. */
  get isOpen(): boolean {
    return this.#current !== null;
  }

  get agreement(): SessionAgreement | null {
    return this.#timer.agreement;
  }

  /** CSeq number of the last request sent here. */
  get lastCseq(): number {
    return this.#lastCseq;
  }

  /** What the peer says of itself in a message. */
  learn(message: SipMessage): void {
    const allowed = message.get('Allow');
    if (allowed !== undefined) this.#allowsUpdate = optionTags(allowed).includes('update');
    this.#bearable.learn(message);
  }

  /** The session is good for another interval, or has no timer from now on. */
  agree(agreement: SessionAgreement | null): void {
    if (!this.#isClosed) this.#timer.agree(agreement);
  }

  send(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    const offer: Offer = { sdp, answered, tries: 0, isOver: false };
    if (this.#isClosed) finish(offer, OVER);
    else this.#waiting.push(offer);
    this.goOn();
  }

  /** What held an offer up is perhaps over. */
  goOn(): void {
    if (this.#isClosed || this.#current !== null || this.#pause !== null || this.#host.isHeldUp()) return;
    const next = this.#waiting.shift();
    if (next !== undefined) this.#transmit(next);
  }

  /** The peer's offer was taken meanwhile: ours are not about the session as it is now. */
  outdate(): void {
    this.#pause?.cancel();
    this.#pause = null;
    for (const offer of this.#waiting.splice(0)) finish(offer, OUTDATED);
  }

  close(): void {
    this.#isClosed = true;
    this.#timer.stop();
    this.#pause?.cancel();
    this.#pause = null;
    const open = this.#current === null ? this.#waiting : [this.#current, ...this.#waiting];
    this.#current = null;
    this.#waiting = [];
    for (const offer of open) finish(offer, OVER);
  }

  #transmit(offer: Offer): void {
    this.#current = offer;
    offer.tries++;
    this.#request('INVITE', offer.sdp, (response) => {
      if (this.#current !== offer) return;
      this.#current = null;
      this.#onFinal(offer, response);
      this.goOn();
    });
  }

  #onFinal(offer: Offer, response: SipResponse | null): void {
    const status = response?.status ?? OVER.status;
    const pauseMs = response === null || offer.tries >= MAX_TRIES ? null : this.#pauseAfter(response);
    if (pauseMs !== null) {
      this.#waiting.unshift(offer);
      const again = guarded(this.#settings.log, 'offer again', () => {
        this.#pause = null;
        this.goOn();
      });
      this.#pause = this.#settings.clock.after(pauseMs, again);
      return;
    }
    if (response !== null) this.#conclude(response);
    finish(offer, { status, sdp: response === null ? null : sdpOf(response) });
  }

  /** How long to wait before the same offer is sent again; null when that is no use. */
  #pauseAfter(response: SipResponse): number | null {
    switch (response.status) {
      case 491:
        return glarePauseMs(this.#settings.role);
      case 422:
        return this.#bearable.raise(response) ? 0 : null;
      case 500: {
        const seconds = Number(/^\s*(\d{1,2})\b/.exec(response.get('Retry-After') ?? '')?.[1]);
        return seconds <= LONGEST_RETRY_AFTER_SECONDS ? Math.max(0.5, seconds) * 1_000 : null;
      }
      default:
        return null;
    }
  }

  /** What a final response says of the session. */
  #conclude(response: SipResponse): void {
    const { status } = response;
    if (status < 300) {
      this.learn(response);
      this.#host.answered(response);
      this.agree(sessionOf(response, this.#settings.terms) ?? this.#goneOn());
    } else if (status === 408 || status === 481) {
      // RFC 3261 §12.2.1.2: nobody is there, or nobody who knows of the dialog.
      this.#host.sessionOver();
    } else if (response.source_address) {
      // Deviation: RFC 4028 §10 ends a session whose refresh was refused. The peer knows its dialog, so the call goes on.
      this.agree(this.#timer.agreement);
    }
  }

  /**
   * What becomes of the session when the peer answers a refresh with nothing of timers: by setting, one that does not know of them
   * is refreshed on, for that is how it is found out to be gone. RFC 4028 §7.2 allows it to end there.
   */
  #goneOn(): SessionAgreement | null {
    const { agreement } = this.#timer;
    return this.#settings.terms.mode === 'request' && agreement?.weRefresh === true ? agreement : null;
  }

  #refresh(): void {
    // A re-INVITE on its way refreshes the session, too.
    if (this.#isUpdating || this.#current !== null || this.#waiting.length > 0) return;
    // A drachtio-server begins anew with INVITEs alone.
    if (this.#allowsUpdate && this.#settings.isServerOurs) this.#update();
    else if (!this.#host.isHeldUp()) this.#host.refreshDue();
  }

  #update(): void {
    this.#isUpdating = true;
    this.#request('UPDATE', undefined, (response) => {
      this.#isUpdating = false;
      if (this.#isClosed || response === null) return;
      const { status } = response;
      if (status < 300 || status === 408 || status === 481) this.#conclude(response);
      else if (status === 422 && this.#bearable.raise(response)) this.#update();
      else if (status !== 491 && status !== 500 && response.source_address) {
        // Its Allow was a mistake.
        this.#allowsUpdate = false;
        this.#refresh();
      }
    });
  }

  #request(method: string, body: string | undefined, onFinal: (response: SipResponse | null) => void): void {
    const { log, account, terms, extensions } = this.#settings;
    const { contact } = this.#dialog.local;
    const { agreement } = this.#timer;
    const isAsking = agreement !== null || terms.mode === 'request' || this.#bearable.isRaised;
    const headers = {
      ...(contact !== undefined && { Contact: contact }),
      ...capabilityHeaders(extensions),
      // Where nothing was agreed on or asked for, what the peer could bear is no reason to ask.
      ...askForSession(terms, agreement, isAsking ? this.#bearable.minSeconds : 0),
      ...(body !== undefined && { 'Content-Type': 'application/sdp' }),
    };
    const request = { method, headers, ...(body !== undefined && { body }) };
    requestInDialog({ dialog: this.#dialog, log, account }, request, (error, response) => {
      if (response !== undefined) this.#lastCseq = Math.max(this.#lastCseq, cseqNumber(response.req));
      this.#requests++;
      if (this.#requests % MANY_REQUESTS === 0) this.#host.wentOn();
      onFinal(error || response === undefined ? null : response);
    });
  }
}

/** RFC 3261 §14.1, in steps of 10 ms: 2.1 to 4 s for the one who made the Call-ID, else 0 to 2 s. */
export function glarePauseMs(role: 'uac' | 'uas', random: () => number = Math.random): number {
  const [from, to] = role === 'uac' ? [210, 400] : [0, 200];
  return 10 * (from + Math.floor(random() * (to - from + 1)));
}

function finish(offer: Offer, answer: ReofferAnswer): void {
  if (offer.isOver) return;
  offer.isOver = true;
  offer.answered(answer);
}
