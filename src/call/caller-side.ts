// The caller's leg of one call: turns what its peer says into inputs of the machine, and says what the machine wants said.
import type { Logger } from '../lib/logger.js';
import type { CallInput } from './call-events.js';
import type { CallMedia } from './call-media.js';
import { type EndReason, type FinalAnswer, reasonHeader } from './end-reason.js';
import type { AnswerProgress } from './incoming-account.js';
import type { CallerLeg, LegIdentity, ReofferAnswer } from './ports.js';
import type { DialogMessage, MessageAnswered, PeerMessage, Referral } from './ports-dialog.js';
import type { Side } from './reports.js';

/** The call as its caller's leg sees it. */
export interface CallerHolder {
  feed(input: CallInput): void;
  media(): CallMedia | null;
  /** Our 200 has left. */
  onConnected(): void;
  /** The peer of a leg is gone without a BYE. */
  sessionOver(side: Side): void;
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
      cancelled: () => feed({ type: 'caller:cancelled' }),
      connected: () => {
        this.#progress = 'answered';
        feed({ type: 'caller:connected' });
        this.#holder.onConnected();
      },
      connectFailed: () => {
        if (!isIt()) return;
        this.#progress = 'unanswered';
        feed({ type: 'caller:connect-failed' });
      },
      acknowledged: (sdp) => isIt() && this.#onAcknowledged(sdp),
      hungUp: (cause) => {
        if (!isIt() || (cause === 'bye' && this.#holder.outlivesCaller())) return;
        this.#progress = 'over';
        feed({ type: 'caller:hung-up', reason: cause === 'bye' ? 'normal' : 'no-ack' });
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
    });
  }

  ring(): void {
    this.#leg.ring();
  }

  /** Early media where there is some for this caller, else ringing. */
  progress(status: number): void {
    const sdp = this.#holder.media()?.callerSdp ?? null;
    if (sdp === null) this.#leg.ring();
    else this.#leg.progress(status, sdp);
  }

  connect(): void {
    this.#progress = 'answering';
    this.#leg.connect(this.#holder.media()?.callerSdp ?? '');
  }

  refuse(reason: EndReason, { status, q850 }: FinalAnswer): void {
    // RFC 3261 §13.3.1.4: a transaction has one final response; a 200 on its way is followed by a BYE.
    if (this.#progress === 'unanswered') this.#leg.refuse(status, reasonHeader(reason, q850));
  }

  hangUp(reason: EndReason): void {
    this.#leg.hangUp(reasonHeader(reason));
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
    this.listen();
    return before;
  }

  /** The ACK of a late offer carries the answer to it. */
  #onAcknowledged(sdp: string | null): void {
    const media = this.#holder.media();
    if (media === null || !media.isLateOffer) return;
    const accepted = media.acceptLateAnswer(sdp);
    if (accepted.ok) return;
    this.#log.warn({ cause: accepted.reason }, 'answer in the ACK cannot be used');
    this.#holder.feed({ type: 'caller:mismatched' });
  }
}
