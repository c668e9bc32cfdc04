// Who may carry a call: one function a rule, one reason a rule. Rules of a group hold for a gateway and a plan alike;
// rules of a channel are asked of each. Emergency calls meet only those that physics makes.
import type { NumberClass } from '../numbers/number-class.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { Counted } from '../quota/plan.js';
import type { ChannelGroup, IndexedChannel } from './route-index.js';

export interface RoutingRequest {
  readonly callee: { readonly e164: string; readonly national: string; readonly numberClass: NumberClass };
  readonly traffic: 'commercial' | 'personal';
  /** The trunk's name. */
  readonly trunk: string;
  /** The PBX user who calls, as the trunk names it; null when unknown. */
  readonly agent: string | null;
  /** Channel groups that the trunk may use; null: all. */
  readonly channelGroups: readonly string[] | null;
  /** Channel groups that the agent may use; null: all. */
  readonly agentChannelGroups: readonly string[] | null;
  /** Codec names that the caller's side allows. */
  readonly codecs: readonly string[];
  /** Channels and gateways that this call has tried, or avoids. */
  readonly excludeChannels: readonly string[];
  readonly excludeGateways: readonly string[];
}

export type RefusalReason =
  | 'commercial-use-forbidden'
  | 'class-not-covered'
  | 'no-common-codec'
  | 'gateway-down'
  | 'gateway-full'
  | 'already-tried'
  | 'channel-disabled'
  | 'channel-busy'
  | 'channel-resting'
  | 'quota-exhausted'
  | 'too-few-seconds';

export interface Refusal {
  readonly reason: RefusalReason;
  /** The allowance that is exhausted. */
  readonly allowanceId?: string;
  /** What that allowance counts. */
  readonly counts?: Counted;
}

export interface GroupRule {
  readonly reason: RefusalReason;
  readonly refuses: (group: ChannelGroup, request: RoutingRequest) => boolean;
}

function isCommercialUseForbidden({ plan }: ChannelGroup, request: RoutingRequest): boolean {
  return !isEmergency(request) && request.traffic === 'commercial' && plan.commercialUse === 'forbidden';
}

function isClassNotCovered({ plan }: ChannelGroup, request: RoutingRequest): boolean {
  return !isEmergency(request) && !plan.classes.includes(request.callee.numberClass);
}

function hasNoCommonCodec({ gateway }: ChannelGroup, request: RoutingRequest): boolean {
  return !gateway.codecs.some((codec) => request.codecs.includes(codec));
}

/** An emergency call tries a gateway that seems down: probes may be wrong, and every failure fails over. */
function isGatewayDown({ gateway }: ChannelGroup, request: RoutingRequest): boolean {
  return !isEmergency(request) && !gateway.up;
}

function isGatewayFull({ gateway }: ChannelGroup, request: RoutingRequest): boolean {
  return !isEmergency(request) && gateway.maxCalls !== undefined && gateway.busy >= gateway.maxCalls;
}

function isGatewayExcluded({ gateway }: ChannelGroup, request: RoutingRequest): boolean {
  return request.excludeGateways.includes(gateway.name);
}

/** In the order in which they are asked; the first refusal is the channel's. */
const GROUP_RULES: readonly GroupRule[] = [
  { reason: 'commercial-use-forbidden', refuses: isCommercialUseForbidden },
  { reason: 'class-not-covered', refuses: isClassNotCovered },
  { reason: 'no-common-codec', refuses: hasNoCommonCodec },
  { reason: 'gateway-down', refuses: isGatewayDown },
  { reason: 'already-tried', refuses: isGatewayExcluded },
  { reason: 'gateway-full', refuses: isGatewayFull },
];

export function refusalOfGroup(group: ChannelGroup, request: RoutingRequest): Refusal | undefined {
  const rule = GROUP_RULES.find(({ refuses }) => refuses(group, request));
  return rule && { reason: rule.reason };
}

/** What stands against an idle or occupied channel by itself. */
function refusalOfState(channel: IndexedChannel, request: RoutingRequest): Refusal | undefined {
  if (!channel.enabled) return { reason: 'channel-disabled' };
  if (channel.state === 'busy') return { reason: 'channel-busy' };
  // A gap is pacing, which an emergency call does not meet.
  if (channel.state === 'resting' && !isEmergency(request)) return { reason: 'channel-resting' };
  return undefined;
}

export function isChannelExcluded(channel: IndexedChannel, request: RoutingRequest): boolean {
  return request.excludeChannels.includes(channel.channelId);
}

/** What the SIM's plan still allows. A callee counted already passes a full allowance of callees. */
export function refusalOfQuota(
  channel: IndexedChannel,
  request: RoutingRequest,
  view: LedgerView,
  nowWallMs: number,
): Refusal | undefined {
  const { e164, numberClass } = request.callee;
  const fit = view.fit(channel.simId, { callee: e164, numberClass, wallMs: nowWallMs });
  if (fit.ok) return undefined;
  if (fit.reason === 'class-not-covered') return { reason: fit.reason };
  const allowance = channel.group.plan.allowances.find(({ id }) => id === fit.allowanceId);
  return { reason: fit.reason, allowanceId: fit.allowanceId, ...(allowance && { counts: allowance.counts }) };
}

/** All rules that a channel meets by itself, in order. */
export function refusalOfChannel(
  channel: IndexedChannel,
  request: RoutingRequest,
  view: LedgerView,
  nowWallMs: number,
): Refusal | undefined {
  return (
    refusalOfState(channel, request) ??
    (isChannelExcluded(channel, request) ? { reason: 'already-tried' as const } : undefined) ??
    refusalOfQuota(channel, request, view, nowWallMs)
  );
}

/** True when another call could have had the channel (semantics.md, "What failure means": 403, not 503). */
export function isForThisCallOnly(refusal: Refusal): boolean {
  switch (refusal.reason) {
    case 'commercial-use-forbidden':
    case 'class-not-covered':
    case 'no-common-codec':
      return true;
    case 'quota-exhausted':
      return refusal.counts === 'callees';
    default:
      return false;
  }
}

export function isEmergency(request: RoutingRequest): boolean {
  return request.callee.numberClass === 'emergency';
}
