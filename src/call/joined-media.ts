// Somebody else's media in the place of a call's caller: each leg is negotiated for itself (docs/decisions/each-leg-for-itself.md),
// so that the callee, its gateway and the recording notice nothing of it.
import type { CallMedia } from './call-media.js';

/** What to offer whoever is to take the caller's place; null when it cannot be offered anything, as with SRTP that is passed. */
export function offerForSuccessor(media: CallMedia): string | null {
  let offer: string | null = null;
  media.renegotiate('caller', {
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

/** From now on the caller's media is as this description says; our answer to it, or null when it cannot be used. */
export function takeSuccessor(media: CallMedia, sdp: string | null, signallingAddress: string): string | null {
  if (sdp === null) return null;
  let answer: string | null = null;
  const before = media.callerAddress;
  media.callerAddress = signallingAddress;
  media.renegotiate('caller', {
    offerSdp: sdp,
    accept: (ours) => {
      answer = ours;
    },
    refuse: () => {},
    onAnswer: () => {},
  });
  if (answer === null) media.callerAddress = before;
  return answer;
}

/** A description of ours with the address by which this machine reaches itself, where peers are told another (NAT). */
export function atAddress(sdp: string, from: string, to: string | null): string {
  if (to === null || to === from) return sdp;
  return sdp.replace(/^(?:c=|o=|a=rtcp:).*$/gm, (line) => line.replace(` ${from}`, ` ${to}`));
}
