// Reads what gateways send over SIP: which SIM a message came to, who sent it, and reports of delivery (IMDN, RFC 5438).
import type { Config } from '../config/config.js';
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import { GatewayCallers } from '../signalling/gateway-callers.js';
import type { CallingGateway, LinePlaces } from '../signalling/signalling-settings.js';
import type { GatewayMessage } from '../signalling/sip-messages.js';

export type ReadGatewayMessage =
  | { readonly kind: 'message'; readonly arrived: ArrivedMessage }
  | { readonly kind: 'report'; readonly report: DeliveryReport }
  | { readonly kind: 'unknown'; readonly why: 'no-channel' | 'malformed' };

/** How gateways that have to do with messages are known, and their channels. */
export function messageCallers(config: Config, lines: LinePlaces): GatewayCallers {
  const { messages, gateways, channels, sims, credentials, trunks } = config;
  const numbers = new Map(sims.map(({ simId, number }) => [simId, number]));
  const callers = messages.gateways.flatMap(({ gateway: name, inbound }): CallingGateway[] => {
    const gateway = gateways.find((candidate) => candidate.name === name);
    if (gateway === undefined) return [];
    const { host, port } = gateway;
    const own = channels.filter((channel) => channel.gateway === name);
    return [
      {
        ...{ name, host, port, channelFrom: inbound.channelFrom, callerFrom: 'from' },
        channels: own.map(({ channelId, port: number, line, simId }) => ({
          ...{ channelId, port: number, line, account: credentials.channels.get(channelId)?.username },
          simNumber: numbers.get(simId) ?? '',
        })),
      },
    ];
  });
  const sources = trunks.flatMap((trunk) => trunk.sources);
  return new GatewayCallers(callers, sources, lines);
}

export function readGatewayMessage(config: Config, message: GatewayMessage): ReadGatewayMessage {
  const { gateway, channelId, contentType, body, from, key } = message;
  if (contentType === 'message/imdn+xml') {
    const report = readImdn(body, gateway);
    return report === null ? { kind: 'unknown', why: 'malformed' } : { kind: 'report', report };
  }
  const channel = channelOf(config, channelId);
  if (channel === null) return { kind: 'unknown', why: 'no-channel' };
  const isFirstLine = inboundOf(config, gateway)?.senderFrom === 'first-line';
  const said = isFirstLine ? splitFirstLine(body) : { from, text: body };
  return { kind: 'message', arrived: { gateway, channel, ...said, key } };
}

/** A channel as a message that came to it says it. */
export function channelOf({ channels, sims }: Config, channelId: string | null): ArrivedMessage['channel'] | null {
  const channel = channels.find((candidate) => candidate.channelId === channelId);
  if (channel === undefined) return null;
  const { simId } = channel;
  return { channelId: channel.channelId, simId, simNumber: sims.find((sim) => sim.simId === simId)?.number ?? '' };
}

/** A channel as a gateway names it: by line, port or the SIM's number; one with a single SIM need not say. */
export function channelSaid(config: Config, gateway: string, said: string | null): ArrivedMessage['channel'] | null {
  const own = config.channels.filter((channel) => channel.gateway === gateway);
  const [only, ...others] = own;
  if (others.length === 0 || said === null)
    return others.length === 0 ? channelOf(config, only?.channelId ?? null) : null;
  const found =
    own.find(({ line }) => line === said) ??
    own.find(({ port }) => /^\d{1,5}$/.test(said) && port === Number(said)) ??
    own.find(({ channelId }) => isSameNumber(channelOf(config, channelId)?.simNumber ?? '', said));
  return channelOf(config, found?.channelId ?? null);
}

/** With its country or without. */
function isSameNumber(e164: string, said: string): boolean {
  const digits = said.replaceAll(/\D/g, '');
  return digits.length >= 9 && e164.endsWith(digits.slice(-8));
}

function inboundOf({ messages }: Config, gateway: string) {
  return messages.gateways.find((candidate) => candidate.gateway === gateway)?.inbound;
}

/** Some gateways write the sender above the text. */
function splitFirstLine(body: string): { readonly from: string; readonly text: string } {
  const end = body.indexOf('\n');
  return end === -1 ? { from: body.trim(), text: '' } : { from: body.slice(0, end).trim(), text: body.slice(end + 1) };
}

function readImdn(body: string, gateway: string): DeliveryReport | null {
  const messageId = /<(?:\w+:)?message-id>\s*([^<\s]{1,200})\s*</.exec(body)?.[1];
  const status = /<(?:\w+:)?status>\s*<(?:\w+:)?([a-z]+)/.exec(body)?.[1];
  if (messageId === undefined || status === undefined) return null;
  const isDelivered = status === 'delivered' || status === 'displayed';
  return {
    ...{ gateway, messageId, reference: null, number: null, channelId: null, atMs: null, key: null, detail: status },
    status: isDelivered ? 'delivered' : 'undelivered',
  };
}
