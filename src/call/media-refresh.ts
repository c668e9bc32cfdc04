// A re-INVITE of ours that changes nothing, to refresh a session (RFC 4028 §7.4): it repeats what the side was told last, under the
// same version (RFC 3264 §8). What the peer answers holds all the same, for it may have changed its mind.
import type { LocalDescription } from '../sdp/description.js';
import { type CheckedAnswer, checkAnswer } from '../sdp/negotiate.js';
import type { Reoffer } from './call-fax.js';
import type { Side } from './reports.js';

/** The media of the call, as a refresh sees it. */
export interface RefreshHost {
  readonly reoffer: Reoffer;
  /** The side has answered with what goes with the other leg. */
  adopt(side: Side, offer: LocalDescription, checked: CheckedAnswer): void;
  /** Whether the other leg's codec goes with one of the answer's. */
  isUsable(side: Side, checked: CheckedAnswer): boolean;
  /** The same offer with the codec in use alone. */
  narrowed(side: Side): LocalDescription;
}

export function refreshAudio(host: RefreshHost, side: Side, told: LocalDescription): void {
  ask(host, side, told, (checked) => {
    if (host.isUsable(side, checked)) {
      host.adopt(side, told, checked);
      return;
    }
    // It has several codecs of us and took another one this time.
    const offer = host.narrowed(side);
    ask(host, side, offer, (again) => host.adopt(side, offer, again));
  });
}

function ask(
  { reoffer }: RefreshHost,
  side: Side,
  offer: LocalDescription,
  answered: (checked: CheckedAnswer) => void,
): void {
  reoffer(side, offer.sdp, ({ status, sdp }) => {
    const checked = status === 200 && sdp !== null ? checkAnswer(sdp, offer) : null;
    // A refusal leaves everything as it was (RFC 3261 §14.1).
    if (checked?.ok) answered(checked);
  });
}
