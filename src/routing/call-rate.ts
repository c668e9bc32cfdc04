// A gateway's limit of new calls a second, kept exactly: never more than it allows in any window of that length.

export class CallRate {
  /** When the last calls began, oldest at `#oldest`. */
  readonly #begun: Float64Array;
  readonly #windowMs: number;
  #oldest = 0;

  /** `perSecond` may be a fraction: 0.5 is a call every two seconds. */
  constructor(perSecond: number) {
    const calls = Math.max(1, Math.floor(perSecond));
    this.#windowMs = (1000 * calls) / perSecond;
    this.#begun = new Float64Array(calls).fill(Number.NEGATIVE_INFINITY);
  }

  /** From when on another call may begin. */
  get freeAtMs(): number {
    return (this.#begun[this.#oldest] as number) + this.#windowMs;
  }

  /** Takes over the calls that another one, for the same gateway, has seen. */
  inherit(before: CallRate | null): void {
    for (const beganMs of before?.begunInOrder() ?? []) if (Number.isFinite(beganMs)) this.begin(beganMs);
  }

  begunInOrder(): readonly number[] {
    return [...this.#begun.subarray(this.#oldest), ...this.#begun.subarray(0, this.#oldest)];
  }

  /** A call has begun, whether it might or not: an emergency call waits for no rate. */
  begin(nowMs: number): void {
    this.#begun[this.#oldest] = nowMs;
    this.#oldest = (this.#oldest + 1) % this.#begun.length;
  }
}
