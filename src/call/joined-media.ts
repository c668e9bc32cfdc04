// Somebody else's media in the place of the trunk's: each leg is negotiated for itself (docs/decisions/each-leg-for-itself.md), so
// that the gateway on the other side and the recording notice nothing of it.
import type { CallMedia } from './call-media.js';
import type { Side } from './reports.js';

/**
 * From now on a side's media is as this description says.
 * @param signallingAddress where its signalling comes from; null: it is another session of ours
 * @returns our answer to it, or null when it cannot be used and all is as it was
 */
export function takeSuccessor(
  media: CallMedia,
  side: Side,
  sdp: string | null,
  signallingAddress: string | null,
): string | null {
  // An answer to an offer of ours is read as an offer in turn: what he may send is the same by both.
  const answer = sdp === null ? null : media.answerSuccessor(side, sdp, signallingAddress);
  answer?.adopt();
  return answer?.sdp ?? null;
}

/** A description of ours with the address by which this machine reaches itself, where peers are told another (NAT). */
export function atAddress(sdp: string, from: string, to: string | null): string {
  if (to === null || to === from) return sdp;
  return sdp.replace(/^(?:c=|o=|a=rtcp:).*$/gm, (line) => line.replace(` ${from}`, ` ${to}`));
}
