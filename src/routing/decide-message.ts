// Which channels carry a text message. Reads the orders of what it is on each gateway from their best ends, and asks one by one only
// the channels that stand differently for this message: those that sent one a moment ago or have been tried, the SIM that its
// callee knows, its agent's own.
import type { MessageLoad } from '../quota/usage.js';
import { BEST, type CallTerms, Candidate, ORDINARY, scoreOf } from './decision.js';
import { explainMessage } from './explain-message.js';
import { MessageDecision, type MessageToRoute } from './message-decision.js';
import type { MessageOrder } from './message-orders.js';
import type { Cell, Pool, PooledChannel } from './pool.js';
import { addCounts, type CodeCounts, codeOf, countOne, NOT_REFUSED, noCounts } from './refusal-counts.js';
import type { RouteIndex } from './route-index.js';
import {
  isChannelExcluded,
  isEmergency,
  isGatewayExcluded,
  type RoutingRequest,
  refusalOfGateway,
  refusalOfPoolToMessage,
} from './rules.js';
import { TIES } from './standing.js';

const TRIED = codeOf('already-tried');
const RESTING = codeOf('message-gap');
const UNABLE = codeOf('no-messages');

/** Pure over the index, which must have been turned to now. */
export function decideMessage(request: RoutingRequest, message: MessageToRoute, index: RouteIndex): MessageDecision {
  if (isEmergency(request)) return explainMessage(request, message, index);
  const special = specialChannels(request, message, index);
  const search = new Search(request, message, index, special);
  for (const pool of index.pools) search.take(pool);
  search.takeSpecial();
  return search.decision();
}

/** Channels that the orders do not judge rightly for this message. */
function specialChannels(
  { callee, trunk, agent, excludeChannels }: RoutingRequest,
  { resting }: MessageToRoute,
  index: RouteIndex,
): ReadonlySet<PooledChannel> {
  const special = new Set(agent === null ? [] : index.channelsOf(`${trunk}/${agent}`));
  const known = index.view.simsOf(callee.e164).at(-1);
  const ofSim = known === undefined ? undefined : index.channelOfSim(known);
  if (ofSim !== undefined) special.add(ofSim);
  for (const channelIds of [excludeChannels, resting]) {
    for (const channelId of channelIds) {
      const channel = index.channel(channelId);
      if (channel !== undefined) special.add(channel);
    }
  }
  return special;
}

interface Found {
  readonly key: number;
  readonly channel: PooledChannel;
  readonly order: MessageOrder;
  readonly call: CallTerms;
}

class Search {
  readonly #request: RoutingRequest;
  readonly #message: MessageToRoute;
  readonly #index: RouteIndex;
  readonly #special: ReadonlySet<PooledChannel>;
  /** How many are in each cell. */
  readonly #specialIn = new Map<Cell, number>();
  /** Gateways of the same limits have the same load. */
  readonly #orders = new Map<MessageLoad, MessageOrder>();
  /** Orders of cells whose channels are asked one by one. */
  readonly #orderOfCell = new Map<Cell, MessageOrder>();
  readonly #counts: CodeCounts = noCounts();
  /** The best so far, the lowest key first. */
  readonly #best: Found[] = [];
  #lowest = new Float64Array(BEST);

  constructor(
    request: RoutingRequest,
    message: MessageToRoute,
    index: RouteIndex,
    special: ReadonlySet<PooledChannel>,
  ) {
    this.#request = request;
    this.#message = message;
    this.#index = index;
    this.#special = special;
    for (const { cell } of special) this.#specialIn.set(cell, (this.#specialIn.get(cell) ?? 0) + 1);
  }

  take(pool: Pool): void {
    const ofPool = codeOf(refusalOfPoolToMessage(pool, this.#request));
    for (const cell of pool.cells.values()) {
      const load = this.#message.loads.get(cell.gateway.name);
      const refusal = load === undefined ? UNABLE : ofPool === NOT_REFUSED ? this.#refusalOfGateway(cell) : ofPool;
      if (load === undefined || refusal !== NOT_REFUSED) countOne(this.#counts, refusal, cell.size);
      else this.#takeCell(cell, this.#orderOf(load));
    }
  }

  /** Those that are asked one by one. */
  takeSpecial(): void {
    const { callee, trunk, agent } = this.#request;
    const known = this.#index.view.simsOf(callee.e164).at(-1);
    const own = agent === null ? [] : this.#index.channelsOf(`${trunk}/${agent}`);
    for (const channel of this.#special) {
      const order = this.#orderOfCell.get(channel.cell);
      if (order === undefined || channel.refusal !== NOT_REFUSED) continue;
      const ofPlan = order.refusalOf(channel);
      const ofMessage = isChannelExcluded(channel, this.#request)
        ? TRIED
        : this.#message.resting.has(channel.channelId)
          ? RESTING
          : NOT_REFUSED;
      if (ofMessage !== NOT_REFUSED) {
        // It is not counted with what its plan refuses.
        countOne(this.#counts, ofPlan, -1);
        countOne(this.#counts, ofMessage);
      } else if (ofPlan === NOT_REFUSED) {
        const call = { sameCallee: channel.simId === known, ownChannel: own.includes(channel), lastResort: false };
        const key = order.standingOf(channel).key + scoreOf(call, this.#index.ranking.weights) * TIES;
        this.#insert({ key, channel, order, call });
      }
    }
  }

  decision(): MessageDecision {
    const { weights } = this.#index.ranking;
    const best = this.#best.map(
      ({ channel, order, call }) => new Candidate(channel, order.standingOf(channel), call, weights),
    );
    return new MessageDecision(best, this.#counts, this.#index);
  }

  #refusalOfGateway({ gateway }: Cell): number {
    return isGatewayExcluded(gateway, this.#request) ? TRIED : codeOf(refusalOfGateway(gateway));
  }

  #orderOf(load: MessageLoad): MessageOrder {
    let order = this.#orders.get(load);
    if (order === undefined) {
      order = this.#index.messageOrders.orderOf(this.#request.callee.numberClass, load);
      this.#orders.set(load, order);
    }
    return order;
  }

  #takeCell(cell: Cell, order: MessageOrder): void {
    const { open, refused } = order.cellOf(cell);
    addCounts(this.#counts, refused);
    const specials = this.#specialIn.get(cell) ?? 0;
    if (specials > 0) this.#orderOfCell.set(cell, order);
    if (open.first >= this.#bound) return;
    const most = BEST + specials;
    if (this.#lowest.length < most) this.#lowest = new Float64Array(2 * most);
    const found = open.copyLowest(most, this.#lowest);
    for (let at = 0; at < found; at++) {
      const key = this.#lowest[at] as number;
      if (key >= this.#bound) return;
      const channel = this.#index.channelOfKey(key);
      if (specials === 0 || !this.#special.has(channel)) this.#insert({ key, channel, order, call: ORDINARY });
    }
  }

  /** What a key must be below to be among the best. */
  get #bound(): number {
    return this.#best.length < BEST ? Number.POSITIVE_INFINITY : (this.#best[BEST - 1] as Found).key;
  }

  #insert(found: Found): void {
    const best = this.#best;
    let at = best.length;
    while (at > 0 && (best[at - 1] as Found).key > found.key) at -= 1;
    best.splice(at, 0, found);
    if (best.length > BEST) best.pop();
  }
}
