// Whether a trunk may send a text message to a number now: the rules of calls that are about the number and the hour.
import type { NumberClass } from '../numbers/number-class.js';
import {
  type PolicyQuestion,
  type PolicyRefusal,
  type PolicySight,
  refuseClass,
  refuseHours,
  refuseListed,
  refuseStaleList,
} from './rules.js';

interface AdmittedCallee {
  readonly e164: string;
  readonly national: string;
  readonly numberClass: NumberClass;
}

export type MessageAdmission =
  | { readonly ok: true; readonly callee: AdmittedCallee }
  | {
      readonly ok: false;
      readonly reason: 'bad-number' | 'message-rate' | PolicyRefusal['reason'];
      readonly callee: AdmittedCallee | null;
      /** For people. */
      readonly detail: string;
    };

const MESSAGE_RULES = [refuseClass, refuseHours, refuseListed, refuseStaleList] as const;

/** Emergency numbers pass everything. Notes a message that is admitted with the trunk's rate of messages. */
export function admitMessage(question: PolicyQuestion, callee: AdmittedCallee, sight: PolicySight): MessageAdmission {
  if (callee.numberClass === 'emergency') return { ok: true, callee };
  for (const rule of MESSAGE_RULES) {
    const refusal = rule(question, sight);
    if (refusal !== null) return { ok: false, callee, reason: refusal.reason, detail: refusal.detail };
  }
  const { messageRate, policy } = question.trunk;
  if (messageRate?.isExceeded(question.monotonicMs)) {
    return { ok: false, callee, reason: 'message-rate', detail: `${policy.maxMessagesPerSecond} messages a second` };
  }
  messageRate?.note(question.monotonicMs);
  return { ok: true, callee };
}
