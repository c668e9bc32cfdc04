// What was counted over the last so many seconds, exactly: each entry leaves by itself when its time has come.
import type { Tally } from './tallies.js';

interface Entry {
  readonly wallMs: number;
  readonly amount: number;
  /** Null for what is not a callee. */
  readonly callee: string | null;
  readonly held: boolean;
}

interface Marks {
  settled: number;
  held: number;
}

/** Entries are kept so long after they have left, for a clock that is set back. */
const KEPT_MS = 3_600_000;
const TRIM_FROM = 64;

export class RollingTally implements Tally {
  readonly #spanMs: number;
  /** In order of time. */
  #entries: Entry[] = [];
  /** The first entry that is in the window. */
  #head = 0;
  #nowWallMs = 0;
  #used = 0;
  /** Corrections in the window that let more be used: when one leaves, there is less room. */
  #negative = 0;
  #held = 0;
  readonly #callees = new Map<string, Marks>();

  constructor(seconds: number) {
    this.#spanMs = seconds * 1000;
  }

  get used(): number {
    return this.#used;
  }

  get held(): number {
    return this.#held;
  }

  /** A rolling window's callees are few: they are looked up in any case. */
  hasCallee(callee: string): boolean {
    return this.#callees.has(callee);
  }

  isSettledCallee(callee: string): boolean {
    return (this.#callees.get(callee)?.settled ?? 0) > 0;
  }

  /** Moves the window's end; an entry is in it until `seconds` after it was counted. */
  at(wallMs: number): this {
    this.#nowWallMs = wallMs;
    const entries = this.#entries;
    for (;;) {
      const entry = entries[this.#head];
      if (entry === undefined || entry.wallMs > wallMs - this.#spanMs) break;
      this.#head += 1;
      this.#count(entry, -1);
    }
    for (;;) {
      const entry = entries[this.#head - 1];
      if (entry === undefined || entry.wallMs <= wallMs - this.#spanMs) break;
      this.#head -= 1;
      this.#count(entry, 1);
    }
    return this;
  }

  add(wallMs: number, amount: number, callee: string | null, held: boolean): void {
    this.#trim();
    const entry = { wallMs, amount, callee, held };
    const place = this.#placeAfter(wallMs);
    this.#entries.splice(place, 0, entry);
    if (place < this.#head) this.#head += 1;
    else if (wallMs <= this.#nowWallMs - this.#spanMs) this.#head = place + 1;
    else this.#count(entry, 1);
  }

  /** Takes back an entry as it was added. */
  remove(wallMs: number, amount: number, callee: string | null, held: boolean): void {
    for (let place = this.#placeAfter(wallMs) - 1; ; place -= 1) {
      const entry = this.#entries[place];
      if (entry === undefined || entry.wallMs !== wallMs) return;
      if (entry.amount !== amount || entry.callee !== callee || entry.held !== held) continue;
      this.#entries.splice(place, 1);
      if (place < this.#head) this.#head -= 1;
      else this.#count(entry, -1);
      return;
    }
  }

  /** When enough will have left that `needed` fits below `limit`; Infinity when it never does. */
  opensAt(limit: number, needed: number): number {
    let room = limit - this.#used - this.#held;
    const leaving = new Map<string, number>();
    for (const { wallMs, amount, callee } of this.#entries.slice(this.#head)) {
      if (room >= needed) break;
      if (callee === null) room += amount;
      else {
        const marks = this.#callees.get(callee);
        const left = (leaving.get(callee) ?? (marks?.settled ?? 0) + (marks?.held ?? 0)) - 1;
        leaving.set(callee, left);
        if (left === 0) room += 1;
      }
      if (room >= needed) return wallMs + this.#spanMs;
    }
    return room >= needed ? this.#nowWallMs : Number.POSITIVE_INFINITY;
  }

  /** When the next entry leaves; Infinity when there is none. */
  leavesAt(): number {
    const next = this.#entries[this.#head];
    return next === undefined ? Number.POSITIVE_INFINITY : next.wallMs + this.#spanMs;
  }

  /** Whether everything has left. */
  isOver(wallMs: number): boolean {
    return this.at(wallMs).leavesAt() === Number.POSITIVE_INFINITY;
  }

  /** When there may be less room, if time alone passes. */
  shrinksAt(): number {
    return this.#negative > 0 ? this.leavesAt() : Number.POSITIVE_INFINITY;
  }

  #count({ amount, callee, held }: Entry, times: 1 | -1): void {
    if (callee === null) {
      if (amount < 0) this.#negative += times;
      if (held) this.#held += times * amount;
      else this.#used += times * amount;
      return;
    }
    const marks = this.#callees.get(callee) ?? { settled: 0, held: 0 };
    this.#countCallee(marks, -1);
    if (held) marks.held += times;
    else marks.settled += times;
    this.#countCallee(marks, 1);
    if (marks.settled + marks.held === 0) this.#callees.delete(callee);
    else this.#callees.set(callee, marks);
  }

  #countCallee({ settled, held }: Marks, times: 1 | -1): void {
    if (settled > 0) this.#used += times;
    else if (held > 0) this.#held += times;
  }

  /** The place behind all entries up to a time; almost always the end. */
  #placeAfter(wallMs: number): number {
    let place = this.#entries.length;
    while (place > 0 && (this.#entries[place - 1]?.wallMs ?? 0) > wallMs) place -= 1;
    return place;
  }

  #trim(): void {
    if (this.#head < TRIM_FROM || this.#head * 2 < this.#entries.length) return;
    const keptFrom = this.#nowWallMs - this.#spanMs - KEPT_MS;
    const kept = this.#entries.findIndex(({ wallMs }, index) => index >= this.#head || wallMs > keptFrom);
    const gone = kept === -1 ? this.#entries.length : kept;
    if (gone <= 0) return;
    this.#entries = this.#entries.slice(gone);
    this.#head -= gone;
  }
}
