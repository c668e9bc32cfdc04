// One request to several targets: when one is out of order, the request goes to the next as a new transaction with a new
// branch (RFC 3263 §4.3). Also a request too large for UDP, which tries TCP first (RFC 3261 §18.1.1). To its user, and to
// whatever cancels it, it is one client transaction: that of the target being tried.
import type { OutgoingRequest } from '../message/outgoing-request.js';
import { redirectedRequest } from '../message/redirected-request.js';
import type { SipMessage } from '../message/sip-message.js';
import type { Flow } from '../transport/flow.js';
import type { ClientTransaction, ClientTransactionUser } from './client-transaction.js';

/** RFC 3261 §18.1.1, for a path whose MTU is not known. */
export const LARGEST_UDP_REQUEST_BYTES = 1_300;

export type StartTransaction = (request: OutgoingRequest, flow: Flow, user: ClientTransactionUser) => ClientTransaction;

interface Attempt {
  readonly flow: Flow;
  /** UDP, for an attempt over TCP that was made for the size alone. */
  readonly whenRefused: Flow | null;
}

export class FailoverClientTransaction implements ClientTransaction {
  readonly #start: StartTransaction;
  readonly #user: ClientTransactionUser;
  readonly #onFailover: () => void;
  readonly #targets: Flow[] = [];
  #attempt: Attempt;
  #current: ClientTransaction;
  #hasResponse = false;

  constructor(
    start: StartTransaction,
    request: OutgoingRequest,
    flow: Flow,
    user: ClientTransactionUser,
    onFailover: () => void,
  ) {
    this.#start = start;
    this.#user = user;
    this.#onFailover = onFailover;
    for (let next = flow.next; next !== undefined; next = next.next) this.#targets.push(next);
    this.#attempt = attemptAt(flow, request);
    const sent =
      this.#attempt.flow.listener === flow.listener
        ? request
        : redirectedRequest(request, flow.listener, this.#attempt.flow.listener);
    this.#current = this.#begin(sent);
  }

  get key(): string {
    return this.#current.key;
  }

  get request(): OutgoingRequest {
    return this.#current.request;
  }

  get flow(): Flow {
    return this.#current.flow;
  }

  get state(): string {
    return this.#current.state;
  }

  /** It has started. */
  start(): void {}

  receive(response: SipMessage, flow: Flow): void {
    this.#current.receive(response, flow);
  }

  expectFinal(): void {
    this.#current.expectFinal();
  }

  failed(cause: Error): void {
    this.#current.failed(cause);
  }

  #begin(request: OutgoingRequest): ClientTransaction {
    const attempt = this.#attempt;
    const isLatest = (): boolean => attempt === this.#attempt;
    this.#hasResponse = false;
    return this.#start(request, withoutAlternatives(attempt.flow), {
      onResponse: (response, flow) => {
        if (!isLatest()) return;
        this.#hasResponse = true;
        if (response.status !== 503 || !this.#goOn('unavailable')) this.#user.onResponse(response, flow);
      },
      onTimeout: () => {
        // RFC 3263 §4.3: a failure only of a target that has said nothing at all.
        if (isLatest() && (this.#hasResponse || !this.#goOn('silent'))) this.#user.onTimeout();
      },
      onTransportFailure: (cause) => {
        if (isLatest() && !this.#goOn('refused')) this.#user.onTransportFailure(cause);
      },
      onEnded: () => {
        if (isLatest()) this.#user.onEnded();
      },
    });
  }

  /** Sends the request to the next target; false when there is none, or when nobody wants it any more. */
  #goOn(cause: 'refused' | 'silent' | 'unavailable'): boolean {
    const { flow, whenRefused } = this.#attempt;
    if (cause === 'refused') flow.onRefused?.();
    if (this.#user.isCancelled === true) return false;
    const { request } = this.#current;
    if (cause === 'refused' && whenRefused !== null) this.#attempt = { flow: whenRefused, whenRefused: null };
    else {
      const next = this.#targets.shift();
      if (next === undefined) return false;
      this.#attempt = attemptAt(next, request);
    }
    this.#user.onRetargeted?.();
    this.#onFailover();
    this.#current = this.#begin(redirectedRequest(request, flow.listener, this.#attempt.flow.listener));
    return true;
  }
}

function attemptAt(flow: Flow, request: OutgoingRequest): Attempt {
  const isLarge = request.text.length > LARGEST_UDP_REQUEST_BYTES;
  const overTcp = isLarge ? flow.overTcp?.() : null;
  return overTcp === undefined || overTcp === null ? { flow, whenRefused: null } : { flow: overTcp, whenRefused: flow };
}

/** What follows this request by the same way (its ACK, its CANCEL) belongs to this target alone. */
function withoutAlternatives({ next: _next, overTcp: _overTcp, ...flow }: Flow): Flow {
  return flow;
}
