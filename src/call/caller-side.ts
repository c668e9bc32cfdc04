// The caller's leg of one call: turns what its peer says into inputs of the machine, and says what the machine wants said.
import type { Logger } from '../lib/logger.js';
import type { CallInput } from './call-events.js';
import type { CallMedia } from './call-media.js';
import { type EndReason, type FinalAnswer, reasonHeader } from './end-reason.js';
import type { AnswerProgress } from './incoming-account.js';
import type { CallerLeg, LegIdentity, ReofferAnswer } from './ports.js';
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
}

export class CallerSide {
  readonly #leg: CallerLeg;
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
    const feed = (input: CallInput) => this.#holder.feed(input);
    this.#leg.listen({
      cancelled: () => feed({ type: 'caller:cancelled' }),
      connected: () => {
        this.#progress = 'answered';
        feed({ type: 'caller:connected' });
        this.#holder.onConnected();
      },
      connectFailed: () => {
        this.#progress = 'unanswered';
        feed({ type: 'caller:connect-failed' });
      },
      acknowledged: (sdp) => this.#onAcknowledged(sdp),
      hungUp: (cause) => {
        this.#progress = 'over';
        feed({ type: 'caller:hung-up', reason: cause === 'bye' ? 'normal' : 'no-ack' });
        this.#holder.onGone();
      },
      cleared: () => {
        this.#progress = 'over';
        this.#holder.onGone();
      },
      renegotiated: (renegotiation) => {
        const media = this.#holder.media();
        if (media === null) renegotiation.refuse(500);
        else media.renegotiate('caller', renegotiation);
      },
      refreshDue: () => this.#holder.media()?.refresh('caller'),
      sessionOver: () => this.#holder.sessionOver('caller'),
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
