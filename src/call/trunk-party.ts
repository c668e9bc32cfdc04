// Somebody at a PBX whom we have called, in the place of a call's caller: a leg that we began, heard as one that called us.
import type {
  CalleeLeg,
  CalleeLegListener,
  CallerLeg,
  CallerLegListener,
  LegIdentity,
  ReofferAnswer,
} from './ports.js';
import type { DialogMessage, MessageAnswered } from './ports-dialog.js';

/** Told until it takes a caller's place. */
export interface PartySetup {
  progressed(status: number): void;
  answered(sdp: string | null): void;
  /** Null: it could not be called. */
  failed(status: number | null): void;
}

export class TrunkParty implements CallerLeg {
  readonly #setup: PartySetup;
  #leg: CalleeLeg | undefined;
  #listener: CallerLegListener | undefined;

  constructor(setup: PartySetup) {
    this.#setup = setup;
  }

  /** Calls; `dial` gets the listener of the leg that it makes. */
  call(dial: (listener: CalleeLegListener) => CalleeLeg): void {
    this.#leg = dial({
      sent: () => {},
      trying: () => {},
      heardFrom: () => {},
      progressed: (status) => this.#setup.progressed(status),
      answered: (sdp) => this.#setup.answered(sdp),
      failed: ({ status }) => this.#setup.failed(status),
      hungUp: () => this.#listener?.hungUp('bye'),
      cleared: () => {},
      renegotiated: (renegotiation) => {
        if (this.#listener === undefined) renegotiation.refuse(500);
        else this.#listener.renegotiated(renegotiation);
      },
      messaged: (message) => {
        if (this.#listener === undefined) message.answer(500);
        else this.#listener.messaged(message);
      },
      referred: (referral) => {
        if (this.#listener === undefined) referral.refuse(500);
        else this.#listener.referred(referral);
      },
      refreshDue: () => this.#listener?.refreshDue(),
      sessionOver: () => this.#listener?.sessionOver(),
      identityChanged: () => this.#listener?.identityChanged?.(),
    });
  }

  cancel(reason: string | undefined): void {
    this.#leg?.cancel(reason);
  }

  get identity(): LegIdentity | null {
    return this.#leg?.identity ?? null;
  }

  listen(listener: CallerLegListener): void {
    this.#listener = listener;
  }

  hangUp(reason: string | undefined): void {
    this.#leg?.hangUp(reason);
  }

  reoffer(sdp: string, answered: (answer: ReofferAnswer) => void): void {
    if (this.#leg === undefined) answered({ status: 481, sdp: null });
    else this.#leg.reoffer(sdp, answered);
  }

  send(message: DialogMessage, answered: MessageAnswered): void {
    if (this.#leg === undefined) answered(481);
    else this.#leg.send(message, answered);
  }

  // It was answered by itself: a caller in its place has been told all of this before.
  ring(): void {}
  progress(): void {}
  connect(): void {}
  refuse(): void {}
}
