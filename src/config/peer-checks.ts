// Trunks and gateways against the networks that they are in, and against each other: what could never carry a call.
import { isIP } from 'node:net';
import { parseHostPort } from '../lib/host-port.js';
import { type IpRange, ipRangeContains, ipRangeCovers, parseIpRange } from '../lib/ip-range.js';
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { isWildcard } from './network-checks.js';
import { duplicates, type Entry, type SoundElement, type SoundParts } from './sound-parts.js';

type Network = SoundElement<'networks'>;

interface Source {
  readonly text: string;
  readonly trunk: string | undefined;
  readonly network: string | undefined;
}

export function findPeerProblems(parts: SoundParts): ConfigProblem[] {
  const networks = new Map(parts.entries('networks').map(({ value }) => [value.name, value]));
  const sources = parts.entries('trunks').flatMap(({ path, value }) =>
    (value.sources ?? []).map(
      (text, index): Entry<Source> => ({
        path: [...path, 'sources', index],
        value: { text, trunk: value.name, network: value.network },
      }),
    ),
  );
  return [
    ...parts.entries('gateways').flatMap((gateway) => gatewayProblems(gateway, networks)),
    ...sources.flatMap(({ path, value }) => familyProblem(path, rangeOf(value.text), networks.get(value.network))),
    ...sharedSources(sources),
    ...sourcesThatAreGateways(sources, parts),
    ...denialProblems(sources, parts),
  ];
}

/** A gateway is called from its network's listener of its transport: the embedded server has no other way out. */
function gatewayProblems(
  { path, value }: Entry<SoundElement<'gateways'>>,
  networks: ReadonlyMap<string | undefined, Network>,
): ConfigProblem[] {
  const { address, transport = 'udp', network: networkName } = value;
  const network = networks.get(networkName);
  const problems: ConfigProblem[] = [];
  if (value.transport !== undefined && network?.sip?.every((listener) => listener.transport !== transport)) {
    const has = [...new Set(network.sip.map((listener) => listener.transport))].join(' and ');
    const message = `is ${transport}, but network "${network.name}" has no ${transport} listener; must be ${has}`;
    problems.push({ path: [...path, 'transport'], message });
  }
  if (address === undefined) return problems;
  const host = parseHostPort(address)?.host ?? '';
  problems.push(...familyProblem([...path, 'address'], parseIpRange(host), network));
  const own = [...networks.values()].find((candidate) => listensOn(candidate, address, transport));
  if (own !== undefined) {
    const message = `is ${transport} ${address}, where network "${own.name}" listens itself; must be the gateway's address`;
    problems.push({ path: [...path, 'address'], message });
  }
  return problems;
}

/** A network's sockets are of the one family of its `bind`. */
function familyProblem(path: ConfigPath, range: IpRange | undefined, network: Network | undefined): ConfigProblem[] {
  if (range === undefined || network?.bind === undefined || range.family === isIP(network.bind)) return [];
  const family = isIP(network.bind);
  const message = `is IPv${range.family}, but network "${network.name}" is bound to ${network.bind}; must be IPv${family}`;
  return [{ path, message }];
}

function listensOn(network: Network, address: string, transport: string): boolean {
  const { bind, advertise, sip = [] } = network;
  const parsed = parseHostPort(address);
  if (bind === undefined || parsed === undefined) return false;
  const port = parsed.port ?? (transport === 'tls' ? 5061 : 5060);
  if (!sip.some((listener) => listener.transport === transport && listener.port === port)) return false;
  const hosts = parsed.host.toLowerCase() === 'localhost' ? ['127.0.0.1', '::1'] : [parsed.host];
  return hosts.some((host) => {
    const range = parseIpRange(host);
    if (range === undefined) return false;
    const names = (own: string | undefined): boolean => own !== undefined && ipRangeContains(range, own);
    // A wildcard listens on the loopback addresses too; which others this machine has, the file does not say.
    return names(bind) || names(advertise) || (isWildcard(bind) && range.family === isIP(bind) && isLoopback(host));
  });
}

function isLoopback(address: string): boolean {
  const blocks = [parseIpRange('127.0.0.0/8'), parseIpRange('::1')];
  return isWildcard(address) || blocks.some((block) => block !== undefined && ipRangeContains(block, address));
}

/** Trunks are told apart by source alone: of two with the same, in whatever networks, the second would never match. */
function sharedSources(sources: readonly Entry<Source>[]): ConfigProblem[] {
  return duplicates(
    sources,
    ({ text }) => canonicalSource(text),
    undefined,
    (_, first) => `the same source is already listed at ${first}; a trunk is told by its source, whatever its network`,
  );
}

function sourcesThatAreGateways(sources: readonly Entry<Source>[], parts: SoundParts): ConfigProblem[] {
  const gateways = new Map(
    parts.entries('gateways').flatMap(({ value: { name, address = '', transport } }) => {
      const parsed = parseHostPort(address);
      if (parsed === undefined || isIP(parsed.host) === 0) return [];
      const port = parsed.port ?? (transport === 'tls' ? 5061 : 5060);
      return [[canonicalSource(`${isIP(parsed.host) === 6 ? `[${parsed.host}]` : parsed.host}:${port}`), name]];
    }),
  );
  return sources.flatMap(({ path, value }) => {
    const gateway = gateways.get(canonicalSource(value.text));
    return gateway === undefined
      ? []
      : [{ path, message: `is the address of gateway "${gateway}"; must be the PBX's` }];
  });
}

/** A trunk's source or a gateway that is denied as a whole would never be heard. */
function denialProblems(sources: readonly Entry<Source>[], parts: SoundParts): ConfigProblem[] {
  const deny = parts.rawAt('sip', 'defence', 'deny');
  if (!Array.isArray(deny)) return [];
  const own = [
    ...sources.map(({ value }) => ({ text: value.text, of: `trunk "${value.trunk}"` })),
    ...parts.entries('gateways').map(({ value }) => ({ text: value.address ?? '', of: `gateway "${value.name}"` })),
  ];
  return deny.flatMap((entry: unknown, index) => {
    const denied = typeof entry === 'string' ? parseIpRange(entry) : undefined;
    const hit = own.find(({ text }) => {
      const range = rangeOf(text);
      return denied !== undefined && range !== undefined && ipRangeCovers(denied, range);
    });
    if (hit === undefined) return [];
    return [{ path: ['sip', 'defence', 'deny', index], message: `denies ${hit.text}, which is ${hit.of}` }];
  });
}

/** The block of a source or of a gateway's address; undefined for a name. */
function rangeOf(text: string): IpRange | undefined {
  return parseIpRange(text) ?? parseIpRange(parseHostPort(text)?.host ?? '');
}

/** One text for all spellings of a source. */
function canonicalSource(source: string): string {
  const range = rangeOf(source);
  const port = source.includes('/') ? undefined : parseHostPort(source)?.port;
  return range === undefined ? source : `${range.family} ${range.base}/${range.prefixBits} ${port ?? ''}`;
}
