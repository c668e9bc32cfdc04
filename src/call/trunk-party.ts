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
  /** @param address where its answer came from */
  answered(sdp: string | null, address: string): void;
  /** Null: it could not be called. */
  failed(status: number | null): void;
}

export class TrunkParty implements CallerLeg {
  readonly #setup: PartySetup;
  #leg: CalleeLeg | undefined;
  #listener: CallerLegListener | undefined;
  #sdp: string | null = null;
  #address = '';

  constructor(setup: PartySetup) {
    this.#setup = setup;
  }

  /** Calls; `dial` gets the listener of the leg that it makes. */
  call(dial: (listener: CalleeLegListener) => CalleeLeg): void {
    this.#leg = dial({
      sent: () => {},
      trying: () => {},
      heardFrom: (address) => {
        this.#address = address;
      },
      progressed: (status, sdp) => {
        this.#sdp = sdp ?? this.#sdp;
        this.#setup.progressed(status);
      },
      // RFC 3261 §13.2.1: a 200 without SDP keeps what was answered before it.
      answered: (sdp) => this.#setup.answered(sdp ?? this.#sdp, this.#address),
      failed: ({ status }) => this.#setup.failed(status),
      hungUp: () => this.#listener?.hungUp('bye'),
      cleared: () => this.#listener?.cleared?.(),
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
