// Whether a side that should send does: tells when it has been silent for too long, and when it is heard again.
// Pure: time is given. One side silent is one-way media, both is none.

export class SilenceMeter {
  readonly #told: { silent(silentMs: number): void; heard(): void };
  #afterMs: number | null = null;
  #isExpected = false;
  /** Since when it should have sent, while it should. Never null, with which each packet would make a number of its own. */
  #sinceMs = Number.NaN;
  #isSilent = false;
  /** Of silences that are over. */
  #beforeMs = 0;

  constructor(told: { silent(silentMs: number): void; heard(): void }) {
    this.#told = told;
  }

  /** A silence of this side has been told and lasts. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** From now on a silence of so long is told; null for never. */
  watch(afterMs: number | null, nowMs: number): void {
    if (afterMs === null && this.#isSilent) this.#end(nowMs);
    this.#afterMs = afterMs;
    if (!this.#isSilent) this.#sinceMs = nowMs;
  }

  /** Whether the side should send from now on: its description says so, and it announced no pause. */
  expect(shouldSend: boolean, nowMs: number): void {
    if (!shouldSend && this.#isSilent) this.#end(nowMs);
    if (shouldSend && !this.#isExpected) this.#sinceMs = nowMs;
    this.#isExpected = shouldSend;
  }

  /** A packet came. */
  heard(nowMs: number): void {
    if (this.#isSilent) this.#end(nowMs);
    this.#sinceMs = nowMs;
  }

  /** To be called now and then. */
  tick(nowMs: number): void {
    if (this.#isSilent || this.#afterMs === null || !this.#isExpected) return;
    const silentMs = nowMs - this.#sinceMs;
    if (silentMs < this.#afterMs) return;
    this.#isSilent = true;
    this.#told.silent(Math.round(silentMs));
  }

  /** All silences that were told, the present one included. */
  silentMs(nowMs: number): number {
    return this.#beforeMs + (this.#isSilent ? nowMs - this.#sinceMs : 0);
  }

  #end(nowMs: number): void {
    this.#beforeMs = this.silentMs(nowMs);
    this.#isSilent = false;
    this.#told.heard();
  }
}
