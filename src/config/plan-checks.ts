// Plans, SIMs and channels: one SIM in one channel, one currency for a cap, allowances for what a plan can call.
import { simIdOf } from './config.js';
import type { ConfigProblem } from './config-problem.js';
import { duplicates, type SoundParts } from './sound-parts.js';

export function findPlanProblems(parts: SoundParts): ConfigProblem[] {
  return [
    ...allowanceProblems(parts),
    ...spendCapProblems(parts),
    ...duplicateSims(parts),
    ...duplicateChannels(parts),
  ];
}

function allowanceProblems(parts: SoundParts): ConfigProblem[] {
  return parts.entries('plans').flatMap(({ path, value: { allowances = [], classes } }) => {
    const entries = allowances.map((value, index) => ({ path: [...path, 'allowances', index], value }));
    const uncovered = entries.flatMap(({ path: at, value }) => {
      const missing = value.classes.filter((numberClass) => classes?.includes(numberClass) === false);
      if (missing.length === 0) return [];
      return [{ path: [...at, 'classes'], message: `the plan cannot call ${missing.join(', ')} at all` }];
    });
    const twice = (id: string, first: string): string => `"${id}" is already the id of ${first}`;
    return [...duplicates(entries, (allowance) => allowance.id, 'id', twice), ...uncovered];
  });
}

function spendCapProblems(parts: SoundParts): ConfigProblem[] {
  const plans = parts.entries('plans').filter(({ value }) => value.currency !== undefined);
  return parts.entries('trunks').flatMap(({ path, value: { spendCap } }) => {
    if (spendCap === undefined || spendCap === false) return [];
    const other = plans.find(({ value }) => value.currency !== spendCap.currency)?.value;
    if (other === undefined) return [];
    const message = `is ${spendCap.currency}, but plan "${other.name}" costs ${other.currency}; a cap counts one currency`;
    return [{ path: [...path, 'spendCap', 'currency'], message }];
  });
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
