// Where the trunk stands in a call, whose place a transfer gives to somebody else: it is the caller, or, in a call from a mobile, the
// callee. The other side is the gateway's, which notices nothing.
import type { CallInput } from './call-events.js';
import type { CalleeLegs } from './callee-legs.js';
import type { CallerSide } from './caller-side.js';
import type { CallerLeg, LegIdentity } from './ports.js';
import type { DialogMessage, MessageAnswered } from './ports-dialog.js';
import type { Side } from './reports.js';

/** A leg that has been replaced. */
export interface LeavingLeg {
  hangUp(reason: string | undefined): void;
}

export interface TrunkSide {
  readonly side: Side;
  /** The gateway's. */
  readonly other: Side;
  readonly identity: LegIdentity | null;
  /** Another leg stands for the trunk's from now on; the one before it is the transfer's to end. */
  replace(leg: CallerLeg): LeavingLeg;
  /** There is nobody on this side any more. */
  leave(): void;
  readonly gatewayIdentity: LegIdentity | null;
  sendToGateway(message: DialogMessage, answered: MessageAnswered): void;
}

interface Legs {
  readonly caller: CallerSide;
  readonly callees: CalleeLegs;
  /** Of the attempt that both sides talk over. */
  attemptId(): string;
  feed(input: CallInput): void;
}

/** Of a call that a trunk has placed. */
export function callingTrunk({ caller, callees, attemptId, feed }: Legs): TrunkSide {
  return {
    side: 'caller',
    other: 'callee',
    get identity() {
      return caller.identity;
    },
    replace: (leg) => caller.replace(leg),
    leave: () => feed({ type: 'caller:hung-up', reason: 'normal' }),
    get gatewayIdentity() {
      return callees.identityOf(attemptId());
    },
    sendToGateway: (message, answered) => callees.send(attemptId(), message, answered),
  };
}

/** Of a call from a mobile. */
export function calledTrunk({ caller, callees, attemptId, feed }: Legs): TrunkSide {
  return {
    side: 'callee',
    other: 'caller',
    get identity() {
      return callees.identityOf(attemptId());
    },
    replace: (leg) => callees.replace(attemptId(), leg),
    leave: () => feed({ type: 'attempt:hung-up', attemptId: attemptId(), reasons: [] }),
    get gatewayIdentity() {
      return caller.identity;
    },
    sendToGateway: (message, answered) => caller.send(message, answered),
  };
}
