// What a transfer asks of others: the call that its target is reached by, and what an INVITE to a PBX says of who refers whom.

import { escapeUser } from '../routing/dial-uri.js';
import type { CallRequest, TrunkTerms } from './call-request.js';
import type { AdmissionRequest, LegIdentity } from './ports.js';
import type { Referral, ReferTarget } from './ports-dialog.js';

export interface TransferredCall {
  readonly callId: string;
  readonly dialled: string;
  readonly offerSdp: string;
}

/** The call that a transferor asks for: its trunk's and agent's, as if it had called the number itself. */
export function transferredRequest(request: CallRequest, { callId, dialled, offerSdp }: TransferredCall): CallRequest {
  const { sipCallId, agent, account, maxForwards, passedHeaders, callId: transferOf } = request;
  return {
    callId,
    sipCallId,
    trunk: trunkOf(request),
    // Of a call from a mobile the trunk is called, by the number of the SIM.
    calling: request.incoming === undefined ? request.calling : (agent ?? request.dialled),
    agent,
    account,
    dialled,
    offerSdp,
    maxForwards,
    looped: false,
    hasContact: true,
    signallingAddress: null,
    passedHeaders,
    transferOf,
  };
}

/** What policy is asked of a target that no call of its own may follow. */
export function questionOf(request: CallRequest, dialled: string): AdmissionRequest {
  const { agent, account } = request;
  return { callId: null, trunk: trunkOf(request), agent, account, dialled };
}

/** The trunk as a caller, whichever way the call goes. */
export function trunkOf({ trunk, incoming }: CallRequest): TrunkTerms {
  return incoming?.trunk ?? trunk;
}

/** RFC 3892 §2.2; RFC 3891 §6.1. */
export function headersForPeer({ referredBy, replaces }: Referral): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  if (referredBy !== null) headers['Referred-By'] = referredBy;
  if (replaces !== null) {
    const { callId, localTag, remoteTag } = replaces;
    headers.Replaces = `${callId};to-tag=${localTag};from-tag=${remoteTag}`;
  }
  return headers;
}

/** Where a PBX is called that has a leg here; all of them SIP URIs. */
export interface PlaceOfPeer {
  /** Of somebody there. */
  readonly at: string;
  readonly nextHop: string;
  readonly otherHop: string | null;
}

/**
 * Where its packets come from, as with requests in its dialog; where they say nothing (`nat: off`), its Contact. A connection that it
 * has made reaches it, but has no port to be called at when it is gone: then its Contact is tried.
 */
export function placeOfPeer({ nextHop, remoteTarget }: LegIdentity, nat: TrunkTerms['nat']): PlaceOfPeer {
  const isConnection = /;transport=(?:tcp|tls)/i.test(nextHop);
  if (nat === 'auto' && !isConnection) return { at: nextHop, nextHop, otherHop: null };
  const place = /^sips?:(?:[^@]*@)?([^;?]+)/i.exec(remoteTarget)?.[1];
  if (place === undefined) return { at: nextHop, nextHop, otherHop: null };
  const transport = /;transport=([a-z]+)/i.exec(isConnection ? nextHop : remoteTarget)?.[1]?.toLowerCase();
  const at = `sip:${place}${transport === undefined || transport === 'udp' ? '' : `;transport=${transport}`}`;
  return nat === 'auto' && at !== nextHop ? { at, nextHop, otherHop: at } : { at, nextHop: at, otherHop: null };
}

/** The request-URI of a target at the PBX that is called at `at`: at its own host, where the URI has one of ours. */
export function uriAtPeer({ uri, user, place }: ReferTarget, at: string): string {
  return place === 'peer' ? uri : `sip:${escapeUser(user)}@${at.replace(/^sip:/, '')}`;
}
