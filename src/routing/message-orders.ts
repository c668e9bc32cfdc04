// The channels of each load of text messages in order, for those who ask: made when a message of that load is first asked for, and
// kept by marks. What happens to a channel marks it, which costs a call next to nothing; the next message of the load looks at
// what is marked, and at what time alone has changed. Without messages there is none of it.

import type { NumberClass } from '../numbers/number-class.js';
import type { LedgerView } from '../quota/ledger-view.js';
import { parseMoney } from '../quota/money.js';
import type { MessageLoad, MessageRequest } from '../quota/usage.js';
import { Agenda } from './agenda.js';
import { UNKNOWN_HEALTH } from './channel-health.js';
import type { Cell, PooledChannel } from './pool.js';
import type { RankingSettings } from './ranking.js';
import { type CodeCounts, codeOf, countOne, NOT_REFUSED, noCounts } from './refusal-counts.js';
import { SortedNumbers } from './sorted-numbers.js';
import { Standing } from './standing.js';
import { FULL_POINTS } from './weights.js';

/** What is read of the index. */
export interface OrderedIndex {
  readonly channels: readonly PooledChannel[];
  readonly view: LedgerView;
  readonly ranking: RankingSettings;
  readonly wallMs: number;
}

/** Loads in use: one for each length of SMS, LMS, MMS, and number class. The one that was not asked for longest goes. */
const MOST_ORDERS = 12;

export class MessageOrders {
  readonly #index: OrderedIndex;
  /** The one that was asked for last is the last. */
  readonly #orders = new Map<string, MessageOrder>();

  constructor(index: OrderedIndex) {
    this.#index = index;
  }

  /** Something about a channel has changed. */
  touch(number: number): void {
    for (const order of this.#orders.values()) order.touch(number);
  }

  /** As it is at the index's instant. */
  orderOf(numberClass: NumberClass, load: MessageLoad): MessageOrder {
    const name = `${numberClass} ${load.kind} ${load.count}`;
    const order = this.#orders.get(name) ?? new MessageOrder(this.#index, numberClass, load);
    this.#orders.delete(name);
    this.#orders.set(name, order);
    const [oldest] = this.#orders.keys();
    if (this.#orders.size > MOST_ORDERS && oldest !== undefined) this.#orders.delete(oldest);
    order.bring();
    return order;
  }
}

/** Channels of one gateway and pool. */
export interface MessageCell {
  /** Keys of those that may send it. */
  readonly open: SortedNumbers;
  /** Others, by what they or their plan say, as if their gateway took messages. */
  readonly refused: CodeCounts;
}

export class MessageOrder {
  readonly #index: OrderedIndex;
  readonly #numberClass: NumberClass;
  readonly #load: MessageLoad;
  readonly #fullCost: number;
  readonly #cells = new Map<Cell, MessageCell>();
  /** By a channel's number: its key while it is open, and the code of what refuses it. */
  readonly #keys: Float64Array;
  readonly #codes: Uint8Array;
  readonly #marked: Uint8Array;
  readonly #marks: number[] = [];
  readonly #turns: Agenda;

  constructor(index: OrderedIndex, numberClass: NumberClass, load: MessageLoad) {
    const { channels, ranking } = index;
    this.#index = index;
    this.#numberClass = numberClass;
    this.#load = load;
    this.#fullCost = Math.max(1, parseMoney(ranking.fullCost));
    this.#keys = new Float64Array(channels.length);
    this.#codes = new Uint8Array(channels.length);
    this.#marked = new Uint8Array(channels.length);
    this.#turns = new Agenda(channels.length);
    for (const channel of channels) {
      if (!this.#cells.has(channel.cell))
        this.#cells.set(channel.cell, { open: new SortedNumbers(), refused: noCounts() });
      this.#place(channel);
    }
  }

  touch(number: number): void {
    if (this.#marked[number] === 1) return;
    this.#marked[number] = 1;
    this.#marks.push(number);
  }

  /** Looks at what has changed since it was asked for last. */
  bring(): void {
    const { wallMs, channels } = this.#index;
    for (let due = this.#turns.takeDue(wallMs); due >= 0; due = this.#turns.takeDue(wallMs)) this.touch(due);
    for (const number of this.#marks) {
      this.#marked[number] = 0;
      const channel = channels[number] as PooledChannel;
      this.#displace(channel);
      this.#place(channel);
    }
    this.#marks.length = 0;
  }

  cellOf(cell: Cell): MessageCell {
    return this.#cells.get(cell) as MessageCell;
  }

  /** Code of what refuses a channel, by itself or by its plan. */
  refusalOf({ number }: PooledChannel): number {
    return this.#codes[number] as number;
  }

  /** Where a channel stands that may send it. */
  standingOf(channel: PooledChannel): Standing {
    const { view, wallMs } = this.#index;
    const fit = view.fitMessage(channel.simId, this.#requestAt(wallMs));
    return this.#standing(channel, fit.ok ? fit.costMicros : 0);
  }

  #place(channel: PooledChannel): void {
    const { view, wallMs } = this.#index;
    const { number, simId, refusal, cell } = channel;
    const { open, refused } = this.cellOf(cell);
    if (refusal !== NOT_REFUSED) {
      // Marked again when that has changed.
      this.#codes[number] = refusal;
      countOne(refused, refusal);
      this.#turns.set(number, Number.POSITIVE_INFINITY);
      return;
    }
    const request = this.#requestAt(wallMs);
    const fit = view.fitMessage(simId, request);
    // What is due now would be due again at once.
    this.#turns.set(number, Math.max(view.messageChangesAt(simId, request), wallMs + 1));
    const code = fit.ok ? NOT_REFUSED : codeOf(fit.reason);
    this.#codes[number] = code;
    if (fit.ok) {
      const { key } = this.#standing(channel, fit.costMicros);
      this.#keys[number] = key;
      open.add(key);
    } else countOne(refused, code);
  }

  #displace({ number, cell }: PooledChannel): void {
    const { open, refused } = this.cellOf(cell);
    const code = this.#codes[number] as number;
    if (code === NOT_REFUSED) open.delete(this.#keys[number] as number);
    else countOne(refused, code, -1);
  }

  #requestAt(wallMs: number): MessageRequest {
    const { kind, count } = this.#load;
    return { kind, count, callee: '', numberClass: this.#numberClass, wallMs };
  }

  #standing({ simId, health, tie }: PooledChannel, costMicros: number): Standing {
    const { view, ranking, wallMs } = this.#index;
    const points = costMicros === 0 ? 0 : Math.floor((costMicros * FULL_POINTS) / this.#fullCost);
    const sent = view.messagesToday(simId, wallMs);
    return new Standing(NOT_REFUSED, points, sent, health?.points ?? UNKNOWN_HEALTH, ranking.weights, tie);
  }
}
