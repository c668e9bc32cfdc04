// From a decision to a reserved channel: ports for the media first, then the decision anew and the ledger's one atomic step.
// A lost race is a value, and the next best is tried.

import type { JournalEntry } from '../lib/journal-entry.js';
import type { Ledger, ReserveFirstResult, ReserveRefusal, ReserveRequest, ReserveResult } from '../quota/ledger.js';
import { payersOf } from '../quota/payers.js';
import type { CallMedia } from './call-media.js';
import type { DecisionSummary, LimitReached } from './call-record.js';
import type { Callee, CallRequest, ChosenChannel } from './call-request.js';
import type { EndReason } from './end-reason.js';
import type { MediaPort, RouteCandidate, RouteDecision, RoutePort } from './ports.js';

export type Selection =
  | { readonly ok: true; readonly channel: ChosenChannel; readonly decision: DecisionSummary | null }
  | {
      readonly ok: false;
      readonly reason: EndReason;
      readonly decision: DecisionSummary | null;
      /** The cap behind `cap-exhausted`. */
      readonly limit: LimitReached | null;
    };

export interface SelectionRequest {
  readonly request: CallRequest;
  readonly callee: Callee;
  readonly media: CallMedia;
  readonly attemptId: string;
  readonly excludeChannels: readonly string[];
  readonly excludeGateways: readonly string[];
  readonly avoidGateways: readonly string[];
  readonly wallMs: number;
  /** Journal entries that commit with the reservation; how long the call may last is not known yet. */
  readonly alongside: (channel: ChosenChannel) => readonly JournalEntry[];
}

export interface SelectionPorts {
  readonly routes: RoutePort;
  readonly ledger: Ledger;
  readonly media: MediaPort;
}

/** Waits for media, and candidates that the ledger refused; beyond these rounds the system is full in every sense. */
const MAX_ROUNDS = 16;

export async function selectChannel(ports: SelectionPorts, ask: SelectionRequest): Promise<Selection> {
  const lost: string[] = [];
  let tooDear: Selection | undefined;
  let readyNetwork: string | null = null;
  let decision = decide(ports.routes, ask, lost);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { best: candidate } = decision;
    if (candidate === undefined) return tooDear ?? refused(refusalOf(decision), decision.summary);
    if (candidate.gateway.network !== readyNetwork) {
      const opened = await openMedia(ports.media, ask, candidate);
      if (opened !== null) return refused(opened, decision.summary);
      readyNetwork = candidate.gateway.network;
      // The reservation must follow its decision in one tick: all calls that waited here had the same few best channels.
      decision = decide(ports.routes, ask, lost);
      continue;
    }
    const { summary } = decision;
    const tried = triedAtOnce(ports.ledger, candidate, decision);
    const reserved = await reserve(ports.ledger, ask, tried);
    if (reserved.ok) return { ok: true, channel: reserved.channel, decision: summary };
    if (isForEveryChannel(reserved.reason)) {
      const refusal = refused(reserved.reason, summary, limitOf(reserved));
      if (reserved.reason !== 'cap-exhausted' || !isOfThePrice(ports.ledger, ask)) return refusal;
      tooDear = refusal;
    }
    lost.push(...tried.map(({ channelId }) => channelId));
    decision = decide(ports.routes, ask, lost);
  }
  return tooDear ?? refused('no-channel', decision.summary);
}

/** When codecs are all that stands in the way, the caller is told so (RFC 3261 §21.4.26): another offer would pass. */
function refusalOf({ refusal, summary }: RouteDecision): EndReason {
  const reasons = Object.keys(summary.refused);
  return reasons.length > 0 && reasons.every((reason) => reason === 'no-common-codec') ? 'no-common-codec' : refusal;
}

function refused(reason: EndReason, decision: DecisionSummary, limit: LimitReached | null = null): Selection {
  return { ok: false, reason, decision, limit };
}

/** What the next best channel would be refused for as well. */
function isForEveryChannel(reason: string): reason is 'journal-stalled' | 'ledger-away' | 'cap-exhausted' {
  return reason === 'journal-stalled' || reason === 'ledger-away' || reason === 'cap-exhausted';
}

/** The caps have something left, but less than a shortest call costs on the channels that were tried: others may be cheaper. */
function isOfThePrice(ledger: Ledger, { request, callee, wallMs }: SelectionRequest): boolean {
  const { e164, numberClass } = callee;
  return ledger.fitPayers(payersOf(request), { callee: e164, numberClass, direction: 'out', wallMs }).ok;
}

function limitOf({ payer, allowanceId }: NotReserved): LimitReached | null {
  return payer === undefined || allowanceId === undefined ? null : { holder: payer, allowanceId };
}

type NotReserved = Omit<Extract<ReserveResult, { ok: false }>, 'reason'> & {
  readonly reason: ReserveRefusal | 'no-common-codec';
};
type Reserved = { readonly ok: true; readonly channel: ChosenChannel } | NotReserved;

/** Field by field: a candidate may compute some of them when it is asked. */
export function chosenFrom(candidate: RouteCandidate, attemptId: string, maxCallSeconds: number): ChosenChannel {
  const { channelId, simId, simNumber, gateway, address } = candidate;
  return { attemptId, channelId, simId, simNumber, gateway, address, maxCallSeconds };
}

/** The best one; all that media is ready for where the ledger tries several in one step. */
function triedAtOnce(ledger: Ledger, best: RouteCandidate, decision: RouteDecision): readonly RouteCandidate[] {
  if (ledger.reserveFirst === undefined) return [best];
  return decision.candidates.filter(({ gateway }) => gateway.network === best.gateway.network);
}

/** The ledger's one atomic step, after the offer: a channel that cannot be offered anything is not reserved. */
async function reserve(ledger: Ledger, ask: SelectionRequest, tried: readonly RouteCandidate[]): Promise<Reserved> {
  const { media, attemptId } = ask;
  const offered = new Map(
    tried
      .filter(({ gateway, channelId }) => media.offerFor(gateway, channelId).ok)
      .map((candidate) => [candidate.channelId, candidate]),
  );
  const requests = [...offered.values()].map((candidate) => requestFor(ask, candidate));
  const reserved = await bookOneOf(ledger, requests, ({ channelId }) => {
    const candidate = offered.get(channelId);
    return candidate === undefined ? [] : ask.alongside(chosenFrom(candidate, attemptId, 0));
  });
  if (!reserved.ok) return reserved;
  const booked = offered.get(reserved.channelId);
  if (booked === undefined) throw new Error(`The ledger booked ${reserved.channelId}, which it was not asked for.`);
  // The offer that stands is the last one that was built.
  if (offered.size > 1) media.offerFor(booked.gateway, booked.channelId);
  return { ok: true, channel: chosenFrom(booked, attemptId, reserved.maxCallSeconds) };
}

async function bookOneOf(
  ledger: Ledger,
  requests: readonly ReserveRequest[],
  alongside: (booked: ReserveRequest) => readonly JournalEntry[],
): Promise<ReserveFirstResult | NotReserved> {
  const [best] = requests;
  if (best === undefined) return { ok: false, reason: 'no-common-codec' };
  if (ledger.reserveFirst !== undefined) return ledger.reserveFirst(requests, alongside);
  const reserved = await ledger.reserve(best, alongside(best));
  return reserved.ok ? { ...reserved, channelId: best.channelId } : reserved;
}

function requestFor(ask: SelectionRequest, { channelId, channelNumber, simId }: RouteCandidate): ReserveRequest {
  const { request, callee, attemptId, wallMs } = ask;
  return {
    reservationId: attemptId,
    callId: request.callId,
    trunk: request.trunk.name,
    direction: 'out',
    payers: payersOf(request),
    channelId,
    channelNumber,
    simId,
    callee: callee.e164,
    numberClass: callee.numberClass,
    wallMs,
  };
}

/**
 * Gateways that did not respond are avoided while another one has a channel; and while any channel has a codec that passes as it
 * is, none is chosen for which it would be transcoded.
 */
function decide(routes: RoutePort, ask: SelectionRequest, lost: readonly string[]): RouteDecision {
  const { direct, transcoded, srtp } = ask.media.codecNeeds;
  const excludeChannels = lost.length === 0 ? ask.excludeChannels : [...ask.excludeChannels, ...lost];
  const decideFor = (codecs: readonly string[], excludeGateways: readonly string[]) =>
    routes.decide({
      callId: ask.request.callId,
      trunk: ask.request.trunk,
      agent: ask.request.agent,
      callee: ask.callee,
      codecs,
      passesSrtp: srtp,
      excludeChannels,
      excludeGateways,
      onlyChannel: ask.request.onlyChannel,
      wallMs: ask.wallMs,
    });
  if (ask.avoidGateways.length > 0) {
    const excluded = [...ask.excludeGateways, ...ask.avoidGateways];
    const elsewhere = decideFor(direct, excluded);
    if (elsewhere.best !== undefined) return elsewhere;
    const transcodedElsewhere = transcoded.length === 0 ? elsewhere : decideFor([...direct, ...transcoded], excluded);
    if (transcodedElsewhere.best !== undefined) return transcodedElsewhere;
  }
  const decision = decideFor(direct, ask.excludeGateways);
  // All names, so that a refusal says of every channel why: none that passes as it is has been found.
  return decision.best !== undefined || transcoded.length === 0
    ? decision
    : decideFor([...direct, ...transcoded], ask.excludeGateways);
}

/** Ports on the networks of both sides; null when they are there. */
export async function openMedia(
  media: MediaPort,
  ask: Pick<SelectionRequest, 'request' | 'media'>,
  candidate: Pick<RouteCandidate, 'gateway'>,
): Promise<EndReason | null> {
  const { session } = ask.media;
  const calleeNetwork = candidate.gateway.network;
  const outcome =
    session === null
      ? await media.open({
          sessionId: ask.request.callId,
          callerNetwork: ask.request.trunk.network,
          calleeNetwork,
          caller: ask.media.callerTransport,
        })
      : await session.placeCallee(calleeNetwork);
  if (!outcome.ok) return outcome.reason === 'no-media-ports' ? 'no-media-ports' : 'media-lost';
  if ('session' in outcome) ask.media.use(outcome.session);
  return null;
}
