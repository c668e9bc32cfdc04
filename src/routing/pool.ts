// A pool holds the channels for which plan, codecs and channel groups say the same. For each group of number classes that
// the plan treats alike it has an order: gateways sorted by their best channel, and in each gateway the idle open channels
// sorted by score. A gateway that takes no calls is taken out as a whole. Counters say how many are refused, and why.
import { groupBy } from '../lib/group-by.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { Plan } from '../quota/plan.js';
import type { IndexedChannel, IndexedGateway, PoolTerms } from './indexed-channel.js';
import { addCounts, type CodeCounts, countOne, NOT_REFUSED, noCounts, subtractCounts } from './refusal-counts.js';
import { SortedNumbers } from './sorted-numbers.js';

/** Channels of all gateways that take calls, for number classes that the plan treats alike. */
export interface PoolOrder {
  /** Keys of each gateway's best channel. */
  readonly best: SortedNumbers;
  /** Idle channels that their plan refuses. */
  readonly refused: CodeCounts;
}

/** The same in one gateway, whether it takes calls or not. */
export interface CellOrder {
  readonly open: SortedNumbers;
  readonly refused: CodeCounts;
}

export class Pool implements PoolTerms {
  readonly plan: Plan;
  readonly codecs: readonly string[];
  readonly takesSrtp: boolean;
  readonly groups: readonly string[];
  readonly orders: readonly PoolOrder[];
  /** A class of each of `orders`, to ask for all that are treated alike. */
  readonly classes: readonly NumberClass[];
  readonly #orderOfClass: ReadonlyMap<NumberClass, number>;
  readonly cells = new Map<IndexedGateway, Cell>();
  /** Channels that their gateway or themselves refuse. */
  readonly refused: CodeCounts = noCounts();
  size = 0;

  constructor({ plan, codecs, takesSrtp, groups }: PoolTerms) {
    this.plan = plan;
    this.codecs = codecs;
    this.takesSrtp = takesSrtp;
    this.groups = groups;
    const alike = [...classesAlike(plan)];
    this.orders = alike.map(() => ({ best: new SortedNumbers(), refused: noCounts() }));
    this.classes = alike.map(([numberClass]) => numberClass as NumberClass);
    this.#orderOfClass = new Map(alike.flatMap((classes, order) => classes.map((numberClass) => [numberClass, order])));
  }

  /** Which of `orders` holds for a class; undefined for classes that the plan does not cover, and for emergency. */
  orderOf(numberClass: NumberClass): number | undefined {
    return this.#orderOfClass.get(numberClass);
  }
}

/** A channel that has its place in the index. */
export interface PooledChannel extends IndexedChannel {
  readonly pool: Pool;
  readonly cell: Cell;
}

/** A pool's channels in one gateway. */
export class Cell {
  readonly pool: Pool;
  readonly gateway: IndexedGateway;
  readonly orders: readonly CellOrder[];
  /** Channels that themselves refuse. */
  readonly #refused: CodeCounts = noCounts();
  #size = 0;
  /** Code of what stands against the gateway. */
  #gatewayRefusal = NOT_REFUSED;

  constructor(pool: Pool, gateway: IndexedGateway) {
    this.pool = pool;
    this.gateway = gateway;
    this.orders = pool.orders.map(() => ({ open: new SortedNumbers(), refused: noCounts() }));
    pool.cells.set(gateway, this);
  }

  get size(): number {
    return this.#size;
  }

  get gatewayRefusal(): number {
    return this.#gatewayRefusal;
  }

  /** Counts of the cell's channels for one order, as if its gateway took calls. */
  addRefused(to: CodeCounts, order: number): void {
    addCounts(to, this.#refused);
    addCounts(to, (this.orders[order] as CellOrder).refused);
  }

  subtractRefused(from: CodeCounts, order: number): void {
    subtractCounts(from, this.#refused);
    subtractCounts(from, (this.orders[order] as CellOrder).refused);
  }

  /** Takes the gateway's channels out of the orders, or back in. */
  setGatewayRefusal(code: number): void {
    const { pool } = this;
    const before = this.#gatewayRefusal;
    if (before === code) return;
    if (before === NOT_REFUSED) {
      subtractCounts(pool.refused, this.#refused);
      for (const [index, { open, refused }] of this.orders.entries()) {
        const order = pool.orders[index];
        if (open.size > 0) order?.best.delete(open.first);
        if (order !== undefined) subtractCounts(order.refused, refused);
      }
    } else countOne(pool.refused, before, -this.#size);
    this.#gatewayRefusal = code;
    if (code === NOT_REFUSED) {
      addCounts(pool.refused, this.#refused);
      for (const [index, { open, refused }] of this.orders.entries()) {
        const order = pool.orders[index];
        if (open.size > 0) order?.best.add(open.first);
        if (order !== undefined) addCounts(order.refused, refused);
      }
    } else countOne(pool.refused, code, this.#size);
  }

  /** Adds a new channel, refused by `code`. */
  add(code: number): void {
    this.#size += 1;
    this.pool.size += 1;
    countOne(this.#refused, code);
    countOne(this.pool.refused, this.#gatewayRefusal === NOT_REFUSED ? code : this.#gatewayRefusal);
  }

  /** A channel is refused for another reason, or not any more. */
  moved(from: number, to: number): void {
    countOne(this.#refused, from, -1);
    countOne(this.#refused, to);
    if (this.#gatewayRefusal !== NOT_REFUSED) return;
    countOne(this.pool.refused, from, -1);
    countOne(this.pool.refused, to);
  }

  /** Puts a channel into the orders, as its standings say. */
  place({ standings }: IndexedChannel): void {
    const { orders, pool } = this;
    for (let index = 0; index < orders.length; index++) {
      const { refusal, key } = standings[index] as IndexedChannel['standings'][number];
      const { open, refused } = orders[index] as CellOrder;
      const { best, refused: inPool } = pool.orders[index] as PoolOrder;
      if (refusal !== NOT_REFUSED) {
        countOne(refused, refusal);
        if (this.#gatewayRefusal === NOT_REFUSED) countOne(inPool, refusal);
        continue;
      }
      const before = open.first;
      open.add(key);
      if (key > before || this.#gatewayRefusal !== NOT_REFUSED) continue;
      if (before !== Number.POSITIVE_INFINITY) best.delete(before);
      best.add(key);
    }
  }

  /** Takes it out again. */
  displace({ standings }: IndexedChannel): void {
    const { orders, pool } = this;
    for (let index = 0; index < orders.length; index++) {
      const { refusal, key } = standings[index] as IndexedChannel['standings'][number];
      const { open, refused } = orders[index] as CellOrder;
      const { best, refused: inPool } = pool.orders[index] as PoolOrder;
      if (refusal !== NOT_REFUSED) {
        countOne(refused, refusal, -1);
        if (this.#gatewayRefusal === NOT_REFUSED) countOne(inPool, refusal, -1);
        continue;
      }
      const wasBest = open.first === key;
      open.delete(key);
      if (!wasBest || this.#gatewayRefusal !== NOT_REFUSED) continue;
      best.delete(key);
      if (open.size > 0) best.add(open.first);
    }
  }
}

/** Classes on which the same allowances and rates bear, but for emergency, which meets none. */
function classesAlike(plan: Plan): Iterable<readonly NumberClass[]> {
  const covered = plan.classes.filter((numberClass) => numberClass !== 'emergency');
  return groupBy(covered, (numberClass) =>
    JSON.stringify([
      plan.allowances
        .filter(({ classes }) => classes.includes(numberClass))
        .map(({ id, credits }) => [id, credits?.perStep[numberClass] ?? 0]),
      plan.rates[numberClass] ?? null,
    ]),
  ).values();
}
