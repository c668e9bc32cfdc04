// Networks among each other: addresses that can be listened on and advertised, media ports, listeners.
import { isIP } from 'node:net';
import type { ConfigProblem } from './config-problem.js';
import { duplicates, type Entry, type SoundElement, type SoundParts } from './sound-parts.js';

type Networks = readonly Entry<SoundElement<'networks'>>[];

export function findNetworkProblems(parts: SoundParts): ConfigProblem[] {
  const networks = parts.entries('networks');
  return [
    ...networks.flatMap(addressProblems),
    ...networks.flatMap(mediaPortProblems),
    ...overlappingMediaPorts(networks),
    ...duplicateListeners(networks),
  ];
}

/** True for the address that stands for every address of its family. */
export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || /^[0:]+$/.test(address);
}

function addressProblems({ path, value }: Entry<SoundElement<'networks'>>): ConfigProblem[] {
  const { bind, advertise } = value;
  const problems: ConfigProblem[] = [];
  if (bind !== undefined && isWildcard(bind) && advertise === undefined) {
    problems.push({ path: [...path, 'bind'], message: `is ${bind}; advertise must then be given` });
  }
  if (advertise !== undefined && isWildcard(advertise)) {
    problems.push({ path: [...path, 'advertise'], message: 'must be an address that peers can send to' });
  } else if (bind !== undefined && advertise !== undefined && isIP(bind) !== isIP(advertise)) {
    const message = `is IPv${isIP(advertise)}, but bind is ${bind}; must be IPv${isIP(bind)} (one network for each)`;
    problems.push({ path: [...path, 'advertise'], message });
  }
  return problems;
}

function mediaPortProblems({ path, value: { mediaPorts } }: Entry<SoundElement<'networks'>>): ConfigProblem[] {
  if (mediaPorts === undefined) return [];
  const { from, to } = mediaPorts;
  const problems: ConfigProblem[] = [];
  if (from >= to) {
    problems.push({ path: [...path, 'mediaPorts'], message: `from (${from}) must be less than to (${to})` });
  }
  // RFC 3550 §11: RTP takes an even port and RTCP the odd one after it.
  if (from % 2 !== 0) problems.push({ path: [...path, 'mediaPorts', 'from'], message: `is ${from}; must be even` });
  if (to % 2 !== 1) problems.push({ path: [...path, 'mediaPorts', 'to'], message: `is ${to}; must be odd` });
  return problems;
}

function overlappingMediaPorts(networks: Networks): ConfigProblem[] {
  return networks.flatMap(({ path, value }, index) => {
    const overlap = networks.slice(0, index).find(({ value: earlier }) => overlaps(earlier, value));
    if (overlap?.value.mediaPorts === undefined) return [];
    const { from, to } = overlap.value.mediaPorts;
    const message = `overlaps ${from} to ${to} of network "${overlap.value.name}" on the same address`;
    return [{ path: [...path, 'mediaPorts'], message }];
  });
}

function overlaps(a: SoundElement<'networks'>, b: SoundElement<'networks'>): boolean {
  if (a.bind === undefined || b.bind === undefined || a.mediaPorts === undefined || b.mediaPorts === undefined) {
    return false;
  }
  return sharesAddress(a.bind, b.bind) && a.mediaPorts.from <= b.mediaPorts.to && b.mediaPorts.from <= a.mediaPorts.to;
}

function sharesAddress(a: string, b: string): boolean {
  return a === b || (isIP(a) === isIP(b) && (isWildcard(a) || isWildcard(b)));
}

function duplicateListeners(networks: Networks): ConfigProblem[] {
  const listeners = networks.flatMap(({ path, value: { bind, sip = [] } }) =>
    bind === undefined
      ? []
      : sip.map((listener, index) => ({ path: [...path, 'sip', index], value: { ...listener, bind } })),
  );
  return duplicates(
    listeners.filter(({ value }) => value.port !== 0),
    // TLS listens on TCP's ports.
    ({ transport, bind, port }) => `${transport === 'udp' ? 'udp' : 'tcp'} ${bind} port ${port}`,
    'port',
    (key, first) => `${key} is already taken by ${first}`,
  );
}
