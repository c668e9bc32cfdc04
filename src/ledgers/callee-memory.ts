// What is remembered of callees: which SIMs talked to each (the last one last), and which calls tried it lately.
// Bounded: beyond a million callees the longest unheard are forgotten, and each try after two days.

/** How far back `attemptsTo` may be asked. */
export const ATTEMPTS_KEPT_MS = 2 * 86_400_000;
const MAX_CALLEES = 1_000_000;
const NOBODY: readonly string[] = [];
/** Tries that are over are cut off their list when this many stand before the first that is not. */
const MIN_CUT = 4_096;

/** One attempt on a callee, from its reservation on. */
export interface Try {
  readonly callee: string;
  /** Null when it was taken back: no INVITE left. */
  callId: string | null;
  readonly wallMs: number;
}

export class CalleeMemory {
  readonly #sims = new Map<string, readonly string[]>();
  /** The lists of one SIM alone, which most callees have. */
  readonly #alone = new Map<string, readonly string[]>();
  readonly #tries = new Map<string, Try | Try[]>();
  /** All tries in the order in which they were made, from `#oldest` on. */
  #inOrder: Try[] = [];
  #oldest = 0;

  /** The SIMs that talked to a callee, the last one last. */
  simsOf(callee: string): readonly string[] {
    return this.#sims.get(callee) ?? NOBODY;
  }

  /** Distinct calls that tried a callee since an instant. */
  attemptsTo(callee: string, sinceWallMs: number): number {
    const known = this.#tries.get(callee);
    if (known === undefined) return 0;
    const calls = new Set<string>();
    for (const { callId, wallMs } of Array.isArray(known) ? known : [known]) {
      if (callId !== null && wallMs >= sinceWallMs) calls.add(callId);
    }
    return calls.size;
  }

  /** A call tries the callee. */
  try(callee: string, callId: string, wallMs: number): Try {
    this.#forgetBefore(wallMs - ATTEMPTS_KEPT_MS);
    const made: Try = { callee, callId, wallMs };
    this.#inOrder.push(made);
    const known = this.#tries.get(callee);
    if (known === undefined) this.#tries.set(callee, made);
    else if (Array.isArray(known)) known.push(made);
    else this.#tries.set(callee, [known, made]);
    return made;
  }

  /** A SIM has talked to the callee. */
  talked(callee: string, simId: string): void {
    const known = this.#sims.get(callee);
    // Moved to the end: the longest unheard stand first.
    if (known !== undefined) this.#sims.delete(callee);
    this.#sims.set(callee, this.#withLast(known, simId));
    if (this.#sims.size <= MAX_CALLEES) return;
    for (const longestUnheard of this.#sims.keys()) {
      this.#sims.delete(longestUnheard);
      return;
    }
  }

  #withLast(known: readonly string[] | undefined, simId: string): readonly string[] {
    if (known !== undefined && known.at(-1) === simId) return known;
    const others = known?.filter((id) => id !== simId) ?? NOBODY;
    if (others.length > 0) return [...others, simId];
    const alone = this.#alone.get(simId) ?? [simId];
    this.#alone.set(simId, alone);
    return alone;
  }

  #forgetBefore(wallMs: number): void {
    for (let first = this.#inOrder[this.#oldest]; first !== undefined && first.wallMs < wallMs; ) {
      const known = this.#tries.get(first.callee);
      if (!Array.isArray(known)) this.#tries.delete(first.callee);
      else if (known.length === 1) this.#tries.delete(first.callee);
      else known.splice(known.indexOf(first), 1);
      this.#oldest += 1;
      first = this.#inOrder[this.#oldest];
    }
    if (this.#oldest < MIN_CUT || this.#oldest * 2 < this.#inOrder.length) return;
    this.#inOrder = this.#inOrder.slice(this.#oldest);
    this.#oldest = 0;
  }
}
