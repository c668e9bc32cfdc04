// Which messages a trace is about: those of a Call-ID, those that name a number, or all.
import type { SipTraceMatch } from '../control.js';

const CALL_ID = /\r\n(?:call-id|i)[ \t]*:[ \t]*(\S+)/i;
/** Headers that say who calls whom; the request-URI stands before them. */
const PARTIES = /\r\n(?:from|f|to|t|p-asserted-identity)[ \t]*:([^\r]*)/gi;
const REQUEST_URI = /^[^\s/]+ (\S+) SIP\//i;
const USER = /(?:sips?:|tel:)([^@>;\s]+)/gi;
/** Calls of a number that are remembered, so that messages which no longer name it are seen too. */
const REMEMBERED_CALLS = 1_000;

export class TraceFilter {
  readonly #match: SipTraceMatch;
  readonly #number: string;
  readonly #callIds = new Set<string>();

  constructor(match: SipTraceMatch) {
    this.#match = match;
    this.#number = match.kind === 'number' ? bareNumber(match.number) : '';
  }

  /** @param head start line and headers */
  matches(head: string): boolean {
    if (this.#match.kind === 'all') return true;
    const callId = CALL_ID.exec(head)?.[1] ?? '';
    if (this.#match.kind === 'call-id') return callId === this.#match.callId;
    if (this.#callIds.has(callId)) return true;
    if (!this.#namesNumber(head)) return false;
    if (this.#callIds.size >= REMEMBERED_CALLS) this.#callIds.clear();
    this.#callIds.add(callId);
    return true;
  }

  #namesNumber(head: string): boolean {
    let parties = REQUEST_URI.exec(head)?.[1] ?? '';
    for (const [, value] of head.matchAll(PARTIES)) parties += ` ${value}`;
    for (const [, user] of parties.matchAll(USER)) if (bareNumber(user ?? '').includes(this.#number)) return true;
    return false;
  }
}

/** `7#010-5555-0102` dials 01055550102: what separates digits does not count, what stands before them does not matter. */
function bareNumber(text: string): string {
  return text.replaceAll(/[-.() ]/g, '');
}
