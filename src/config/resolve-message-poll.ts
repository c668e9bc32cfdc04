// What gateways are asked for, from the config: a preset or questions of its own, and what each channel may be called in an answer.

import { POLL_PRESETS } from './message-poll-presets.js';
import { asQuestion, type MessagePollKeys, type PollQuestionKeys } from './message-poll-schema.js';
import { namedChannels } from './named-channels.js';
import { type Environment, readSecret } from './read-secret.js';
import type { ConfigFile } from './schema.js';

export interface MessagePollConfig {
  readonly url: string;
  readonly account: { readonly username: string; readonly password: string } | null;
  readonly verifyServer: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Of the gateway's clock. */
  readonly timeZone: string;
  /** How far back {since} is. */
  readonly spanMs: number;
  readonly questions: readonly PollQuestionKeys[];
  /** By what its answers call them. */
  readonly channels: ReadonlyMap<string, string>;
}

export function resolveMessagePoll(
  keys: MessagePollKeys,
  gateway: string,
  { channels, sims }: ConfigFile,
  env: Environment,
): MessagePollConfig {
  const { url, account, verifyServer, intervalSeconds, timeoutMs, maxBytes, timeZone, spanHours } = keys;
  const preset = keys.preset === undefined ? undefined : POLL_PRESETS[keys.preset];
  const named = namedChannels(gateway, keys.portIs ?? preset?.portIs ?? [], channels, sims);
  return {
    ...{ url, verifyServer, timeoutMs, maxBytes, timeZone },
    account: account === undefined ? null : { ...account, password: readSecret(account.password, env) ?? '' },
    intervalMs: intervalSeconds * 1_000,
    spanMs: spanHours * 3_600_000,
    questions: keys.ask ?? (preset?.ask ?? []).map(asQuestion),
    channels: new Map(named.flatMap(({ channelId, names }) => names.map((name) => [name, channelId]))),
  };
}
