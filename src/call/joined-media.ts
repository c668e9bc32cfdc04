// Somebody else's media in the place of the trunk's: each leg is negotiated for itself (docs/decisions/each-leg-for-itself.md), so
// that the gateway on the other side and the recording notice nothing of it.
import type { CallMedia } from './call-media.js';
import type { Side } from './reports.js';

/** What to offer whoever is to take a side's place; null when it cannot be offered anything, as with SRTP that is passed. */
export function offerForSuccessor(media: CallMedia, side: Side): string | null {
  let offer: string | null = null;
  media.renegotiate(side, {
    offerSdp: null,
    accept: (sdp) => {
      offer = sdp;
    },
    refuse: () => {},
    // Its answer is read as an offer in turn: what it may send is the same by both.
    onAnswer: () => {},
  });
  return offer;
}

/**
 * From now on a side's media is as this description says.
 * @param signallingAddress where its signalling comes from
 * @returns our answer to it, or null when it cannot be used and all is as it was
 */
export function takeSuccessor(
  media: CallMedia,
  side: Side,
  sdp: string | null,
  signallingAddress: string,
): string | null {
  if (sdp === null || sdp === '') return null;
  const goBack = media.hearSideFrom(side, signallingAddress);
  let answer: string | null = null;
  media.renegotiate(side, {
    offerSdp: sdp,
    accept: (ours) => {
      answer = ours;
    },
    refuse: () => {},
    onAnswer: () => {},
  });
  if (answer === null) goBack();
  return answer;
}

/** A description of ours with the address by which this machine reaches itself, where peers are told another (NAT). */
export function atAddress(sdp: string, from: string, to: string | null): string {
  if (to === null || to === from) return sdp;
  return sdp.replace(/^(?:c=|o=|a=rtcp:).*$/gm, (line) => line.replace(` ${from}`, ` ${to}`));
}
