// The cap on transactions: beyond it new work is refused with 503, until a tenth of them has gone.
// RFC 3261 §21.5.4; the pause between the two marks keeps the state from flickering.
import type { Clock, ClockTimer } from '../../lib/clock.js';
import type { ReportEvent } from './defence.js';

const RELIEF = 0.9;
const CHECK_MS = 500;

export class Overload {
  readonly #most: number;
  readonly #transactions: () => number;
  readonly #clock: Clock;
  readonly #report: ReportEvent;
  #check: ClockTimer | null = null;
  #since = 0;
  #refused = 0;
  /** Of a Retry-After with its line end, empty for none. */
  readonly retryAfter: string;

  /** @param transactions how many there are */
  constructor(
    settings: { readonly maxTransactions: number; readonly retryAfterSeconds: number },
    transactions: () => number,
    clock: Clock,
    report: ReportEvent,
  ) {
    this.#most = settings.maxTransactions;
    this.#transactions = transactions;
    this.#clock = clock;
    this.#report = report;
    this.retryAfter = settings.retryAfterSeconds > 0 ? `Retry-After: ${settings.retryAfterSeconds}\r\n` : '';
  }

  get isOn(): boolean {
    return this.#check !== null;
  }

  /** Asked for each new request; true when it must wait for better times. */
  isReached(): boolean {
    const transactions = this.#transactions();
    if (this.#check !== null) return true;
    if (transactions < this.#most) return false;
    this.#since = this.#clock.monotonicMs();
    this.#refused = 0;
    this.#watch();
    this.#report('overload:started', { transactions });
    return true;
  }

  /** Counts a request that was refused for it. */
  refused(): void {
    this.#refused++;
  }

  stop(): void {
    this.#check?.cancel();
    this.#check = null;
  }

  #watch(): void {
    this.#check = this.#clock.after(CHECK_MS, () => {
      const transactions = this.#transactions();
      if (transactions > this.#most * RELIEF) {
        this.#watch();
        return;
      }
      this.#check = null;
      const seconds = (this.#clock.monotonicMs() - this.#since) / 1_000;
      this.#report('overload:ended', { transactions, refused: this.#refused, seconds });
    });
  }
}
