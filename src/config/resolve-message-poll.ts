// What gateways are asked for, from the config: a preset or questions of its own, and what each channel may be called in an answer.
import { fillTemplate } from '../routing/dial-template.js';
import { POLL_PRESETS } from './message-poll-presets.js';
import { asQuestion, type MessagePollKeys, type PollQuestionKeys } from './message-poll-schema.js';
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
  const numbers = new Map(sims.flatMap(({ iccid, number }) => [iccid, number].map((key) => [key, number])));
  const names = keys.portIs ?? preset?.portIs ?? [];
  const named = channels
    .filter((channel) => channel.gateway === gateway)
    .flatMap(({ port, line = String(port), sim }) => {
      const values = { port: String(port), line, sim: numbers.get(sim) ?? sim, number: '', e164: '' };
      return names.map((one): [string, string] => [fillTemplate(one, values), `${gateway}/${port}`]);
    });
  return {
    ...{ url, verifyServer, timeoutMs, maxBytes, timeZone },
    account: account === undefined ? null : { ...account, password: readSecret(account.password, env) ?? '' },
    intervalMs: intervalSeconds * 1_000,
    spanMs: spanHours * 3_600_000,
    questions: keys.ask ?? (preset?.ask ?? []).map(asQuestion),
    channels: new Map(named),
  };
}
