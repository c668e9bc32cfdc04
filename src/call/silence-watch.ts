// Ends a talking call whose media has stopped: when a setting says so, and when media is all that is left to go by.
import type { CallTimers } from './call-timers.js';
import type { EndReason } from './end-reason.js';

export interface SilenceSource {
  /** Milliseconds since the last packet of either side; null while there was none, or the relay does not say. */
  silenceMs(): Promise<number | null>;
  /** Milliseconds for which both sides have been talking; null when they are not. */
  talkingMs(): number | null;
  /** A side has said that it sends nothing for now: a hold, or a fax. */
  isHeld(): boolean;
  end(reason: EndReason): void;
}

export class SilenceWatch {
  readonly #timers: CallTimers;
  readonly #source: SilenceSource;
  /** Why the media is being watched. */
  readonly #reasons = new Set<EndReason>();
  /** Of the time that both sides have been talking, when somebody was last on hold. */
  #heldAtMs = 0;

  constructor(timers: CallTimers, source: SilenceSource) {
    this.#timers = timers;
    this.#source = source;
  }

  /**
   * Ends the call with `reason` once neither side has sent for so long; watched once for each reason.
   * @param whileHeld false: while a side is on hold nobody has to send, and the time begins anew after it
   */
  begin(limitMs: number, reason: EndReason, whileHeld: boolean): void {
    if (this.#reasons.has(reason)) return;
    this.#reasons.add(reason);
    this.#watch(limitMs, reason, whileHeld);
  }

  #watch(limitMs: number, reason: EndReason, whileHeld: boolean): void {
    this.#timers.set(`silence:${reason}`, limitMs / 4, () => void this.#check(limitMs, reason, whileHeld));
  }

  async #check(limitMs: number, reason: EndReason, whileHeld: boolean): Promise<void> {
    const silenceMs = await this.#source.silenceMs();
    const talkingMs = this.#source.talkingMs();
    if (talkingMs === null) return;
    if (this.#source.isHeld()) this.#heldAtMs = talkingMs;
    const sinceMs = whileHeld ? talkingMs : talkingMs - this.#heldAtMs;
    if (Math.min(silenceMs ?? talkingMs, sinceMs) >= limitMs) this.#source.end(reason);
    else this.#watch(limitMs, reason, whileHeld);
  }
}
