// The routing section against the parts that it names, and weights that do not cancel out.
import { normaliseCallee } from '../numbers/normalise-callee.js';
import { PRESETS, weightsOf } from '../routing/weights.js';
import type { ConfigProblem } from './config-problem.js';
import { nearestName } from './nearest-name.js';
import { routingSchema } from './routing-schema.js';
import type { SoundParts } from './sound-parts.js';

export function findRoutingProblems(parts: SoundParts): ConfigProblem[] {
  const routing = routingSchema.safeParse(parts.rawAt('routing') ?? {});
  return [
    ...unknownGroups(parts, routing.data?.agents ?? []),
    ...unknownTrunks(parts, routing.data?.agents ?? []),
    ...(routing.success ? [...weightProblems(routing.data), ...probeProblems(parts, routing.data)] : []),
  ];
}

type Routing = ReturnType<typeof routingSchema.parse>;

function unknownGroups(parts: SoundParts, agents: Routing['agents']): ConfigProblem[] {
  const groups = new Set(parts.entries('channels').flatMap(({ value }) => value.groups ?? []));
  return agents.flatMap(({ channelGroups }, agent) =>
    channelGroups.flatMap((group, index) => {
      if (groups.has(group)) return [];
      const guess = nearestName(group, [...groups]);
      const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
      const path = ['routing', 'agents', agent, 'channelGroups', index];
      return [{ path, message: `no channel is in the group "${group}"${hint}` }];
    }),
  );
}

function unknownTrunks(parts: SoundParts, agents: Routing['agents']): ConfigProblem[] {
  const trunks = new Set(parts.texts('trunks', 'name').map(({ value }) => value));
  return agents.flatMap(({ agent }, index) => {
    const trunk = agent.slice(0, agent.indexOf('/'));
    if (trunks.has(trunk)) return [];
    const message = `"${agent}" is an agent of no trunk: there is no "${trunk}"`;
    return [{ path: ['routing', 'agents', index, 'agent'], message }];
  });
}

/** Who is called by nobody must want to be, and must be no emergency service. */
function probeProblems(parts: SoundParts, { streaks: { probe } }: Routing): ConfigProblem[] {
  if (probe === false) return [];
  const path = ['routing', 'streaks', 'probe'];
  const trunk = parts.entries('trunks').find(({ value }) => value.name === probe.trunk)?.value;
  if (trunk === undefined) return [{ path: [...path, 'trunk'], message: `there is no trunk "${probe.trunk}"` }];
  const { country = 'KR', dialling = { outsidePrefixes: [], internationalPrefixes: [] }, classes } = trunk;
  const read = normaliseCallee(probe.number, { country, ...dialling });
  if (!read.ok) return [{ path: [...path, 'number'], message: 'is no telephone number to its trunk' }];
  const { numberClass } = read;
  if (numberClass === 'emergency') {
    return [{ path: [...path, 'number'], message: 'is an emergency number; must be a telephone of your own' }];
  }
  if (classes === undefined || classes.includes(numberClass)) return [];
  return [{ path: [...path, 'number'], message: `is ${numberClass}, which trunk "${probe.trunk}" may not call` }];
}

function weightProblems({ preset, weights }: Routing): ConfigProblem[] {
  const { evenness, fillFirst } = weightsOf(preset, weights);
  if (evenness === 0 || fillFirst === 0) return [];
  const own = PRESETS[preset].evenness > 0 ? 'evenness' : 'fillFirst';
  const message = `evenness and fillFirst undo each other: set ${own}, which the preset has, to 0, or leave the other out`;
  return [{ path: ['routing', 'weights'], message }];
}
