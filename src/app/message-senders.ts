// Joins gateways that send text messages to how each is told: SIP MESSAGE over the application, or HTTP by its templates.
import type { Config } from '../config/config.js';
import type { GatewayMessagesConfig } from '../config/resolve-messages.js';
import type { MessageSender, SendOutcome, SendRequest } from '../messages/message-ports.js';
import { HttpGateway } from '../messaging/http-gateway.js';
import { dialAddress } from '../routing/dial-uri.js';
import { addressAtContact } from '../signalling/line-uri.js';
import type { LinePlaces } from '../signalling/signalling-settings.js';
import type { MessageResponse, MessageToSend } from '../signalling/sip-messages.js';

export interface SipMessageSender {
  sendMessage(message: MessageToSend): Promise<MessageResponse | null>;
}

/** Statuses about the text or the number, which every channel would answer. */
const OF_THE_MESSAGE: readonly number[] = [400, 413, 414, 415, 484, 488, 513, 603, 604, 606];

/** Of one config; another one gets another. */
export function messageSenders(
  config: Config,
  sip: SipMessageSender,
  places: Pick<LinePlaces, 'placeOf'>,
  monotonicMs: () => number,
): MessageSender {
  const channels = new Map(config.channels.map((channel) => [channel.channelId, channel]));
  const channelOf = (channelId: string) => {
    const channel = channels.get(channelId);
    return channel && { port: channel.port, line: channel.line ?? String(channel.port) };
  };
  const senders = new Map(
    config.messages.gateways.map((its): [string, MessageSender] => {
      const gateway = config.gateways.find(({ name }) => name === its.gateway);
      const { host = '' } = gateway ?? {};
      if (its.http !== null) return [its.gateway, new HttpGateway({ ...its.http, host }, channelOf)];
      const parts = { gateway, channels, t1Ms: config.sip.t1Ms, sip, places, monotonicMs };
      return [its.gateway, { send: (request) => sendOverSip(request, its, parts) }];
    }),
  );
  return {
    send: async (request) =>
      senders.get(request.gateway)?.send(request) ?? { kind: 'unsent', detail: 'the gateway is no more' },
  };
}

interface SipParts {
  readonly gateway: Config['gateways'][number] | undefined;
  readonly channels: ReadonlyMap<string, Config['channels'][number]>;
  readonly t1Ms: number;
  readonly sip: SipMessageSender;
  readonly places: Pick<LinePlaces, 'placeOf'>;
  readonly monotonicMs: () => number;
}

async function sendOverSip(
  request: SendRequest,
  { dial }: GatewayMessagesConfig,
  { gateway, channels, t1Ms, sip, places, monotonicMs }: SipParts,
): Promise<SendOutcome> {
  const { gateway: name, channelId, simNumber, callee, text, messageId, attemptId } = request;
  const channel = channels.get(channelId);
  if (gateway === undefined || channel === undefined) return { kind: 'unsent', detail: 'the channel is no more' };
  const { port, line } = channel;
  const dialled = dialAddress({ ...gateway, ...(dial && { dial }) }, { port, line, simNumber }, callee.e164);
  const place = places.placeOf(name, channelId);
  if (place === 'nowhere') return { kind: 'unsent', detail: 'its line is not registered' };
  const address = place === 'configured' ? dialled : addressAtContact(dialled, place.contact);
  const startedMs = monotonicMs();
  const response = await sip.sendMessage({
    uri: address.requestUri,
    fromUser: address.fromUser,
    headers: { ...address.headers, 'X-Message-ID': messageId },
    contentType: 'text/plain;charset=UTF-8',
    body: text,
    proxy: place === 'configured' ? undefined : place.nextHop,
    ...{ gateway: name, channelId, callId: attemptId },
  });
  if (response === null) return { kind: 'unsent', detail: 'it could not be sent' };
  return readResponse(response, monotonicMs() - startedMs < t1Ms);
}

/** @param isFirst whether it can only have been sent once until then */
export function readResponse({ status, reason, isOwn }: MessageResponse, isFirst: boolean): SendOutcome {
  if (isOwn) {
    // The server's own: no answer in time (Timer F), or the transport failed. What failed at once was heard by nobody.
    const isUnsent = status !== 408 && isFirst;
    return isUnsent ? { kind: 'unsent', detail: `no way to it (${status})` } : { kind: 'silent', detail: 'no answer' };
  }
  if (status < 300) return { kind: 'sent', status, reference: null };
  // RFC 3261 §21.4.9, §21.5.5: somebody between gave up waiting.
  if (status === 408 || status === 504) return { kind: 'silent', detail: `SIP ${status}` };
  const means = OF_THE_MESSAGE.includes(status) ? 'message' : 'channel';
  return { kind: 'refused', means, status, detail: reason === '' ? null : reason };
}
