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
  /** Trunks that may use some channel groups only; a trunk not listed may use all. */
  readonly trunks?: readonly { readonly name: string; readonly channelGroups: readonly string[] | null }[];
  /** The same for agents, as `trunk/agent`. */
  readonly agents?: readonly { readonly name: string; readonly channelGroups: readonly string[] | null }[];
}

/** What a call asks: a routing request, with the trunk's terms as the call has them. */
export interface RouteQuestion
  extends Omit<RoutingRequest, 'trunk' | 'traffic' | 'agent' | 'channelGroups' | 'agentChannelGroups'> {
  readonly trunk: { readonly name: string; readonly traffic: 'commercial' | 'personal' };
  /** Null or left out: not known. */
  readonly agent?: string | null;
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
    readonly winner: {
      readonly channelId: string;
      /** The sum of its terms: the lowest wins. */
      readonly score: number;
      readonly terms: Readonly<Record<string, number>>;
    } | null;
    /** Of the index that the decision was read from. */
    readonly version: number;
    /** What ties were broken by. */
    readonly seed: number;
  };
  readonly refusal: 'no-channel' | 'refused-for-this-call';
}

export interface SimState {
  readonly present: boolean;
  /** In its mobile network. */
  readonly registered: boolean;
}

export interface AttemptReport {
  /**
   * `answered`: the gateway's 200. `callee`: no answer, but the callee's side said so (busy, declined, rang out, the caller
   * gave up while it rang). `failed`: the channel or its gateway failed (no response, 5xx, ended before it rang).
   */
  readonly outcome: 'answered' | 'callee' | 'failed';
  /** From the INVITE to the first sign of ringing or to the answer; null when there was neither. */
  readonly postDialDelayMs: number | null;
}

export interface Routing<T> {
  decide(question: RouteQuestion): RouteAnswer<T>;
  explain(question: RouteQuestion): Explanation;
  /** A probe's result; the returned state is new when it differs from the one before. */
  probed(gateway: string, result: ProbeResult): GatewayHealth['state'];
  gatewayState(gateway: string): GatewayHealth['state'];
  /** What a status port says of the SIM in a channel; null: not known (any more). */
  simState(channelId: string, state: SimState | null): void;
  /** How an attempt went: health of its channel lately. Once an attempt, as soon as its outcome is known. */
  attemptReported(channelId: string, report: AttemptReport): void;
  readonly index: RouteIndex;
  close(): void;
}

export function createRouting<T>(options: RoutingOptions<T>): Routing<T> {
  const index = new RouteIndex(options, options.view, options.clock.wallMs());
  const gateways = new Map(options.gateways.map((gateway) => [gateway.name, gateway]));
  const health = new Map<string, GatewayHealth>();
  const stateOf = (gateway: string) => (health.get(gateway) ?? INITIAL_HEALTH).state;

  function requestOf({
    trunk,
    agent = null,
    callee,
    codecs,
    excludeChannels,
    excludeGateways,
  }: RouteQuestion): RoutingRequest {
    return {
      ...{ callee, codecs, excludeChannels, excludeGateways, agent },
      ...{ trunk: trunk.name, traffic: trunk.traffic, channelGroups: null, agentChannelGroups: null },
    };
  }

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
      const { candidates, considered, refused, refusal, version } = decideRoute(
        requestOf(question),
        index,
        question.wallMs,
      );
      const [best] = candidates;
      const winner =
        best === undefined
          ? null
          : { channelId: best.channel.channelId, score: best.terms.order, terms: { ...best.terms } };
      return {
        candidates: candidates.map((candidate) => dialled(candidate, question.callee.e164)),
        summary: { considered, refused, winner, version, seed: 0 },
        refusal,
      };
    },
    explain(question) {
      index.turnDays(question.wallMs);
      return explainRoute(requestOf(question), index, question.wallMs);
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
    simState() {},
    attemptReported() {},
    close() {
      index.close();
    },
  };
}
