// A re-INVITE or UPDATE of either peer, handed to the call as an offer to be answered for itself (RFC 3264 §8, RFC 3311).
import type { Renegotiation } from '../call/ports.js';
import { cseqNumber, sdpOf } from './message-parts.js';
import type { ServerResponse, SipMessage, SipRequest } from './srf.js';

/** An honest peer acknowledges one before it sends the next. */
const MAX_AWAITED = 4;

/**
 * ACKs of re-INVITEs, some of which answer an offer in our 200 (RFC 3264 §4). Known by their CSeq numbers, for drachtio-srf tells
 * of an ACK late, and of the next re-INVITE perhaps before it.
 */
export class AwaitedAck {
  readonly #awaited = new Map<
    number,
    { readonly listener: (sdp: string | null) => void; readonly isAnswer: boolean }
  >();

  get isAwaited(): boolean {
    return this.#awaited.size > 0;
  }

  /** One of them answers an offer of ours. */
  get isAnswerAwaited(): boolean {
    return [...this.#awaited.values()].some(({ isAnswer }) => isAnswer);
  }

  await(request: SipMessage, listener: (sdp: string | null) => void, isAnswer = true): void {
    this.#awaited.set(cseqNumber(request), { listener, isAnswer });
    if (this.#awaited.size <= MAX_AWAITED) return;
    for (const oldest of this.#awaited.keys()) {
      this.#awaited.delete(oldest);
      break;
    }
  }

  /** False when it is the ACK of something else. */
  take(ack: SipMessage): boolean {
    const cseq = cseqNumber(ack);
    const awaited = this.#awaited.get(cseq);
    if (awaited === undefined) return false;
    this.#awaited.delete(cseq);
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
