// What gateways call their channels in what they answer over HTTP, by templates.
import { fillTemplate } from '../routing/dial-template.js';
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import type { SoundParts } from './sound-parts.js';

interface NamedChannel {
  readonly channelId: string;
  readonly names: readonly string[];
}

interface ChannelKeys {
  readonly gateway: string;
  readonly port: number;
  readonly line?: string | undefined;
  readonly sim: string;
}

interface SimKeys {
  readonly iccid?: string | undefined;
  readonly number: string;
}

/** What each channel of a gateway may be called by these templates. */
export function namedChannels(
  gateway: string,
  templates: readonly string[],
  channels: readonly ChannelKeys[],
  sims: readonly SimKeys[],
): readonly NamedChannel[] {
  const numbers = new Map(sims.flatMap(({ iccid = '', number }) => [iccid, number].map((key) => [key, number])));
  return channels
    .filter((channel) => channel.gateway === gateway)
    .map(({ port, line = String(port), sim }) => {
      const values = { port: String(port), line, sim: numbers.get(sim) ?? sim, number: '', e164: '' };
      return { channelId: `${gateway}/${port}`, names: templates.map((template) => fillTemplate(template, values)) };
    });
}

/** Of two channels of one name an answer could mean either. */
export function sharedNames(
  parts: SoundParts,
  gateway: string | undefined,
  templates: readonly string[],
  path: ConfigPath,
): ConfigProblem[] {
  if (gateway === undefined) return [];
  const channels = parts.entries('channels').flatMap(({ value: { gateway: of, port, line, sim } }) => {
    return of === undefined || port === undefined || sim === undefined ? [] : [{ gateway: of, port, line, sim }];
  });
  const sims = parts.entries('sims').flatMap(({ value: { iccid, number } }) => {
    return number === undefined ? [] : [{ iccid, number }];
  });
  const owners = new Map<string, string>();
  for (const { channelId, names } of namedChannels(gateway, templates, channels, sims)) {
    for (const name of names) {
      const owner = owners.get(name) ?? channelId;
      owners.set(name, owner);
      if (owner === channelId) continue;
      return [{ path, message: `calls both ${owner} and ${channelId} "${name}": an answer could mean either` }];
    }
  }
  return [];
}
