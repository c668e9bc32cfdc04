// What transfers need of the rest: the other calls of this process, a way to call a PBX, and the call itself.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { CallMedia } from './call-media.js';
import type { CallRecord } from './call-record.js';
import type { CallRequest, SessionTerms } from './call-request.js';
import type { CallState } from './call-state.js';
import type { AdmissionPort, CalleeLeg, CalleeLegListener, CallerLeg } from './ports.js';
import type { DialogName } from './ports-dialog.js';
import type { Side } from './reports.js';
import type { TrunkSide } from './trunk-side.js';

/** A call that another one can be joined with, or in which somebody else can take the trunk's place. */
export interface JoinableCall {
  readonly callId: string;
  /** Null while it cannot be joined. */
  joinable(): JoinableMedia | null;
  /** The leg stands for its trunk from now on; its media has moved already. */
  join(leg: CallerLeg, target: string, callId: string): void;
  /** Somebody calls to take the trunk's place (INVITE with Replaces). */
  succeed(leg: CallerLeg, request: CallRequest): void;
}

/** The phone of the trunk that rings for a call from a mobile. */
export interface RingingPhone {
  readonly attemptId: string;
  /** A dialog with it, which is not answered yet, has this name. */
  isNamed(dialog: DialogName): boolean;
  /** The leg has answered in its place. */
  pickUp(leg: CallerLeg): void;
}

export interface JoinableMedia {
  readonly media: CallMedia;
  /** The trunk's. */
  readonly side: Side;
}

/** The other calls of this process. */
export interface OtherCalls {
  open(request: CallRequest, caller: CallerLeg): void;
  /** The trunk's call in which its dialog has this name. */
  callOf(trunk: string, dialog: DialogName): JoinableCall | undefined;
}

/** A call of ours to a PBX. */
export interface TrunkCall {
  /** Whose peer it is, which may ask for credentials. */
  readonly trunk: string;
  /** Call-ID of its leg. */
  readonly legId: string;
  readonly requestUri: string;
  /** SIP URI that the packets go to. */
  readonly nextHop: string;
  /** Another one, for when the connection there is gone; null: `nextHop` is no connection that the PBX has opened. */
  readonly otherHop: string | null;
  readonly fromUser: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly offerSdp: string;
  readonly maxForwards: number;
  readonly sessionTimer?: SessionTerms | undefined;
}

export interface TrunkDialPort {
  dialTrunk(call: TrunkCall, listener: CalleeLegListener): CalleeLeg;
}

/** The part of the outside that only transfers need. */
export interface TransferOutside {
  readonly trunks: TrunkDialPort;
  /** The address by which this machine reaches its own media ports on a network; null where the one that peers are told does. */
  innerAddressOf(network: string): string | null;
}

export interface TransferPorts {
  readonly outside: TransferOutside;
  readonly calls: OtherCalls;
  readonly admission: AdmissionPort;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The call as its transfers see it. */
export interface TransferHolder {
  readonly trunk: TrunkSide;
  state(): CallState;
  media(): CallMedia | null;
  /** Null while none rings. */
  ringing(): RingingPhone | null;
  amend(change: Partial<CallRecord>): void;
  /** Its row in the journal is to know of its new legs. */
  keepLive(): void;
}
