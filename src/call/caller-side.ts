// The caller's leg of one call: turns what its peer says into inputs of the machine, and says what the machine wants said.
import type { Logger } from '../lib/logger.js';
import type { CallInput } from './call-events.js';
import type { CallMedia } from './call-media.js';
import { type EndReason, type FinalAnswer, reasonHeader } from './end-reason.js';
import type { AnswerProgress } from './incoming-account.js';
import { type HeaderPassage, NO_HEADERS } from './passed-headers.js';
import type { CallerLeg, LegIdentity, ReofferAnswer } from './ports.js';
import type { DialogMessage, MessageAnswered, PeerMessage, Referral } from './ports-dialog.js';
import type { Side } from './reports.js';

/** The call as its caller's leg sees it. */
export interface CallerHolder {
  feed(input: CallInput): void;
  media(): CallMedia | null;
  /** What the gateway's messages let through. */
  readonly headers: HeaderPassage;
  /** Our 200 has left, whether the call goes on or not. */
  onAnswered(): void;
  /** Our 200 has left, and the call knows. */
  onConnected(): void;
  /** The peer of a leg is gone without a BYE. */
  sessionOver(side: Side): void;
  onIdentityChanged(): void;
  /** Its BYE came `lateMs` ago. */
  onHungUp(lateMs: number): void;
  /** Its leg is over: its BYE, or the answer to ours. */
  onGone(): void;
  messaged(message: PeerMessage): void;
  referred(referral: Referral): void;
  /** It has sent BYE; true when the call goes on without it. */
  outlivesCaller(): boolean;
}

export class CallerSide {
  #leg: CallerLeg;
  readonly #log: Logger;
  readonly #holder: CallerHolder;
  #progress: AnswerProgress = 'unanswered';
  /** It has not placed the call: its offer and its answer have been exchanged. */
  #isSuccessor = false;

  constructor(leg: CallerLeg, log: Logger, holder: CallerHolder) {
    this.#leg = leg;
    this.#log = log;
    this.#holder = holder;
  }

  get identity(): LegIdentity | null {
    return this.#leg.identity;
  }

  get answerProgress(): AnswerProgress {
    return this.#progress;
  }

  /** From now on the call hears what the caller says, at once what it has said already. */
  listen(): void {
    const leg = this.#leg;
    // What a leg says whose place another has taken is nobody's.
    const isIt = () => leg === this.#leg;
    const feed = (input: CallInput) => isIt() && this.#holder.feed(input);
    leg.listen({
      cancelled: (cause) => feed({ type: 'caller:cancelled', cause }),
      connected: () => {
        this.#progress = 'answered';
        if (isIt()) this.#holder.onAnswered();
        feed({ type: 'caller:connected' });
        this.#holder.onConnected();
      },
      connectFailed: () => {
        if (!isIt()) return;
        this.#progress = 'unanswered';
        feed({ type: 'caller:connect-failed' });
      },
      acknowledged: (sdp) => isIt() && this.#onAcknowledged(sdp),
      answeredEarly: (sdp) => isIt() && this.#onAnsweredEarly(sdp),
      hungUp: (cause, passed = NO_HEADERS, lateMs = 0) => {
        if (!isIt() || (cause === 'bye' && this.#holder.outlivesCaller())) return;
        this.#progress = 'over';
        this.#holder.onHungUp(lateMs);
        this.#holder.headers.callersBye = passed;
        feed({ type: 'caller:hung-up', reason: cause === 'bye' ? 'normal' : cause });
        this.#holder.onGone();
      },
      cleared: () => {
        if (!isIt()) return;
        this.#progress = 'over';
        this.#holder.onGone();
      },
      messaged: (message) => {
        if (isIt()) this.#holder.messaged(message);
        else message.answer(481);
      },
      referred: (referral) => {
        if (isIt()) this.#holder.referred(referral);
        else referral.refuse(481);
      },
      renegotiated: (renegotiation) => {
        const media = isIt() ? this.#holder.media() : null;
        if (media === null) renegotiation.refuse(500);
        else media.renegotiate('caller', renegotiation);
      },
      refreshDue: () => isIt() && this.#holder.media()?.refresh('caller'),
      sessionOver: () => isIt() && this.#holder.sessionOver('caller'),
      identityChanged: () => isIt() && this.#holder.onIdentityChanged(),
    });
  }

  ring(status: number): void {
    this.#leg.ring(status, this.#holder.headers.toCaller('provisional'));
  }

  /** Early media where there is some for this caller, else ringing. */
  progress(status: number): void {
    const sdp = this.#holder.media()?.callerSdp ?? null;
    const passed = this.#holder.headers.toCaller('provisional');
    if (sdp === null) this.#leg.ring(status, passed);
    else this.#leg.progress(status, sdp, passed);
  }

  connect(): void {
    this.#progress = 'answering';
    const media = this.#holder.media();
    // RFC 3262 §5, RFC 3311 §5: what was agreed reliably, and perhaps changed since, is not said again as it was at first.
    const isAgreed = this.#leg.isDescribed === true && (media?.isLateOffer === true || media?.isCallerChanged === true);
    this.#leg.connect(isAgreed ? null : (media?.callerSdp ?? ''), this.#holder.headers.toCaller('answer'));
  }

  refuse(reason: EndReason, { status, q850 }: FinalAnswer): void {
    // RFC 3261 §13.3.1.4: a transaction has one final response; a 200 on its way is followed by a BYE.
    if (this.#progress === 'unanswered') {
      this.#leg.refuse(status, reasonHeader(reason, q850), this.#holder.headers.toCaller('failure'));
    }
  }

  hangUp(reason: EndReason): void {
    this.#leg.hangUp(reasonHeader(reason), this.#holder.headers.toCaller('bye'));
  }

  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    this.#leg.reoffer(sdp, answered);
  }

  send(message: DialogMessage, answered: MessageAnswered): void {
    this.#leg.send(message, answered);
  }

  /** Another leg stands for the caller from now on; the one before it is the transfer's to end. */
  replace(leg: CallerLeg): CallerLeg {
    const before = this.#leg;
    this.#leg = leg;
    this.#isSuccessor = true;
    this.listen();
    return before;
  }

  /** The ACK of a late offer carries the answer to it. */
  #onAcknowledged(sdp: string | null): void {
    const media = this.#holder.media();
    if (media === null || this.#isSuccessor || !media.isLateOffer || this.#leg.isDescribed) return;
    const accepted = media.acceptLateAnswer(sdp);
    if (accepted.ok) return;
    this.#log.warn({ cause: accepted.reason }, 'answer in the ACK cannot be used');
    this.#holder.feed({ type: 'caller:mismatched' });
  }

  /** The PRACK of an offer that went with a provisional response: the call goes on by what it answers. */
  #onAnsweredEarly(sdp: string | null): void {
    const accepted = this.#holder.media()?.acceptLateAnswer(sdp);
    if (accepted === undefined || accepted.ok) return;
    this.#log.warn({ cause: accepted.reason }, 'answer in the PRACK cannot be used');
    this.#holder.feed({ type: 'call:end-wanted', reason: 'late-offer-mismatch' });
  }
}
