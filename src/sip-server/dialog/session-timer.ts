// The session timer of one dialog. RFC 4028 §10: whoever is the refresher does it at half the interval; either side gives up
// min(32 s, a third of the interval) before it ends.
import type { TimerOwner, TimerWheel, WheelTimer } from '../timer-wheel.js';

/** RFC 4028 §4: no interval is shorter. */
export const MIN_SESSION_SECONDS = 90;

export interface SessionAgreement {
  readonly intervalSeconds: number;
  readonly refresher: 'uac' | 'uas';
}

/** Reads Session-Expires; null when it has no interval. A 2xx that names no refresher leaves it to the one who called. */
export function parseSessionExpires(value: string | undefined): SessionAgreement | null {
  const match = /^(\d{1,9})\s*(?:;|$)/.exec(value ?? '');
  if (match === null) return null;
  const refresher = /;\s*refresher\s*=\s*(uac|uas)\b/i.exec(value ?? '')?.[1]?.toLowerCase();
  return { intervalSeconds: Number(match[1]), refresher: refresher === 'uas' ? 'uas' : 'uac' };
}

export interface SessionTimerEvents {
  refresh(intervalSeconds: number): void;
  expired(): void;
}

export class SessionTimer implements TimerOwner {
  readonly intervalSeconds: number;
  readonly #wheel: TimerWheel;
  readonly #events: SessionTimerEvents;
  #refresh: WheelTimer | null = null;
  readonly #end: WheelTimer;

  constructor(wheel: TimerWheel, intervalSeconds: number, isRefresher: boolean, events: SessionTimerEvents) {
    this.intervalSeconds = Math.max(intervalSeconds, MIN_SESSION_SECONDS);
    this.#wheel = wheel;
    this.#events = events;
    const intervalMs = this.intervalSeconds * 1_000;
    if (isRefresher) this.#refresh = wheel.after(intervalMs / 2, this, 'refresh');
    this.#end = wheel.after(intervalMs - Math.min(32_000, intervalMs / 3), this, 'end');
  }

  /** Tries again while there is time: the first try met an offer that was under way, or was refused for the moment. */
  retry(): void {
    this.#refresh?.cancel();
    this.#refresh = this.#wheel.after(2_000, this, 'refresh');
  }

  stop(): void {
    this.#refresh?.cancel();
    this.#refresh = null;
    this.#end.cancel();
  }

  onTimer(name: string): void {
    if (name === 'refresh') this.#events.refresh(this.intervalSeconds);
    else {
      this.stop();
      this.#events.expired();
    }
  }
}
