// A re-INVITE or UPDATE of either peer, handed to the call as an offer to be answered for itself (RFC 3264 §8, RFC 3311).
import type { Renegotiation } from '../call/ports.js';
import { cseqNumber, sdpOf } from './message-parts.js';
import type { ServerResponse, SipMessage, SipRequest } from './srf.js';

/**
 * The ACK of a re-INVITE whose 200 carried our offer: the answer is in it (RFC 3264 §4). Known by its CSeq number, for
 * drachtio-srf tells of an ACK late, and of the next re-INVITE perhaps before it.
 */
export class AwaitedAck {
  #awaited: { readonly cseq: number; readonly listener: (sdp: string | null) => void } | undefined;

  await(request: SipMessage, listener: (sdp: string | null) => void): void {
    this.#awaited = { cseq: cseqNumber(request), listener };
  }

  /** False when it is the ACK of something else. */
  take(ack: SipMessage): boolean {
    const awaited = this.#awaited;
    if (awaited === undefined || awaited.cseq !== cseqNumber(ack)) return false;
    this.#awaited = undefined;
    awaited.listener(sdpOf(ack));
    return true;
  }
}

export function toRenegotiation(
  request: SipRequest,
  response: ServerResponse,
  contact: string | undefined,
  acknowledgement: AwaitedAck,
): Renegotiation {
  const headers = contact === undefined ? {} : { Contact: contact };
  return {
    offerSdp: sdpOf(request),
    accept: (sdp) => response.send(200, { headers: { ...headers, 'Content-Type': 'application/sdp' }, body: sdp }),
    refuse: (status) => response.send(status, {}),
    onAnswer: (listener) => acknowledgement.await(request, listener),
  };
}
