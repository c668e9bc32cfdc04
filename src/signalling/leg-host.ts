// What a leg needs of the application that holds it: a place in its tables, and a BYE when the dialog is gone.
import type { LegIdentity, OrphanCause } from '../call/ports.js';
import type { Clock } from '../lib/clock.js';
import type { SipMessage } from './srf.js';

export interface HeldCaller {
  detach(): void;
}

export interface HeldCallee {
  noteTrying(): void;
  /** One more branch of its forked INVITE has answered; the server has ended that one. */
  noteForkedAnswer(): void;
  detach(): void;
}

export interface LegHost {
  readonly clock: Clock;
  /** The embedded SIP server, which leaves session timers to the legs. */
  readonly isServerOurs: boolean;
  /** False while the connection to the SIP server is lost, and its dialogs with it. */
  readonly isConnected: boolean;
  /** How long a message of a peer waited here, in milliseconds. */
  latenessMs(message: SipMessage): number;
  endOrphan(identity: LegIdentity, cause: OrphanCause): Promise<number | null>;
  calleeSent(sipCallId: string, leg: HeldCallee): void;
  calleeOver(sipCallId: string): void;
  callerAnswered(leg: HeldCaller): void;
  callerOver(leg: HeldCaller): void;
}
