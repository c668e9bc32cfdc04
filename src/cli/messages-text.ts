// What a config says of text messages, in words: which gateways send them, where trunks are told, who may use the API; and what
// is hardly meant.
import type { Config } from '../config/config.js';
import type { GatewayMessagesConfig } from '../config/resolve-messages.js';

export function messagesRows({ messages, api }: Config): readonly (readonly [string, string])[] {
  const told = messages.trunks.filter(({ to, webhook }) => to !== null || webhook !== null);
  return [
    ...messages.gateways.map(
      (gateway) => ['messages', `${gateway.gateway} ${sendingOf(gateway)}${askedOf(gateway)}`] as const,
    ),
    ...(messages.gateways.length === 0
      ? []
      : told.map(({ trunk, to, webhook }) => {
          const places = [...(to === null ? [] : [to]), ...(webhook === null ? [] : ['its webhook'])];
          return ['messages', `trunk ${trunk} is told at ${places.join(' and ')}`] as const;
        })),
    ...(api === null
      ? []
      : [['HTTP API', `${api.address}:${api.port}, for ${api.tokens.map(({ name }) => name).join(', ')}`] as const]),
  ];
}

/** Messages that no plan lets anybody send, and an API that listens where others may hear. */
export function messagesWarnings({ messages, api, plans, sims, channels }: Config): readonly string[] {
  const planOf = new Map(sims.map(({ simId, plan }) => [simId, plan]));
  const poor = messages.gateways.filter(({ gateway, via }) => {
    if (via === 'none') return false;
    const inUse = new Set(
      channels.filter((channel) => channel.gateway === gateway).map(({ simId }) => planOf.get(simId)),
    );
    return !plans.some((plan) => inUse.has(plan.name) && (plan.messageRates !== null || countsMessages(plan)));
  });
  const isOpen = api !== null && api.address !== '127.0.0.1' && api.address !== '::1';
  return [
    ...poor.map(
      ({ gateway }) =>
        `gateway ${gateway} sends text messages, but no plan of its SIMs has any: messageRates or an allowance`,
    ),
    ...(isOpen ? [`the HTTP API listens on ${api.address} without TLS: tokens can be read on the way`] : []),
  ];
}

function askedOf({ poll }: GatewayMessagesConfig): string {
  return poll === null ? '' : `; asked every ${poll.intervalMs / 1_000} s for what it keeps`;
}

function countsMessages({ allowances }: Config['plans'][number]): boolean {
  return allowances.some(({ counts }) => counts === 'sms' || counts === 'lms' || counts === 'mms');
}

function sendingOf({ via, limits }: GatewayMessagesConfig): string {
  if (via === 'none') return 'only receives';
  const { alphabet, smsParts, smsBytes, lmsBytes, hasMms } = limits;
  const sms = alphabet === 'gsm' ? `SMS of ${smsParts} parts` : `SMS of ${smsBytes} bytes`;
  const kinds = [sms, ...(lmsBytes > 0 ? [`LMS of ${lmsBytes} bytes`] : []), ...(hasMms ? ['MMS'] : [])];
  return `over ${via === 'sip' ? 'SIP' : 'HTTP'} (${alphabet}): ${kinds.join(', ')}`;
}
