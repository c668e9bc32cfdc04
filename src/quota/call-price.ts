// What calls and messages cost by one SIM's plan, given what is used of it: nothing inside the allowances, rates beyond them,
// and rates for what none of them counts.
import type { Micros } from './money.js';
import { chargedSeconds } from './rounding.js';
import type { FitRequest, MessageRequest, UsageRecord } from './usage.js';
import type { UsageCounts } from './usage-counts.js';
import { countedAt, type UsageTerms } from './usage-terms.js';

export class CallPrice {
  readonly #terms: UsageTerms;
  readonly #counts: UsageCounts;

  constructor(terms: UsageTerms, counts: UsageCounts) {
    this.#terms = terms;
    this.#counts = counts;
  }

  /** Beyond two allowances of time at once the dearer one's rate applies; so for calls, and for callees. */
  of(call: UsageRecord, windowEdge: 'split' | 'whole' = 'split'): Micros {
    const table = this.#terms.table(call.numberClass, call.direction ?? 'out');
    if (table.chargers.length === 0 && table.rate === undefined) return 0;
    let time = 0;
    let calls = 0;
    let callees = 0;
    const { numberClass, answeredWallMs, durationMs } = call;
    const answered = answeredWallMs === null ? undefined : { numberClass, answeredWallMs, durationMs };
    for (const counter of table.chargers) {
      const at = countedAt(counter, call);
      if (counter.kind === 'time') {
        if (answered === undefined) continue;
        const beyond =
          windowEdge === 'split'
            ? this.#counts.beyondCostOfTime(counter, answered)
            : this.#counts.beyondCostOfWhole(counter, answered);
        time = Math.max(time, beyond);
      } else if (at === null) continue;
      else if (counter.kind === 'calls') calls = Math.max(calls, this.#counts.beyondCost(counter, at, 1));
      else if (counter.kind === 'callees' && !this.#counts.isSettledCallee(counter, at, call.callee))
        callees = Math.max(callees, this.#counts.beyondCost(counter, at, 1));
    }
    if (table.rate !== undefined && answeredWallMs !== null) {
      const { micros, stepSeconds } = table.rate;
      time = Math.max(time, micros * Math.ceil(chargedSeconds(durationMs, this.#terms.rounding) / stepSeconds));
    }
    return Math.min(time + calls + callees, Number.MAX_SAFE_INTEGER);
  }

  /** Undefined: the plan does not send them. */
  ofMessages({ kind, numberClass, wallMs, count = 1 }: MessageRequest): Micros | undefined {
    const table = this.#terms.messageTable(numberClass, kind);
    if (!table.counters.some((counter) => counter.kind === kind)) {
      const each = this.#terms.messageMicros(kind);
      return each === undefined ? undefined : each * count;
    }
    return table.chargers.reduce((cost, counter) => Math.max(cost, this.#counts.beyondCost(counter, wallMs, count)), 0);
  }

  /** See Carrier.priceEdges. */
  edges({ numberClass, direction = 'out', wallMs }: FitRequest, mostSeconds: number): readonly number[] {
    const edges = this.#terms
      .table(numberClass, direction)
      .chargers.filter(({ kind }) => kind === 'time')
      .flatMap((counter) => this.#counts.edges(counter, wallMs, mostSeconds));
    return [...edges.sort((a, b) => a - b), mostSeconds * 1000];
  }
}
