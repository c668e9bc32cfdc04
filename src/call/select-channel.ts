// From a decision to a reserved channel: ports for the media first, then the ledger's one atomic step.
// A lost race is a value, and the next candidate is tried.

import type { JournalEntry } from '../lib/journal-entry.js';
import type { Ledger } from '../quota/ledger.js';
import type { CallMedia } from './call-media.js';
import type { DecisionSummary } from './call-record.js';
import type { Callee, CallRequest, ChosenChannel } from './call-request.js';
import type { EndReason } from './end-reason.js';
import type { MediaPort, RouteCandidate, RouteDecision, RoutePort } from './ports.js';

export type Selection =
  | { readonly ok: true; readonly channel: ChosenChannel; readonly decision: DecisionSummary }
  | { readonly ok: false; readonly reason: EndReason; readonly decision: DecisionSummary | null };

export interface SelectionRequest {
  readonly request: CallRequest;
  readonly callee: Callee;
  readonly media: CallMedia;
  readonly attemptId: string;
  readonly excludeChannels: readonly string[];
  readonly avoidGateways: readonly string[];
  readonly wallMs: number;
  /** Journal entries that commit with the reservation. */
  readonly alongside: (candidate: RouteCandidate) => readonly JournalEntry[];
}

export interface SelectionPorts {
  readonly routes: RoutePort;
  readonly ledger: Ledger;
  readonly media: MediaPort;
}

/** Candidates that others took since the decision; beyond these rounds the system is full in every sense. */
const MAX_ROUNDS = 3;

export async function selectChannel(ports: SelectionPorts, ask: SelectionRequest): Promise<Selection> {
  const lost: string[] = [];
  let first: DecisionSummary | null = null;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const decision = decide(ports.routes, ask, lost);
    first ??= decision.summary;
    if (decision.candidates.length === 0) return { ok: false, reason: decision.refusal, decision: first };
    for (const candidate of decision.candidates) {
      const opened = await openMedia(ports.media, ask, candidate);
      if (opened !== null) return { ok: false, reason: opened, decision: first };
      const offered = ask.media.offerFor(candidate.gateway);
      if (!offered.ok) {
        lost.push(candidate.channelId);
        continue;
      }
      const reserved = await ports.ledger.reserve(
        {
          reservationId: ask.attemptId,
          callId: ask.request.callId,
          trunk: ask.request.trunk.name,
          channelId: candidate.channelId,
          simId: candidate.simId,
          callee: ask.callee.e164,
          numberClass: ask.callee.numberClass,
          wallMs: ask.wallMs,
        },
        ask.alongside(candidate),
      );
      if (reserved.ok) {
        const channel = { ...candidate, attemptId: ask.attemptId, maxCallSeconds: reserved.maxCallSeconds };
        return { ok: true, channel, decision: first };
      }
      if (reserved.reason === 'journal-stalled') return { ok: false, reason: 'journal-stalled', decision: first };
      lost.push(candidate.channelId);
    }
  }
  return { ok: false, reason: 'no-channel', decision: first };
}

/** Gateways that did not respond are avoided while another one has a channel. */
function decide(routes: RoutePort, ask: SelectionRequest, lost: readonly string[]): RouteDecision {
  const base = {
    callId: ask.request.callId,
    trunk: ask.request.trunk,
    callee: ask.callee,
    codecs: ask.media.codecNames,
    excludeChannels: [...ask.excludeChannels, ...lost],
    wallMs: ask.wallMs,
  };
  if (ask.avoidGateways.length > 0) {
    const elsewhere = routes.decide({ ...base, excludeGateways: ask.avoidGateways });
    if (elsewhere.candidates.length > 0) return elsewhere;
  }
  return routes.decide({ ...base, excludeGateways: [] });
}

async function openMedia(
  media: MediaPort,
  ask: SelectionRequest,
  candidate: RouteCandidate,
): Promise<EndReason | null> {
  const { session } = ask.media;
  const calleeNetwork = candidate.gateway.network;
  const outcome =
    session === null
      ? await media.open({ sessionId: ask.request.callId, callerNetwork: ask.request.trunk.network, calleeNetwork })
      : await session.placeCallee(calleeNetwork);
  if (!outcome.ok) return outcome.reason === 'no-media-ports' ? 'no-media-ports' : 'media-lost';
  if ('session' in outcome) ask.media.use(outcome.session);
  return null;
}
