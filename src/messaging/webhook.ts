// Tells a trunk's webhook: one JSON object by POST, signed so that the receiver knows who it is from and when it was made.
import { createHmac } from 'node:crypto';
import type { Clock } from '../lib/clock.js';
import type { Message } from '../messages/message.js';
import { exchange } from './http-exchange.js';
import type { Notice, NoticeResult } from './notice-delivery.js';

export interface WebhookSettings {
  readonly url: string;
  /** Null: not signed. */
  readonly secret: string | null;
  readonly timeoutMs: number;
}

/** What is posted; documented in docs/messages.md. */
export function webhookBody({ noticeId, trunk, message }: Notice): object {
  const { messageId, state, reference, agent, callee, dialled, kind, parts, takenAtMs, endReason, report } = message;
  const last = message.attempts.at(-1);
  const common = { id: noticeId, event: `message.${state}`, messageId, trunk, agent, at: iso(atMs(message)) };
  if (message.direction === 'in') {
    return { ...common, from: message.calling, to: dialled, text: message.text, channel: message.channelId };
  }
  return {
    ...common,
    reference,
    to: callee?.e164 ?? dialled,
    from: last?.simNumber ?? null,
    ...{ kind, parts, takenAt: iso(takenAtMs), reason: endReason, detail: report?.detail ?? last?.detail ?? null },
  };
}

export async function tellWebhook(notice: Notice, settings: WebhookSettings, clock: Clock): Promise<NoticeResult> {
  const body = JSON.stringify(webhookBody(notice));
  const outcome = await exchange({
    method: 'POST',
    url: settings.url,
    headers: { 'content-type': 'application/json', 'user-agent': 'simtrunk', ...signed(body, settings, clock) },
    body,
    timeoutMs: settings.timeoutMs,
  });
  if (outcome.kind !== 'answered') return 'failed';
  if (outcome.status >= 200 && outcome.status < 300) return 'told';
  // RFC 9110 §15.5.11: whoever is gone wants no more.
  return outcome.status === 410 ? 'refused' : 'failed';
}

/** `t`: seconds since the epoch; `v1`: HMAC-SHA-256 of `t`, a dot and the body, by the secret. */
function signed(body: string, { secret }: WebhookSettings, clock: Clock): Record<string, string> {
  if (secret === null) return {};
  const seconds = Math.floor(clock.wallMs() / 1000);
  const digest = createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex');
  return { 'x-simtrunk-signature': `t=${seconds},v1=${digest}` };
}

function atMs({ report, endedAtMs, takenAtMs }: Message): number {
  return report?.atMs ?? endedAtMs ?? takenAtMs;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
