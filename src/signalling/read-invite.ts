// What a call needs of a trunk's INVITE, read from its text; all of it is the peer's word and may be anything.
import { randomUUID } from 'node:crypto';
import type { CallRequest, TrunkTerms } from '../call/call-request.js';
import { userOf } from './message-parts.js';
import { readPassed } from './passed-headers.js';
import { plainAddress } from './peer-table.js';
import { type AgentSource, readAgent } from './read-agent.js';
import { sdpOf } from './session-body.js';
import type { SipRequest } from './srf.js';

/** RFC 3261 §8.1.1.6, for an INVITE without the header. */
const DEFAULT_MAX_FORWARDS = 70;

export interface InviteCircumstances {
  readonly allowedHeaders: readonly string[];
  readonly looped: boolean;
  readonly waitedMs: number;
}

export function readInvite(
  request: SipRequest,
  trunk: TrunkTerms & { readonly agentFrom: AgentSource },
  { allowedHeaders, looped, waitedMs }: InviteCircumstances,
): CallRequest {
  const hops = Number.parseInt(request.get('Max-Forwards') ?? String(DEFAULT_MAX_FORWARDS), 10);
  return {
    callId: randomUUID(),
    sipCallId: request.get('Call-ID') ?? '',
    trunk,
    calling: userOf(request.get('From') ?? ''),
    agent: readAgent(request, trunk.agentFrom),
    account: trunk.account ?? null,
    dialled: userOf(request.uri),
    offerSdp: sdpOf(request),
    maxForwards: Number.isSafeInteger(hops) ? hops : DEFAULT_MAX_FORWARDS,
    looped,
    // One that names no host is none: the caller could never be sent a BYE.
    hasContact: /sips?:[^\s<>;?]/i.test(request.get('Contact') ?? ''),
    signallingAddress: plainAddress(request.source_address),
    waitedMs,
    passedHeaders: readPassed(request, allowedHeaders),
  };
}
