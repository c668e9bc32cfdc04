// Text messages of the config as their parts receive them: gateways that send them, what trunks are told, who may use the API.
import type { TextLimits } from '../messages/message-text.js';
import type { ToldFields } from '../messages/told-messages.js';
import { PUSH_PRESETS, type PushPreset, SMS_PRESETS, type SmsPreset } from './message-presets.js';
import { type Environment, readSecret } from './read-secret.js';
import { type MessagePollConfig, resolveMessagePoll } from './resolve-message-poll.js';
import type { ConfigFile } from './schema.js';

type GatewayMessagesFile = NonNullable<ConfigFile['gateways'][number]['messages']>;

export interface SmsHttpConfig {
  readonly method: 'GET' | 'POST' | 'PUT';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly auth: 'none' | 'basic' | 'digest';
  readonly account: { readonly username: string; readonly password: string } | null;
  readonly accepted: RegExp | null;
  readonly reference: RegExp | null;
  readonly retryStatuses: readonly number[];
  readonly timeoutMs: number;
  readonly verifyServer: boolean;
}

export interface GatewayMessagesConfig {
  readonly gateway: string;
  readonly limits: TextLimits;
  readonly gapMs: number;
  readonly onSilence: 'stop' | 'next';
  /** How it is told; `none`: it only receives. */
  readonly via: 'sip' | 'http' | 'none';
  /** Template of the request-URI's user, where it is not that of calls. */
  readonly dial: string | undefined;
  readonly http: SmsHttpConfig | null;
  readonly inbound: GatewayMessagesFile['inbound'];
  readonly push: ToldFields;
  /** Null: it is not asked. */
  readonly poll: MessagePollConfig | null;
}

export interface TrunkMessagesConfig {
  readonly trunk: string;
  readonly take: boolean;
  readonly maxPerSecond: number | null;
  readonly to: string | null;
  readonly user: string;
  readonly reports: 'text' | 'imdn' | 'none';
  readonly webhook: { readonly url: string; readonly secret: string | null; readonly timeoutMs: number } | null;
}

export interface MessagesConfig extends Omit<ConfigFile['messages'], 'defaultTrunk'> {
  readonly gateways: readonly GatewayMessagesConfig[];
  /** One for each trunk. */
  readonly trunks: readonly TrunkMessagesConfig[];
  readonly defaultTrunk: string | null;
}

export interface ApiTokenConfig {
  readonly name: string;
  readonly secret: string;
  /** For a trunk's messages, or for what a gateway tells. */
  readonly trunk: string | null;
  readonly gateway: string | null;
  readonly account: string | null;
  readonly isOperator: boolean;
}

export interface ApiConfig {
  readonly address: string;
  readonly port: number;
  readonly maxBodyBytes: number;
  readonly tokens: readonly ApiTokenConfig[];
}

/** RFC 6585 §4, RFC 9110 §15.6: it is not able to now. */
const RETRY_STATUSES: readonly number[] = [429, 500, 502, 503];

export function resolveMessages(parsed: ConfigFile, env: Environment): MessagesConfig {
  const { messages, gateways, trunks } = parsed;
  return {
    ...messages,
    defaultTrunk: messages.defaultTrunk ?? null,
    gateways: gateways.flatMap(({ name, messages: its }) =>
      its === undefined ? [] : [gatewayMessages(name, its, parsed, env)],
    ),
    trunks: trunks.map((trunk) => trunkMessages(trunk, env)),
  };
}

export function resolveApi({ api }: ConfigFile, env: Environment): ApiConfig | null {
  if (api === undefined) return null;
  const { address, port, maxBodyBytes, tokens } = api;
  return {
    ...{ address, port, maxBodyBytes },
    tokens: tokens.map(({ name, secret, trunk = null, gateway = null, account = null, operator = false }) => ({
      ...{ name, trunk, gateway, account, isOperator: operator },
      secret: readSecret(secret, env) ?? '',
    })),
  };
}

function gatewayMessages(
  gateway: string,
  its: GatewayMessagesFile,
  parsed: ConfigFile,
  env: Environment,
): GatewayMessagesConfig {
  const { alphabet, smsParts, smsBytes, lmsBytes, mms: hasMms, gapMs, onSilence, via, dial, http, inbound } = its;
  return {
    ...{ gateway, limits: { alphabet, smsParts, smsBytes, lmsBytes, hasMms }, gapMs, onSilence, via, dial, inbound },
    http: via === 'http' && http !== undefined ? smsHttp(http, env) : null,
    push: pushOf(its.push),
    poll: its.poll === undefined ? null : resolveMessagePoll(its.poll, gateway, parsed, env),
  };
}

function pushOf(push: GatewayMessagesFile['push']): ToldFields {
  const preset: PushPreset = PUSH_PRESETS[push?.preset ?? 'json'];
  const message = { list: null, channel: null, id: null, time: null, ...preset.message, ...given(push?.message) };
  const { delivered, undelivered, ...report } = { ...preset.report, ...given(push?.report) };
  return {
    message,
    report: {
      ...{ list: null, id: null, reference: null, number: null, channel: null, time: null, ...report },
      delivered: new RegExp(delivered),
      undelivered: new RegExp(undelivered),
    },
  };
}

/** Keys that have a value. */
function given(keys: Readonly<Record<string, string | undefined>> = {}): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(keys).flatMap(([name, value]): [string, string][] => (value === undefined ? [] : [[name, value]])),
  );
}

function smsHttp(http: NonNullable<GatewayMessagesFile['http']>, env: Environment): SmsHttpConfig {
  const given: Partial<SmsPreset> = http.preset === undefined ? {} : SMS_PRESETS[http.preset];
  const { account } = http;
  const accepted = http.accepted ?? given.accepted;
  const reference = http.reference ?? given.reference;
  return {
    method: http.method ?? given.method ?? 'POST',
    url: http.url ?? given.url ?? '',
    headers: { ...given.headers, ...http.headers },
    body: http.body ?? given.body ?? null,
    auth: http.auth ?? given.auth ?? 'none',
    account: account === undefined ? null : { ...account, password: readSecret(account.password, env) ?? '' },
    accepted: accepted === undefined ? null : new RegExp(accepted),
    reference: reference === undefined ? null : new RegExp(reference),
    retryStatuses: http.retryStatuses ?? RETRY_STATUSES,
    timeoutMs: http.timeoutMs,
    verifyServer: http.verifyServer,
  };
}

function trunkMessages(
  { name: trunk, messages: its, inbound }: ConfigFile['trunks'][number],
  env: Environment,
): TrunkMessagesConfig {
  if (its === undefined) {
    return { trunk, take: true, maxPerSecond: null, to: null, user: 'messages', reports: 'text', webhook: null };
  }
  const { take, maxPerSecond = null, user, reports, webhook } = its;
  // Where it takes calls from mobiles, unless it says another place.
  const to = its.to ?? (inbound?.address && `sip:{user}@${inbound.address};transport=${inbound.transport}`) ?? null;
  return {
    ...{ trunk, take, maxPerSecond, to, user, reports },
    webhook: webhook === undefined ? null : { ...webhook, secret: secretOf(webhook.secret, env) },
  };
}

function secretOf(secret: Parameters<typeof readSecret>[0] | undefined, env: Environment): string | null {
  return secret === undefined ? null : (readSecret(secret, env) ?? '');
}
