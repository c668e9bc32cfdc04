// Connections that clients registered or subscribed over: requests to their contacts go back on them (RFC 5626 §5.3 in spirit).
import { parseNameAddress } from '../message/name-address.js';
import type { SipMessage } from '../message/sip-message.js';
import { parseSipUri, type SipUri } from '../message/uri.js';
import type { ServerTransaction } from '../transaction/server-transaction.js';
import type { Flow } from '../transport/flow.js';

const MAX_FLOWS = 20_000;
const DEFAULT_EXPIRES_SECONDS = 3_600;

interface RegisteredFlow {
  readonly flow: Flow;
  readonly untilMs: number;
}

export class RegisteredFlows {
  /** By `user@host` of the Contact, oldest first. */
  readonly #flows = new Map<string, RegisteredFlow>();

  /** An application answered a REGISTER or SUBSCRIBE with 2xx: the connection it came over is remembered for that long. */
  learn(transaction: ServerTransaction, answer: SipMessage): void {
    const { request, flow } = transaction;
    if (flow.connection === null || (request.method !== 'REGISTER' && request.method !== 'SUBSCRIBE')) return;
    const contact = parseNameAddress(request.value('contact') ?? '');
    const key = keyOf(parseSipUri(contact?.uri ?? ''));
    if (key === null) return;
    this.#flows.delete(key);
    const parameter = /;\s*expires\s*=\s*(\d{1,9})/i.exec(answer.value('contact') ?? '')?.[1];
    const seconds = Number(parameter ?? answer.value('expires') ?? request.value('expires') ?? DEFAULT_EXPIRES_SECONDS);
    if (!(seconds > 0)) return;
    if (this.#flows.size >= MAX_FLOWS) {
      const oldest = this.#flows.keys().next().value;
      if (oldest !== undefined) this.#flows.delete(oldest);
    }
    this.#flows.set(key, { flow, untilMs: performance.now() + seconds * 1_000 });
  }

  /** Of all who are registered still: their connections are kept, however long nobody calls them. */
  *flows(): Iterable<Flow> {
    const nowMs = performance.now();
    for (const [key, { flow, untilMs }] of this.#flows) {
      if (untilMs > nowMs && flow.connection?.isUsable) yield flow;
      else this.#flows.delete(key);
    }
  }

  /** The open connection that this URI registered over. */
  find(uri: SipUri): Flow | null {
    if (this.#flows.size === 0) return null;
    const key = keyOf(uri);
    const known = key === null ? undefined : this.#flows.get(key);
    if (known === undefined || key === null) return null;
    if (known.untilMs > performance.now() && known.flow.connection?.isUsable) return known.flow;
    this.#flows.delete(key);
    return null;
  }
}

function keyOf(uri: SipUri | null): string | null {
  return uri?.user === undefined ? null : `${uri.user}@${uri.host}`;
}
