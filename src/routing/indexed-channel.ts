// A channel and its gateway as the index keeps them: what the rules ask, and where the channel stands.
import type { ChannelState } from '../quota/ledger-view.js';
import type { Plan } from '../quota/plan.js';
import type { CallRate } from './call-rate.js';
import type { ChannelHealth } from './channel-health.js';
import type { Standing } from './standing.js';

export interface RoutingGateway {
  readonly name: string;
  /** Names of the codecs that its channels allow. */
  readonly codecs: readonly string[];
  /** SRTP of a caller may be passed to it as it is. Default: not. */
  readonly takesSrtp?: boolean | undefined;
  /** Calls at once. */
  readonly maxCalls?: number | undefined;
  /** New calls a second; a fraction means one call in so many seconds. */
  readonly maxCallsPerSecond?: number | undefined;
}

export interface RoutingChannel {
  readonly channelId: string;
  readonly gateway: string;
  readonly port: number;
  readonly simId: string;
  readonly enabled: boolean;
  /** Codecs of its own in place of its gateway's. */
  readonly codecs?: readonly string[] | undefined;
  /** Channel groups that it belongs to, for trunks and agents that may use only some. Default: none. */
  readonly groups?: readonly string[] | undefined;
  /** Agents whose own channel it is, as `trunk/agent`. Default: nobody's. */
  readonly agents?: readonly string[] | undefined;
  /** What its gateway knows it by, where that is not its port. */
  readonly line?: string | undefined;
}

/** What a status port says of a SIM. */
export interface SimState {
  readonly present: boolean;
  /** In its mobile network. */
  readonly registered: boolean;
  /** Its signal is weaker than its gateway's setting allows. Default: not, or not known. */
  readonly isWeak?: boolean;
}

export interface IndexedGateway {
  readonly name: string;
  readonly maxCalls: number | undefined;
  /** Place in the config. */
  readonly number: number;
  readonly rate: CallRate | null;
  /** It has a limit of calls at once or a second. */
  readonly isLimited: boolean;
  /** By its probes. */
  up: boolean;
  /** End of its cool-down, by elapsed time. */
  coolsUntilMs: number;
  cooling: boolean;
  /** Calls that its channels are in. */
  busy: number;
  /** It has begun as many calls as it may in a second. */
  rateLimited: boolean;
}

/** What is the same for all channels of a pool. */
export interface PoolTerms {
  readonly plan: Plan;
  readonly codecs: readonly string[];
  readonly takesSrtp: boolean;
  readonly groups: readonly string[];
}

export interface IndexedChannel {
  readonly channelId: string;
  readonly port: number;
  readonly line: string | undefined;
  readonly simId: string;
  readonly simNumber: string;
  readonly enabled: boolean;
  /** Place in the config. */
  readonly number: number;
  /** Its place among equals, by the seed: no two channels have the same. */
  readonly tie: number;
  readonly gateway: IndexedGateway;
  readonly plan: Plan;
  readonly pool: PoolTerms;
  state: ChannelState;
  /** Null: not known. */
  sim: SimState | null;
  /** Taken out of use until somebody, or a probe call, says that it is sound. */
  suspended: boolean;
  /** Null: nothing is known of it lately. */
  health: ChannelHealth | null;
  /** Code of what stands against it whoever calls; 0 while it stands in the orders. */
  refusal: number;
  /** Where it stands in each of its pool's orders, while `refusal` is 0. */
  readonly standings: Standing[];
}
