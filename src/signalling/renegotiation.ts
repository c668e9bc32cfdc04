// What peers ask of a leg beside its INVITE: ACKs that are awaited, and offers before the answer, handed to the call to be answered
// for themselves (RFC 3264 §8, RFC 3311).
import type { Renegotiation } from '../call/ports.js';
import { unknownExtensions } from './capabilities.js';
import { cseqNumber } from './message-parts.js';
import { hasOtherBody, sdpOf } from './session-body.js';
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

/**
 * An UPDATE or a PRACK before the answer, which may make an offer (RFC 3311 §5, RFC 3262 §5). Without one it changes no media, but
 * an UPDATE refreshes the peer's target: its 200 has no description either.
 * @param contact our own, which the peer's next request goes to
 */
export function takeEarlyRequest(
  request: SipRequest,
  response: ServerResponse,
  { known, contact }: { readonly known: readonly string[]; readonly contact: string | undefined },
  listener: (renegotiation: Renegotiation) => void,
): void {
  const headers: Record<string, string> = contact === undefined ? {} : { Contact: contact };
  const unknown = unknownExtensions(request, known);
  if (unknown.length > 0) response.send(420, { headers: { Unsupported: unknown.join(', ') } });
  else if (hasOtherBody(request)) response.send(415, { headers: { Accept: 'application/sdp' } });
  else if (sdpOf(request) === null) response.send(200, { headers });
  else {
    listener({
      offerSdp: sdpOf(request),
      accept: (sdp) => {
        headers['Content-Type'] = 'application/sdp';
        response.send(200, { headers, body: sdp });
      },
      // RFC 3311 §5.2: with 500 a peer is told when to try again, from 0 to 10 s.
      refuse: (status) => response.send(status, status === 500 ? { headers: { 'Retry-After': '2' } } : {}),
      onAnswer: () => {},
    });
  }
}
