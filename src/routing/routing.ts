// Routing as a part: keeps the index by the ledger's events, gateways' health by their probes, and decides.
// The ledger's `channel:changed` and `usage:changed` reach the index in the tick in which the ledger's memory changes,
// so a decision never sees a channel as idle that was reserved before it.
import type { Clock } from '../lib/clock.js';
import type { LedgerView } from '../quota/ledger-view.js';
import { type Candidate, decideRoute, type Explanation, explainRoute } from './decide-route.js';
import { type DialledGateway, dialUri } from './dial-uri.js';
import {
  type GatewayHealth,
  type HealthThresholds,
  INITIAL_HEALTH,
  nextHealth,
  type ProbeResult,
} from './gateway-health.js';
import { RouteIndex, type RoutingGateway, type RoutingSettings } from './route-index.js';
import type { RoutingRequest } from './rules.js';

/** `T` is what the caller wants to find at each candidate: its own terms of the gateway. */
export interface GatewaySettings<T> extends RoutingGateway, DialledGateway {
  readonly terms: T;
  /** False for a gateway that is never probed: it is always up. */
  readonly probe: HealthThresholds | false;
}

export interface RoutingOptions<T> extends Omit<RoutingSettings, 'gateways'> {
  readonly gateways: readonly GatewaySettings<T>[];
  readonly view: LedgerView;
  readonly clock: Clock;
}

/** What a call asks: a routing request, with the trunk's terms as the call has them. */
export interface RouteQuestion extends Omit<RoutingRequest, 'traffic'> {
  readonly trunk: { readonly traffic: 'commercial' | 'personal' };
  readonly wallMs: number;
}

export interface RouteAnswer<T> {
  /** Best first. */
  readonly candidates: readonly {
    readonly channelId: string;
    readonly simId: string;
    readonly simNumber: string;
    readonly gateway: T;
    readonly requestUri: string;
  }[];
  readonly summary: {
    readonly considered: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly winner: { readonly channelId: string; readonly terms: Readonly<Record<string, number>> } | null;
    readonly version: number;
  };
  readonly refusal: 'no-channel' | 'refused-for-this-call';
}

export interface Routing<T> {
  decide(question: RouteQuestion): RouteAnswer<T>;
  explain(question: RouteQuestion): Explanation;
  /** A probe's result; the returned state is new when it differs from the one before. */
  probed(gateway: string, result: ProbeResult): GatewayHealth['state'];
  gatewayState(gateway: string): GatewayHealth['state'];
  readonly index: RouteIndex;
  close(): void;
}

export function createRouting<T>(options: RoutingOptions<T>): Routing<T> {
  const index = new RouteIndex(options, options.view, options.clock.wallMs());
  const gateways = new Map(options.gateways.map((gateway) => [gateway.name, gateway]));
  const health = new Map<string, GatewayHealth>();
  const stateOf = (gateway: string) => (health.get(gateway) ?? INITIAL_HEALTH).state;

  function dialled({ channel }: Candidate, e164: string): RouteAnswer<T>['candidates'][number] {
    const gateway = gateways.get(channel.gateway) as GatewaySettings<T>;
    return {
      channelId: channel.channelId,
      simId: channel.simId,
      simNumber: channel.simNumber,
      gateway: gateway.terms,
      // Computed for the candidate that is used: reading a number costs more than the decision.
      get requestUri() {
        return dialUri(gateway, channel, e164);
      },
    };
  }

  return {
    index,
    decide(question) {
      index.turnDays(question.wallMs);
      const request = { ...question, traffic: question.trunk.traffic };
      const { candidates, considered, refused, refusal, version } = decideRoute(request, index, question.wallMs);
      const [best] = candidates;
      const winner = best === undefined ? null : { channelId: best.channel.channelId, terms: { ...best.terms } };
      return {
        candidates: candidates.map((candidate) => dialled(candidate, question.callee.e164)),
        summary: { considered, refused, winner, version },
        refusal,
      };
    },
    explain(question) {
      index.turnDays(question.wallMs);
      return explainRoute({ ...question, traffic: question.trunk.traffic }, index, question.wallMs);
    },
    probed(name, result) {
      const thresholds = gateways.get(name)?.probe;
      if (!thresholds) return stateOf(name);
      const next = nextHealth(health.get(name) ?? INITIAL_HEALTH, result, thresholds);
      health.set(name, next);
      index.gatewayChanged(name, next.state === 'up');
      return next.state;
    },
    gatewayState: stateOf,
    close() {
      index.close();
    },
  };
}
