// What is remembered of callees: which SIMs talked to each (the last one last), and which calls tried it lately.
// Bounded: beyond a million callees the longest unheard are forgotten, and each try after two days. Tries are kept as bare
// numbers: an object each, at thousands a second, would keep the garbage collector busier than all decisions.

/** How far back `attemptsTo` may be asked. */
export const ATTEMPTS_KEPT_MS = 2 * 86_400_000;
const MAX_CALLEES = 1_000_000;
const NOBODY: readonly string[] = [];
/** Callees that each try looks at, in turn, for tries that are over: more go than come. */
const LOOKED_AT = 2;

/** Pairs, in the order of time: when, and the mark of which call. */
type Tries = number[];

export class CalleeMemory {
  readonly #sims = new Map<string, readonly string[]>();
  /** The lists of one SIM alone, which most callees have. */
  readonly #alone = new Map<string, readonly string[]>();
  readonly #tries = new Map<string, Tries>();
  #looking = this.#tries.entries();

  /** The SIMs that talked to a callee, the last one last, and those that counted it when they tried. */
  simsOf(callee: string): readonly string[] {
    return this.#sims.get(callee) ?? NOBODY;
  }

  /** Distinct calls that tried a callee since an instant. */
  attemptsTo(callee: string, sinceWallMs: number): number {
    const tries = this.#tries.get(callee);
    if (tries === undefined) return 0;
    const calls = new Set<number>();
    for (let at = 0; at < tries.length; at += 2) {
      if ((tries[at] as number) >= sinceWallMs) calls.add(tries[at + 1] as number);
    }
    return calls.size;
  }

  /** A call tries the callee. */
  try(callee: string, callId: string, wallMs: number): void {
    const tries = this.#tries.get(callee);
    if (tries === undefined) this.#tries.set(callee, [wallMs, markOf(callId)]);
    else {
      forgetBefore(tries, wallMs - ATTEMPTS_KEPT_MS);
      tries.push(wallMs, markOf(callId));
    }
    for (let looked = 0; looked < LOOKED_AT; looked++) this.#forgetNext(wallMs - ATTEMPTS_KEPT_MS);
  }

  /** Takes back one try of a call: no INVITE left. */
  untry(callee: string, callId: string): void {
    const tries = this.#tries.get(callee);
    if (tries === undefined) return;
    const mark = markOf(callId);
    for (let at = tries.length - 2; at >= 0; at -= 2) {
      if (tries[at + 1] !== mark) continue;
      tries.splice(at, 2);
      break;
    }
    if (tries.length === 0) this.#tries.delete(callee);
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

  /** A SIM has counted the callee at an attempt that was not answered: it is not the one that talked last. */
  counted(callee: string, simId: string): void {
    const known = this.#sims.get(callee);
    if (known === undefined) this.talked(callee, simId);
    else if (!known.includes(simId)) this.#sims.set(callee, [simId, ...known]);
  }

  #withLast(known: readonly string[] | undefined, simId: string): readonly string[] {
    if (known !== undefined && known[known.length - 1] === simId) return known;
    const others = known?.filter((id) => id !== simId) ?? NOBODY;
    if (others.length > 0) return [...others, simId];
    const alone = this.#alone.get(simId) ?? [simId];
    this.#alone.set(simId, alone);
    return alone;
  }

  #forgetNext(wallMs: number): void {
    const next = this.#looking.next();
    if (next.done === true) {
      this.#looking = this.#tries.entries();
      return;
    }
    const [callee, tries] = next.value;
    if ((tries[tries.length - 2] ?? 0) < wallMs) this.#tries.delete(callee);
  }
}

function forgetBefore(tries: Tries, wallMs: number): void {
  if ((tries[0] ?? wallMs) >= wallMs) return;
  let over = 0;
  while (over < tries.length && (tries[over] as number) < wallMs) over += 2;
  tries.splice(0, over);
}

/** 52 bits of a call's id (two FNV-1a hashes): calls to one callee in two days are few, and never share a mark. */
function markOf(callId: string): number {
  let high = 0x811c9dc5;
  let low = 0xc9dc5118;
  for (let at = 0; at < callId.length; at++) {
    const code = callId.charCodeAt(at);
    high = Math.imul(high ^ code, 0x01000193);
    low = Math.imul(low ^ code, 0x01000197);
  }
  return (high >>> 12) * 2 ** 32 + (low >>> 0);
}
