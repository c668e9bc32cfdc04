// How a message changes on its way: taken from its request, and with what became of its last attempt. Pure.
import { randomUUID } from 'node:crypto';
import { isOver, type Message, type MessageAttempt, type MessageRequest } from './message.js';
import type { SendOutcome } from './message-ports.js';

/** As it is when it was asked for. */
export function messageOf(request: MessageRequest, nowMs: number): Message {
  const { origin, trunk, agent, account, calling, dialled, text, pictures, reference } = request;
  return {
    ...{ messageId: randomUUID(), direction: 'out', state: 'queued', origin },
    ...{ trunk: trunk.name, traffic: trunk.traffic, agent, account, calling, dialled, callee: null },
    ...{ text, pictures, kind: null, parts: null, encoding: null, reference, takenAtMs: nowMs, endedAtMs: null },
    ...{ attempts: [], channelId: null, simId: null, decision: null, endReason: null, gatewayReference: null },
    ...{ report: null, revision: 0 },
  };
}

/** With what became of its last attempt. */
export function closeAttempt(
  message: Message,
  outcome: SendOutcome,
  endedAtMs: number,
  charge: Pick<MessageAttempt, 'cost' | 'currency' | 'estimated'> | null,
): Message {
  const attempts = [...message.attempts];
  const last = attempts.pop();
  if (last === undefined || isOver(message)) return message;
  const closed: MessageAttempt = {
    ...last,
    endedAtMs,
    outcome: outcome.kind === 'silent' ? 'unknown' : outcome.kind,
    means: outcome.kind === 'refused' ? outcome.means : null,
    status: 'status' in outcome ? outcome.status : null,
    detail: 'detail' in outcome ? outcome.detail : null,
    ...charge,
  };
  const gatewayReference = outcome.kind === 'sent' ? outcome.reference : message.gatewayReference;
  return { ...message, attempts: [...attempts, closed], gatewayReference };
}

/** For the log. */
export function logged(outcome: SendOutcome) {
  const { kind } = outcome;
  return { outcome: kind, ...('status' in outcome && { status: outcome.status }) };
}
