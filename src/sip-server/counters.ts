// What the server counts, in the shape that the control port gives out. Counting allocates nothing.
import type { SipDropCause, SipServerCounters } from './control.js';

type CountedHere =
  | 'receivedRequests'
  | 'sentRequests'
  | 'receivedResponses'
  | 'sentResponses'
  | 'receivedRetransmissions'
  | 'sentRetransmissions'
  | 'dropped'
  | 'idleConnectionsClosed'
  | 'failovers';

const COUNTED_METHODS = new Set([
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'INFO',
  'MESSAGE',
  'NOTIFY',
  'SUBSCRIBE',
  'PUBLISH',
  'REFER',
  'UPDATE',
  'PRACK',
]);

export class Counters {
  readonly #receivedRequests: Record<string, number> = {};
  readonly #receivedResponses: Record<string, Record<string, number>> = {};
  readonly #sentRequests: Record<string, number> = {};
  readonly #sentResponses: Record<string, Record<string, number>> = {};
  readonly #dropped: Record<SipDropCause, number> = {
    'denied-source': 0,
    'unknown-source': 0,
    banned: 0,
    'rate-limited': 0,
    scanner: 0,
    'too-many-connections': 0,
    overload: 0,
    malformed: 0,
    'too-large': 0,
    'no-transaction': 0,
    keepalive: 0,
    'tls-handshake': 0,
  };
  /** Sent again by a transaction. */
  retransmissions = 0;
  /** Came again to a transaction. */
  receivedRetransmissions = 0;
  idleConnectionsClosed = 0;
  /** Requests that went on to another target. */
  failovers = 0;

  receivedRequest(method: string): void {
    increment(this.#receivedRequests, countedMethod(method));
  }

  receivedResponse(method: string, status: number): void {
    incrementIn(this.#receivedResponses, countedMethod(method), status);
  }

  sentRequest(method: string): void {
    increment(this.#sentRequests, countedMethod(method));
  }

  sentResponse(method: string, status: number): void {
    incrementIn(this.#sentResponses, countedMethod(method), status);
  }

  get dropped(): Readonly<Record<SipDropCause, number>> {
    return this.#dropped;
  }

  drop(cause: SipDropCause): void {
    this.#dropped[cause]++;
  }

  snapshot(others: Omit<SipServerCounters, CountedHere>): SipServerCounters {
    return {
      receivedRequests: { ...this.#receivedRequests },
      sentRequests: { ...this.#sentRequests },
      receivedResponses: structuredClone(this.#receivedResponses),
      sentResponses: structuredClone(this.#sentResponses),
      receivedRetransmissions: this.receivedRetransmissions,
      sentRetransmissions: this.retransmissions,
      dropped: { ...this.#dropped },
      idleConnectionsClosed: this.idleConnectionsClosed,
      failovers: this.failovers,
      ...others,
    };
  }
}

/** Methods of a stranger's invention share one counter, so that they cannot fill the memory. */
function countedMethod(method: string): string {
  return COUNTED_METHODS.has(method) ? method : 'other';
}

function increment(counters: Record<string | number, number>, key: string | number): void {
  counters[key] = (counters[key] ?? 0) + 1;
}

function incrementIn(counters: Record<string, Record<string | number, number>>, method: string, status: number): void {
  let byStatus = counters[method];
  if (byStatus === undefined) {
    byStatus = {};
    counters[method] = byStatus;
  }
  increment(byStatus, status);
}
