// A re-INVITE or UPDATE of either peer, handed to the call as an offer to be answered for itself (RFC 3264 §8, RFC 3311).
import type { Renegotiation, ReofferAnswer } from '../call/ports.js';
import type { Logger } from '../lib/logger.js';
import { guarded } from './callback-guard.js';
import { cseqNumber, sdpOf } from './message-parts.js';
import type { ServerResponse, SipDialog, SipMessage, SipRequest } from './srf.js';

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

/** Our re-INVITE in a dialog, by `request`: `modify` never settles after a final response other than 200 (semantics.md). */
export function sendReoffer(
  dialog: SipDialog | undefined,
  sdp: string,
  log: Logger,
  answered: (answer: ReofferAnswer) => void,
): void {
  if (dialog === undefined) {
    answered({ status: 481, sdp: null });
    return;
  }
  const { contact } = dialog.local;
  const headers = { ...(contact !== undefined && { Contact: contact }), 'Content-Type': 'application/sdp' };
  dialog.request(
    { method: 'INVITE', headers, body: sdp },
    guarded(log, 're-invite', (error, response) => {
      if (error || response === undefined) answered({ status: 481, sdp: null });
      else if (response.status >= 200) answered({ status: response.status, sdp: sdpOf(response) });
    }),
  );
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
