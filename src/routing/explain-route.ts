// The same decision by a plain scan: asks every channel by the rules, one by one, and says why each was refused.
// It shares rules and stored terms with `decideRoute`, and nothing of its order: a property test holds both to one result.
import { Candidate, Explanation, keyOf } from './decision.js';
import type { PooledChannel } from './pool.js';
import { codeOfQuota, countOne, noCounts } from './refusal-counts.js';
import type { RouteIndex } from './route-index.js';
import {
  isEmergency,
  type Refusal,
  type RoutingRequest,
  refusalOf,
  refusalOfChannel,
  refusalOfGateway,
} from './rules.js';
import type { Standing } from './standing.js';

/** Pure over the index, which must have been turned to now. */
export function explainRoute(
  request: RoutingRequest,
  index: RouteIndex,
  channels: readonly PooledChannel[] = index.channels,
): Explanation {
  const { view, ranking } = index;
  const emergency = isEmergency(request);
  const affineSim = view.simsOf(request.callee.e164).at(-1);
  const own = index.channelsOf(`${request.trunk}/${request.agent}`);
  const counts = noCounts();
  const ranked: Candidate[] = [];
  const refusals: { channel: PooledChannel; refusal: Refusal }[] = [];
  for (const channel of channels) {
    const refusal = refusalOf(channel, request, view, index.wallMs);
    if (refusal !== undefined) {
      refusals.push({ channel, refusal });
      countOne(counts, codeOfQuota(refusal));
      continue;
    }
    const call = {
      sameCallee: channel.simId === affineSim,
      ownChannel: request.agent !== null && own.includes(channel),
      // Probes may be wrong, and every failure fails over; but what seems sound is tried first.
      lastResort: emergency && (refusalOfGateway(channel.gateway) ?? refusalOfChannel(channel)) !== undefined,
    };
    ranked.push(new Candidate(channel, standingIn(index, channel, request), call, ranking.weights));
  }
  ranked.sort((a, b) => keyOf(a) - keyOf(b));
  return new Explanation(ranked, refusals, counts, { version: index.version, ranking, channels });
}

function standingIn(index: RouteIndex, channel: PooledChannel, { callee }: RoutingRequest): Standing {
  const order = channel.pool.orderOf(callee.numberClass);
  const standing = order === undefined ? undefined : channel.standings[order];
  return standing ?? index.scorer.inEmergency(channel, index.wallMs);
}
