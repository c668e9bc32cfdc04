// A re-INVITE or UPDATE of either peer, handed to the call as an offer to be answered for itself (RFC 3264 §8, RFC 3311).
import type { Renegotiation } from '../call/ports.js';
import { sdpOf } from './message-parts.js';
import type { ServerResponse, SipRequest } from './srf.js';

export function toRenegotiation(
  request: SipRequest,
  response: ServerResponse,
  contact: string | undefined,
  onceAcknowledged: (listener: (sdp: string | null) => void) => void,
): Renegotiation {
  const headers = contact === undefined ? {} : { Contact: contact };
  return {
    offerSdp: sdpOf(request),
    accept: (sdp) => response.send(200, { headers: { ...headers, 'Content-Type': 'application/sdp' }, body: sdp }),
    refuse: (status) => response.send(status, {}),
    onAnswer: onceAcknowledged,
  };
}
