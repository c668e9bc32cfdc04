// Somebody else's media in the place of the trunk's: each leg is negotiated for itself (docs/decisions/each-leg-for-itself.md), so
// that the gateway on the other side and the recording notice nothing of it.
import type { SuccessorOffer } from './call-media.js';

/**
 * From now on the media of the offered place is as this answer says.
 * @param signallingAddress where its signalling comes from; null: it is another session of ours
 * @returns false when it cannot be used, and all is as it was
 */
export function takeSuccessor(offer: SuccessorOffer, sdp: string | null, signallingAddress: string | null): boolean {
  const answer = sdp === null ? null : offer.answered(sdp, signallingAddress);
  answer?.adopt();
  return answer !== null;
}

/** A description of ours with the address by which this machine reaches itself, where peers are told another (NAT). */
export function atAddress(sdp: string, from: string, to: string | null): string {
  if (to === null || to === from) return sdp;
  return sdp.replace(/^(?:c=|o=|a=rtcp:).*$/gm, (line) => line.replace(` ${from}`, ` ${to}`));
}
