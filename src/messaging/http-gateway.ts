// Sends messages to gateways over HTTP, by templates of their settings: one driver for every make. What its answer means is said
// by patterns. Digest or basic authentication, where the gateway asks for credentials.
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { answerChallenge } from '../digest/digest-client.js';
import type { MessageSender, SendOutcome, SendRequest } from '../messages/message-ports.js';
import { escapingOf, fillSmsTemplate, type SmsValues } from '../messages/sms-template.js';
import { exchange, type HttpOutcome, type HttpRequest } from './http-exchange.js';

export interface HttpGatewaySettings {
  readonly host: string;
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Templates. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly account: { readonly username: string; readonly password: string } | null;
  /** How the account is shown: when the gateway asks, at once, or only where the templates name it. */
  readonly auth: 'digest' | 'basic' | 'none';
  /** Of an answer 2xx that has no such text nothing was sent; null: the status says it. */
  readonly accepted: RegExp | null;
  /** Its first group is what the gateway calls the message. */
  readonly reference: RegExp | null;
  /** Answers after which another channel may do better; others are about the message. */
  readonly retryStatuses: readonly number[];
  readonly timeoutMs: number;
  readonly verifyServer: boolean;
}

export interface HttpChannel {
  readonly port: number;
  readonly line: string;
}

/** Somebody between gave up waiting for the gateway (RFC 9110 §15.6.5, §15.5.9). */
const NOBODY_KNOWS: readonly number[] = [408, 504];
const MAX_DETAIL_CHARACTERS = 200;

export class HttpGateway implements MessageSender {
  readonly #settings: HttpGatewaySettings;
  readonly #channelOf: (channelId: string) => HttpChannel | undefined;

  constructor(settings: HttpGatewaySettings, channelOf: (channelId: string) => HttpChannel | undefined) {
    this.#settings = settings;
    this.#channelOf = channelOf;
  }

  async send(message: SendRequest): Promise<SendOutcome> {
    const channel = this.#channelOf(message.channelId);
    if (channel === undefined) return { kind: 'unsent', detail: 'no such channel' };
    const request = this.#requestFor(this.#valuesOf(message, channel));
    const outcome = await this.#exchange(request);
    return outcome.kind === 'answered' ? this.#read(outcome) : outcome;
  }

  #valuesOf(
    { messageId, callee, simNumber, text, load, encoding, pictures }: SendRequest,
    channel: HttpChannel,
  ): SmsValues {
    const { host, account } = this.#settings;
    return {
      ...{ port: String(channel.port), line: channel.line, number: callee.national, e164: callee.e164, sim: simNumber },
      ...{
        text,
        id: messageId,
        shortId: shortId(messageId),
        kind: load.kind,
        parts: String(load.count),
        encoding,
        host: hostInUrl(host),
      },
      ...{ username: account?.username ?? '', password: account?.password ?? '', pictures: JSON.stringify(pictures) },
    };
  }

  #requestFor(values: SmsValues): HttpRequest {
    const { method, url, headers, body, timeoutMs, verifyServer, auth, account } = this.#settings;
    const filled: Record<string, string> = {};
    for (const [name, value] of Object.entries(headers))
      filled[name.toLowerCase()] = fillSmsTemplate(value, values, 'none');
    if (auth === 'basic' && account !== null) filled.authorization = basic(account);
    const escaping = escapingOf(filled['content-type'] ?? '');
    return {
      method,
      url: fillSmsTemplate(url, values, 'url'),
      headers: filled,
      body: body === null ? null : fillSmsTemplate(body, values, escaping),
      timeoutMs,
      verifyServer,
    };
  }

  /** With digest, once more with what the gateway asks for: a request that was challenged was not carried out. */
  async #exchange(request: HttpRequest): Promise<HttpOutcome> {
    const outcome = await exchange(request);
    const { auth, account } = this.#settings;
    if (outcome.kind !== 'answered' || outcome.status !== 401 || auth !== 'digest' || account === null) return outcome;
    const challenge = outcome.headers['www-authenticate'];
    if (challenge === undefined) return outcome;
    const { pathname, search } = new URL(request.url);
    const signed = { method: request.method, uri: `${pathname}${search}`, body: request.body ?? '' };
    const answer = answerChallenge(Array.isArray(challenge) ? challenge.join(', ') : challenge, signed, account);
    if (answer === null) return outcome;
    return exchange({ ...request, headers: { ...request.headers, authorization: answer.credentials } });
  }

  #read({ status, body }: Extract<HttpOutcome, { kind: 'answered' }>): SendOutcome {
    const { accepted, reference, retryStatuses } = this.#settings;
    const detail = body.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_DETAIL_CHARACTERS);
    const isOk = status >= 200 && status < 300;
    if (isOk && (accepted === null || accepted.test(body))) {
      return { kind: 'sent', status, reference: reference?.exec(body)?.[1] ?? null };
    }
    if (NOBODY_KNOWS.includes(status)) return { kind: 'silent', detail: `HTTP ${status}` };
    const means = isOk || retryStatuses.includes(status) ? 'channel' : status === 401 ? 'gateway' : 'message';
    return { kind: 'refused', means, status, detail };
  }
}

/** Of gateways that know messages by a number: 31 bits of the message's id. */
export function shortId(messageId: string): string {
  return String(createHash('sha256').update(messageId).digest().readUInt32BE() >>> 1);
}

function basic({ username, password }: { readonly username: string; readonly password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

function hostInUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
