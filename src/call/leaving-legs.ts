// Legs whose place another has taken, until their BYE. RFC 5589 §6.1 has the transferor send it when it hears of the success; one that
// does not is sent ours.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { LeavingLeg } from './trunk-side.js';

const LINGERS_MS = 2_000;
/** Reason of a BYE to one that is not needed any more. */
export const TRANSFERRED = 'Q.850;cause=16;text="transferred"';

export class LeavingLegs {
  readonly #clock: Clock;
  readonly #timers = new Map<LeavingLeg, ClockTimer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(leg: LeavingLeg): void {
    this.#timers.set(
      leg,
      this.#clock.after(LINGERS_MS, () => this.#dismiss(leg)),
    );
  }

  /** The call is over. */
  end(): void {
    for (const leg of [...this.#timers.keys()]) this.#dismiss(leg);
  }

  #dismiss(leg: LeavingLeg): void {
    this.#timers.get(leg)?.cancel();
    this.#timers.delete(leg);
    leg.hangUp(TRANSFERRED);
  }
}
