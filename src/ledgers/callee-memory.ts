// What is remembered of each callee: which SIMs talked to it (the last one last), and which calls tried it lately.
// Bounded: beyond a million callees the longest unheard are forgotten; calls are forgotten after two days.

/** What `attemptsTo` may be asked about. */
const ATTEMPTS_KEPT_MS = 2 * 86_400_000;
const MAX_CALLEES = 1_000_000;
const NOBODY: readonly string[] = [];

interface TriedCall {
  readonly callId: string;
  readonly wallMs: number;
}

interface KnownCallee {
  sims: readonly string[];
  /** One for each attempt, in the order in which they were made; a call may be there several times. */
  tried: TriedCall[];
}

export class CalleeMemory {
  readonly #callees = new Map<string, KnownCallee>();

  get size(): number {
    return this.#callees.size;
  }

  /** The SIMs that talked to a callee, the last one last. */
  simsOf(callee: string): readonly string[] {
    return this.#callees.get(callee)?.sims ?? NOBODY;
  }

  /** Distinct calls that tried a callee since an instant. */
  attemptsTo(callee: string, sinceWallMs: number): number {
    const known = this.#callees.get(callee);
    if (known === undefined) return 0;
    const calls = new Set<string>();
    for (const { callId, wallMs } of known.tried) if (wallMs >= sinceWallMs) calls.add(callId);
    return calls.size;
  }

  /** A call tries the callee. */
  try(callee: string, callId: string, wallMs: number): void {
    const known = this.#callees.get(callee) ?? this.#add(callee);
    if ((known.tried[0]?.wallMs ?? wallMs) < wallMs - ATTEMPTS_KEPT_MS) {
      known.tried = known.tried.filter((call) => call.wallMs >= wallMs - ATTEMPTS_KEPT_MS);
    }
    known.tried.push({ callId, wallMs });
  }

  /** Takes back one try of which no INVITE left. */
  untry(callee: string, callId: string): void {
    const known = this.#callees.get(callee);
    if (known === undefined) return;
    const index = known.tried.findLastIndex((call) => call.callId === callId);
    if (index >= 0) known.tried.splice(index, 1);
    if (known.tried.length === 0 && known.sims.length === 0) this.#callees.delete(callee);
  }

  /** A SIM has talked to the callee. */
  talked(callee: string, simId: string): void {
    const known = this.#callees.get(callee) ?? this.#add(callee);
    // Moved to the end: the longest unheard stand first.
    this.#callees.delete(callee);
    this.#callees.set(callee, known);
    if (known.sims.at(-1) !== simId) known.sims = [...known.sims.filter((id) => id !== simId), simId];
  }

  #add(callee: string): KnownCallee {
    const known: KnownCallee = { sims: NOBODY, tried: [] };
    this.#callees.set(callee, known);
    if (this.#callees.size > MAX_CALLEES) {
      for (const longestUnheard of this.#callees.keys()) {
        this.#callees.delete(longestUnheard);
        break;
      }
    }
    return known;
  }
}
