// A 2xx to INVITE that is sent until its ACK comes. RFC 3261 §13.3.1.4: T1, doubling to T2, for 64·T1.
import type { SipTimers } from '../control.js';
import type { TimerOwner, TimerWheel, WheelTimer } from '../timer-wheel.js';
import type { ServerTransaction } from '../transaction/server-transaction.js';

export class UnacknowledgedAnswer implements TimerOwner {
  readonly cseqNumber: number;
  /** TXN that the application gets with the ACK. */
  readonly ackTxnId: string;
  /** False once the dialog is gone: the answer is repeated still, but nobody is told when no ACK comes. */
  giveUpAtTimeout = true;
  readonly #wheel: TimerWheel;
  readonly #timers: SipTimers;
  readonly #transaction: ServerTransaction;
  readonly #onTimeout: () => void;
  #resendMs: number;
  #resendTimer: WheelTimer | null = null;
  readonly #endTimer: WheelTimer;

  constructor(
    wheel: TimerWheel,
    timers: SipTimers,
    transaction: ServerTransaction,
    ackTxnId: string,
    onTimeout: () => void,
  ) {
    this.cseqNumber = transaction.request.cseq?.number ?? 0;
    this.ackTxnId = ackTxnId;
    this.#wheel = wheel;
    this.#timers = timers;
    this.#transaction = transaction;
    this.#onTimeout = onTimeout;
    this.#resendMs = timers.t1Ms;
    // Deviation: on reliable transports the 2xx is not repeated (RFC 3261 does, for hops behind the next), as drachtio-server does.
    if (transaction.flow.listener.protocol === 'udp') this.#resendTimer = wheel.after(this.#resendMs, this, 'resend');
    this.#endTimer = wheel.after(64 * timers.t1Ms, this, 'end');
  }

  onTimer(name: string): void {
    if (name === 'resend') {
      this.#transaction.repeatAnswer();
      this.#resendMs = Math.min(this.#resendMs * 2, this.#timers.t2Ms);
      this.#resendTimer = this.#wheel.next(this.#resendTimer, this.#resendMs, this, 'resend');
      return;
    }
    this.stop();
    this.#onTimeout();
  }

  /** The ACK came. */
  stop(): void {
    this.#resendTimer?.cancel();
    this.#resendTimer = null;
    this.#endTimer.cancel();
  }
}
