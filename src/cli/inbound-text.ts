// What a config says of calls from mobiles, in words: where each trunk takes them, and what is hardly meant.
import { existsSync } from 'node:fs';
import type { Config, TrunkConfig } from '../config/config.js';

/** A row for each trunk that takes calls from mobiles. */
export function inboundRows({ trunks, gateways }: Config): readonly (readonly [string, string])[] {
  const calling = gateways.flatMap(({ name, inbound }) => (inbound === undefined ? [] : [name]));
  if (calling.length === 0) return [];
  const from = calling.join(', ');
  return trunks.flatMap((trunk) => {
    const places = placesOf(trunk);
    return places.length === 0 ? [] : [['mobiles', `${from} to ${trunk.name}: ${places.join(', then ')}`] as const];
  });
}

/** Calls that would come and go nowhere, or be taken from nobody. */
export function inboundWarnings({ trunks, gateways }: Config): readonly string[] {
  const isTaken = gateways.some(({ inbound }) => inbound !== undefined);
  const receiving = trunks.filter(({ inbound }) => inbound !== undefined);
  return [
    ...(isTaken && receiving.length === 0
      ? ['calls from mobiles are taken, but no trunk has inbound: they are refused with 480']
      : []),
    ...(!isTaken
      ? receiving.map(({ name }) => `trunk ${name} takes calls from mobiles, but no gateway has inbound`)
      : []),
    ...receiving.flatMap(({ name, inbound, agentFrom }) => [
      ...(inbound?.announcement && !existsSync(inbound.announcement)
        ? [`trunk ${name}: there is no file ${inbound.announcement}: its announcement is silence`]
        : []),
      ...(inbound?.address && inbound.agent !== false && agentFrom === 'none'
        ? [`trunk ${name} has no agents (agentFrom): calls from mobiles go to its default destination`]
        : []),
    ]),
  ];
}

function placesOf({ inbound }: TrunkConfig): readonly string[] {
  if (inbound === undefined) return [];
  const { address, agent, announcement, affinityHours } = inbound;
  const at = address === null ? '' : `${address.host}${address.port === undefined ? '' : `:${address.port}`}`;
  return [
    ...(at !== '' && agent !== false && affinityHours > 0 ? [`the agent of the last ${affinityHours} h at ${at}`] : []),
    ...(at !== '' && inbound.default !== false ? [`${inbound.default} at ${at}`] : []),
    ...(announcement === null ? [] : [`the announcement ${announcement}`]),
  ];
}
