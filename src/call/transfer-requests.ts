// What a transfer asks of others: the call that its target is reached by, and what an INVITE to a PBX says of who refers whom.
import type { CallRequest } from './call-request.js';
import type { Referral } from './ports-dialog.js';

export interface TransferredCall {
  readonly callId: string;
  readonly dialled: string;
  readonly offerSdp: string;
  /** Where its media, and so its signalling, is at home. */
  readonly address: string;
}

/** The call that a transferor asks for: its trunk's and agent's, as if it had called the number itself. */
export function transferredRequest(
  { sipCallId, trunk, calling, agent, account, maxForwards, passedHeaders, callId: transferOf }: CallRequest,
  { callId, dialled, offerSdp, address }: TransferredCall,
): CallRequest {
  return {
    callId,
    sipCallId,
    trunk,
    calling,
    agent,
    account,
    dialled,
    offerSdp,
    maxForwards,
    looped: false,
    hasContact: true,
    signallingAddress: address,
    passedHeaders,
    transferOf,
  };
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
