// What the caller gets for a gateway's final response: one table over (meaning, SIP status, Q.850 cause). RFC 3398 §7.2.4.1 gives
// the status of a cause, RFC 6432 has it passed in a Reason header; docs/decisions/what-the-caller-gets.md is held to this file.
import { type EndReason, type FinalAnswer, finalAnswerFor } from './end-reason.js';
import type { ResponseMeaning } from './response-meaning.js';

export interface CallerAnswer {
  readonly reason: EndReason;
  readonly answer: FinalAnswer;
}

type Row = readonly [EndReason, number];

/**
 * The callee's own answers, by cause. Deviation: RFC 3398 has 408 for 18 and 502 for 27, which PBXs take for trouble of the trunk,
 * and dial the same phone again by another; and 403 for 21, which is our own refusal (semantics.md): a person who declined is 603.
 */
export const CALLEE_BY_CAUSE: Readonly<Record<number, Row>> = {
  1: ['bad-number', 404],
  2: ['bad-number', 404],
  3: ['bad-number', 404],
  16: ['refused', 480],
  17: ['busy', 486],
  18: ['unavailable', 480],
  19: ['no-answer', 480],
  20: ['unavailable', 480],
  21: ['declined', 603],
  22: ['bad-number', 410],
  23: ['bad-number', 410],
  26: ['bad-number', 404],
  27: ['unavailable', 480],
  28: ['bad-number', 484],
  31: ['refused', 480],
};

/** Statuses that say by themselves what the callee's side did. */
export const CALLEE_BY_STATUS: Readonly<Record<number, readonly [EndReason, number, number]>> = {
  410: ['bad-number', 410, 22],
  484: ['bad-number', 484, 28],
  486: ['busy', 486, 17],
  488: ['no-common-codec', 488, 88],
  600: ['busy', 600, 17],
  604: ['bad-number', 604, 1],
  606: ['no-common-codec', 488, 88],
};

/** Statuses that stand for many things: a cause says more, and without one they mean this. */
export const CALLEE_IN_GENERAL: Readonly<Record<number, readonly [EndReason, number, number]>> = {
  404: ['bad-number', 404, 1],
  408: ['unavailable', 480, 18],
  480: ['unavailable', 480, 18],
};

/** What no other channel would do better, by cause. */
export const GIVE_UP_BY_CAUSE: Readonly<Record<number, Row>> = {
  27: ['gateway-failure', 502],
  29: ['gateway-failure', 501],
  55: ['gateway-failure', 403],
  57: ['gateway-failure', 403],
  65: ['no-common-codec', 488],
  70: ['no-common-codec', 488],
  79: ['gateway-failure', 501],
  87: ['gateway-failure', 403],
  88: ['no-common-codec', 488],
  102: ['gateway-failure', 504],
  111: ['gateway-failure', 500],
  127: ['gateway-failure', 500],
  // 503 in RFC 3398, and ours for a gateway's failure.
  34: ['gateway-failure', 503],
  38: ['gateway-failure', 503],
  41: ['gateway-failure', 503],
  42: ['gateway-failure', 503],
  47: ['gateway-failure', 503],
  58: ['gateway-failure', 503],
};

export function answerForCaller(means: ResponseMeaning, status: number, cause: number | null): CallerAnswer {
  switch (means) {
    case 'channel':
    case 'gateway':
      return answered(isBusyChannel(status) ? 'no-channel' : 'gateway-failure');
    case 'callee':
      return ofCallee(status, cause);
    case 'give-up':
      return ofGivingUp(status, cause);
  }
}

/** The gateway's word for a SIM in use; with a setting for it, what else would be the callee's. */
function isBusyChannel(status: number): boolean {
  return status === 503 || status === 480 || status === 486 || status === 600 || status === 603;
}

function ofCallee(status: number, cause: number | null): CallerAnswer {
  const certain = CALLEE_BY_STATUS[status];
  if (certain !== undefined) {
    const [reason, told, q850] = certain;
    return { reason, answer: { status: told, q850 } };
  }
  if (status >= 600) return answered('declined');
  const row = cause === null ? undefined : CALLEE_BY_CAUSE[cause];
  if (row !== undefined) return { reason: row[0], answer: { status: row[1], q850: cause } };
  const [reason, told, q850] = CALLEE_IN_GENERAL[status] ?? ['refused', 480, 31];
  return { reason, answer: { status: told, q850 } };
}

function ofGivingUp(status: number, cause: number | null): CallerAnswer {
  if (status === 488 || status === 606) return answered('no-common-codec');
  const row = cause === null ? undefined : GIVE_UP_BY_CAUSE[cause];
  if (row !== undefined) return { reason: row[0], answer: { status: row[1], q850: cause } };
  return answered('gateway-failure');
}

function answered(reason: EndReason): CallerAnswer {
  return { reason, answer: finalAnswerFor(reason) };
}
