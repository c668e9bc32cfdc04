// Who may carry a call: one function a rule, one reason a rule. A pool's rules hold for channels of the same plan, codecs
// and groups alike, a gateway's for all of its channels; the last are asked of each channel and of its SIM's plan.
// Emergency calls meet only those that physics makes (semantics.md, "Emergency and defaults").
import type { NumberClass } from '../numbers/number-class.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { IndexedChannel, IndexedGateway, PoolTerms } from './indexed-channel.js';

export interface RoutingRequest {
  readonly callee: { readonly e164: string; readonly national: string; readonly numberClass: NumberClass };
  readonly traffic: 'commercial' | 'personal';
  /** The trunk's name. */
  readonly trunk: string;
  /** The PBX user who calls, as the trunk names it; null when unknown. */
  readonly agent: string | null;
  /** Channel groups that the trunk may use; null: all channels. */
  readonly channelGroups: readonly string[] | null;
  /** Channel groups that the agent may use; null: all channels. */
  readonly agentChannelGroups: readonly string[] | null;
  /** Names of codecs, of which a channel has to allow one. */
  readonly codecs: readonly string[];
  /** The call's SRTP passes as it is: a channel has to take it. Default: plain RTP. */
  readonly passesSrtp?: boolean | undefined;
  /** Channels and gateways that this call has tried, or avoids. */
  readonly excludeChannels: readonly string[];
  readonly excludeGateways: readonly string[];
  /** A probe call: this channel or none, though it is suspended. Default: any channel. */
  readonly onlyChannel?: string | undefined;
}

export type RefusalReason =
  | 'commercial-use-forbidden'
  | 'class-not-covered'
  | 'no-common-codec'
  | 'outside-trunk-groups'
  | 'outside-agent-groups'
  | 'gateway-down'
  | 'gateway-cooling'
  | 'gateway-full'
  | 'gateway-rate'
  | 'already-tried'
  | 'channel-disabled'
  | 'sim-absent'
  | 'not-registered'
  | 'weak-signal'
  | 'channel-suspended'
  | 'channel-cooling'
  | 'channel-busy'
  | 'channel-resting'
  | 'quota-exhausted'
  | 'too-few-seconds'
  | 'paced'
  /** Its gateway sends no text messages, or none of this length. */
  | 'no-messages'
  /** It sent one a moment ago. */
  | 'message-gap';

export interface Refusal {
  readonly reason: RefusalReason;
  /** The allowance that refuses. */
  readonly allowanceId?: string;
  /** What that allowance counts. */
  readonly counts?: string;
}

interface Rule<T extends unknown[]> {
  readonly reason: RefusalReason;
  readonly refuses: (...subject: T) => boolean;
  /** True for what holds even for an emergency call. */
  readonly bindsEmergency?: true;
  /** True for what a probe call passes: it asks whether the channel is sound, whoever may use it. */
  readonly letsProbesPass?: true;
  /** True for what text messages have nothing to do with. */
  readonly isOfMedia?: true;
}

// ---- pools -----------------------------------------------------------------------------------------------------------

function isCommercialUseForbidden({ plan }: PoolTerms, { traffic }: RoutingRequest): boolean {
  return traffic === 'commercial' && plan.commercialUse === 'forbidden';
}

function isClassNotCovered({ plan }: PoolTerms, { callee }: RoutingRequest): boolean {
  return !plan.classes.includes(callee.numberClass);
}

/** What could be offered there would be refused, or could not be answered to the caller. */
function hasNoCommonCodec({ codecs, takesSrtp }: PoolTerms, request: RoutingRequest): boolean {
  return (request.passesSrtp === true && !takesSrtp) || !codecs.some((codec) => request.codecs.includes(codec));
}

function isOutsideTrunkGroups({ groups }: PoolTerms, { channelGroups }: RoutingRequest): boolean {
  return channelGroups !== null && !groups.some((group) => channelGroups.includes(group));
}

function isOutsideAgentGroups({ groups }: PoolTerms, { agentChannelGroups }: RoutingRequest): boolean {
  return agentChannelGroups !== null && !groups.some((group) => agentChannelGroups.includes(group));
}

/** In the order in which they are asked; the first refusal is the channel's. */
const POOL_RULES: readonly Rule<[PoolTerms, RoutingRequest]>[] = [
  { reason: 'commercial-use-forbidden', refuses: isCommercialUseForbidden },
  { reason: 'class-not-covered', refuses: isClassNotCovered },
  { reason: 'no-common-codec', refuses: hasNoCommonCodec, bindsEmergency: true, isOfMedia: true },
  { reason: 'outside-trunk-groups', refuses: isOutsideTrunkGroups, letsProbesPass: true },
  { reason: 'outside-agent-groups', refuses: isOutsideAgentGroups, letsProbesPass: true },
];

export function refusalOfPool(pool: PoolTerms, request: RoutingRequest): RefusalReason | undefined {
  const emergency = isEmergency(request);
  const probes = isProbe(request);
  return POOL_RULES.find((rule) => binds(rule, emergency, probes) && rule.refuses(pool, request))?.reason;
}

/** The same of a text message. */
export function refusalOfPoolToMessage(pool: PoolTerms, request: RoutingRequest): RefusalReason | undefined {
  if (isEmergency(request)) return undefined;
  return POOL_RULES.find((rule) => rule.isOfMedia !== true && rule.refuses(pool, request))?.reason;
}

// ---- gateways --------------------------------------------------------------------------------------------------------

function isGatewayDown(gateway: IndexedGateway): boolean {
  return !gateway.up;
}

/** For a response that means the gateway as a whole. */
function isGatewayCooling({ cooling }: IndexedGateway): boolean {
  return cooling;
}

function isGatewayFull({ maxCalls, busy }: IndexedGateway): boolean {
  return maxCalls !== undefined && busy >= maxCalls;
}

/** It has begun as many calls as it may in a second. */
function isGatewayAtItsRate({ rateLimited }: IndexedGateway): boolean {
  return rateLimited;
}

const GATEWAY_RULES: readonly Rule<[IndexedGateway]>[] = [
  { reason: 'gateway-down', refuses: isGatewayDown },
  { reason: 'gateway-cooling', refuses: isGatewayCooling },
  { reason: 'gateway-full', refuses: isGatewayFull },
  { reason: 'gateway-rate', refuses: isGatewayAtItsRate },
];

/** What stands against every channel of a gateway, whoever calls (but for emergency calls). */
export function refusalOfGateway(gateway: IndexedGateway): RefusalReason | undefined {
  return GATEWAY_RULES.find(({ refuses }) => refuses(gateway))?.reason;
}

export function isGatewayExcluded({ name }: IndexedGateway, { excludeGateways }: RoutingRequest): boolean {
  return excludeGateways.includes(name);
}

// ---- channels --------------------------------------------------------------------------------------------------------

function isDisabled({ enabled }: IndexedChannel): boolean {
  return !enabled;
}

function isSimAbsent({ sim }: IndexedChannel): boolean {
  return sim?.present === false;
}

function isNotRegistered({ sim }: IndexedChannel): boolean {
  return sim?.registered === false;
}

function isSignalWeak({ sim }: IndexedChannel): boolean {
  return sim?.isWeak === true;
}

function isSuspended({ suspended }: IndexedChannel): boolean {
  return suspended;
}

/** In its cool-down, after failures in a row or for a response. */
function isCooling({ health }: IndexedChannel): boolean {
  return health?.isAway === true;
}

function isBusy({ state }: IndexedChannel): boolean {
  return state === 'busy';
}

/** In its gap after a call. */
function isResting({ state }: IndexedChannel): boolean {
  return state === 'resting';
}

const CHANNEL_RULES: readonly Rule<[IndexedChannel]>[] = [
  { reason: 'channel-disabled', refuses: isDisabled, bindsEmergency: true },
  { reason: 'sim-absent', refuses: isSimAbsent },
  { reason: 'not-registered', refuses: isNotRegistered },
  { reason: 'weak-signal', refuses: isSignalWeak },
  { reason: 'channel-suspended', refuses: isSuspended, letsProbesPass: true },
  { reason: 'channel-cooling', refuses: isCooling, letsProbesPass: true },
  { reason: 'channel-busy', refuses: isBusy, bindsEmergency: true },
  { reason: 'channel-resting', refuses: isResting },
];

/** What stands against a channel by itself, whoever calls. */
export function refusalOfChannel(
  channel: IndexedChannel,
  emergency = false,
  probes = false,
): RefusalReason | undefined {
  for (const rule of CHANNEL_RULES) if (binds(rule, emergency, probes) && rule.refuses(channel)) return rule.reason;
  return undefined;
}

export function isChannelExcluded({ channelId }: IndexedChannel, { excludeChannels }: RoutingRequest): boolean {
  return excludeChannels.includes(channelId);
}

/** What the SIM's plan still allows. A callee counted already passes a full allowance of callees. */
export function refusalOfQuota(
  { simId, plan }: IndexedChannel,
  { callee: { e164, numberClass } }: RoutingRequest,
  view: LedgerView,
  nowWallMs: number,
): Refusal | undefined {
  const fit = view.fit(simId, { callee: e164, numberClass, wallMs: nowWallMs });
  if (fit.ok) return undefined;
  if (!('allowanceId' in fit)) return { reason: fit.reason };
  const { reason, allowanceId } = fit;
  const counts = plan.allowances.find(({ id }) => id === allowanceId)?.counts;
  return { reason, allowanceId, ...(counts !== undefined && { counts }) };
}

/** All rules in the order in which they are asked: the first refusal is the channel's. */
export function refusalOf(
  channel: IndexedChannel,
  request: RoutingRequest,
  view: LedgerView,
  nowWallMs: number,
): Refusal | undefined {
  const emergency = isEmergency(request);
  const { pool, gateway } = channel;
  const ofGateway = emergency ? undefined : refusalOfGateway(gateway);
  const reason =
    refusalOfPool(pool, request) ??
    (ofGateway === 'gateway-down' ? ofGateway : undefined) ??
    (isGatewayExcluded(gateway, request) ? 'already-tried' : undefined) ??
    ofGateway ??
    refusalOfChannel(channel, emergency, isProbe(request)) ??
    (isChannelExcluded(channel, request) ? 'already-tried' : undefined);
  return reason === undefined ? refusalOfQuota(channel, request, view, nowWallMs) : { reason };
}

function binds(rule: Pick<Rule<never>, 'bindsEmergency' | 'letsProbesPass'>, emergency: boolean, probes: boolean) {
  return (rule.bindsEmergency || !emergency) && !(probes && rule.letsProbesPass);
}

function isProbe({ onlyChannel }: RoutingRequest): boolean {
  return onlyChannel !== undefined;
}

export function isEmergency({ callee }: RoutingRequest): boolean {
  return callee.numberClass === 'emergency';
}
