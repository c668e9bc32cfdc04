// Reliable provisional responses of one INVITE, on our side of it. RFC 3262 §3: one at a time, repeated until its PRACK
// (T1, doubling), for 64·T1; whatever must not overtake it waits.
import { randomInt } from 'node:crypto';
import type { SipTimers } from '../control.js';
import type { TimerOwner, TimerWheel, WheelTimer } from '../timer-wheel.js';

export class ReliableProvisionals implements TimerOwner {
  readonly #wheel: TimerWheel;
  readonly #timers: SipTimers;
  readonly #cseqNumber: number;
  readonly #isRepeated: boolean;
  readonly #onTimeout: () => void;
  #rseq = randomInt(1, 2 ** 30);
  /** Sends once more what waits for its PRACK; null when nothing does. */
  #resend: (() => void) | null = null;
  #resendMs = 0;
  #resendTimer: WheelTimer | null = null;
  #endTimer: WheelTimer | null = null;
  #deferred: (() => void)[] = [];

  /**
   * @param cseqNumber of the INVITE, which a RAck must name
   * @param isRepeated false on a reliable transport, as for a 2xx
   * @param onTimeout no PRACK came in 64·T1
   */
  constructor(wheel: TimerWheel, timers: SipTimers, cseqNumber: number, isRepeated: boolean, onTimeout: () => void) {
    this.#wheel = wheel;
    this.#timers = timers;
    this.#cseqNumber = cseqNumber;
    this.#isRepeated = isRepeated;
    this.#onTimeout = onTimeout;
  }

  get isWaiting(): boolean {
    return this.#resend !== null;
  }

  nextRSeq(): number {
    this.#rseq++;
    return this.#rseq;
  }

  /** The response with the last RSeq has been sent. */
  sent(resend: () => void): void {
    const { t1Ms } = this.#timers;
    this.#resend = resend;
    this.#resendMs = t1Ms;
    if (this.#isRepeated) this.#resendTimer = this.#wheel.after(t1Ms, this, 'resend');
    this.#endTimer = this.#wheel.after(64 * t1Ms, this, 'end');
  }

  /** Runs when nothing waits for a PRACK any more, also when that is because the INVITE is over. */
  defer(action: () => void): void {
    this.#deferred.push(action);
  }

  /** Whether the value of a RAck names the response that waits. */
  isNamedBy(rack: string): boolean {
    const match = /^(\d+)\s+(\d+)\s+INVITE$/.exec(rack);
    if (this.#resend === null || match === null) return false;
    return Number(match[1]) === this.#rseq && Number(match[2]) === this.#cseqNumber;
  }

  /** The PRACK of the response that waits has come. */
  acknowledged(): void {
    this.#rest();
    while (!this.isWaiting) {
      const action = this.#deferred.shift();
      if (action === undefined) break;
      action();
    }
  }

  /** The INVITE has its final response. */
  stop(): void {
    this.#rest();
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const action of deferred) action();
  }

  onTimer(name: string): void {
    if (name === 'end') {
      this.#rest();
      this.#onTimeout();
      return;
    }
    this.#resend?.();
    this.#resendMs *= 2;
    this.#resendTimer = this.#wheel.next(this.#resendTimer, this.#resendMs, this, 'resend');
  }

  #rest(): void {
    this.#resend = null;
    this.#resendTimer?.cancel();
    this.#resendTimer = null;
    this.#endTimer?.cancel();
    this.#endTimer = null;
  }
}
