// Policy against the parts that it names: hours that are some, channel groups that have a channel, agents of a trunk that has any.
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { nearestName } from './nearest-name.js';
import { duplicates, type Entry, type SoundParts } from './sound-parts.js';

export function findPolicyProblems(parts: SoundParts): ConfigProblem[] {
  return [...hoursProblems(parts), ...zoneProblems(parts), ...groupProblems(parts), ...agentProblems(parts)];
}

/** Every list of calling hours: that for all, and those of trunks. */
function hoursProblems(parts: SoundParts): ConfigProblem[] {
  const places: ConfigPath[] = [
    ['policy', 'callingHours'],
    ...parts.entries('trunks').map(({ path }): ConfigPath => [...path, 'policy', 'callingHours']),
  ];
  return places.flatMap((place) => {
    const hours = parts.rawAt(...place);
    if (!Array.isArray(hours)) return [];
    return hours.flatMap((_, index) => {
      const from = parts.rawAt(...place, index, 'from');
      const to = parts.rawAt(...place, index, 'to');
      if (typeof from !== 'string' || (from !== to && from !== '24:00')) return [];
      const message =
        from === to ? 'is the same as from; a whole day is from "00:00" to "24:00"' : 'must begin before "24:00"';
      return [{ path: [...place, index, from === to ? 'to' : 'from'], message }];
    });
  });
}

function zoneProblems(parts: SoundParts): ConfigProblem[] {
  const zones = parts.rawAt('policy', 'calleeZones');
  if (!Array.isArray(zones)) return [];
  return duplicates(
    zones.map((_, index) => ({
      path: ['policy', 'calleeZones', index],
      value: parts.rawAt('policy', 'calleeZones', index, 'prefix'),
    })),
    (prefix) => (typeof prefix === 'string' ? prefix : undefined),
    'prefix',
    (prefix, first) => `"${prefix}" is already the prefix of ${first}`,
  );
}

function groupProblems(parts: SoundParts): ConfigProblem[] {
  const known = new Set(parts.entries('channels').flatMap(({ value }) => value.groups ?? []));
  return parts.entries('trunks').flatMap(({ path, value: { channelGroups = [] } }) =>
    channelGroups.flatMap((group, index) => {
      if (known.has(group)) return [];
      return [
        { path: [...path, 'channelGroups', index], message: `no channel is in the group ${unknown(group, known)}` },
      ];
    }),
  );
}

function agentProblems(parts: SoundParts): ConfigProblem[] {
  const trunks = new Map(parts.entries('trunks').map(({ value }) => [value.name, value]));
  const named = parts
    .entries('channels')
    .flatMap(({ path, value: { agents = [] } }) =>
      agents.map((value, index): Entry<string> => ({ path: [...path, 'agents', index], value })),
    );
  return named.flatMap(({ path, value }) => {
    const name = value.slice(0, value.indexOf('/'));
    const trunk = trunks.get(name);
    const trunkNames = new Set([...trunks.keys()].filter((known) => known !== undefined));
    if (trunk === undefined) return [{ path, message: `no such trunk: ${unknown(name, trunkNames)}` }];
    if (trunk.agentFrom !== 'none') return [];
    return [{ path, message: `trunk "${name}" has no agents; set its agentFrom` }];
  });
}

function unknown(name: string, known: ReadonlySet<string>): string {
  const guess = nearestName(name, [...known]);
  return `"${name}"${guess === undefined ? '' : `; did you mean "${guess}"?`}`;
}
