// Somebody calls to take a place in a call (INVITE with Replaces, RFC 3891 §3): the trunk's in a call that is talked over, or that of
// a phone which rings. He is answered; whoever has the place keeps it until that answer has left or, of an INVITE without an
// offer, until the ACK has brought his: a call that nobody takes over goes on as if nobody had called.
import type { SuccessorAnswer } from './call-media.js';
import { reasonHeader } from './end-reason.js';
import { TRANSFERRED } from './leaving-legs.js';
import type { CallerLeg } from './ports.js';

/** What is to be taken over. */
export interface Succession {
  /** It can be had still. */
  isOpen(): boolean;
  /** What his offer is answered with; null when it cannot be used. */
  answer(offerSdp: string): SuccessorAnswer | null;
  /** What he is offered; null when that cannot be done. */
  offer(): string | null;
  /** His answer to it; false when it cannot be used. */
  takeAnswer(sdp: string | null): boolean;
  /** The place is his. */
  take(leg: CallerLeg): void;
  /** He has not taken it. */
  missed(): void;
}

/** False when he was refused. */
export function beginSuccession(place: Succession, leg: CallerLeg, offerSdp: string | null): boolean {
  const answer = offerSdp === null ? null : place.answer(offerSdp);
  const sdp = offerSdp === null ? place.offer() : (answer?.sdp ?? null);
  if (sdp === null) {
    leg.refuse(488, undefined);
    return false;
  }
  let isOver = false;
  const nobody = () => {
    if (isOver) return;
    isOver = true;
    answer?.drop();
    place.missed();
  };
  const dismiss = (reason: string | undefined) => {
    nobody();
    leg.hangUp(reason);
  };
  leg.listen({
    cancelled: () => {},
    connected: () => {
      if (answer === null || isOver) return;
      if (!place.isOpen()) dismiss(TRANSFERRED);
      else {
        isOver = true;
        answer.adopt();
        place.take(leg);
      }
    },
    connectFailed: nobody,
    acknowledged: (theirs) => {
      if (answer !== null || isOver) return;
      if (!place.isOpen()) dismiss(TRANSFERRED);
      else if (!place.takeAnswer(theirs)) dismiss(reasonHeader('late-offer-mismatch'));
      else {
        isOver = true;
        place.take(leg);
      }
    },
    hungUp: nobody,
    renegotiated: (renegotiation) => renegotiation.refuse(491),
    messaged: (message) => message.answer(500),
    referred: (referral) => referral.refuse(500),
    refreshDue: () => {},
    sessionOver: () => dismiss(undefined),
  });
  leg.connect(sdp);
  return true;
}
