// What the server counts, in the shape that the control port gives out.
import type { SipDropCause, SipServerCounters } from './control.js';

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
  readonly #receivedResponses: Record<string, number> = {};
  readonly #sentRequests: Record<string, number> = {};
  readonly #sentResponses: Record<string, number> = {};
  readonly #dropped: Record<SipDropCause, number> = {
    'unknown-source': 0,
    malformed: 0,
    'too-large': 0,
    'no-transaction': 0,
    keepalive: 0,
  };
  retransmissions = 0;

  receivedRequest(method: string): void {
    increment(this.#receivedRequests, countedMethod(method));
  }

  receivedResponse(status: number): void {
    increment(this.#receivedResponses, String(status));
  }

  sentRequest(method: string): void {
    increment(this.#sentRequests, countedMethod(method));
  }

  sentResponse(status: number): void {
    increment(this.#sentResponses, String(status));
  }

  drop(cause: SipDropCause): void {
    this.#dropped[cause]++;
  }

  snapshot(transactions: number, dialogs: number): SipServerCounters {
    return {
      receivedRequests: { ...this.#receivedRequests },
      receivedResponses: { ...this.#receivedResponses },
      sentRequests: { ...this.#sentRequests },
      sentResponses: { ...this.#sentResponses },
      retransmissions: this.retransmissions,
      dropped: { ...this.#dropped },
      transactions,
      dialogs,
    };
  }
}

/** Methods of a stranger's invention share one counter, so that they cannot fill the memory. */
function countedMethod(method: string): string {
  return COUNTED_METHODS.has(method) ? method : 'other';
}

function increment(counters: Record<string, number>, key: string): void {
  counters[key] = (counters[key] ?? 0) + 1;
}
