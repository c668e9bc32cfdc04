// What is remembered of callees: which SIMs talked to each (the last one last), and which calls tried it lately.
// Bounded: beyond a million callees long unheard ones are forgotten, and each try after two days. Almost every callee has one
// SIM and one try: these stand in its cell of a table, as bare numbers; what is more stands beside it, and its place there.
import { numberOf } from '../numbers/e164-number.js';
import { CalleeTable, KEY } from './callee-table.js';

/** How far back `attemptsTo` may be asked. */
export const ATTEMPTS_KEPT_MS = 2 * 86_400_000;
const MAX_CALLEES = 1_000_000;
const NOBODY: readonly string[] = [];

// Of a cell's numbers: when it was tried last (0: never), and the mark of the call that did (below nought: of several).
const TRIED = 1;
const MARK = 2;
// Of its words: the number of the SIM that knows it (0: none; below: several), and when it was heard, in steps.
const SIM = 6;
const HEARD = 7;

/** Pairs, in the order of time: when, and the mark of which call. */
type Tries = number[];

export class CalleeMemory {
  readonly #table: CalleeTable;
  readonly #sims = new Lists<readonly string[]>();
  readonly #tries = new Lists<Tries>();
  /** Keys of callees that are not E.164 numbers (emergency numbers among them): below nought. */
  readonly #keys = new Map<string, number>();
  readonly #names = new Map<number, string>();
  #lastName = 0;
  /** SIMs by number, from 1 on, each as the list that it alone is. */
  readonly #alone: (readonly [string])[] = [['']];
  readonly #numbers = new Map<string, number>();
  #step = 0;
  #latestTryWallMs = 0;
  #hasForgotten = false;
  /** The callee of the last question: a reservation asks again what its decision asked. */
  #lastCallee = '';
  #lastKey = 0;
  #lastSlot = -1;

  /** Holds `maxCallees` at most. */
  constructor(maxCallees = MAX_CALLEES) {
    this.#table = new CalleeTable(
      maxCallees,
      (slot) => this.#ageOf(slot),
      (key, slot) => this.#forgotten(key, slot),
    );
  }

  /** The SIMs that talked to a callee, the last one last, and those that counted it when they tried. */
  simsOf(callee: string): readonly string[] {
    const slot = this.#find(callee);
    return slot < 0 ? NOBODY : this.#simsAt(slot);
  }

  /** Whether it is certain that a SIM has neither talked to a callee nor counted it: not when it may have been forgotten. */
  isUnknownTo(callee: string, simId: string): boolean {
    if (this.#hasForgotten) return false;
    const slot = this.#find(callee);
    return slot < 0 || !this.#simsAt(slot).includes(simId);
  }

  /** Distinct calls that tried a callee since an instant, at most two days before the last try of all. */
  attemptsTo(callee: string, sinceWallMs: number): number {
    const slot = this.#find(callee);
    if (slot < 0) return 0;
    const since = Math.max(sinceWallMs, this.#latestTryWallMs - ATTEMPTS_KEPT_MS);
    const triedWallMs = this.#table.number(slot, TRIED);
    if (triedWallMs === 0) return 0;
    const mark = this.#table.number(slot, MARK);
    if (mark >= 0) return triedWallMs >= since ? 1 : 0;
    const calls = new Set<number>();
    const tries = this.#tries.at(mark);
    for (let i = 0; i < tries.length; i += 2) {
      if ((tries[i] as number) >= since) calls.add(tries[i + 1] as number);
    }
    return calls.size;
  }

  /** A call tries the callee. */
  try(callee: string, callId: string, wallMs: number): void {
    const found = this.#find(callee);
    const slot = found < 0 ? this.#add() : found;
    const table = this.#table;
    if (wallMs > this.#latestTryWallMs) this.#latestTryWallMs = wallMs;
    this.#hear(slot);
    const mark = markOf(callId);
    // A new cell is written and not read: it is on its way into the cache.
    const before = found < 0 ? 0 : table.number(slot, TRIED);
    if (before === 0) {
      table.setNumber(slot, TRIED, wallMs);
      table.setNumber(slot, MARK, mark);
      return;
    }
    if (wallMs > before) table.setNumber(slot, TRIED, wallMs);
    const known = table.number(slot, MARK);
    if (known >= 0) {
      table.setNumber(slot, MARK, this.#tries.add([before, known, wallMs, mark]));
      return;
    }
    const tries = this.#tries.at(known);
    forgetBefore(tries, wallMs - ATTEMPTS_KEPT_MS);
    tries.push(wallMs, mark);
  }

  /** Takes back one try of a call: no INVITE left. */
  untry(callee: string, callId: string): void {
    const slot = this.#find(callee);
    if (slot < 0) return;
    const table = this.#table;
    const mark = markOf(callId);
    const known = table.number(slot, MARK);
    if (known >= 0) {
      if (table.number(slot, TRIED) === 0 || known !== mark) return;
      table.setNumber(slot, TRIED, 0);
      if (table.word(slot, SIM) !== 0) return;
      this.#forgotten(table.number(slot, KEY), slot);
      table.remove(slot);
      return;
    }
    const tries = this.#tries.at(known);
    for (let i = tries.length - 2; i >= 0; i -= 2) {
      if (tries[i + 1] !== mark) continue;
      tries.splice(i, 2);
      break;
    }
    if (tries.length > 2) return;
    this.#tries.remove(known);
    table.setNumber(slot, TRIED, tries[0] as number);
    table.setNumber(slot, MARK, tries[1] as number);
  }

  /** A SIM has talked to the callee. */
  talked(callee: string, simId: string): void {
    const found = this.#find(callee);
    const slot = found < 0 ? this.#add() : found;
    this.#hear(slot);
    const known = this.#simsAt(slot);
    if (known.length === 0) this.#setAlone(slot, simId);
    else if (known[known.length - 1] !== simId) this.#setSims(slot, [...known.filter((id) => id !== simId), simId]);
  }

  /** A SIM has counted the callee at an attempt that was not answered: it is not the one that talked last. */
  counted(callee: string, simId: string): void {
    const slot = this.#find(callee);
    const known = slot < 0 ? NOBODY : this.#simsAt(slot);
    if (known.length === 0) this.talked(callee, simId);
    else if (!known.includes(simId)) this.#setSims(slot, [simId, ...known]);
  }

  #simsAt(slot: number): readonly string[] {
    const sim = this.#table.word(slot, SIM);
    if (sim === 0) return NOBODY;
    return sim > 0 ? (this.#alone[sim] as readonly string[]) : this.#sims.at(sim);
  }

  #setAlone(slot: number, simId: string): void {
    let number = this.#numbers.get(simId);
    if (number === undefined) {
      number = this.#alone.length;
      this.#numbers.set(simId, number);
      this.#alone.push([simId]);
    }
    this.#table.setWord(slot, SIM, number);
  }

  /** Two or more. */
  #setSims(slot: number, sims: readonly string[]): void {
    const before = this.#table.word(slot, SIM);
    if (before < 0) this.#sims.set(before, sims);
    else this.#table.setWord(slot, SIM, this.#sims.add(sims));
  }

  #find(callee: string): number {
    if (callee === this.#lastCallee) {
      // Cells move: what stands there may be another by now.
      if (this.#lastSlot >= 0 && this.#table.number(this.#lastSlot, KEY) === this.#lastKey) return this.#lastSlot;
    } else {
      this.#lastCallee = callee;
      this.#lastKey = numberOf(callee) || (this.#keys.get(callee) ?? 0);
    }
    this.#lastSlot = this.#lastKey === 0 ? -1 : this.#table.find(this.#lastKey);
    return this.#lastSlot;
  }

  /** Adds the callee that was not found. */
  #add(): number {
    if (this.#lastKey === 0) {
      this.#lastKey = --this.#lastName;
      this.#keys.set(this.#lastCallee, this.#lastKey);
      this.#names.set(this.#lastKey, this.#lastCallee);
    }
    this.#lastSlot = this.#table.add(this.#lastKey);
    return this.#lastSlot;
  }

  #hear(slot: number): void {
    this.#step = (this.#step + 1) | 0;
    this.#table.setWord(slot, HEARD, this.#step);
  }

  /** Steps since it was heard; infinity when only old tries are known of it. */
  #ageOf(slot: number): number {
    const table = this.#table;
    const isTried = table.number(slot, TRIED) >= this.#latestTryWallMs - ATTEMPTS_KEPT_MS;
    if (!isTried && table.word(slot, SIM) === 0) return Number.POSITIVE_INFINITY;
    return (this.#step - table.word(slot, HEARD)) >>> 0;
  }

  #forgotten(key: number, slot: number): void {
    const table = this.#table;
    const sim = table.word(slot, SIM);
    const mark = table.number(slot, MARK);
    if (sim !== 0) this.#hasForgotten = true;
    if (sim < 0) this.#sims.remove(sim);
    if (mark < 0) this.#tries.remove(mark);
    const name = this.#names.get(key);
    if (name === undefined) return;
    this.#names.delete(key);
    this.#keys.delete(name);
    if (name === this.#lastCallee) this.#lastKey = 0;
  }
}

/** Lists by place, which is below nought: -1, -2 and so on. Places are used again. */
class Lists<T> {
  readonly #lists: (T | undefined)[] = [];
  readonly #free: number[] = [];

  at(place: number): T {
    return this.#lists[-1 - place] as T;
  }

  set(place: number, list: T): void {
    this.#lists[-1 - place] = list;
  }

  add(list: T): number {
    const place = this.#free.pop() ?? -1 - this.#lists.length;
    this.set(place, list);
    return place;
  }

  remove(place: number): void {
    this.#lists[-1 - place] = undefined;
    this.#free.push(place);
  }
}

function forgetBefore(tries: Tries, wallMs: number): void {
  if ((tries[0] ?? wallMs) >= wallMs) return;
  let over = 0;
  while (over < tries.length - 2 && (tries[over] as number) < wallMs) over += 2;
  tries.splice(0, over);
}

/**
 * 52 bits of a call's id (two hashes after FNV-1a, two characters a step): calls to one callee in two days are few, and never
 * share a mark.
 */
function markOf(callId: string): number {
  let high = 0x811c9dc5;
  let low = 0xc9dc5118;
  const { length } = callId;
  for (let at = 0; at < length; at += 2) {
    const codes = callId.charCodeAt(at) | ((at + 1 < length ? callId.charCodeAt(at + 1) : 0) << 16);
    high = Math.imul(high ^ codes, 0x01000193);
    low = Math.imul(low ^ codes, 0x9e3779b1);
    // The upper half of a step would reach the upper half of the hash alone.
    high ^= high >>> 15;
    low ^= low >>> 13;
  }
  return (high >>> 12) * 2 ** 32 + (low >>> 0);
}
