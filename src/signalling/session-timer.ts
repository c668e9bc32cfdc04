// The session timer of one leg. RFC 4028 §7.4, §10: whoever has to refresh does it at half the interval, and either side gives
// the session up min(32 s, a third of it) before its end.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { SessionAgreement } from './session-expires.js';

const GIVE_UP_EARLIER_MS = 32_000;
const LONGEST_RETRY_PAUSE_MS = 5_000;

export interface SessionTimerEvents {
  /** It is time for a refresh of ours; told again until something new is agreed. */
  refreshDue(): void;
  /** Nobody has refreshed the session. */
  sessionOver(): void;
}

export class SessionTimer {
  readonly #clock: Clock;
  readonly #events: SessionTimerEvents;
  readonly #earlierMs: number;
  #agreement: SessionAgreement | null = null;
  #refresh: ClockTimer | null = null;
  #end: ClockTimer | null = null;

  /** @param earlierMs how long before half the interval we refresh */
  constructor(clock: Clock, events: SessionTimerEvents, earlierMs = 0) {
    this.#clock = clock;
    this.#events = events;
    this.#earlierMs = earlierMs;
  }

  get agreement(): SessionAgreement | null {
    return this.#agreement;
  }

  /** The session was refreshed, or ends without a timer from now on (null). */
  agree(agreement: SessionAgreement | null): void {
    this.stop();
    this.#agreement = agreement;
    if (agreement === null) return;
    const intervalMs = agreement.seconds * 1_000;
    if (agreement.weRefresh) this.#refreshIn(Math.max(intervalMs / 4, intervalMs / 2 - this.#earlierMs), intervalMs);
    this.#end = this.#clock.after(intervalMs - Math.min(GIVE_UP_EARLIER_MS, intervalMs / 3), () => {
      this.stop();
      this.#events.sessionOver();
    });
  }

  stop(): void {
    this.#agreement = null;
    this.#refresh?.cancel();
    this.#end?.cancel();
    this.#refresh = this.#end = null;
  }

  #refreshIn(delayMs: number, intervalMs: number): void {
    this.#refresh = this.#clock.after(delayMs, () => {
      this.#refreshIn(Math.min(LONGEST_RETRY_PAUSE_MS, intervalMs / 10), intervalMs);
      this.#events.refreshDue();
    });
  }
}
