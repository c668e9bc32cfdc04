// Text messages over SIP (RFC 3428), outside of dialogs: of trunks, which are asked who they are as for a call; of gateways, which are
// known by where they send from; and ours to both. Bodies are plain text, and reports of delivery may be IMDN (RFC 5438).

import { requestWithAccount } from './challenge-answers.js';
import type { GatewayCallers } from './gateway-callers.js';
import { cseqNumber, userOf } from './message-parts.js';
import type { RequestSender } from './own-requests.js';
import { readAgent } from './read-agent.js';
import type { RequestIntake } from './request-intake.js';
import type { CallingGateway, SignallingTrunk } from './signalling-settings.js';
import type { ServerResponse, SipRequest, SipResponse } from './srf.js';

const ACCEPTED_TYPES: readonly string[] = ['text/plain', 'message/imdn+xml'];
/** A message whose text is longer is none for a mobile; the server's limit of a whole message stands above it. */
const MAX_CHARACTERS = 10_000;

/** A MESSAGE of a trunk, as it was read. */
export interface TrunkMessage {
  readonly trunk: SignallingTrunk;
  readonly calling: string;
  readonly agent: string | null;
  readonly dialled: string;
  readonly text: string;
  /** The same when the trunk sends the same MESSAGE again (RFC 3261 §8.1.3.5: Call-ID and CSeq stay). */
  readonly key: string;
}

/** A MESSAGE of a gateway. */
export interface GatewayMessage {
  readonly gateway: string;
  /** Of the channel that it came to; null when it does not say, or names none that there is. */
  readonly channelId: string | null;
  readonly contentType: string;
  readonly body: string;
  /** Who sent it, as the gateway says. */
  readonly from: string;
  readonly key: string;
}

/** What a MESSAGE is answered with. */
export interface MessageAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface MessageTakers {
  /** Of a trunk; null: text messages are not in use, and MESSAGE is answered as any method that means nothing here. */
  readonly fromTrunk: ((message: TrunkMessage) => Promise<MessageAnswer>) | null;
  fromGateway(message: GatewayMessage): Promise<MessageAnswer>;
  /** Gateways that have to do with messages, and their channels. */
  readonly gateways: GatewayCallers;
}

export function takeMessages(intake: RequestIntake, takers: MessageTakers): void {
  intake.handle('message', (request, response) => {
    const gateway = takers.gateways.gatewayOf(request);
    if (gateway !== undefined) {
      takeFromGateway(intake, takers, gateway, request, response);
      return;
    }
    const { fromTrunk } = takers;
    if (fromTrunk === null) {
      intake.refuseMethod(request, response);
      return;
    }
    intake.admit(request, response, (trunk) => {
      if (!intake.hasExtensions(request, response)) return;
      if (typeOf(request) !== 'text/plain') {
        response.send(415, { headers: { Accept: 'text/plain' } });
        return;
      }
      const text = request.body ?? '';
      if (text.length > MAX_CHARACTERS) {
        response.send(413, {});
        return;
      }
      const calling = userOf(request.get('From') ?? '');
      const agent = readAgent(request, trunk.agentFrom);
      const message = { trunk, calling, agent, dialled: userOf(request.uri), text, key: keyOf(request) };
      answer(response, fromTrunk(message));
    });
  });
}

function takeFromGateway(
  intake: RequestIntake,
  takers: MessageTakers,
  gateway: CallingGateway,
  request: SipRequest,
  response: ServerResponse,
): void {
  if (!intake.hasExtensions(request, response)) return;
  const contentType = typeOf(request);
  if (!ACCEPTED_TYPES.includes(contentType)) {
    response.send(415, { headers: { Accept: ACCEPTED_TYPES.join(', ') } });
    return;
  }
  const [only, ...others] = gateway.channels;
  // Of a gateway with one SIM it need not be said.
  const channelId = others.length === 0 ? only?.channelId : takers.gateways.channelOf(gateway, request);
  const message: GatewayMessage = {
    gateway: gateway.name,
    channelId: channelId ?? null,
    contentType,
    body: request.body ?? '',
    from: takers.gateways.callerOf(gateway, request),
    key: keyOf(request),
  };
  answer(response, takers.fromGateway(message));
}

function answer(response: ServerResponse, answering: Promise<MessageAnswer>): void {
  answering.then(
    ({ status, headers }) => response.send(status, { headers: { ...headers } }),
    () => response.send(500, {}),
  );
}

function typeOf(request: SipRequest): string {
  return (request.get('Content-Type') ?? 'text/plain').split(';')[0]?.trim().toLowerCase() ?? '';
}

function keyOf(request: SipRequest): string {
  return `${request.get('Call-ID') ?? ''}\n${cseqNumber(request)}`;
}

/** A MESSAGE of ours. */
export interface MessageToSend {
  readonly uri: string;
  readonly fromUser: string;
  /** Of the From URI: whom it speaks for. */
  readonly fromHost?: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly contentType: string;
  readonly body: string;
  readonly proxy: string | undefined;
  /** Whose credentials, where the peer asks. */
  readonly gateway: string | null;
  readonly channelId: string | null;
  /** The same when it is sent again: whoever gets it twice can tell. */
  readonly callId: string;
}

/** A final response; `isOwn`: made by the SIP server in place of one that never came. Null: it was not sent. */
export interface MessageResponse {
  readonly status: number;
  readonly reason: string;
  readonly isOwn: boolean;
}

export function sendSipMessage(
  { srf, log, accountOf }: RequestSender,
  { uri, fromUser, headers, contentType, body, proxy, gateway, channelId, callId }: MessageToSend,
): Promise<MessageResponse | null> {
  const account = gateway === null ? undefined : accountOf(gateway, channelId);
  const all = {
    ...headers,
    // The server writes its own address there.
    From: `<sip:${fromUser}@localhost>`,
    'Call-ID': callId,
    'Content-Type': contentType,
  };
  return new Promise((resolve) => {
    requestWithAccount({ srf, log, account }, uri, { method: 'MESSAGE', headers: all, body, proxy }, (response) =>
      resolve(response === null ? null : responseOf(response)),
    );
  });
}

function responseOf(response: SipResponse): MessageResponse {
  const { status, reason } = response;
  return { status, reason: reason ?? '', isOwn: !response.source_address };
}
