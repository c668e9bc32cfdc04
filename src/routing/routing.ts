// Routing as a part: keeps the index by the ledger's events, gateways' health by their probes, and decides.
// The ledger's `channel:changed` and `usage:changed` reach the index in the tick in which the ledger's memory changes,
// so a decision never sees a channel as idle that was reserved before it.
import type { Clock } from '../lib/clock.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { AttemptReport } from './channel-health.js';
import { decideMessage } from './decide-message.js';
import { decideRoute } from './decide-route.js';
import type { Candidate, Decision, Explanation, ScoreTerms } from './decision.js';
import { type DialAddress, type DialledGateway, dialAddress, dialUri, gatewayUri } from './dial-uri.js';
import { explainRoute } from './explain-route.js';
import {
  type GatewayHealth,
  type HealthThresholds,
  INITIAL_HEALTH,
  nextHealth,
  type ProbeResult,
} from './gateway-health.js';
import type { RoutingGateway, SimState } from './indexed-channel.js';
import type { MessageToRoute } from './message-decision.js';
import { RouteIndex, type RoutingSettings } from './route-index.js';
import type { RoutingRequest } from './rules.js';

/** `T` is what the caller wants to find at each candidate: its own terms of the gateway. */
export interface GatewaySettings<T> extends RoutingGateway, DialledGateway {
  readonly terms: T;
  /** False for a gateway that is never probed: it is always up. */
  readonly probe: HealthThresholds | false;
}

/** What a config says of routing. */
export interface RoutingSetup<T> extends Omit<RoutingSettings, 'gateways'> {
  readonly gateways: readonly GatewaySettings<T>[];
  /** Trunks that may use some channel groups only; a trunk not listed may use all. */
  readonly trunks?: readonly { readonly name: string; readonly channelGroups?: readonly string[] | undefined }[];
  /** The same for agents, as `trunk/agent`. */
  readonly agents?: readonly { readonly name: string; readonly channelGroups: readonly string[] }[];
}

export interface RoutingOptions<T> extends RoutingSetup<T> {
  readonly view: LedgerView;
  readonly clock: Clock;
}

/** What a call asks: a routing request, with the trunk's terms as the call has them. */
export interface RouteQuestion
  extends Omit<RoutingRequest, 'trunk' | 'traffic' | 'agent' | 'channelGroups' | 'agentChannelGroups'> {
  readonly trunk: { readonly name: string; readonly traffic: 'commercial' | 'personal' };
  /** Null or left out: not known. */
  readonly agent?: string | null;
  readonly wallMs: number;
}

/** The same of a text message. */
export interface MessageQuestion extends MessageToRoute {
  readonly callee: RouteQuestion['callee'];
  readonly trunk: RouteQuestion['trunk'];
  readonly agent: string | null;
  readonly excludeChannels: readonly string[];
  readonly excludeGateways: readonly string[];
  readonly wallMs: number;
}

export interface AnsweredCandidate<T> {
  readonly channelId: string;
  /** Place among the channels of the settings. */
  readonly channelNumber: number;
  readonly simId: string;
  readonly simNumber: string;
  readonly gateway: T;
  readonly requestUri: string;
  /** What an INVITE to it says. */
  readonly address: DialAddress;
  /** The sum of its terms: the lowest wins. */
  readonly score: number;
  readonly terms: ScoreTerms;
}

export interface RouteAnswer<T> {
  /** The one to take. */
  readonly best: AnsweredCandidate<T> | undefined;
  /** Best first; to be asked for before anything changes. */
  readonly candidates: readonly AnsweredCandidate<T>[];
  readonly summary: {
    readonly considered: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly winner: {
      readonly channelId: string;
      /** The sum of its terms: the lowest wins. */
      readonly score: number;
      readonly terms: Readonly<Record<string, number>>;
    } | null;
    /** The next best, best first, at most seven. */
    readonly runnersUp: readonly { readonly channelId: string; readonly score: number }[];
    /** The caller's, as the decision knew them. */
    readonly codecs: readonly string[];
    /** The instant that it was made for, by the wall clock. */
    readonly decidedWallMs: number;
    /** Of the index that the decision was read from. */
    readonly version: number;
    /** What ties were broken by. */
    readonly seed: number;
  };
  readonly refusal: 'no-channel' | 'refused-for-this-call';
}

export interface Routing<T> {
  decide(question: RouteQuestion): RouteAnswer<T>;
  explain(question: RouteQuestion): Explanation;
  decideMessage(question: MessageQuestion): RouteAnswer<T>;
  /** A probe's result; the returned state is new when it differs from the one before. */
  probed(gateway: string, result: ProbeResult): GatewayHealth['state'];
  gatewayState(gateway: string): GatewayHealth['state'];
  /** True while it is left alone for what it answered. */
  isGatewayCooling(gateway: string): boolean;
  /** What a status port says of the SIM in a channel; null: not known (any more). */
  simState(channelId: string, state: SimState | null): void;
  /** A suspended channel gets no calls but emergency and probe calls. */
  suspended(channelId: string, suspended: boolean): void;
  /** How an attempt went: health of its channel lately. Once an attempt, as soon as its outcome is known. */
  attemptReported(channelId: string, report: AttemptReport): void;
  /** A call from a mobile has come in by the channel: if it has just failed, it was for that. */
  callReceived(channelId: string): void;
  readonly index: RouteIndex;
  /**
   * Decides by other gateways, channels, plans or weights from now on; the ledger has them already. What is known of those that
   * are still there, and at the same address, stays known; decisions that were made keep what they saw.
   */
  reconfigure(next: RoutingSetup<T>): void;
  close(): void;
}

const NO_CODECS: readonly string[] = [];
/** Less is not worth looking at every channel anew: what is due waits so long at most. */
const LEAST_JUMP_MS = 1_000;

export function createRouting<T>(options: RoutingOptions<T>): Routing<T> {
  const { view, clock } = options;
  let setup: RoutingSetup<T> = options;
  let index = new RouteIndex(options, view, clock.wallMs());
  let gateways = new Map(options.gateways.map((gateway) => [gateway.name, gateway]));
  const health = new Map<string, GatewayHealth>();
  const stateOf = (gateway: string) => (health.get(gateway) ?? INITIAL_HEALTH).state;
  let trunkGroups = groupsOf(options.trunks);
  let agentGroups = groupsOf(options.agents);

  function requestOf(question: RouteQuestion): RoutingRequest {
    const { trunk, agent = null } = question;
    return {
      callee: question.callee,
      traffic: trunk.traffic,
      trunk: trunk.name,
      agent,
      channelGroups: trunkGroups.get(trunk.name) ?? null,
      agentChannelGroups:
        agent === null || agentGroups.size === 0 ? null : (agentGroups.get(`${trunk.name}/${agent}`) ?? null),
      codecs: question.codecs,
      passesSrtp: question.passesSrtp,
      excludeChannels: question.excludeChannels,
      excludeGateways: question.excludeGateways,
      onlyChannel: question.onlyChannel,
    };
  }

  /** A call that waited for something asks with the time at which it came: only the clock says whether it was set back. */
  function turnTo(wallMs: number): void {
    if (wallMs > index.wallMs - LEAST_JUMP_MS) index.turnTo(wallMs);
    else if (clock.wallMs() <= index.wallMs - LEAST_JUMP_MS) index.turnBack(clock.wallMs());
  }

  return {
    get index() {
      return index;
    },
    decide(question) {
      turnTo(question.wallMs);
      const { codecs, callee } = question;
      const asked = { gateways: setup.gateways, e164: callee.e164, codecs, wallMs: index.wallMs };
      return new Answer(decideRoute(requestOf(question), index), asked);
    },
    explain(question) {
      turnTo(question.wallMs);
      return explainRoute(requestOf(question), index);
    },
    decideMessage(question) {
      turnTo(question.wallMs);
      const asked = { gateways: setup.gateways, e164: question.callee.e164, codecs: NO_CODECS, wallMs: index.wallMs };
      return new Answer(decideMessage(requestOf({ ...question, codecs: NO_CODECS }), question, index), asked);
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
    isGatewayCooling(gateway) {
      turnTo(clock.wallMs());
      return index.gateway(gateway)?.cooling ?? false;
    },
    simState: (channelId, state) => index.simChanged(channelId, state),
    suspended: (channelId, suspended) => index.channelSuspended(channelId, suspended),
    attemptReported(channelId, report) {
      // A cool-down begins now, not when the last call was routed.
      turnTo(clock.wallMs());
      index.attemptReported(channelId, report);
    },
    callReceived(channelId) {
      turnTo(clock.wallMs());
      index.callReceived(channelId);
    },
    reconfigure(next) {
      turnTo(clock.wallMs());
      const named = new Map(next.gateways.map((gateway) => [gateway.name, gateway]));
      const isSame = (name: string) => isSamePlace(gateways.get(name), named.get(name));
      const anew = new RouteIndex(next, view, index.wallMs);
      anew.inherit(index, isSame);
      index = anew;
      for (const name of health.keys()) if (!isSame(name)) health.delete(name);
      setup = next;
      gateways = named;
      trunkGroups = groupsOf(next.trunks);
      agentGroups = groupsOf(next.agents);
    },
    close() {
      index.close();
    },
  };
}

function groupsOf(holders: RoutingSetup<unknown>['trunks']): ReadonlyMap<string, readonly string[] | undefined> {
  return new Map(holders?.map(({ name, channelGroups }) => [name, channelGroups]));
}

/** What probes and answers have said of one holds for the other. */
function isSamePlace<T>(before: GatewaySettings<T> | undefined, now: GatewaySettings<T> | undefined): boolean {
  if (before === undefined || now === undefined) return false;
  return gatewayUri(before) === gatewayUri(now) && (before.probe === false) === (now.probe === false);
}

/** A candidate as a call sees it. */
class DialledCandidate<T> implements AnsweredCandidate<T> {
  readonly #candidate: Candidate;
  readonly #dialled: Dialled<T>;

  constructor(candidate: Candidate, dialled: Dialled<T>) {
    this.#candidate = candidate;
    this.#dialled = dialled;
  }

  get channelId(): string {
    return this.#candidate.channel.channelId;
  }

  get channelNumber(): number {
    return this.#candidate.channel.number;
  }

  get simId(): string {
    return this.#candidate.channel.simId;
  }

  get simNumber(): string {
    return this.#candidate.channel.simNumber;
  }

  get gateway(): T {
    return this.#settings.terms;
  }

  get requestUri(): string {
    return dialUri(this.#settings, this.#candidate.channel, this.#dialled.e164);
  }

  get address(): DialAddress {
    return dialAddress(this.#settings, this.#candidate.channel, this.#dialled.e164);
  }

  get score(): number {
    return this.#candidate.score;
  }

  get terms(): ScoreTerms {
    return this.#candidate.terms;
  }

  get #settings(): GatewaySettings<T> {
    return this.#dialled.gateways[this.#candidate.channel.gateway.number] as GatewaySettings<T>;
  }
}

interface Dialled<T> {
  readonly gateways: readonly GatewaySettings<T>[];
  readonly e164: string;
  readonly codecs: readonly string[];
  /** To which the index was turned. */
  readonly wallMs: number;
}

/** A decision as a call sees it: what is not asked for is not computed. */
class Answer<T> implements RouteAnswer<T> {
  readonly best: DialledCandidate<T> | undefined;
  readonly #decision: Decision;
  readonly #dialled: Dialled<T>;

  constructor(decision: Decision, dialled: Dialled<T>) {
    this.#decision = decision;
    this.#dialled = dialled;
    this.best = decision.best && new DialledCandidate(decision.best, dialled);
  }

  get candidates(): readonly DialledCandidate<T>[] {
    return this.#decision.candidates.map((candidate) => new DialledCandidate(candidate, this.#dialled));
  }

  get refusal(): Decision['refusal'] {
    return this.#decision.refusal;
  }

  get summary(): RouteAnswer<T>['summary'] {
    const { considered, refused, version, seed } = this.#decision;
    const { codecs, wallMs: decidedWallMs } = this.#dialled;
    const { best } = this;
    const next = this.candidates.slice(1);
    const winner = best === undefined ? null : { channelId: best.channelId, score: best.score, terms: best.terms };
    const runnersUp = next.map(({ channelId, score }) => ({ channelId, score }));
    return { considered, refused, winner, runnersUp, codecs, decidedWallMs, version, seed };
  }
}
