// Where the state of each gateway's SIMs comes from, as the parts that ask and listen need it.
import { namedChannels } from './named-channels.js';
import { type Environment, readSecret } from './read-secret.js';
import { minuteOf } from './scalars.js';
import type { ConfigFile } from './schema.js';
import { SIM_COUNTER_PRESETS, SIM_STATUS_PRESETS } from './sim-status-presets.js';
import type { CounterTemplate, SimStatusKeys, SimStatusTemplate } from './sim-status-schema.js';

interface ToldChannel {
  readonly channelId: string;
  /** What it may be called there: the port's names in an answer, or the one id of a line. */
  readonly names: readonly string[];
}

interface Told {
  readonly gateway: string;
  readonly network: string;
  readonly channels: readonly ToldChannel[];
  readonly maxAgeMs: number;
  /** Null: no signal is too weak. */
  readonly weakSignalBelow: number | null;
}

export interface PolledSimStatus extends Told {
  readonly kind: 'http';
  readonly url: string;
  readonly template: SimStatusTemplate;
  readonly verifyServer: boolean;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** Null: what it counts is not compared with the ledger. */
  readonly counter: CounterConfig | null;
}

export interface CounterConfig {
  readonly template: CounterTemplate;
  readonly channels: readonly ToldChannel[];
  readonly atMinute: number;
  readonly timeZone: string;
  readonly bothDirections: boolean;
  readonly callsMayDiffer: number;
  readonly secondsMayDifferPerCall: number;
}

export interface HeardSimStatus extends Told {
  readonly kind: 'goip';
  readonly port: number;
}

/** Without passwords: those are among the credentials. */
export type SimStatusConfig = PolledSimStatus | HeardSimStatus;

export function resolveSimStatus({ gateways, channels, sims }: ConfigFile): readonly SimStatusConfig[] {
  return gateways.flatMap(({ name, network, simStatus: keys }): SimStatusConfig[] => {
    if (keys === false) return [];
    const named = (templates: readonly string[]) => namedChannels(name, templates, channels, sims);
    const told = {
      gateway: name,
      network,
      channels: named(namesOf(keys)),
      maxAgeMs: keys.maxAgeSeconds * 1_000,
      weakSignalBelow: keys.weakSignalBelow === false ? null : keys.weakSignalBelow,
    };
    if (keys.kind === 'goip') return [{ ...told, kind: 'goip', port: keys.port }];
    const { url, verifyServer, intervalSeconds, timeoutMs, maxBytes } = keys;
    const template = templateOf(keys);
    if (template === undefined) return [];
    const counter = counterOf(keys, named);
    const intervalMs = intervalSeconds * 1_000;
    return [{ ...told, kind: 'http', url, template, verifyServer, intervalMs, timeoutMs, maxBytes, counter }];
  });
}

function counterOf(
  { preset, counter }: Extract<SimStatusKeys, { kind: 'http' }>,
  named: (names: readonly string[]) => readonly ToldChannel[],
): CounterConfig | null {
  if (counter === false) return null;
  const { at, timeZone, directions, callsMayDiffer, secondsMayDifferPerCall } = counter;
  const template = counter.template ?? (preset === undefined ? undefined : SIM_COUNTER_PRESETS[preset]);
  if (template === undefined) return null;
  return {
    ...{ template, timeZone, callsMayDiffer, secondsMayDifferPerCall },
    channels: named(template.portIs ?? ['{port}']),
    atMinute: minuteOf(at),
    bothDirections: directions === 'both',
  };
}

function templateOf({ preset, template }: Extract<SimStatusKeys, { kind: 'http' }>): SimStatusTemplate | undefined {
  return template ?? (preset === undefined ? undefined : SIM_STATUS_PRESETS[preset]);
}

function namesOf(keys: SimStatusKeys): readonly string[] {
  return keys.kind === 'goip' ? [keys.id] : (templateOf(keys)?.portIs ?? ['{port}']);
}

/** By gateway; of GoIP lines, which have a password alone, without a name. */
export function simStatusAccounts(
  { gateways }: Pick<ConfigFile, 'gateways'>,
  env: Environment,
): ReadonlyMap<string, { readonly username: string; readonly password: string }> {
  return new Map(
    gateways.flatMap(({ name, simStatus: keys }): [string, { username: string; password: string }][] => {
      if (keys === false) return [];
      const account = keys.kind === 'goip' ? { username: '', password: keys.password } : keys.account;
      if (account === undefined) return [];
      return [[name, { username: account.username, password: readSecret(account.password, env) ?? '' }]];
    }),
  );
}

/** A path with the account in it, and the span that is asked for; each as a URL has it. */
export function pathFor(
  template: string,
  account: { readonly username: string; readonly password: string } | undefined,
  span: { readonly from: string; readonly to: string } = { from: '', to: '' },
): string {
  const values: Readonly<Record<string, string>> = {
    ...span,
    username: account?.username ?? '',
    password: account?.password ?? '',
  };
  return template.replaceAll(/\{(username|password|from|to)\}/g, (_whole, name: string) =>
    encodeURIComponent(values[name] ?? ''),
  );
}

/** A body with the span that is asked for, as JSON has it. */
export function bodyFor(template: string, span: { readonly from: string; readonly to: string }): string {
  return template.replaceAll('{from}', span.from).replaceAll('{to}', span.to);
}
