// Calls from mobiles, across the parts of a file: the trunk that each gateway's go to, and whether a trunk can be called.
import { isIP } from 'node:net';
import { parseHostPort } from '../lib/host-port.js';
import { parseIpRange } from '../lib/ip-range.js';
import type { ConfigProblem } from './config-problem.js';
import type { Entry, SoundElement, SoundParts } from './sound-parts.js';

export function findInboundProblems(parts: SoundParts): ConfigProblem[] {
  const trunks = parts.entries('trunks');
  const receiving = trunks.flatMap(({ value: { name, inbound } }) => (inbound === undefined ? [] : [name]));
  return [
    ...parts.entries('gateways').flatMap((gateway) => trunkProblems(gateway, trunks, receiving)),
    ...trunks.flatMap((trunk) => addressProblems(trunk, parts)),
  ];
}

function trunkProblems(
  { path, value: { inbound } }: Entry<SoundElement<'gateways'>>,
  trunks: readonly Entry<SoundElement<'trunks'>>[],
  receiving: readonly (string | undefined)[],
): ConfigProblem[] {
  if (inbound === undefined) return [];
  const { trunk } = inbound;
  const at = [...path, 'inbound', 'trunk'];
  if (trunk === undefined) {
    if (receiving.length < 2) return [];
    const message = `is missing: ${receiving.join(' and ')} both take calls from mobiles; must name the one that takes those of nobody's callee`;
    return [{ path: at, message }];
  }
  if (trunks.some(({ value: { name } }) => name === trunk)) return [];
  return [{ path: at, message: `no such entry in trunks: "${trunk}"` }];
}

function addressProblems(
  { path, value: { inbound, network: networkName } }: Entry<SoundElement<'trunks'>>,
  parts: SoundParts,
): ConfigProblem[] {
  if (inbound === undefined) return [];
  const { address, announcement, transport, connection } = inbound;
  const at = [...path, 'inbound'];
  const network = parts.entries('networks').find(({ value: { name } }) => name === networkName)?.value;
  const problems: ConfigProblem[] = [];
  if (connection === true && network?.sip?.every((listener) => listener.transport === 'udp')) {
    const message = `is of TCP or TLS, but network "${network.name}" has no such listener`;
    problems.push({ path: [...at, 'connection'], message });
  }
  if (address === undefined) {
    if (announcement !== undefined || connection === true) return problems;
    const message = 'must have an address where the PBX is called, an announcement, or both';
    return [{ path: at, message }];
  }
  if (network?.sip?.every((listener) => listener.transport !== transport)) {
    const message = `is ${transport}, but network "${network.name}" has no ${transport} listener`;
    problems.push({ path: [...at, 'transport'], message });
  }
  const range = parseIpRange(parseHostPort(address)?.host ?? '');
  if (range !== undefined && network?.bind !== undefined && range.family !== isIP(network.bind)) {
    const message = `is IPv${range.family}, but network "${network.name}" is bound to ${network.bind}`;
    problems.push({ path: [...at, 'address'], message });
  }
  return problems;
}
