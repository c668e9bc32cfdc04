// The record of a text message as it is published: one JSON object a message, beside those of calls and by the same rules.
// Described by docs/messages.md; its version changes when a field changes its meaning.
import { z } from 'zod';
import type { Message } from '../messages/message.js';

export const MESSAGE_RECORD_VERSION = 1;

/** ISO 8601 with its zone. */
const instant = z.iso.datetime({ offset: true });

export const messageRecordSchema = z.object({
  version: z.literal(MESSAGE_RECORD_VERSION),
  /** The same in every revision of one message's record: consumers keep the highest revision. */
  messageId: z.string(),
  revision: z.int(),
  direction: z.enum(['out', 'in']),
  state: z.enum(['sent', 'unknown', 'failed', 'delivered', 'undelivered', 'received']),
  origin: z.enum(['sip', 'api', 'gateway']),
  trunk: z.string().nullable(),
  traffic: z.enum(['commercial', 'personal']).nullable(),
  agent: z.string().nullable(),
  account: z.string().nullable(),
  calling: z.string(),
  dialled: z.string(),
  callee: z.string().nullable(),
  numberClass: z.string().nullable(),
  kind: z.enum(['sms', 'lms', 'mms']).nullable(),
  parts: z.int().nullable(),
  encoding: z.enum(['gsm-7bit', 'ucs-2', 'euc-kr']).nullable(),
  characters: z.int(),
  /** Null where the config says that texts are not kept. */
  text: z.string().nullable(),
  pictures: z.array(z.string()),
  reference: z.string().nullable(),
  takenAt: instant,
  endedAt: instant,
  reportedAt: instant.nullable(),
  report: z.string().nullable(),
  endReason: z.string().nullable(),
  gatewayReference: z.string().nullable(),
  channel: z.string().nullable(),
  sim: z.string().nullable(),
  attempts: z.array(
    z.object({
      attemptId: z.string(),
      channel: z.string(),
      gateway: z.string(),
      sim: z.string(),
      simNumber: z.string(),
      startedAt: instant,
      endedAt: instant.nullable(),
      outcome: z.enum(['sent', 'refused', 'unsent', 'unknown']).nullable(),
      means: z.enum(['channel', 'gateway', 'message']).nullable(),
      status: z.int().nullable(),
      detail: z.string().nullable(),
      cost: z.string(),
      currency: z.string().nullable(),
      estimated: z.boolean(),
    }),
  ),
  decision: z
    .object({
      considered: z.int(),
      refused: z.record(z.string(), z.number()),
      winner: z.object({ channel: z.string(), score: z.number(), terms: z.record(z.string(), z.number()) }).nullable(),
    })
    .nullable(),
});

export type MessageRecord = z.infer<typeof messageRecordSchema>;

/** Of a message that is over. */
export function toMessageRecord(message: Message, keepsText: boolean): MessageRecord {
  const { messageId, revision, direction, state, origin, trunk, traffic, agent, account, calling, dialled } = message;
  const { callee, kind, parts, encoding, text, pictures, reference, takenAtMs, endedAtMs, report, endReason } = message;
  const { gatewayReference, decision } = message;
  const last = message.attempts.at(-1);
  return {
    version: MESSAGE_RECORD_VERSION,
    ...{ messageId, revision, direction, state: state as MessageRecord['state'], origin },
    ...{ trunk, traffic, agent, account, calling, dialled },
    ...{ callee: callee?.e164 ?? null, numberClass: callee?.numberClass ?? null },
    ...{ kind, parts, encoding, characters: [...text].length, text: keepsText ? text : null },
    pictures: pictures.map(({ contentType }) => contentType),
    reference,
    takenAt: iso(takenAtMs),
    endedAt: iso(endedAtMs ?? takenAtMs),
    reportedAt: report === null ? null : iso(report.atMs),
    report: report?.detail ?? null,
    ...{ endReason, gatewayReference },
    channel: message.channelId ?? last?.channelId ?? null,
    sim: message.simId ?? last?.simId ?? null,
    attempts: message.attempts.map(({ channelId: channel, simId: sim, startedAtMs, endedAtMs: endMs, ...attempt }) => ({
      ...{ attemptId: attempt.attemptId, channel, gateway: attempt.gateway, sim, simNumber: attempt.simNumber },
      ...{ startedAt: iso(startedAtMs), endedAt: endMs === null ? null : iso(endMs) },
      ...{ outcome: attempt.outcome, means: attempt.means, status: attempt.status, detail: attempt.detail },
      ...{ cost: attempt.cost, currency: attempt.currency, estimated: attempt.estimated },
    })),
    decision:
      decision === null
        ? null
        : {
            considered: decision.considered,
            refused: { ...decision.refused },
            winner:
              decision.winner === null
                ? null
                : {
                    channel: decision.winner.channelId,
                    score: decision.winner.score,
                    terms: { ...decision.winner.terms },
                  },
          },
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
