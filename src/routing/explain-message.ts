// The channels of a text message by a plain scan: asks every channel by the rules, one by one. It shares the rules with
// `decideMessage`, and nothing of its orders: a property test holds both to one result. Emergency messages go by it, for they may
// use what no order holds, and are rare.
import type { LedgerView } from '../quota/ledger-view.js';
import { parseMoney } from '../quota/money.js';
import type { MessageRequest } from '../quota/usage.js';
import { UNKNOWN_HEALTH } from './channel-health.js';
import { BEST, Candidate, keyOf } from './decision.js';
import type { IndexedGateway, PoolTerms } from './indexed-channel.js';
import { MessageDecision, type MessageToRoute } from './message-decision.js';
import type { PooledChannel } from './pool.js';
import { codeOf, countOne, NOT_REFUSED, noCounts } from './refusal-counts.js';
import type { RouteIndex } from './route-index.js';
import {
  isChannelExcluded,
  isEmergency,
  isGatewayExcluded,
  type RefusalReason,
  type RoutingRequest,
  refusalOfChannel,
  refusalOfGateway,
  refusalOfPoolToMessage,
} from './rules.js';
import { Standing } from './standing.js';
import { FULL_POINTS } from './weights.js';

/** Pure over the index, which must have been turned to now. */
export function explainMessage(request: RoutingRequest, message: MessageToRoute, index: RouteIndex): MessageDecision {
  const { view, channels, ranking, wallMs } = index;
  const affineSim = view.simsOf(request.callee.e164).at(-1);
  const own = request.agent === null ? [] : index.channelsOf(`${request.trunk}/${request.agent}`);
  const fullCost = Math.max(1, parseMoney(ranking.fullCost));
  const asked = new Asked(request, message, wallMs);
  const counts = noCounts();
  const best: Candidate[] = [];
  for (const channel of channels) {
    const cost = asked.judge(channel, view);
    if (typeof cost !== 'number') {
      countOne(counts, codeOf(cost));
      continue;
    }
    const costPoints = cost === 0 ? 0 : Math.floor((cost * FULL_POINTS) / fullCost);
    const sent = view.messagesToday(channel.simId, wallMs);
    const health = channel.health?.points ?? UNKNOWN_HEALTH;
    const standing = new Standing(NOT_REFUSED, costPoints, sent, health, ranking.weights, channel.tie);
    const isKnown = channel.simId === affineSim;
    const isOwn = own.includes(channel);
    // What speaks for a channel in this call alone lowers its key; without that its standing's key is its own.
    const last = best.length < BEST ? undefined : best[BEST - 1];
    if (!isKnown && !isOwn && last !== undefined && standing.key > keyOf(last)) continue;
    const call = { sameCallee: isKnown, ownChannel: isOwn, lastResort: false };
    insert(best, new Candidate(channel, standing, call, ranking.weights));
  }
  return new MessageDecision(best, counts, index);
}

/** Keeps the best few in their order. */
function insert(best: Candidate[], candidate: Candidate): void {
  const key = keyOf(candidate);
  let at = best.length;
  while (at > 0 && keyOf(best[at - 1] as Candidate) > key) at -= 1;
  best.splice(at, 0, candidate);
  if (best.length > BEST) best.pop();
}

/** One message: what is the same for all channels of a pool or a gateway is asked once. */
class Asked {
  readonly #request: RoutingRequest;
  readonly #message: MessageToRoute;
  readonly #wallMs: number;
  readonly #isEmergency: boolean;
  readonly #pools = new Map<PoolTerms, RefusalReason | null>();
  readonly #gateways = new Map<IndexedGateway, RefusalReason | MessageRequest>();

  constructor(request: RoutingRequest, message: MessageToRoute, wallMs: number) {
    this.#request = request;
    this.#message = message;
    this.#wallMs = wallMs;
    this.#isEmergency = isEmergency(request);
  }

  /** Why not, or what it would cost, in micros. */
  judge(channel: PooledChannel, view: LedgerView): RefusalReason | number {
    const ofGateway = this.#gatewayOf(channel.gateway);
    if (ofGateway === 'no-messages') return ofGateway;
    const ofPool = this.#poolOf(channel.pool);
    if (ofPool !== null) return ofPool;
    if (typeof ofGateway === 'string') return ofGateway;
    const ofChannel = refusalOfChannel(channel, this.#isEmergency);
    if (ofChannel !== undefined) return ofChannel;
    if (isChannelExcluded(channel, this.#request)) return 'already-tried';
    if (this.#message.resting.has(channel.channelId)) return 'message-gap';
    const fit = view.fitMessage(channel.simId, ofGateway);
    return fit.ok ? fit.costMicros : fit.reason;
  }

  #poolOf(pool: PoolTerms): RefusalReason | null {
    let known = this.#pools.get(pool);
    if (known === undefined) {
      known = refusalOfPoolToMessage(pool, this.#request) ?? null;
      this.#pools.set(pool, known);
    }
    return known;
  }

  /** What stands against the gateway, or what its SIMs' plans are asked. */
  #gatewayOf(gateway: IndexedGateway): RefusalReason | MessageRequest {
    let known = this.#gateways.get(gateway);
    if (known === undefined) {
      const load = this.#message.loads.get(gateway.name);
      const { e164: callee, numberClass } = this.#request.callee;
      if (load === undefined) known = 'no-messages';
      else if (isGatewayExcluded(gateway, this.#request)) known = 'already-tried';
      else {
        const refusal = this.#isEmergency ? undefined : refusalOfGateway(gateway);
        known = refusal ?? { kind: load.kind, count: load.count, callee, numberClass, wallMs: this.#wallMs };
      }
      this.#gateways.set(gateway, known);
    }
    return known;
  }
}
