// What each trunk's settled calls have cost lately, by quarters of an hour. Every time zone's midnight is on such an edge.
import { formatMoney, type Micros, parseMoney } from './money.js';

const BUCKET_MS = 900_000;
/** Caps look back one day at most; two days also hold a 25-hour one with a late settlement. */
const KEPT_BUCKETS = 200;

export class Spending {
  readonly #byTrunk = new Map<string, Map<number, Micros>>();

  add(trunk: string, wallMs: number, cost: string): void {
    if (cost === '0') return;
    const buckets = this.#byTrunk.get(trunk) ?? new Map<number, Micros>();
    this.#byTrunk.set(trunk, buckets);
    const bucket = Math.floor(wallMs / BUCKET_MS);
    buckets.set(bucket, (buckets.get(bucket) ?? 0) + parseMoney(cost));
    for (const old of buckets.keys()) if (old < bucket - KEPT_BUCKETS) buckets.delete(old);
  }

  /** Cost since an instant, to the quarter of an hour in which it lies. */
  since(trunk: string, wallMs: number): string {
    let sum = 0;
    const from = Math.floor(wallMs / BUCKET_MS);
    for (const [bucket, cost] of this.#byTrunk.get(trunk) ?? []) if (bucket >= from) sum += cost;
    return formatMoney(sum);
  }
}
