// What one allowance lets a call do: begin or not, how long to last, and when a refusal may end by itself.
import type { Micros } from './money.js';
import { chargedSeconds } from './rounding.js';
import type { Carrier, FitRefusal, FitRequest, Hold, UsageRecord } from './usage.js';
import type { UsageCounts } from './usage-counts.js';
import { type ClassTable, type Counter, type UsageTerms, unitsOf } from './usage-terms.js';

// Below any length of a call: why none fits.
const EXHAUSTED = -1;
const PACED = -2;

/** Of a call for which fewer seconds fit than a shortest one has. */
export function reasonOf(fitting: number): FitRefusal {
  if (fitting === PACED) return 'paced';
  return fitting === EXHAUSTED ? 'quota-exhausted' : 'too-few-seconds';
}

export class Fitting {
  readonly #terms: UsageTerms;
  readonly #counts: UsageCounts;
  readonly #ownCarrier: Carrier | undefined;

  constructor(terms: UsageTerms, counts: UsageCounts, ownCarrier: Carrier | undefined) {
    this.#terms = terms;
    this.#counts = counts;
    this.#ownCarrier = ownCarrier;
  }

  /**
   * The longest call by one counter, at most `most` seconds; below nought: why none. A call that is to begin needs a
   * shortest call's worth in the present window; one that has begun may live on the next one's. `isUnknown`: nothing settled
   * counts the callee, and need not be asked.
   */
  fitting(
    counter: Counter,
    table: ClassTable,
    request: FitRequest,
    most: number,
    besides: Hold | undefined,
    isUnknown: boolean,
  ): number {
    const { wallMs, callee } = request;
    const counts = this.#counts;
    switch (counter.kind) {
      case 'time': {
        if (unitsOf(counter, table.numberClass) === 0) return most;
        const room = counter.isForbidding ? counts.room(counter, wallMs) : 0;
        if (besides === undefined) {
          if (counter.isForbidding) {
            const longest = counts.longestFor(counter, table.numberClass, room);
            if (longest < this.#terms.minCallSeconds) return room <= 0 ? EXHAUSTED : longest;
          }
          if (counter.pacing !== undefined && this.#isPacedOut(counter, table, request)) return PACED;
        }
        if (!counter.isForbidding) return most;
        const fitting = counts.longestFitting(counter, table.numberClass, wallMs, most, room);
        return fitting <= 0 && room <= 0 ? EXHAUSTED : fitting;
      }
      case 'spend': {
        // What costs nothing, however long it lasts, is bounded by no spending: who rings back is not refused for it.
        if (request.direction === 'in' && this.#isFree(request)) return most;
        const room = counts.room(counter, wallMs);
        if (counter.isForbidding && room <= 0) return EXHAUSTED;
        if (besides === undefined) {
          if (counter.isForbidding && this.#neededBy(counter, table, request) > room) return 0;
          if (counter.pacing !== undefined && this.#isPacedOut(counter, table, request)) return PACED;
        }
        return counter.isForbidding ? this.#longestPaid(request, room, most) : most;
      }
      default: {
        // An attempt that has left counts where it was reserved.
        const at = besides !== undefined && counter.allowance.countsOn === 'attempt' ? besides.reservedWallMs : wallMs;
        if (counter.kind === 'callees' && counts.hasCallee(counter, at, callee, isUnknown)) return most;
        if (counter.isForbidding && counts.room(counter, at) < 1) return EXHAUSTED;
        if (besides === undefined && counter.pacing !== undefined && counts.pacedRoom(counter, at) < 1) return PACED;
        return most;
      }
    }
  }

  /** Whether what pacing gives out now is less than a shortest call takes. */
  #isPacedOut(counter: Counter, table: ClassTable, request: FitRequest): boolean {
    return this.#counts.pacedRoom(counter, request.wallMs) < this.#neededBy(counter, table, request);
  }

  /** What a shortest call counts. */
  #neededBy(counter: Counter, table: ClassTable, request: FitRequest): number {
    const { minCallSeconds } = this.#terms;
    if (counter.kind === 'spend') {
      const carrier = request.carrier ?? this.#ownCarrier;
      return Math.max(1, carrier?.priceOf(answered(request, minCallSeconds * 1000), 'whole') ?? 0);
    }
    if (counter.kind !== 'time') return 1;
    const steps = Math.ceil(chargedSeconds(minCallSeconds * 1000, counter.rounding) / counter.stepSeconds);
    return steps * unitsOf(counter, table.numberClass);
  }

  /** When a refusal by a counter may end by itself. */
  opensAt(counter: Counter, table: ClassTable, request: FitRequest, fitting: number): number {
    const { wallMs } = request;
    const counts = this.#counts;
    const isSpend = counter.kind === 'spend';
    if (fitting === EXHAUSTED) {
      return counts.opensAt(counter, wallMs, isSpend ? 1 : this.#neededBy(counter, table, request));
    }
    // What a call costs may fall when the window of what it is beyond turns.
    const cheaperAt = isSpend
      ? Math.min(...table.chargers.map((charger) => counts.fallsAt(charger, wallMs)))
      : Number.POSITIVE_INFINITY;
    if (fitting === PACED) return Math.min(cheaperAt, counts.pacingTurnsAt(counter, wallMs));
    if (isSpend) return Math.min(cheaperAt, counts.fallsAt(counter, wallMs));
    return counts.opensAt(counter, wallMs, this.#neededBy(counter, table, request));
  }

  /** When a counter that lets a call begin now may refuse one, if time alone passes. */
  closesAt(counter: Counter, table: ClassTable, wallMs: number): number {
    const counts = this.#counts;
    const closesAt = counts.closesAt(counter, wallMs);
    if (counter.kind !== 'spend') return closesAt;
    // A call may become dearer: today may be a free day over a threshold, and tomorrow not.
    return table.chargers.reduce((at, charger) => Math.min(at, counts.closesAt(charger, wallMs)), closesAt);
  }

  #isFree(request: FitRequest): boolean {
    const { maxCallSeconds } = this.#terms;
    return this.#longestPaid(request, 0, maxCallSeconds) >= maxCallSeconds;
  }

  /** The longest call, at most `most` seconds, of which every shorter one costs at most `room`. */
  #longestPaid(request: FitRequest, room: Micros, most: number): number {
    const carrier = request.carrier ?? this.#ownCarrier;
    if (carrier === undefined) return most;
    // Over an edge a call may become cheaper; between edges only dearer.
    let fits = 0;
    for (const edgeMs of carrier.priceEdges(request, most)) {
      let tooLong = Math.floor(edgeMs / 1000) + 1;
      if (carrier.priceOf(answered(request, edgeMs), 'split') <= room) {
        fits = tooLong - 1;
        continue;
      }
      while (tooLong - fits > 1) {
        const middle = Math.floor((fits + tooLong) / 2);
        if (carrier.priceOf(answered(request, middle * 1000), 'split') <= room) fits = middle;
        else tooLong = middle;
      }
      return fits;
    }
    return most;
  }
}

/** A call as it would be settled if it were answered when it is asked for. */
function answered(request: FitRequest, durationMs: number): UsageRecord {
  const { callee, numberClass, direction = 'out', wallMs } = request;
  return { callee, numberClass, direction, reservedWallMs: wallMs, answeredWallMs: wallMs, durationMs };
}
