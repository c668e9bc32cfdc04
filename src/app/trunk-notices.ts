// How trunks are told of messages: SIP MESSAGE to the URI of their settings, and their webhook.
import type { Config } from '../config/config.js';
import type { TrunkMessagesConfig } from '../config/resolve-messages.js';
import type { Clock } from '../lib/clock.js';
import type { Message } from '../messages/message.js';
import type { NoticeVia } from '../messaging/message-store.js';
import type { Notice, NoticeResult, Teller } from '../messaging/notice-delivery.js';
import { tellWebhook } from '../messaging/webhook.js';
import type { SipMessageSender } from './message-senders.js';

/** Ways in which a trunk is told of a message as it is now. Over SIP only what it cannot know yet: that it was sent it expects. */
export function noticesOf({ messages }: Config, message: Message): readonly NoticeVia[] {
  const its = messages.trunks.find(({ trunk }) => trunk === message.trunk);
  if (its === undefined) return [];
  const isReport = message.direction === 'out';
  const viaSip = its.to !== null && (!isReport || (its.reports !== 'none' && message.state !== 'sent'));
  return [...(viaSip ? ['sip' as const] : []), ...(its.webhook === null ? [] : ['webhook' as const])];
}

export function trunkTellers(
  config: () => Config,
  sip: SipMessageSender,
  clock: Clock,
): Readonly<Record<NoticeVia, Teller>> {
  const settingsOf = (trunk: string) => config().messages.trunks.find((its) => its.trunk === trunk);
  return {
    async sip(notice) {
      const its = settingsOf(notice.trunk);
      return its === undefined || its.to === null ? 'refused' : tellOverSip(notice, its.to, its, sip);
    },
    async webhook(notice) {
      const webhook = settingsOf(notice.trunk)?.webhook ?? null;
      return webhook === null ? 'refused' : tellWebhook(notice, webhook, clock);
    },
  };
}

async function tellOverSip(
  { trunk, message, noticeId }: Notice,
  to: string,
  { user, reports }: TrunkMessagesConfig,
  sip: SipMessageSender,
): Promise<NoticeResult> {
  const isReport = message.direction === 'out';
  const isImdn = isReport && reports === 'imdn';
  const contactedAs = isReport ? (message.callee?.e164 ?? message.dialled) : message.calling;
  const headers = {
    'X-Message-ID': message.messageId,
    ...(isReport && { 'X-Message-State': message.state }),
    ...(!isReport && { 'X-SIM-Number': message.dialled }),
    ...(message.reference !== null &&
      /^[\x20-\x7e]+$/.test(message.reference) && { 'X-Message-Reference': message.reference }),
  };
  const response = await sip.sendMessage({
    uri: to.replaceAll('{user}', encodeURIComponent(message.agent ?? user)),
    fromUser: encodeURIComponent(contactedAs),
    headers,
    contentType: isImdn ? 'message/imdn+xml' : 'text/plain;charset=UTF-8',
    body: isImdn ? imdnOf(message) : isReport ? reportText(message) : message.text,
    proxy: undefined,
    // What the PBX asks of calls from mobiles (`inbound.digest`).
    gateway: `trunk:${trunk}`,
    channelId: null,
    // RFC 3428 §8: whoever gets it again sees that it is the same.
    callId: `${message.messageId}-${noticeId}`,
  });
  if (response === null || response.isOwn) return 'failed';
  if (response.status < 300) return 'told';
  // Not there now, or not able to: later. Else it does not want it.
  return [408, 480, 486, 500, 502, 503, 504].includes(response.status) ? 'failed' : 'refused';
}

function reportText({ messageId, callee, dialled, state, endReason, report }: Message): string {
  const why = endReason ?? report?.detail ?? null;
  return `${state}: message ${messageId} to ${callee?.e164 ?? dialled}${why === null ? '' : ` (${why})`}`;
}

/** RFC 5438 §7.2.1. */
function imdnOf({ messageId, callee, dialled, state, takenAtMs }: Message): string {
  const status = state === 'delivered' ? 'delivered' : state === 'unknown' ? 'error' : 'failed';
  const uri = `tel:${callee?.e164 ?? dialled}`.replaceAll(/[<>&"']/g, '');
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<imdn xmlns="urn:ietf:params:xml:ns:imdn">',
    `<message-id>${messageId}</message-id>`,
    `<datetime>${new Date(takenAtMs).toISOString()}</datetime>`,
    `<recipient-uri>${uri}</recipient-uri>`,
    `<delivery-notification><status><${status}/></status></delivery-notification>`,
    '</imdn>',
    '',
  ].join('\r\n');
}
