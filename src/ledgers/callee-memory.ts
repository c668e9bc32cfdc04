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

interface Known {
  /** The SIMs that know it. */
  sims: readonly string[];
  tries: Tries | null;
}

export class CalleeMemory {
  /** Roughly by when they were heard, the longest unheard first. */
  readonly #callees = new Map<string, Known>();
  /** The lists of one SIM alone, which most callees have. */
  readonly #alone = new Map<string, readonly string[]>();
  #looking = this.#callees.entries();
  /** The callee of the last question: a reservation asks again what its decision asked. */
  #lastCallee = '';
  #last: Known | undefined;

  /** The SIMs that talked to a callee, the last one last, and those that counted it when they tried. */
  simsOf(callee: string): readonly string[] {
    return this.#find(callee)?.sims ?? NOBODY;
  }

  /** Distinct calls that tried a callee since an instant. */
  attemptsTo(callee: string, sinceWallMs: number): number {
    const tries = this.#find(callee)?.tries ?? [];
    const calls = new Set<number>();
    for (let at = 0; at < tries.length; at += 2) {
      if ((tries[at] as number) >= sinceWallMs) calls.add(tries[at + 1] as number);
    }
    return calls.size;
  }

  /** A call tries the callee. */
  try(callee: string, callId: string, wallMs: number): void {
    const known = this.#find(callee);
    if (known === undefined) this.#add(callee, { sims: NOBODY, tries: [wallMs, markOf(callId)] });
    else if (known.tries === null) known.tries = [wallMs, markOf(callId)];
    else {
      forgetBefore(known.tries, wallMs - ATTEMPTS_KEPT_MS);
      known.tries.push(wallMs, markOf(callId));
    }
    for (let looked = 0; looked < LOOKED_AT; looked++) this.#forgetNext(wallMs - ATTEMPTS_KEPT_MS);
  }

  /** Takes back one try of a call: no INVITE left. */
  untry(callee: string, callId: string): void {
    const known = this.#find(callee);
    if (known === undefined || known.tries === null) return;
    const mark = markOf(callId);
    for (let at = known.tries.length - 2; at >= 0; at -= 2) {
      if (known.tries[at + 1] !== mark) continue;
      known.tries.splice(at, 2);
      break;
    }
    if (known.tries.length === 0) this.#forgetTries(callee, known);
  }

  /** A SIM has talked to the callee. */
  talked(callee: string, simId: string): void {
    const known = this.#find(callee);
    if (known === undefined) {
      this.#add(callee, { sims: this.#withLast(NOBODY, simId), tries: null });
      return;
    }
    known.sims = this.#withLast(known.sims, simId);
    // Who is forgotten first matters only where somebody will be.
    if (this.#callees.size < MAX_CALLEES / 2) return;
    this.#callees.delete(callee);
    this.#callees.set(callee, known);
  }

  /** A SIM has counted the callee at an attempt that was not answered: it is not the one that talked last. */
  counted(callee: string, simId: string): void {
    const known = this.#find(callee);
    if (known === undefined || known.sims.length === 0) this.talked(callee, simId);
    else if (!known.sims.includes(simId)) known.sims = [simId, ...known.sims];
  }

  #find(callee: string): Known | undefined {
    if (callee === this.#lastCallee) return this.#last;
    this.#last = this.#callees.get(callee);
    this.#lastCallee = callee;
    return this.#last;
  }

  #add(callee: string, known: Known): void {
    this.#callees.set(callee, known);
    this.#lastCallee = callee;
    this.#last = known;
    if (this.#callees.size <= MAX_CALLEES) return;
    for (const longestUnheard of this.#callees.keys()) {
      this.#callees.delete(longestUnheard);
      return;
    }
  }

  #forgetTries(callee: string, known: Known): void {
    known.tries = null;
    if (known.sims.length > 0) return;
    this.#callees.delete(callee);
    if (callee === this.#lastCallee) this.#last = undefined;
  }

  #withLast(known: readonly string[], simId: string): readonly string[] {
    if (known.length > 0 && known[known.length - 1] === simId) return known;
    const others = known.length === 0 ? known : known.filter((id) => id !== simId);
    if (others.length > 0) return [...others, simId];
    const alone = this.#alone.get(simId) ?? [simId];
    this.#alone.set(simId, alone);
    return alone;
  }

  #forgetNext(wallMs: number): void {
    const next = this.#looking.next();
    if (next.done === true) {
      this.#looking = this.#callees.entries();
      return;
    }
    const [callee, known] = next.value;
    const { tries } = known;
    if (tries !== null && (tries[tries.length - 2] ?? 0) < wallMs) this.#forgetTries(callee, known);
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
