// Numbers that may not be called, and how old that knowledge is. Where the lists come from is the reader's business.

export interface DoNotCallList {
  readonly name: string;
  has(e164: string): boolean;
  /** When it was last known to be current, wall time; null while it has never been read. */
  asOfWallMs(): number | null;
  /** Older than this, nobody may be called by it; null for any age. */
  readonly maxAgeMs: number | null;
}

/** Whether a list is too old to be relied on. One that was never read is older than any. */
export function isStale(list: DoNotCallList, wallMs: number): boolean {
  const asOfWallMs = list.asOfWallMs();
  if (asOfWallMs === null) return true;
  return list.maxAgeMs !== null && wallMs - asOfWallMs > list.maxAgeMs;
}

/** Numbers as doubles in order: eight bytes each, a million of them found in twenty steps. */
export class NumberSet {
  readonly #sorted: Float64Array;

  /** Takes what {@link numberKey} made, in any order; sorts it in place. */
  constructor(keys: Float64Array) {
    this.#sorted = keys.sort();
  }

  get size(): number {
    return this.#sorted.length;
  }

  has(e164: string): boolean {
    const key = numberKey(e164);
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#sorted[middle] as number) < key) low = middle + 1;
      else high = middle;
    }
    return this.#sorted[low] === key;
  }
}

/** E.164 has at most 15 digits, which a double holds exactly; short codes are negative, with a 1 before their zeros. */
export function numberKey(e164: string): number {
  return e164.startsWith('+') ? Number(e164.slice(1)) : -Number(`1${e164}`);
}
