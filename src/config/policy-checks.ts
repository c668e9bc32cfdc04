// Policy against the parts that it names: hours that are some, channel groups that have a channel, agents of a trunk that has any.
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { nearestName } from './nearest-name.js';
import { type Environment, readSecret } from './read-secret.js';
import { duplicates, type Entry, type SoundParts } from './sound-parts.js';

export function findPolicyProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  return [
    ...hoursProblems(parts),
    ...zoneProblems(parts),
    ...listProblems(parts, env),
    ...listNameProblems(parts),
    ...groupProblems(parts),
    ...agentProblems(parts),
  ];
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

/** Each list has a name of its own and comes from one place. */
function listProblems(parts: SoundParts, env: Environment): ConfigProblem[] {
  const entries = listEntries(parts);
  const twice = duplicates(
    entries.map(({ path }) => ({ path, value: parts.rawAt(...path, 'name') })),
    (name) => (typeof name === 'string' ? name : undefined),
    'name',
    (name, first) => `"${name}" is already the name of ${first}`,
  );
  return [
    ...twice,
    ...entries.flatMap(({ path, value }): ConfigProblem[] => {
      const hasFile = value.file !== undefined;
      const hasUrl = value.url !== undefined;
      const problems: ConfigProblem[] = [];
      if (hasFile === hasUrl) problems.push({ path, message: 'must have either file or url' });
      if (!hasUrl && value.authorization !== undefined) {
        problems.push({ path: [...path, 'authorization'], message: 'is for a list with a url' });
      }
      const variable = parts.rawAt(...path, 'authorization', 'env');
      if (typeof variable === 'string' && variable !== '' && readSecret({ env: variable }, env) === undefined) {
        const message = `environment variable ${variable} is not set; set it to the Authorization header of the list`;
        problems.push({ path: [...path, 'authorization'], message });
      }
      return problems;
    }),
  ];
}

function listNameProblems(parts: SoundParts): ConfigProblem[] {
  const known = new Set(listEntries(parts).map(({ path }) => String(parts.rawAt(...path, 'name'))));
  return parts.entries('trunks').flatMap(({ path, value }) =>
    (value.policy?.doNotCall ?? []).flatMap((name, index) => {
      if (known.has(name)) return [];
      const message = `no such list in policy.doNotCall: ${unknown(name, known)}`;
      return [{ path: [...path, 'policy', 'doNotCall', index], message }];
    }),
  );
}

function listEntries(parts: SoundParts): readonly Entry<Readonly<Record<string, unknown>>>[] {
  const lists = parts.rawAt('policy', 'doNotCall');
  if (!Array.isArray(lists)) return [];
  return lists.flatMap((value: unknown, index) => {
    const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isGroup ? [{ path: ['policy', 'doNotCall', index], value: value as Record<string, unknown> }] : [];
  });
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
