// Whoever has taken the place of a callee at the PBX: a leg that is told of as a caller's, heard as that of a callee.
import type { CalleeLeg, CalleeLegListener, CallerLeg, LegIdentity, ReofferAnswer } from './ports.js';
import type { DialogMessage, MessageAnswered } from './ports-dialog.js';

export class SuccessorLeg implements CalleeLeg {
  readonly #leg: CallerLeg;

  constructor(leg: CallerLeg, listener: CalleeLegListener) {
    this.#leg = leg;
    leg.listen({
      cancelled: () => {},
      connected: () => {},
      connectFailed: () => listener.hungUp([]),
      acknowledged: () => {},
      hungUp: (_cause, passed) => listener.hungUp([], 0, passed),
      cleared: () => listener.cleared(),
      renegotiated: (renegotiation) => listener.renegotiated(renegotiation),
      refreshDue: () => listener.refreshDue(),
      sessionOver: () => listener.sessionOver(),
      identityChanged: () => listener.identityChanged?.(),
      messaged: (message) => listener.messaged(message),
      referred: (referral) => listener.referred(referral),
    });
  }

  get identity(): LegIdentity | null {
    return this.#leg.identity;
  }

  cancel(reason: string | undefined): void {
    this.#leg.hangUp(reason);
  }

  hangUp(reason: string | undefined): void {
    this.#leg.hangUp(reason);
  }

  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    this.#leg.reoffer(sdp, answered);
  }

  send(message: DialogMessage, answered: MessageAnswered): void {
    this.#leg.send(message, answered);
  }
}
