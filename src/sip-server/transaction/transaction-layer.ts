// All transactions, and which of them a message belongs to. RFC 3261 §17.1.3, §17.2.3.
import type { OutgoingRequest } from '../message/outgoing-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';
import { type ClientTransaction, type ClientTransactionUser, clientTransactionKey } from './client-transaction.js';
import {
  FailoverClientTransaction,
  LARGEST_UDP_REQUEST_BYTES,
  type StartTransaction,
} from './failover-client-transaction.js';
import { InviteClientTransaction } from './invite-client-transaction.js';
import { InviteServerTransaction } from './invite-server-transaction.js';
import { NonInviteClientTransaction } from './non-invite-client-transaction.js';
import { NonInviteServerTransaction } from './non-invite-server-transaction.js';
import { type ServerTransaction, type ServerTransactionUser, serverTransactionKey } from './server-transaction.js';
import type { TransactionContext } from './transaction-context.js';

export class TransactionLayer {
  readonly #context: TransactionContext;
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();

  constructor(context: TransactionContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#clients.size + this.#servers.size;
  }

  /** By machine, then by state. */
  countByState(): Record<string, Record<string, number>> {
    const counts: Record<string, Record<string, number>> = {};
    for (const [side, transactions] of [
      ['client', this.#clients],
      ['server', this.#servers],
    ] as const) {
      for (const { request, state } of transactions.values()) {
        const machine = `${request.method === 'INVITE' ? 'invite' : 'non-invite'}-${side}`;
        counts[machine] ??= {};
        const states = counts[machine];
        states[state] = (states[state] ?? 0) + 1;
      }
    }
    return counts;
  }

  /** The flows that transactions use now. */
  *flows(): Iterable<Flow> {
    for (const { flow } of this.#clients.values()) yield flow;
    for (const { flow } of this.#servers.values()) yield flow;
  }

  /**
   * A connection is gone, and with it the requests that it carried and that nobody has responded to: RFC 3261 §18.4. Whoever
   * has responded will open a connection for what is left to say (§18.2.2).
   */
  connectionLost(isLost: (flow: Flow) => boolean): void {
    const cause = new Error('The connection was closed');
    for (const transaction of [...this.#clients.values()]) {
      const hasResponse = transaction.state !== 'calling' && transaction.state !== 'trying';
      if (!hasResponse && isLost(transaction.flow)) transaction.failed(cause);
    }
  }

  /** Hands a response to its client transaction; false when it has none. */
  receiveResponse(response: SipMessage, flow: Flow): boolean {
    const transaction = this.#clients.get(
      clientTransactionKey(response.via?.branch ?? '', response.cseq?.method ?? ''),
    );
    if (transaction === undefined) return false;
    // RFC 3261 §8.1.3.3: what answers a request of our own has no Via but ours.
    if (response.hasFurtherVias && !carriesFurtherVias(transaction.request.text)) return false;
    if (transaction.state === 'completed' || transaction.state === 'accepted') {
      this.#context.counters.receivedRetransmissions++;
    }
    transaction.receive(response, flow);
    return true;
  }

  /** Hands a retransmission, or the ACK of a failure, to its server transaction; false when the request is new. */
  receiveRequest(request: SipMessage, flow: Flow): boolean {
    const transaction = this.#servers.get(serverTransactionKey(request, request.method));
    if (transaction === undefined) return false;
    if (request.method !== 'ACK' || transaction.state === 'confirmed') {
      this.#context.counters.receivedRetransmissions++;
    }
    transaction.receive(request, flow);
    return true;
  }

  /** The INVITE that a CANCEL speaks of: RFC 3261 §9.2. */
  inviteOf(cancel: SipMessage): ServerTransaction | undefined {
    return this.#servers.get(serverTransactionKey(cancel, 'INVITE'));
  }

  /** Sends a request, to several targets in turn where its flow has more than one. */
  startClient(request: OutgoingRequest, flow: Flow, user: ClientTransactionUser): ClientTransaction {
    const isLarge = flow.overTcp !== undefined && request.text.length > LARGEST_UDP_REQUEST_BYTES;
    if (flow.next === undefined && !isLarge) return this.#startOne(request, flow, user);
    return new FailoverClientTransaction(this.#startOne, request, flow, user, () => {
      this.#context.counters.failovers++;
    });
  }

  readonly #startOne: StartTransaction = (request, flow, user) => {
    const key = clientTransactionKey(request.branch, request.method);
    const Machine = request.method === 'INVITE' ? InviteClientTransaction : NonInviteClientTransaction;
    const transaction = new Machine(this.#context, key, request, flow, user, (ended) =>
      this.#clients.delete(ended.key),
    );
    this.#clients.set(key, transaction);
    this.#context.counters.sentRequest(request.method);
    if (!hasTag(request.to)) this.#context.called(flow.address);
    transaction.start();
    return transaction;
  };

  startServer(request: SipMessage, flow: Flow, user: ServerTransactionUser): ServerTransaction {
    const key = serverTransactionKey(request, request.method);
    const onTerminated = (ended: ServerTransaction): void => {
      this.#servers.delete(ended.key);
    };
    const transaction =
      request.method === 'INVITE'
        ? new InviteServerTransaction(this.#context, key, request, flow, user, onTerminated)
        : new NonInviteServerTransaction(this.#context, key, request, flow, user, onTerminated);
    this.#servers.set(key, transaction);
    return transaction;
  }
}

/** Whether a request was sent on for somebody else, whose Via is below ours. */
function carriesFurtherVias(text: string): boolean {
  const vias = /\r\n(?:via|v)[ \t]*:/gi;
  return vias.test(text) && vias.test(text);
}

function hasTag(to: string): boolean {
  return /;[ \t]*tag[ \t]*=/i.test(to);
}
