// What the transaction layer asks of a server transaction, what that asks of its user, and how requests find it.

import { MAGIC_COOKIE } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';

export interface ServerTransactionUser {
  /** Not INVITE: time to say 100, for the peer repeats its request at the slowest pace now (RFC 4320 §4.1). */
  onOverdue(): void;
  /** The transaction is over. */
  onEnded(): void;
  /** INVITE only: an ACK in the Accepted state, sent with the branch of the INVITE. */
  onAck(ack: SipMessage, flow: Flow): void;
}

export interface ServerTransaction {
  readonly key: string;
  readonly request: SipMessage;
  readonly flow: Flow;
  readonly user: ServerTransactionUser;
  readonly state: string;
  /** The same request again, or for an INVITE its ACK. */
  receive(request: SipMessage, flow: Flow): void;
  /** Sends a response and remembers it for retransmissions. False when the state does not allow it any more. */
  respond(status: number, text: string): boolean;
  /** INVITE only: sends the 2xx once more while its ACK is awaited (RFC 3261 §13.3.1.4). */
  repeatAnswer(): void;
}

/**
 * RFC 3261 §17.2.3: branch, sent-by and method, ACK and INVITE being one. Without the magic cookie (RFC 2543 peers) the fields
 * that a retransmission repeats; the To tag is left out because the ACK has it and its INVITE has not.
 */
export function serverTransactionKey(request: SipMessage, method: string): string {
  const via = request.via;
  const as = method === 'ACK' ? 'INVITE' : method;
  const branch = via?.branch ?? '';
  // The cookie alone identifies nothing: RFC 4475 §3.2.1.
  if (branch.length > MAGIC_COOKIE.length && branch.startsWith(MAGIC_COOKIE)) {
    return `${branch} ${via?.host}:${via?.port ?? ''} ${as}`;
  }
  const cseq = request.cseq?.number ?? 0;
  return `2543 ${request.uri} ${request.callId} ${request.from?.tag ?? ''} ${cseq} ${request.value('via') ?? ''} ${as}`;
}
