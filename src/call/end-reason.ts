// Why a call ended, and what the caller is told: one table, so that the caller never gets a code by chance.
// Status and Q.850 pairs follow RFC 3398 §7.2.4 and semantics.md, "What failure means"; Reason header: RFC 3326.
// What a gateway's own final response becomes is caller-answer.ts.

import type { SdpRefusal } from '../sdp/description.js';

export type EndReason =
  | 'normal'
  | 'caller-cancelled'
  | 'busy'
  | 'declined'
  | 'unavailable'
  | 'refused'
  | 'no-answer'
  | 'no-progress'
  | 'no-channel'
  | 'no-destination'
  | 'refused-for-this-call'
  | 'gateway-failure'
  | 'bad-request'
  | 'bad-number'
  | 'class-not-allowed'
  | 'cap-exhausted'
  | 'quota-exhausted'
  | 'ledger-away'
  | 'outside-calling-hours'
  | 'do-not-call'
  | 'do-not-call-list-stale'
  | 'too-many-attempts'
  | 'trunk-full'
  | 'trunk-rate'
  | 'no-common-codec'
  | 'encrypted-media'
  | 'too-many-hops'
  | 'loop-detected'
  | 'overloaded'
  | 'no-media-ports'
  | 'media-lost'
  | 'no-media'
  | 'recording-unavailable'
  | 'journal-stalled'
  | 'max-duration'
  | 'no-ack'
  | 'session-expired'
  | 'no-prack'
  | 'late-offer-mismatch'
  | 'signalling-lost'
  | 'operator'
  | 'internal-error'
  | 'draining'
  | 'shutdown'
  | 'interrupted';

export interface FinalAnswer {
  readonly status: number;
  /** Q.850 cause of the Reason header, or null for none. */
  readonly q850: number | null;
}

const ANSWERS: Readonly<Record<EndReason, FinalAnswer>> = {
  normal: { status: 200, q850: 16 },
  'caller-cancelled': { status: 487, q850: 16 },
  busy: { status: 486, q850: 17 },
  declined: { status: 603, q850: 21 },
  unavailable: { status: 480, q850: 18 },
  refused: { status: 480, q850: 31 },
  'no-answer': { status: 480, q850: 19 },
  'no-progress': { status: 504, q850: 102 },
  'no-channel': { status: 503, q850: 34 },
  // Nobody is there for a call from a mobile: its gateway ends the call as one to somebody absent.
  'no-destination': { status: 480, q850: 20 },
  'refused-for-this-call': { status: 403, q850: 21 },
  'gateway-failure': { status: 503, q850: 41 },
  'bad-request': { status: 400, q850: null },
  'bad-number': { status: 484, q850: 28 },
  'class-not-allowed': { status: 403, q850: 21 },
  'cap-exhausted': { status: 403, q850: 21 },
  'quota-exhausted': { status: 200, q850: 16 },
  'ledger-away': { status: 503, q850: 41 },
  'outside-calling-hours': { status: 403, q850: 21 },
  'do-not-call': { status: 403, q850: 21 },
  'do-not-call-list-stale': { status: 403, q850: 21 },
  'too-many-attempts': { status: 403, q850: 21 },
  // The next call may pass, or another trunk may take this one (docs/decisions/policy-refusals.md).
  'trunk-full': { status: 503, q850: 34 },
  'trunk-rate': { status: 503, q850: 42 },
  'no-common-codec': { status: 488, q850: 88 },
  'encrypted-media': { status: 488, q850: 88 },
  'too-many-hops': { status: 483, q850: null },
  'loop-detected': { status: 482, q850: null },
  overloaded: { status: 503, q850: 42 },
  'no-media-ports': { status: 503, q850: 34 },
  'media-lost': { status: 503, q850: 41 },
  'no-media': { status: 503, q850: 41 },
  'recording-unavailable': { status: 503, q850: 41 },
  'journal-stalled': { status: 503, q850: 41 },
  'max-duration': { status: 200, q850: 16 },
  'no-ack': { status: 200, q850: 102 },
  'session-expired': { status: 200, q850: 102 },
  'no-prack': { status: 504, q850: 102 },
  'late-offer-mismatch': { status: 488, q850: 88 },
  'signalling-lost': { status: 503, q850: 41 },
  operator: { status: 480, q850: 31 },
  'internal-error': { status: 500, q850: 41 },
  draining: { status: 503, q850: 41 },
  shutdown: { status: 503, q850: 41 },
  interrupted: { status: 503, q850: 41 },
};

/** What an unusable description ends a call with; `malformed` differs by whose it is. */
export function endOfUnusable(refusal: SdpRefusal, malformed: EndReason): EndReason {
  if (refusal === 'encrypted') return 'encrypted-media';
  return refusal === 'malformed' ? malformed : 'no-common-codec';
}

export const END_REASONS = Object.keys(ANSWERS) as readonly EndReason[];

export function finalAnswerFor(reason: EndReason): FinalAnswer {
  return ANSWERS[reason];
}

/** Reason header value for an end, or undefined when the status says all (RFC 3326 §2). */
export function reasonHeader(reason: EndReason, q850: number | null = ANSWERS[reason].q850): string | undefined {
  return q850 === null ? undefined : `Q.850;cause=${q850};text="${reason}"`;
}
