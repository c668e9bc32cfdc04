// What a trunk's calls take right now: how many there are, and how fast they come.

/** A call that was admitted. */
interface Admitted {
  readonly trunk: string;
  readonly callee: string;
  isPlaced: boolean;
}

/** Admitted calls until they end. */
export class CallLoad {
  readonly #calls = new Map<string, Admitted>();
  readonly #byTrunk = new Map<string, number>();
  readonly #waiting = new Map<string, number>();

  admitted(callId: string, trunk: string, callee: string): void {
    this.ended(callId);
    this.#calls.set(callId, { trunk, callee, isPlaced: false });
    add(this.#byTrunk, trunk, 1);
    add(this.#waiting, callee, 1);
  }

  /** From now on the ledger counts it among the attempts to its callee. */
  placed(callId: string): void {
    const call = this.#calls.get(callId);
    if (call === undefined || call.isPlaced) return;
    call.isPlaced = true;
    add(this.#waiting, call.callee, -1);
  }

  ended(callId: string): void {
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    this.placed(callId);
    this.#calls.delete(callId);
    add(this.#byTrunk, call.trunk, -1);
  }

  liveOf(trunk: string): number {
    return this.#byTrunk.get(trunk) ?? 0;
  }

  /** Calls to a callee that the ledger does not know of yet. */
  waitingFor(callee: string): number {
    return this.#waiting.get(callee) ?? 0;
  }
}

/** At most so many in any second: the instants of the last ones, in a ring. */
export class CallRate {
  readonly #instants: Float64Array;
  #next = 0;

  constructor(maxPerSecond: number) {
    this.#instants = new Float64Array(maxPerSecond).fill(Number.NEGATIVE_INFINITY);
  }

  isExceeded(monotonicMs: number): boolean {
    return monotonicMs - (this.#instants[this.#next] as number) < 1000;
  }

  note(monotonicMs: number): void {
    this.#instants[this.#next] = monotonicMs;
    this.#next = (this.#next + 1) % this.#instants.length;
  }
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
