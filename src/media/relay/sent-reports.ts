// Sender reports that went to one side: when the side repeats the time in one, that tells the round trip (RFC 3550 §6.4.1).

/** A side repeats the last report that it has; older ones are forgotten. */
const KEPT = 4;
/** More is no round trip, but a clock that is wrong. */
const LONGEST_MS = 30_000;

export class SentReports {
  readonly #times: number[] = [];
  readonly #sentMs: number[] = [];
  #sumMs = 0;
  #count = 0;

  /** @param time Middle bits of the report's NTP time. */
  add(time: number, sentMs: number): void {
    this.#times.push(time);
    this.#sentMs.push(sentMs);
    if (this.#times.length <= KEPT) return;
    this.#times.shift();
    this.#sentMs.shift();
  }

  /** The side has had the report of that time for so long when it answered. */
  answered(time: number, heldMs: number, arrivalMs: number): void {
    const sentMs = this.#sentMs[this.#times.lastIndexOf(time)];
    if (sentMs === undefined) return;
    const roundTripMs = arrivalMs - sentMs - heldMs;
    // Below zero by the rounding of the clocks alone.
    if (roundTripMs < -10 || roundTripMs > LONGEST_MS) return;
    this.#sumMs += Math.max(0, roundTripMs);
    this.#count += 1;
  }

  /** Mean in milliseconds; null while there was no answer. */
  get roundTripMs(): number | null {
    return this.#count === 0 ? null : this.#sumMs / this.#count;
  }
}
