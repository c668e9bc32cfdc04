// What the transaction layer asks of a client transaction, and what that asks of its user (RFC 3261 §17: the TU).
import type { OutgoingRequest } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';

export interface ClientTransactionUser {
  /** True: no further target is tried. */
  readonly isCancelled?: boolean;
  /** The request goes to another target; what came from the one before is void. */
  onRetargeted?(): void;
  /** A response that is new to the user: no retransmission, except of a 2xx to INVITE. */
  onResponse(response: SipMessage, flow: Flow): void;
  /** No final response came in time; the transaction is over. */
  onTimeout(): void;
  /** The request could not be sent; the transaction is over. */
  onTransportFailure(cause: Error): void;
  /** The transaction is over, in whatever way. */
  onEnded(): void;
}

export interface ClientTransaction {
  readonly key: string;
  readonly request: OutgoingRequest;
  readonly flow: Flow;
  readonly state: string;
  start(): void;
  receive(response: SipMessage, flow: Flow): void;
  expectFinal(): void;
  /** The request cannot have arrived. */
  failed(cause: Error): void;
}

/** RFC 3261 §17.1.3: the branch, and the method because a CANCEL shares the branch of its INVITE. */
export function clientTransactionKey(branch: string, method: string): string {
  return `${branch} ${method}`;
}
