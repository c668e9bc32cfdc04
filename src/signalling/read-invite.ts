// What a call needs of a trunk's INVITE, read from its text; all of it is the peer's word and may be anything.
import { randomUUID } from 'node:crypto';
import type { CallRequest, TrunkTerms } from '../call/call-request.js';
import { sdpOf } from './message-parts.js';
import { plainAddress } from './peer-table.js';
import type { SipRequest } from './srf.js';

/** RFC 3261 §8.1.1.6, for an INVITE without the header. */
const DEFAULT_MAX_FORWARDS = 70;

export function readInvite(
  request: SipRequest,
  trunk: TrunkTerms,
  { allowedHeaders, looped }: { readonly allowedHeaders: readonly string[]; readonly looped: boolean },
): CallRequest {
  const hops = Number.parseInt(request.get('Max-Forwards') ?? String(DEFAULT_MAX_FORWARDS), 10);
  const passedHeaders: Record<string, string> = {};
  for (const name of allowedHeaders) {
    const value = request.get(name);
    if (value !== undefined) passedHeaders[name] = value;
  }
  return {
    callId: randomUUID(),
    sipCallId: request.get('Call-ID') ?? '',
    trunk,
    calling: userOf(request.get('From') ?? ''),
    agent: null,
    account: null,
    dialled: userOf(request.uri),
    offerSdp: sdpOf(request),
    maxForwards: Number.isSafeInteger(hops) ? hops : DEFAULT_MAX_FORWARDS,
    looped,
    // One that names no host is none: the caller could never be sent a BYE.
    hasContact: /sips?:[^\s<>;?]/i.test(request.get('Contact') ?? ''),
    signallingAddress: plainAddress(request.source_address),
    passedHeaders,
  };
}

/** The user of a URI or name-addr without its parameters, percent-decoded; empty when there is none. */
export function userOf(text: string): string {
  const uri = uriOf(text);
  const tel = /^tel:([^;?]*)/i.exec(uri);
  // RFC 3261 §25.1: parameters of the user (RFC 3966 §5.1) and a password stand before the "@" too.
  const user = tel?.[1] ?? /^sips?:([^@;:]*)[^@]*@/i.exec(uri)?.[1] ?? '';
  try {
    return decodeURIComponent(user);
  } catch {
    return user;
  }
}

/** The URI of a name-addr: between its angle brackets, after a display name that may look like anything. */
function uriOf(text: string): string {
  const afterName = text.replace(/^\s*"(?:[^"\\]|\\.)*"/, '');
  return (/<([^>]*)>/.exec(afterName)?.[1] ?? afterName).trim();
}
