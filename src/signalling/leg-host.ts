// What a leg needs of the application that holds it: a place in its tables, and a BYE when the dialog is gone.
import type { LegIdentity } from '../call/ports.js';
import type { InboundLeg } from './inbound-leg.js';
import type { OutboundLeg } from './outbound-leg.js';

export interface LegHost {
  endOrphan(identity: LegIdentity): Promise<number | null>;
  calleeSent(sipCallId: string, leg: OutboundLeg): void;
  calleeOver(sipCallId: string): void;
  callerAnswered(leg: InboundLeg): void;
  callerOver(leg: InboundLeg): void;
}
