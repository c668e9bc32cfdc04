// Which channels carry a text message, by a plain scan: messages are few beside calls, and each gateway may send another length.
// The rules are those of calls, but for media; the plan is asked for messages, and the score has what a message costs and how
// many the SIM has sent today.
import type { LedgerView } from '../quota/ledger-view.js';
import { parseMoney } from '../quota/money.js';
import type { MessageFit, MessageLoad } from '../quota/usage.js';
import { UNKNOWN_HEALTH } from './channel-health.js';
import { Candidate, Explanation, keyOf } from './decision.js';
import type { PooledChannel } from './pool.js';
import { codeOf, countOne, NOT_REFUSED, noCounts } from './refusal-counts.js';
import type { RouteIndex } from './route-index.js';
import {
  isChannelExcluded,
  isEmergency,
  isGatewayExcluded,
  type Refusal,
  type RoutingRequest,
  refusalOfChannel,
  refusalOfGateway,
  refusalOfPoolToMessage,
} from './rules.js';
import { Standing } from './standing.js';
import { FULL_POINTS } from './weights.js';

export interface MessageToRoute {
  /** What it is on each gateway, by name; a gateway that is not there cannot send it. */
  readonly loads: ReadonlyMap<string, MessageLoad>;
  /** Channels that sent a message a moment ago, by id. */
  readonly resting: ReadonlySet<string>;
}

/** Pure over the index, which must have been turned to now. */
export function decideMessage(request: RoutingRequest, message: MessageToRoute, index: RouteIndex): Explanation {
  const { view, channels, ranking } = index;
  const affineSim = view.simsOf(request.callee.e164).at(-1);
  const own = index.channelsOf(`${request.trunk}/${request.agent}`);
  const fullCost = Math.max(1, parseMoney(ranking.fullCost));
  const counts = noCounts();
  const ranked: Candidate[] = [];
  const refusals: { channel: PooledChannel; refusal: Refusal }[] = [];
  for (const channel of channels) {
    const judged = judge(channel, request, message, view, index.wallMs);
    if (typeof judged !== 'number') {
      refusals.push({ channel, refusal: judged });
      countOne(counts, codeOf(judged.reason));
      continue;
    }
    const call = {
      sameCallee: channel.simId === affineSim,
      ownChannel: request.agent !== null && own.includes(channel),
      lastResort: false,
    };
    const costPoints = Math.floor((judged * FULL_POINTS) / fullCost);
    const sent = view.messagesToday(channel.simId, index.wallMs);
    const health = channel.health?.points ?? UNKNOWN_HEALTH;
    const standing = new Standing(NOT_REFUSED, costPoints, sent, health, ranking.weights, channel.tie);
    ranked.push(new Candidate(channel, standing, call, ranking.weights));
  }
  ranked.sort((a, b) => keyOf(a) - keyOf(b));
  return new Explanation(ranked, refusals, counts, index);
}

/** Why not, or what it would cost, in micros. */
function judge(
  channel: PooledChannel,
  request: RoutingRequest,
  { loads, resting }: MessageToRoute,
  view: LedgerView,
  wallMs: number,
): Refusal | number {
  const { pool, gateway } = channel;
  const emergency = isEmergency(request);
  const load = loads.get(gateway.name);
  if (load === undefined) return { reason: 'no-messages' };
  const reason =
    refusalOfPoolToMessage(pool, request) ??
    (emergency ? undefined : refusalOfGateway(gateway)) ??
    refusalOfChannel(channel, emergency) ??
    (isGatewayExcluded(gateway, request) || isChannelExcluded(channel, request) ? 'already-tried' : undefined) ??
    (resting.has(channel.channelId) ? 'message-gap' : undefined);
  if (reason !== undefined) return { reason };
  const { e164: callee, numberClass } = request.callee;
  return refusalOfFit(view.fitMessage(channel.simId, { ...load, callee, numberClass, wallMs }));
}

function refusalOfFit(fit: MessageFit): Refusal | number {
  if (fit.ok) return fit.costMicros;
  return 'allowanceId' in fit ? { reason: fit.reason, allowanceId: fit.allowanceId } : { reason: fit.reason };
}
