// Why a message is not taken, or could not be sent; and what its sender is answered, over SIP and over HTTP.
import type { MessageAdmission } from '../policy/admit-message.js';

export type MessageRefusal =
  | Extract<MessageAdmission, { ok: false }>['reason']
  /** It has no text and no picture. */
  | 'empty'
  /** No gateway sends messages of this length, or pictures. */
  | 'too-long'
  /** No channel for anybody, or none within the time that it may wait. */
  | 'no-channel'
  /** Terms, groups or the class: another message could have had a channel. */
  | 'refused-for-this-message'
  | 'cap-exhausted'
  /** Its gateway will not send it. */
  | 'refused-by-gateway'
  /** Every channel that was tried failed. */
  | 'every-attempt-failed'
  | 'queue-full'
  /** Another node is taking the same request, or was when it ended. */
  | 'taken-elsewhere'
  | 'journal-stalled'
  | 'ledger-away'
  | 'stopping'
  | 'internal-error';

interface Answer {
  readonly sip: number;
  readonly q850: number | null;
  readonly http: number;
}

/** As of calls (docs/decisions/what-the-caller-gets.md): 403 for this message alone, 503 when nobody's would be sent now. */
const ANSWERS: Readonly<Record<MessageRefusal, Answer>> = {
  'bad-number': { sip: 484, q850: 28, http: 422 },
  empty: { sip: 400, q850: null, http: 422 },
  'too-long': { sip: 413, q850: null, http: 422 },
  'class-not-allowed': { sip: 403, q850: 21, http: 403 },
  'outside-calling-hours': { sip: 403, q850: 21, http: 403 },
  'do-not-call': { sip: 403, q850: 21, http: 403 },
  'do-not-call-list-stale': { sip: 403, q850: 21, http: 403 },
  'too-many-attempts': { sip: 403, q850: 21, http: 403 },
  'cap-exhausted': { sip: 403, q850: 21, http: 403 },
  'trunk-full': { sip: 503, q850: 34, http: 503 },
  'trunk-rate': { sip: 503, q850: 42, http: 429 },
  'message-rate': { sip: 503, q850: 42, http: 429 },
  'refused-for-this-message': { sip: 403, q850: 21, http: 403 },
  'refused-by-gateway': { sip: 403, q850: 21, http: 502 },
  'every-attempt-failed': { sip: 503, q850: 34, http: 503 },
  'no-channel': { sip: 503, q850: 34, http: 503 },
  'taken-elsewhere': { sip: 503, q850: 41, http: 409 },
  'queue-full': { sip: 503, q850: 42, http: 503 },
  'journal-stalled': { sip: 503, q850: 42, http: 503 },
  'ledger-away': { sip: 503, q850: 41, http: 503 },
  stopping: { sip: 503, q850: 41, http: 503 },
  'internal-error': { sip: 500, q850: 41, http: 500 },
};

export const MESSAGE_REFUSALS = Object.keys(ANSWERS) as readonly MessageRefusal[];

export function answerTo(refusal: MessageRefusal): Answer {
  return ANSWERS[refusal];
}
