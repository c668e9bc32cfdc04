// What GoIP lines tell of text messages, as any gateway's: received ones, and reports of those that a line sent.
import { createHash } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import type { GoipTold } from '../sim-state/goip-packet.js';
import { channelOf } from './gateway-messages.js';

interface Inbox {
  receive(message: ArrivedMessage): Promise<void>;
  report(report: DeliveryReport): Promise<boolean>;
}

/** A line says the same again within 12 s; it counts anew when it is switched on, which may be with the same counts. */
const REPEATED_FOR_MS = 3_600_000;

/** False while its gateway has nothing to do with messages: then the line keeps them, if it can. */
export async function takeGoipTold(config: Config, inbox: Inbox, channelId: string, told: GoipTold): Promise<boolean> {
  const channel = channelOf(config, channelId);
  const { gateway } = config.channels.find((its) => its.channelId === channelId) ?? {};
  if (channel === null || gateway === undefined) return false;
  if (!config.messages.gateways.some((its) => its.gateway === gateway)) return false;
  if (told.kind === 'text') {
    const { count, from, text } = told;
    const key = `goip\n${channelId}\n${count}\n${digestOf(`${from}\n${text}`)}`;
    await inbox.receive({ gateway, channel, from, text, key, repeatedForMs: REPEATED_FOR_MS });
    return true;
  }
  const status = statusOf(told.state);
  if (status === null) return true;
  const { count, sent, number, state } = told;
  await inbox.report({
    ...{ gateway, status, detail: `TP-Status ${state}`, messageId: null, reference: null, number, channelId },
    atMs: null,
    key: `goip\n${channelId}\n${count}\n${sent}\n${number}\n${state}`,
  });
  return true;
}

/** 3GPP TS 23.040 §9.2.3.15; null for what is not over, or does not say. */
function statusOf(state: number): DeliveryReport['status'] | null {
  if (state === 0) return 'delivered';
  return state >= 0x40 ? 'undelivered' : null;
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
