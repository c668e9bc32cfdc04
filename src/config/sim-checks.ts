// SIMs and channels: a card or number once, and one SIM in one channel.
import { simIdOf } from './config.js';
import type { ConfigProblem } from './config-problem.js';
import { duplicates, type SoundParts } from './sound-parts.js';

export function findSimProblems(parts: SoundParts): ConfigProblem[] {
  return [...duplicateSims(parts), ...duplicateChannels(parts)];
}

function duplicateSims(parts: SoundParts): ConfigProblem[] {
  const sims = parts.entries('sims');
  const twice = (what: string) => (value: string, first: string) => `${what} ${value} is already that of ${first}`;
  return [
    ...duplicates(sims, (sim) => sim.iccid, 'iccid', twice('ICCID')),
    ...duplicates(sims, (sim) => sim.number, 'number', twice('number')),
  ];
}

function duplicateChannels(parts: SoundParts): ConfigProblem[] {
  const channels = parts.entries('channels');
  const simIds = new Map(
    parts.entries('sims').flatMap(({ value: { iccid, number } }): (readonly [string, string])[] => {
      if (number === undefined) return iccid === undefined ? [] : [[iccid, iccid]];
      const simId = simIdOf({ iccid, number });
      return [iccid ?? number, number].map((key) => [key, simId] as const);
    }),
  );
  return [
    ...duplicates(
      channels,
      ({ gateway, port }) => (gateway === undefined || port === undefined ? undefined : `${gateway}/${port}`),
      'port',
      (channelId, first) => `channel ${channelId} is already described at ${first}`,
    ),
    ...duplicates(
      channels,
      ({ sim }) => (sim === undefined ? undefined : (simIds.get(sim) ?? sim)),
      'sim',
      (simId, first) => `SIM ${simId} is already in the channel at ${first}; one SIM can be in one channel only`,
    ),
  ];
}
