// A re-INVITE of ours that changes nothing, to refresh a session (RFC 4028 §7.4): it repeats what the side was told last, under the
// same version (RFC 3264 §8). What the peer answers holds all the same, for it may have changed its mind.
import type { LocalDescription } from '../sdp/description.js';
import { type CheckedAnswer, checkAnswer } from '../sdp/negotiate.js';
import type { Reoffer } from './call-fax.js';
import type { Side } from './reports.js';

/** The media of the call, as a refresh sees it. */
export interface RefreshHost {
  readonly reoffer: Reoffer;
  /** The side was told this last, whatever it made of it: no later version may be lower (RFC 3264 §8). */
  describe(side: Side, offer: LocalDescription): void;
  /** The side has answered so. */
  adopt(side: Side, offer: LocalDescription, checked: CheckedAnswer): void;
  /** How many of the answer's codecs go with the other leg's. */
  usableOf(side: Side, checked: CheckedAnswer): 'all' | 'some' | 'none';
  /** The same offer with the codec in use alone. */
  narrowed(side: Side): LocalDescription;
}

export function refreshAudio(host: RefreshHost, side: Side, told: LocalDescription): void {
  ask(host, side, told, (checked) => {
    const usable = host.usableOf(side, checked);
    if (usable !== 'none') host.adopt(side, told, checked);
    if (usable === 'all') return;
    // It was offered several, and may send another one from now on (RFC 3264 §7).
    const offer = host.narrowed(side);
    ask(host, side, offer, (again) => host.adopt(side, offer, again));
  });
}

function ask(host: RefreshHost, side: Side, offer: LocalDescription, answered: (checked: CheckedAnswer) => void): void {
  host.reoffer(side, offer.sdp, ({ status, sdp }) => {
    const checked = status === 200 && sdp !== null ? checkAnswer(sdp, offer) : null;
    // A refusal leaves everything as it was (RFC 3261 §14.1).
    if (status === 200) host.describe(side, offer);
    if (checked?.ok) answered(checked);
  });
}
