// Reads what gateways send over SIP: which SIM a message came to, who sent it, and reports of delivery (IMDN, RFC 5438).
import type { ChannelConfig, Config } from '../config/config.js';
import type { GatewayMessagesConfig } from '../config/resolve-messages.js';
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import type { LinePlaces } from '../signalling/signalling-settings.js';
import type { GatewayMessage } from '../signalling/sip-messages.js';

export type ReadGatewayMessage =
  | { readonly kind: 'message'; readonly arrived: ArrivedMessage }
  | { readonly kind: 'report'; readonly report: DeliveryReport }
  /** It is of no gateway that has to do with messages, or of no channel that is known. */
  | { readonly kind: 'unknown'; readonly why: 'no-gateway' | 'no-channel' | 'malformed' };

/** @param gateway by its address; null for one that is known by where its lines registered from */
export function readGatewayMessage(
  config: Config,
  places: Pick<LinePlaces, 'placeOf'>,
  gateway: string | null,
  message: GatewayMessage,
): ReadGatewayMessage {
  const registered = gateway === null ? channelsAt(config, places, message.source) : [];
  const name = gateway ?? registered[0]?.gateway;
  const its = config.messages.gateways.find((candidate) => candidate.gateway === name);
  if (name === undefined || its === undefined) return { kind: 'unknown', why: 'no-gateway' };
  if (message.contentType === 'message/imdn+xml') {
    const report = readImdn(message.body, name);
    return report === null ? { kind: 'unknown', why: 'malformed' } : { kind: 'report', report };
  }
  const channels = registered.length > 0 ? registered : config.channels.filter((channel) => channel.gateway === name);
  const channel = channelOf(channels, config, its, message);
  if (channel === undefined) return { kind: 'unknown', why: 'no-channel' };
  const simNumber = config.sims.find(({ simId }) => simId === channel.simId)?.number ?? '';
  const { from, text } = senderOf(its, message);
  const { channelId, simId } = channel;
  return {
    kind: 'message',
    arrived: { gateway: name, channel: { channelId, simId, simNumber }, from, text, key: message.key },
  };
}

/** Channels whose line registered from there. */
function channelsAt(
  { channels }: Config,
  places: Pick<LinePlaces, 'placeOf'>,
  { address, port }: GatewayMessage['source'],
): readonly ChannelConfig[] {
  const from = `${address.includes(':') ? `[${address}]` : address}:${port}`;
  return channels.filter(({ gateway, channelId }) => {
    const place = places.placeOf(gateway, channelId);
    return typeof place === 'object' && [place.nextHop, place.contact].some((uri) => uri?.includes(from));
  });
}

/** By line, port, or the SIM's number; a gateway with one SIM needs to say nothing. */
function channelOf(
  channels: readonly ChannelConfig[],
  { sims }: Config,
  { inbound: { channelFrom } }: GatewayMessagesConfig,
  message: GatewayMessage,
): ChannelConfig | undefined {
  const [only, ...others] = channels;
  if (others.length === 0) return only;
  const said = saidBy(channelFrom, message);
  if (said === '') return undefined;
  const numbers = new Map(sims.map(({ simId, number }) => [simId, number]));
  return (
    channels.find(({ line }) => line === said) ??
    channels.find(({ port }) => String(port) === said.replace(/^0+(?=\d)/, '')) ??
    channels.find(({ simId }) => isSameNumber(numbers.get(simId) ?? '', said))
  );
}

function saidBy(channelFrom: string, { uriUser, toUser, source, header }: GatewayMessage): string {
  if (channelFrom === 'request-uri') return uriUser;
  if (channelFrom === 'to') return toUser;
  if (channelFrom === 'source-port') return String(source.port);
  return header(channelFrom.slice('header:'.length))?.trim() ?? '';
}

/** As a SIM may be named by its gateway: with its country or without. */
function isSameNumber(e164: string, said: string): boolean {
  const digits = said.replaceAll(/\D/g, '').replace(/^0+/, '');
  return digits.length >= 7 && e164.replaceAll(/\D/g, '').endsWith(digits);
}

/** Some gateways write the sender as the first line of the text. */
function senderOf(
  { inbound: { senderFrom } }: GatewayMessagesConfig,
  { fromUser, body }: GatewayMessage,
): { readonly from: string; readonly text: string } {
  if (senderFrom === 'from') return { from: fromUser, text: body };
  const end = body.indexOf('\n');
  if (end === -1) return { from: body.trim(), text: '' };
  return { from: body.slice(0, end).trim(), text: body.slice(end + 1) };
}

function readImdn(body: string, gateway: string): DeliveryReport | null {
  const messageId = /<(?:\w+:)?message-id>\s*([^<\s]{1,200})\s*</.exec(body)?.[1];
  const status = /<(?:\w+:)?status>\s*<(?:\w+:)?([a-z]+)/.exec(body)?.[1];
  if (messageId === undefined || status === undefined) return null;
  const isDelivered = status === 'delivered' || status === 'displayed';
  return {
    ...{ gateway, messageId, reference: null, number: null, channelId: null, detail: status },
    status: isDelivered ? 'delivered' : 'undelivered',
  };
}
