// Which channels carry a call. `decideRoute` reads the index's order and stops at the best few; `explainRoute` scans every
// channel by the same rules and says why each was refused. Both give the same winner.
import type { IndexedChannel, RouteIndex } from './route-index.js';
import {
  isChannelExcluded,
  isEmergency,
  isForThisCallOnly,
  type Refusal,
  type RefusalReason,
  type RoutingRequest,
  refusalOfChannel,
  refusalOfGroup,
  refusalOfQuota,
} from './rules.js';
import type { SortedNumbers } from './sorted-numbers.js';

/** How many candidates a live decision returns. */
export const BEST = 8;

const DISABLED: Refusal = { reason: 'channel-disabled' };
const BUSY: Refusal = { reason: 'channel-busy' };
const RESTING: Refusal = { reason: 'channel-resting' };
const TRIED: Refusal = { reason: 'already-tried' };
const NO_SECONDS: Refusal = { reason: 'quota-exhausted', counts: 'seconds' };
const NO_CALLEES: Refusal = { reason: 'quota-exhausted', counts: 'callees' };
const NONE_KNOWN = { affine: undefined, known: [] };

/** Score terms in the order in which they decide; smaller is better, but for `sameCallee`. */
export interface ScoreTerms {
  /** 1 for the SIM that last talked to this callee. */
  readonly sameCallee: 0 | 1;
  /** Billed seconds of the SIM today, in its plan's zone. */
  readonly secondsToday: number;
  readonly callsToday: number;
  /** Place in the config. */
  readonly order: number;
}

export interface Candidate {
  readonly channel: IndexedChannel;
  readonly terms: ScoreTerms;
}

export interface Decision {
  /** Best first, at most {@link BEST}. */
  readonly candidates: readonly Candidate[];
  /** Channels that were looked at: eligible or refused. Idle ones behind the best are neither. */
  readonly considered: number;
  readonly refused: Readonly<Partial<Record<RefusalReason, number>>>;
  /** Without a candidate: whether another call would have found a channel. */
  readonly refusal: 'no-channel' | 'refused-for-this-call';
  /** Version of the index that this was read from. */
  readonly version: number;
}

export interface Explanation extends Omit<Decision, 'candidates'> {
  /** Every eligible channel, best first. */
  readonly ranked: readonly Candidate[];
  readonly refusals: readonly { readonly channel: IndexedChannel; readonly refusal: Refusal }[];
}

/** Pure over the index, whose days must have been turned to `nowWallMs`. */
export function decideRoute(request: RoutingRequest, index: RouteIndex, nowWallMs: number): Decision {
  // Emergency calls are rare, and may use what the idle order does not hold (resting channels).
  if (isEmergency(request)) {
    const { ranked, ...rest } = explainRoute(request, index, nowWallMs);
    return { ...rest, candidates: ranked.slice(0, BEST) };
  }
  const tally = new Tally();
  const { affine, known } = knownChannels(request, index);
  const leastUsed: number[] = [];
  let own: IndexedChannel | undefined;
  for (const group of index.groups) {
    const refusal = refusalOfGroup(group, request);
    if (refusal !== undefined) {
      tally.add(refusal, group.channels.length);
      continue;
    }
    tally.add(DISABLED, group.counts.disabled);
    tally.add(BUSY, group.counts.busy);
    tally.add(RESTING, group.counts.resting);
    const orderIndex = group.orderOfClass.get(request.callee.numberClass);
    const order = group.orders[orderIndex ?? -1];
    if (orderIndex === undefined || order === undefined) continue;
    let { seconds, callees } = order.exhausted;
    for (const channel of known) {
      const place = channel.group === group ? (channel.places[orderIndex] ?? null) : null;
      if (place === null || (typeof place === 'number' && channel !== affine)) continue;
      // It is asked by itself, so it is not counted with the exhausted ones.
      if (place === 'seconds') seconds -= 1;
      if (place === 'callees') callees -= 1;
      if (isRefused(channel, request, index, nowWallMs, tally)) continue;
      if (channel === affine) own = channel;
      else insertBest(leastUsed, index.keyOf(channel));
    }
    tally.add(NO_SECONDS, seconds);
    tally.add(NO_CALLEES, callees);
    collectLeastUsed(order.open, affine, leastUsed, request, index, nowWallMs, tally);
  }
  const candidates: Candidate[] = [];
  // The same callee's channel comes first, wherever its use puts it.
  if (own !== undefined) candidates.push({ channel: own, terms: termsOf(own, index, nowWallMs, 1) });
  for (const key of leastUsed) {
    const channel = index.channelOfKey(key);
    if (channel === undefined || candidates.length === BEST) break;
    candidates.push({ channel, terms: termsOf(channel, index, nowWallMs, 0) });
  }
  return { candidates, ...tally.summary(candidates.length), version: index.version };
}

/** Scans every channel. */
export function explainRoute(request: RoutingRequest, index: RouteIndex, nowWallMs: number): Explanation {
  const tally = new Tally();
  const ranked: Candidate[] = [];
  const refusals: { channel: IndexedChannel; refusal: Refusal }[] = [];
  const affineSim = index.view.simsOf(request.callee.e164).at(-1);
  for (const channel of index.channels) {
    const refusal = refusalOfGroup(channel.group, request) ?? refusalOfChannel(channel, request, index.view, nowWallMs);
    if (refusal === undefined) {
      const sameCallee = channel.simId === affineSim ? 1 : 0;
      ranked.push({ channel, terms: termsOf(channel, index, nowWallMs, sameCallee) });
    } else {
      refusals.push({ channel, refusal });
      tally.add(refusal, 1);
    }
  }
  ranked.sort(compareCandidates);
  return { ranked, refusals, ...tally.summary(ranked.length), version: index.version };
}

/** Channels that the general order does not judge rightly for this call: their SIMs have counted its callee already. */
function knownChannels(
  request: RoutingRequest,
  index: RouteIndex,
): { affine: IndexedChannel | undefined; known: readonly IndexedChannel[] } {
  const simIds = index.view.simsOf(request.callee.e164);
  if (simIds.length === 0 && request.excludeChannels.length === 0) return NONE_KNOWN;
  const known: IndexedChannel[] = [];
  for (const simId of simIds) {
    const channel = index.channelOfSim(simId);
    if (channel !== undefined) known.push(channel);
  }
  // What was tried already is counted as such, not as exhausted.
  for (const channelId of request.excludeChannels) {
    const channel = index.channel(channelId);
    if (channel !== undefined && !known.includes(channel)) known.push(channel);
  }
  return { affine: index.channelOfSim(simIds.at(-1) ?? ''), known };
}

/** Merges an order's least used channels into the best so far. */
function collectLeastUsed(
  open: SortedNumbers,
  except: IndexedChannel | undefined,
  best: number[],
  request: RoutingRequest,
  index: RouteIndex,
  nowWallMs: number,
  tally: Tally,
): void {
  open.visitWhile((key) => {
    const worst = best[BEST - 1];
    if (worst !== undefined && key > worst) return false;
    const channel = index.channelOfKey(key);
    if (channel === undefined || channel === except) return true;
    if (!isRefused(channel, request, index, nowWallMs, tally)) insertBest(best, key);
    return true;
  });
}

/** Keeps the {@link BEST} lowest keys, ascending. */
function insertBest(best: number[], key: number): void {
  let at = best.length;
  while (at > 0 && (best[at - 1] ?? 0) > key) at -= 1;
  if (at === BEST) return;
  best.splice(at, 0, key);
  if (best.length > BEST) best.pop();
}

/** Asks an idle channel's own rules, and counts its refusal. */
function isRefused(
  channel: IndexedChannel,
  request: RoutingRequest,
  index: RouteIndex,
  nowWallMs: number,
  tally: Tally,
): boolean {
  const refusal = isChannelExcluded(channel, request) ? TRIED : refusalOfQuota(channel, request, index.view, nowWallMs);
  if (refusal !== undefined) tally.add(refusal, 1);
  return refusal !== undefined;
}

function termsOf(channel: IndexedChannel, index: RouteIndex, nowWallMs: number, sameCallee: 0 | 1): ScoreTerms {
  const { seconds, calls } = index.view.today(channel.simId, nowWallMs);
  return { sameCallee, secondsToday: seconds, callsToday: calls, order: channel.order };
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    b.terms.sameCallee - a.terms.sameCallee ||
    a.terms.secondsToday - b.terms.secondsToday ||
    a.terms.callsToday - b.terms.callsToday ||
    a.terms.order - b.terms.order
  );
}

/** Counts refusals by reason, and remembers whether any of them was not this call's own fault. */
class Tally {
  readonly #refused: Partial<Record<RefusalReason, number>> = {};
  #total = 0;
  #forAnybody = 0;

  add(refusal: Refusal, channels: number): void {
    if (channels === 0) return;
    this.#refused[refusal.reason] = (this.#refused[refusal.reason] ?? 0) + channels;
    this.#total += channels;
    if (!isForThisCallOnly(refusal) && refusal.reason !== 'channel-disabled') this.#forAnybody += channels;
  }

  summary(eligible: number): Pick<Decision, 'considered' | 'refused' | 'refusal'> {
    const ownFault = this.#total > 0 && this.#forAnybody === 0 && !this.#onlyDisabled();
    return {
      considered: this.#total + eligible,
      refused: this.#refused,
      refusal: ownFault ? 'refused-for-this-call' : 'no-channel',
    };
  }

  #onlyDisabled(): boolean {
    return this.#refused['channel-disabled'] === this.#total;
  }
}
