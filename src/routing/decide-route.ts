// Which channels carry a call. Reads the index's orders from their best ends and stops at the best few; asks one by one only
// the channels that stand differently in this call: those that know its callee, its agent's own, and those tried already.
import { BestFew } from './best-few.js';
import { BEST, type Candidate, Decision } from './decision.js';
import { explainRoute } from './explain-route.js';
import type { CellOrder, Pool, PooledChannel, PoolOrder } from './pool.js';
import type { PoolPlace } from './profile-cache.js';
import {
  addCounts,
  type CodeCounts,
  codeOf,
  codeOfQuota,
  copyCounts,
  countOne,
  NOT_REFUSED,
  noCounts,
} from './refusal-counts.js';
import type { RouteIndex } from './route-index.js';
import { isChannelExcluded, isEmergency, isGatewayExcluded, type RoutingRequest, refusalOfQuota } from './rules.js';

const TRIED = codeOf('already-tried');
const DOWN = codeOf('gateway-down');
const NONE: readonly PooledChannel[] = [];
const best = new BestFew();
/** Of the decision under way. */
const counted = noCounts();
const scratch: [Float64Array, Float64Array] = [new Float64Array(BEST), new Float64Array(BEST)];

/** Pure over the index, which must have been turned to now. */
export function decideRoute(request: RoutingRequest, index: RouteIndex): Decision {
  if (request.onlyChannel !== undefined) {
    const channel = index.channel(request.onlyChannel);
    return explainRoute(request, index, channel === undefined ? NONE : [channel]);
  }
  // Emergency calls are rare, and may use what the orders do not hold.
  if (isEmergency(request)) return explainRoute(request, index);
  const profile = index.profileOf(request);
  copyCounts(profile.refused, counted);
  search(request, index, profile.places, 1, counted);
  const decision = new RouteDecision(request, index, counted);
  index.noteDecided(decision.best?.channel);
  return decision;
}

/** Made from what was just searched. */
class RouteDecision extends Decision {
  readonly #request: RoutingRequest;
  readonly #index: RouteIndex;

  constructor(request: RoutingRequest, index: RouteIndex, counts: CodeCounts) {
    super(best.size === 0 ? undefined : best.candidate(0, index, index.ranking.weights), counts, index);
    this.#request = request;
    this.#index = index;
  }

  override get candidates(): readonly Candidate[] {
    const index = this.#index;
    search(this.#request, index, index.profileOf(this.#request).places, BEST, noCounts());
    return Array.from({ length: best.size }, (_, place) => best.candidate(place, index, index.ranking.weights));
  }
}

/** Finds the best `most`, and adds to the counts of those that were refused. */
function search(
  request: RoutingRequest,
  index: RouteIndex,
  places: readonly PoolPlace[],
  most: number,
  counts: CodeCounts,
): void {
  const special = specialChannels(request, index);
  best.begin(most);
  for (let at = 0; at < places.length; at++) {
    const { pool, order } = places[at] as PoolPlace;
    addCounts(counts, pool.refused);
    addCounts(counts, (pool.orders[order] as PoolOrder).refused);
    if (request.excludeGateways.length > 0) countExcludedGateways(pool, order, request, index, counts);
    collect(pool, order, most, special, request, index);
    for (const channel of special) {
      if (channel.pool === pool) judgeSpecial(channel, order, request, index, counts);
    }
  }
}

/** Channels that the orders do not judge rightly for this call. */
function specialChannels(request: RoutingRequest, index: RouteIndex): readonly PooledChannel[] {
  const simIds = index.view.simsOf(request.callee.e164);
  const own = ownChannels(request, index);
  if (simIds.length === 0 && own.length === 0 && request.excludeChannels.length === 0) return NONE;
  const special = [...own];
  for (let at = 0; at < simIds.length; at++) {
    const channel = index.channelOfSim(simIds[at] as string);
    // To know the callee changes nothing for a channel that is open to everybody, but for the last one.
    if (channel !== undefined && (at === simIds.length - 1 || isRefusedByPlan(channel))) addOnce(special, channel);
  }
  for (const channelId of request.excludeChannels) {
    const channel = index.channel(channelId);
    if (channel !== undefined) addOnce(special, channel);
  }
  return special;
}

function addOnce(channels: PooledChannel[], channel: PooledChannel): void {
  if (!channels.includes(channel)) channels.push(channel);
}

function ownChannels({ trunk, agent }: RoutingRequest, index: RouteIndex): readonly PooledChannel[] {
  return agent === null || !index.hasOwnChannels ? NONE : index.channelsOf(`${trunk}/${agent}`);
}

function isRefusedByPlan({ refusal, standings }: PooledChannel): boolean {
  return refusal === NOT_REFUSED && standings.some((standing) => standing.refusal !== NOT_REFUSED);
}

/** Merges the best ends of a pool's gateways into the best few. */
function collect(
  pool: Pool,
  order: number,
  most: number,
  special: readonly PooledChannel[],
  request: RoutingRequest,
  index: RouteIndex,
): void {
  // So many gateways, and in each so many channels, may have one of the best few: the others are passed over.
  const { best: gatewaysBest } = pool.orders[order] as PoolOrder;
  if (most === 1 && special.length === 0 && request.excludeGateways.length === 0) {
    // The best of all is the best of its gateway: the gateway itself need not be touched.
    if (gatewaysBest.first < best.bound) best.add(gatewaysBest.first, order);
    return;
  }
  const mostGateways = most + special.length + request.excludeGateways.length;
  const gateways = roomFor(mostGateways, 0);
  const found = gatewaysBest.copyLowest(mostGateways, gateways);
  const mostKeys = most + special.length;
  const keys = roomFor(mostKeys, 1);
  for (let at = 0; at < found; at++) {
    const bestKey = gateways[at] as number;
    if (bestKey > best.bound) return;
    const cell = index.cellOfKey(bestKey);
    if (request.excludeGateways.length > 0 && isGatewayExcluded(cell.gateway, request)) continue;
    const count = (cell.orders[order] as CellOrder).open.copyLowest(mostKeys, keys);
    for (let i = 0; i < count; i++) {
      const key = keys[i] as number;
      if (key > best.bound) break;
      if (special.length === 0 || !special.includes(index.channelOfKey(key))) best.add(key, order);
    }
  }
}

/** Room for so many keys, used again and again. */
function roomFor(count: number, which: 0 | 1): Float64Array {
  if (scratch[which].length < count) scratch[which] = new Float64Array(2 * count);
  return scratch[which];
}

/** Counts a pool's channels of gateways that this call avoids as tried, whatever else stands against them. */
function countExcludedGateways(
  pool: Pool,
  order: number,
  { excludeGateways }: RoutingRequest,
  index: RouteIndex,
  counts: CodeCounts,
): void {
  for (const name of new Set(excludeGateways)) {
    const gateway = index.gateway(name);
    const cell = gateway && pool.cells.get(gateway);
    if (cell === undefined || cell.gatewayRefusal === DOWN) continue;
    if (cell.gatewayRefusal === NOT_REFUSED) cell.subtractRefused(counts, order);
    else countOne(counts, cell.gatewayRefusal, -cell.size);
    countOne(counts, TRIED, cell.size);
  }
}

/** Asks an idle channel's own rules for this call, and takes it in with what speaks for it. */
function judgeSpecial(
  channel: PooledChannel,
  order: number,
  request: RoutingRequest,
  index: RouteIndex,
  counts: CodeCounts,
): void {
  const standing = channel.standings[order];
  const isCounted = channel.refusal !== NOT_REFUSED || channel.cell.gatewayRefusal !== NOT_REFUSED;
  if (isCounted || standing === undefined || isGatewayExcluded(channel.gateway, request)) return;
  // It is asked by itself, so it is not counted with what its plan refuses.
  if (standing.refusal !== NOT_REFUSED) countOne(counts, standing.refusal, -1);
  const refusal = isChannelExcluded(channel, request)
    ? TRIED
    : standing.refusal === NOT_REFUSED
      ? NOT_REFUSED
      : codeOfQuota(refusalOfQuota(channel, request, index.view, index.wallMs));
  if (refusal !== NOT_REFUSED) {
    countOne(counts, refusal);
    return;
  }
  const { weights } = index.ranking;
  const call = {
    sameCallee: index.view.simsOf(request.callee.e164).at(-1) === channel.simId,
    ownChannel: ownChannels(request, index).includes(channel),
    lastResort: false,
  };
  best.addSpecial(channel, standing, call, weights);
}
