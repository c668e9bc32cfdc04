// What no single key can show: references between parts, duplicates, and ranges that overlap.
// Works on the sound elements of a file that may have other problems, so that all are reported at once.
import { parseHostPort } from '../lib/host-port.js';
import { ipRangeCovers, parseIpRange } from '../lib/ip-range.js';
import { type Environment, readSecret, simIdOf } from './config.js';
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { nearestName } from './nearest-name.js';
import { type ConfigFile, configFileSchema, ELEMENT_SCHEMAS, type ListSection } from './schema.js';

type ElementOf<S extends ListSection> = ConfigFile[S][number];

interface Entry<T> {
  readonly path: ConfigPath;
  readonly value: T;
}

/** The parts of a file that can be read: sound elements whole, of unsound ones the texts that they hold. */
interface Readable {
  entries<S extends ListSection>(section: S): readonly Entry<ElementOf<S>>[];
  /** The text under `key` of every element that has one. */
  texts(section: ListSection, key: string): readonly Entry<string>[];
  /** Whether an element holds a bare number under `key`. */
  hasNumber(section: ListSection, key: string): boolean;
}

/** Problems between the parts of a file; `raw` is the file as parsed from YAML. */
export function findCrossProblems(raw: unknown, env: Environment): ConfigProblem[] {
  const readable = readElements(raw);
  return [
    ...duplicateNames(readable),
    ...unknownReferences(readable),
    ...networkProblems(readable),
    ...gatewayProblems(readable),
    ...trunkProblems(readable),
    ...planProblems(readable),
    ...simProblems(readable),
    ...channelProblems(readable),
    ...denialProblems(raw, readable),
    ...secretProblems(raw, env),
  ];
}

function readElements(raw: unknown): Readable {
  const listOf = (section: ListSection): unknown[] => {
    const list = isRecord(raw) ? raw[section] : undefined;
    return Array.isArray(list) ? list : [];
  };
  return {
    entries<S extends ListSection>(section: S) {
      return listOf(section).flatMap((element, index) => {
        const result = ELEMENT_SCHEMAS[section].safeParse(element);
        return result.success ? [{ path: [section, index], value: result.data as ElementOf<S> }] : [];
      });
    },
    texts(section, key) {
      return listOf(section).flatMap((element, index) => {
        const text = isRecord(element) ? element[key] : undefined;
        return typeof text === 'string' ? [{ path: [section, index], value: text }] : [];
      });
    },
    hasNumber(section, key) {
      return listOf(section).some((element) => isRecord(element) && typeof element[key] === 'number');
    },
  };
}

function duplicateNames(readable: Readable): ConfigProblem[] {
  return (['networks', 'trunks', 'gateways', 'plans'] as const).flatMap((section) =>
    duplicates(
      readable.texts(section, 'name'),
      (name) => name,
      'name',
      (name, first) => `"${name}" is already the name of ${first}`,
    ),
  );
}

/** Which key of which section names an entry of which other section, found there under one of `keys`. */
const REFERENCES: readonly { from: ListSection; key: string; to: ListSection; keys: readonly string[] }[] = [
  { from: 'trunks', key: 'network', to: 'networks', keys: ['name'] },
  { from: 'gateways', key: 'network', to: 'networks', keys: ['name'] },
  { from: 'sims', key: 'plan', to: 'plans', keys: ['name'] },
  { from: 'channels', key: 'gateway', to: 'gateways', keys: ['name'] },
  { from: 'channels', key: 'sim', to: 'sims', keys: ['iccid', 'number'] },
];

function unknownReferences(readable: Readable): ConfigProblem[] {
  return REFERENCES.flatMap(({ from, key, to, keys }) => {
    // An unquoted ICCID or number has its own problem already; what it is referred to by cannot be told.
    if (keys.some((name) => readable.hasNumber(to, name))) return [];
    const known = new Set(keys.flatMap((name) => readable.texts(to, name).map(({ value }) => value)));
    return readable
      .texts(from, key)
      .filter(({ value }) => !known.has(value))
      .map(({ path, value }) => {
        const guess = nearestName(value, [...known]);
        const hint = guess === undefined ? `; known: ${listed(known)}` : `; did you mean "${guess}"?`;
        return { path: [...path, key], message: `no such entry in ${to}: "${value}"${hint}` };
      });
  });
}

function networkProblems(readable: Readable): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const networks = readable.entries('networks');
  for (const { path, value } of networks) {
    const { from, to } = value.mediaPorts;
    if (from >= to) {
      problems.push({ path: [...path, 'mediaPorts'], message: `from (${from}) must be less than to (${to})` });
    }
    // RFC 3550 §11: RTP takes an even port and RTCP the odd one after it.
    if (from % 2 !== 0) problems.push({ path: [...path, 'mediaPorts', 'from'], message: `is ${from}; must be even` });
    if (to % 2 !== 1) problems.push({ path: [...path, 'mediaPorts', 'to'], message: `is ${to}; must be odd` });
    if (isWildcard(value.bind) && value.advertise === undefined) {
      problems.push({ path: [...path, 'bind'], message: `is ${value.bind}; advertise must then be given` });
    }
    if (value.advertise !== undefined && isWildcard(value.advertise)) {
      problems.push({ path: [...path, 'advertise'], message: 'must be an address that peers can send to' });
    }
  }
  return [...problems, ...overlappingMediaPorts(networks), ...duplicateListeners(networks)];
}

function overlappingMediaPorts(networks: readonly Entry<ElementOf<'networks'>>[]): ConfigProblem[] {
  return networks.flatMap(({ path, value }, index) => {
    const other = networks.slice(0, index).find(({ value: earlier }) => {
      const sameAddress = earlier.bind === value.bind || isWildcard(earlier.bind) || isWildcard(value.bind);
      const { from, to } = earlier.mediaPorts;
      return sameAddress && value.mediaPorts.from <= to && from <= value.mediaPorts.to;
    });
    if (other === undefined) return [];
    const { from, to } = other.value.mediaPorts;
    const message = `overlaps ${from} to ${to} of network "${other.value.name}" on the same address`;
    return [{ path: [...path, 'mediaPorts'], message }];
  });
}

function duplicateListeners(networks: readonly Entry<ElementOf<'networks'>>[]): ConfigProblem[] {
  const listeners = networks.flatMap(({ path, value }) =>
    value.sip.map((listener, index) => ({
      path: [...path, 'sip', index],
      value: { ...listener, bind: value.bind },
    })),
  );
  return duplicates(
    listeners.filter(({ value }) => value.port !== 0),
    ({ transport, bind, port }) => `${transport} ${bind} port ${port}`,
    'port',
    (key, first) => `${key} is already taken by ${first}`,
  );
}

/** A gateway is called from its network's listener of its transport: the embedded server has no other way out. */
function gatewayProblems(readable: Readable): ConfigProblem[] {
  const networks = new Map(readable.entries('networks').map(({ value }) => [value.name, value]));
  return readable.entries('gateways').flatMap(({ path, value }) => {
    const network = networks.get(value.network);
    if (network === undefined || network.sip.some(({ transport }) => transport === value.transport)) return [];
    const message = `is ${value.transport}, but network "${network.name}" has no ${value.transport} listener`;
    return [{ path: [...path, 'transport'], message }];
  });
}

function trunkProblems(readable: Readable): ConfigProblem[] {
  const trunks = readable.entries('trunks');
  const sources = trunks.flatMap(({ path, value }) =>
    value.sources.map((source, index) => ({
      path: [...path, 'sources', index],
      value: { source, network: value.network },
    })),
  );
  const problems = duplicates(
    sources,
    ({ source, network }) => `${network} ${canonicalSource(source)}`,
    undefined,
    (_, first) => `the same source is already listed at ${first}; a call must belong to one trunk`,
  );
  const gateways = new Map(
    readable.entries('gateways').map(({ value }) => {
      const address = parseHostPort(value.address);
      return [`${address?.host}:${address?.port ?? 5060}`, value.name];
    }),
  );
  for (const { path, value } of sources) {
    const address = parseHostPort(value.source);
    const gateway = address?.port === undefined ? undefined : gateways.get(`${address.host}:${address.port}`);
    if (gateway !== undefined) problems.push({ path, message: `is the address of gateway "${gateway}"` });
  }
  return problems;
}

/** One text for all spellings of a source. */
function canonicalSource(source: string): string {
  const address = parseHostPort(source);
  const range = parseIpRange(address?.host ?? source);
  return range === undefined ? source : `${range.family} ${range.base}/${range.prefixBits} ${address?.port ?? ''}`;
}

function planProblems(readable: Readable): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const { path, value } of readable.entries('plans')) {
    const allowances = value.allowances.map((allowance, index) => ({
      path: [...path, 'allowances', index],
      value: allowance,
    }));
    problems.push(
      ...duplicates(
        allowances,
        (allowance) => allowance.id,
        'id',
        (id, first) => `"${id}" is already the id of ${first}`,
      ),
    );
    for (const { path: at, value: allowance } of allowances) {
      const uncovered = allowance.classes.filter((numberClass) => !value.classes.includes(numberClass));
      if (uncovered.length > 0) {
        problems.push({ path: [...at, 'classes'], message: `the plan cannot call ${uncovered.join(', ')} at all` });
      }
    }
  }
  for (const { path, value } of readable.entries('trunks')) {
    if (value.spendCap === false) continue;
    const { currency } = value.spendCap;
    const other = readable.entries('plans').find(({ value: plan }) => plan.currency !== currency);
    if (other === undefined) continue;
    const message = `is ${currency}, but plan "${other.value.name}" costs ${other.value.currency}; a cap counts one currency`;
    problems.push({ path: [...path, 'spendCap', 'currency'], message });
  }
  return problems;
}

function simProblems(readable: Readable): ConfigProblem[] {
  const sims = readable.entries('sims');
  const twice = (what: string) => (value: string, first: string) => `${what} ${value} is already that of ${first}`;
  return [
    ...duplicates(sims, (sim) => sim.iccid, 'iccid', twice('ICCID')),
    ...duplicates(sims, (sim) => sim.number, 'number', twice('number')),
  ];
}

function channelProblems(readable: Readable): ConfigProblem[] {
  const channels = readable.entries('channels');
  const simIds = new Map(
    readable.entries('sims').flatMap(({ value }) => [value.iccid, value.number].map((key) => [key, simIdOf(value)])),
  );
  return [
    ...duplicates(
      channels,
      (channel) => `${channel.gateway}/${channel.port}`,
      'port',
      (channelId, first) => `channel ${channelId} is already described at ${first}`,
    ),
    ...duplicates(
      channels,
      (channel) => simIds.get(channel.sim) ?? channel.sim,
      'sim',
      (simId, first) => `SIM ${simId} is already in the channel at ${first}; one SIM can be in one channel only`,
    ),
  ];
}

/** A trunk's source or a gateway that is denied as a whole would never be heard. */
function denialProblems(raw: unknown, readable: Readable): ConfigProblem[] {
  const sip = configFileSchema.shape.sip.safeParse(isRecord(raw) ? (raw.sip ?? {}) : {}).data;
  const own = [
    ...readable
      .entries('trunks')
      .flatMap(({ value }) => value.sources.map((text) => ({ text, of: `trunk "${value.name}"` }))),
    ...readable.entries('gateways').map(({ value }) => ({ text: value.address, of: `gateway "${value.name}"` })),
  ];
  return (sip?.defence.deny ?? []).flatMap((entry, index) => {
    const denied = parseIpRange(entry);
    const hit = own.find(({ text }) => {
      const range = parseIpRange(text) ?? parseIpRange(parseHostPort(text)?.host ?? '');
      return denied !== undefined && range !== undefined && ipRangeCovers(denied, range);
    });
    if (hit === undefined) return [];
    return [{ path: ['sip', 'defence', 'deny', index], message: `denies ${hit.text}, which is ${hit.of}` }];
  });
}

function secretProblems(raw: unknown, env: Environment): ConfigProblem[] {
  const drachtio = configFileSchema.shape.sip.safeParse(isRecord(raw) ? (raw.sip ?? {}) : {}).data?.drachtio;
  if (drachtio === undefined || readSecret(drachtio.secret, env) !== undefined) return [];
  const variable = typeof drachtio.secret === 'string' ? '' : drachtio.secret.env;
  return [{ path: ['sip', 'drachtio', 'secret'], message: `environment variable ${variable} is not set` }];
}

/** Every entry whose key was already seen, at its `field`. */
function duplicates<T>(
  entries: readonly Entry<T>[],
  keyOf: (value: T) => string | undefined,
  field: string | undefined,
  message: (key: string, first: string) => string,
): ConfigProblem[] {
  const seen = new Map<string, ConfigPath>();
  const problems: ConfigProblem[] = [];
  for (const { path, value } of entries) {
    const key = keyOf(value);
    if (key === undefined) continue;
    const first = seen.get(key);
    if (first === undefined) seen.set(key, path);
    else {
      const shown = first
        .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
        .join('')
        .slice(1);
      problems.push({ path: field === undefined ? path : [...path, field], message: message(key, shown) });
    }
  }
  return problems;
}

function listed(names: ReadonlySet<string>): string {
  const shown = [...names].slice(0, 8);
  return shown.length === 0 ? 'none' : `${shown.join(', ')}${names.size > shown.length ? ', …' : ''}`;
}

function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || /^[0:]+$/.test(address);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
