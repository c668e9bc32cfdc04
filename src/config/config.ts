// The loaded config: the file with defaults filled in, names resolved, paths absolute and secrets read.
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import type { ResponseRule } from '../call/response-meaning.js';
import { parseHostPort } from '../lib/host-port.js';
import type { TrunkPolicy } from '../policy/trunk-policy.js';
import type { Plan } from '../quota/plan.js';
import type { StreakSettings } from '../routing/channel-streaks.js';
import type { RankingSettings } from '../routing/ranking.js';
import { weightsOf } from '../routing/weights.js';
import { carriedFormats, type MediaPolicy } from '../sdp/media-policy.js';
import { withHiddenSecrets } from './hidden-secrets.js';
import { type Environment, readSecret } from './read-secret.js';
import { type Credentials, resolveCredentials } from './resolve-credentials.js';
import {
  type GatewayInboundConfig,
  resolveGatewayInbound,
  resolveTrunkInbound,
  type TrunkInboundConfig,
} from './resolve-inbound.js';
import { channelPolicies, mediaPolicyOf } from './resolve-media.js';
import { type ApiConfig, type MessagesConfig, resolveApi, resolveMessages } from './resolve-messages.js';
import { type CapsOf, resolveCaps, resolvePlan } from './resolve-plan.js';
import { type DoNotCallListConfig, doNotCallLists, trunkPolicies } from './resolve-policy.js';
import { resolveResponses } from './resolve-responses.js';
import { resolveSimStatus, type SimStatusConfig } from './resolve-sim-status.js';
import type { ConfigFile } from './schema.js';

type Element<T extends readonly unknown[]> = T[number];

export type NetworkConfig = Element<ConfigFile['networks']> & { readonly advertise: string };
export type SipListenerConfig = Element<NetworkConfig['sip']>;
/** `media` is what its keys of codecs say together. */
export type TrunkConfig = Omit<Element<ConfigFile['trunks']>, 'digest' | 'sources' | 'inbound' | 'messages'> & {
  /** Undefined for one that takes no calls from mobiles. */
  readonly inbound: TrunkInboundConfig | undefined;
  /** Empty for a trunk that proves who it is wherever it sends from. */
  readonly sources: readonly string[];
  readonly media: MediaPolicy;
};

/** `address` as written; `host` and `port` as parsed. Of an address without a port it is 5060, for TLS 5061; of a name, open. */
export type GatewayConfig = Omit<
  Element<ConfigFile['gateways']>,
  'codecs' | 'digest' | 'responses' | 'address' | 'simStatus' | 'inbound' | 'messages'
> & {
  /** Undefined for one from which no calls are taken. */
  readonly inbound: GatewayInboundConfig | undefined;
  /** Of one whose lines only register, a name that nobody has. */
  readonly address: string;
  readonly responses: readonly ResponseRule[];
  /** Without those that are forbidden; a fax by T.38, where it is passed, is among them. */
  readonly codecs: readonly string[];
  readonly media: MediaPolicy;
  /** Of its channels that have a policy of their own, by channel id. */
  readonly channelMedia: ReadonlyMap<string, MediaPolicy>;
  readonly takesSrtp: boolean;
  readonly host: string;
  readonly port: number | undefined;
};

export type RegistrationConfig = Omit<Element<ConfigFile['registrations']>, 'digest'> & { readonly user: string };

export interface SimConfig {
  /** ICCID, or the number of a SIM whose ICCID is not given. */
  readonly simId: string;
  readonly iccid: string | undefined;
  readonly number: string;
  readonly plan: string;
}

export interface ChannelConfig {
  /** `gateway/port`. */
  readonly channelId: string;
  readonly gateway: string;
  readonly port: number;
  /** What its gateway knows it by; undefined: its port. */
  readonly line: string | undefined;
  readonly simId: string;
  readonly enabled: boolean;
  /** Rest after each call: as long as gateway and plan both ask for. */
  readonly gapMs: number;
  /** Where they are not its gateway's; else undefined. */
  readonly codecs: readonly string[] | undefined;
  readonly groups: readonly string[];
  /** Agents whose own channel it is, as `trunk/agent`. */
  readonly agents: readonly string[];
}

/** Calls that ask whether a suspended channel is sound. */
export interface ProbeConfig {
  readonly trunk: string;
  readonly number: string;
  readonly afterMs: number;
  readonly maxAfterMs: number;
}

export interface RoutingConfig {
  readonly ranking: RankingSettings;
  readonly streaks: StreakSettings & {
    readonly mostPercent: number;
    /** Null: suspended channels are resumed by hand alone. */
    readonly probe: ProbeConfig | null;
  };
  /** Agents that may use only some channel groups, as `trunk/agent`. */
  readonly agents: readonly { readonly name: string; readonly channelGroups: readonly string[] }[];
}

export interface DrachtioConfig {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  /** Other nodes are connected to it, too. */
  readonly shared: boolean;
}

/** A Homer collector; port 9060 when none is given. */
export interface HomerConfig {
  readonly host: string;
  readonly port: number;
  readonly captureId: number;
  /** Empty for none. */
  readonly password: string;
}

export interface RedisConfig extends Omit<NonNullable<ConfigFile['ledger']['redis']>, 'url'> {
  readonly url: string;
}

export interface Config {
  /** Absolute path of the file that this was read from. */
  readonly file: string;
  /** What the file says, with its presets, its plan files and all defaults, but no secret: by it a reload tells what has changed. */
  readonly written: ConfigFile;
  /** Absolute; relative paths of the ledger, recordings and CDRs are below it. */
  readonly dataDir: string;
  readonly networks: readonly NetworkConfig[];
  readonly sip: Omit<ConfigFile['sip'], 'drachtio' | 'homer' | 'digest'> & {
    readonly drachtio: DrachtioConfig | undefined;
    readonly homer: HomerConfig | undefined;
  };
  /** Every password of a peer, and of none but in here. */
  readonly credentials: Credentials;
  readonly trunks: readonly TrunkConfig[];
  /** One for each trunk. */
  readonly trunkPolicies: readonly TrunkPolicy[];
  readonly doNotCall: readonly DoNotCallListConfig[];
  readonly gateways: readonly GatewayConfig[];
  /** Of the gateways that tell the state of their SIMs. */
  readonly simStatus: readonly SimStatusConfig[];
  /** Where simtrunk registers; `user` is the name that it has there. */
  readonly registrations: readonly RegistrationConfig[];
  readonly plans: readonly Plan[];
  /** The caps of a payer: `trunk:NAME`, `agent:TRUNK/AGENT`, `account:NAME`. */
  readonly capsOf: CapsOf;
  /** Those that have caps of their own. */
  readonly agents: ConfigFile['agents'];
  readonly accounts: ConfigFile['accounts'];
  readonly sims: readonly SimConfig[];
  readonly channels: readonly ChannelConfig[];
  readonly routing: RoutingConfig;
  readonly call: ConfigFile['call'];
  readonly media: ConfigFile['media'];
  readonly ledger: Omit<ConfigFile['ledger'], 'redis'> & {
    /** Undefined with the default ledger. */
    readonly redis: RedisConfig | undefined;
  };
  readonly recording: ConfigFile['recording'];
  readonly cdr: ConfigFile['cdr'];
  /** Text messages, of trunks and gateways too. */
  readonly messages: MessagesConfig;
  /** The HTTP API; null for none. */
  readonly api: ApiConfig | null;
  readonly log: ConfigFile['log'];
}

/** Of a gateway whose lines say where they are (RFC 2606 §2). */
const NOWHERE = 'registered.invalid';

/** A SIM's identity: usage belongs to the ICCID, else to the number. */
export function simIdOf(sim: { readonly iccid?: string | undefined; readonly number: string }): string {
  return sim.iccid ?? sim.number;
}

function withAbsolutePaths(listener: SipListenerConfig, folder: string): SipListenerConfig {
  if (listener.transport !== 'tls') return listener;
  const { cert, key, ca } = listener;
  const paths = { cert: resolve(folder, cert), key: resolve(folder, key) };
  return { ...listener, ...paths, ...(ca === undefined ? {} : { ca: resolve(folder, ca) }) };
}

/** Turns a file that passed all checks into the config that the parts receive. */
export function resolveConfig(parsed: ConfigFile, file: string, env: Environment, dataDirOverride?: string): Config {
  const dataDir = resolve(dataDirOverride ?? resolve(dirname(file), parsed.dataDir));
  const { drachtio, homer, digest: _, ...sip } = parsed.sip;
  const channelMedia = channelPolicies(parsed);
  return {
    ...parsed,
    file,
    written: withHiddenSecrets(parsed),
    dataDir,
    networks: parsed.networks.map((network) => ({
      ...network,
      advertise: network.advertise ?? network.bind,
      sip: network.sip.map((listener) => withAbsolutePaths(listener, dirname(file))),
    })),
    sip: {
      ...sip,
      drachtio: drachtio && { ...drachtio, secret: readSecret(drachtio.secret, env) ?? '' },
      homer: homer && resolveHomer(homer, env),
    },
    credentials: resolveCredentials(parsed, env),
    trunks: parsed.trunks.map(({ digest: _, messages: __, sources = [], ...trunk }) => ({
      ...trunk,
      sources,
      media: mediaPolicyOf(trunk),
      inbound: resolveTrunkInbound(trunk.inbound, dirname(file)),
    })),
    gateways: parsed.gateways.map(({ digest: _, simStatus: _told, messages: _messages, ...gateway }) => {
      const written = gateway.address ?? NOWHERE;
      const address = parseHostPort(written);
      const host = address?.host ?? written;
      const ownPort = isIP(host) === 0 ? undefined : gateway.transport === 'tls' ? 5061 : 5060;
      const media = mediaPolicyOf(gateway);
      return {
        ...gateway,
        address: written,
        // Nobody answers before it has registered, and then its registration says that it is there.
        probe: gateway.address === undefined ? false : gateway.probe,
        host,
        port: address?.port ?? ownPort,
        codecs: carriedFormats(media),
        responses: resolveResponses(gateway.responses, gateway.preset),
        media,
        channelMedia: channelMedia.get(gateway.name) ?? new Map(),
        takesSrtp: media.srtp === 'pass',
        inbound: resolveGatewayInbound(gateway.inbound, parsed),
      };
    }),
    simStatus: resolveSimStatus(parsed),
    registrations: parsed.registrations.map(({ digest: { username }, ...registration }) => ({
      ...registration,
      user: username,
    })),
    plans: parsed.plans.map(resolvePlan),
    capsOf: resolveCaps(parsed),
    sims: parsed.sims.map((sim) => ({ simId: simIdOf(sim), iccid: sim.iccid, number: sim.number, plan: sim.plan })),
    channels: resolveChannels(parsed, channelMedia),
    trunkPolicies: trunkPolicies(parsed),
    routing: resolveRouting(parsed),
    messages: resolveMessages(parsed, env),
    api: resolveApi(parsed, env),
    doNotCall: doNotCallLists(parsed, { folder: dirname(file), dataDir, env }),
    ledger: { ...parsed.ledger, file: resolve(dataDir, parsed.ledger.file), redis: resolveRedis(parsed, env) },
    recording: { ...parsed.recording, dir: resolve(dataDir, parsed.recording.dir) },
    cdr: { ...parsed.cdr, sinks: parsed.cdr.sinks.map((sink) => ({ ...sink, dir: resolve(dataDir, sink.dir) })) },
  };
}

/** Held back are channels, also where the file names their gateway. */
function resolveRedis({ ledger, channels }: ConfigFile, env: Environment): RedisConfig | undefined {
  if (ledger.kind !== 'redis' || ledger.redis === undefined) return undefined;
  const named = new Set(ledger.redis.heldBack);
  const heldBack = channels.flatMap(({ gateway, port }) => {
    const channelId = `${gateway}/${port}`;
    return named.has(gateway) || named.has(channelId) ? [channelId] : [];
  });
  return { ...ledger.redis, url: readSecret(ledger.redis.url, env) ?? '', heldBack };
}

function resolveChannels(
  { channels, gateways, plans, sims }: ConfigFile,
  channelMedia: ReturnType<typeof channelPolicies>,
): ChannelConfig[] {
  const simOf = new Map(sims.flatMap((sim) => [sim.iccid, sim.number].map((key) => [key, sim])));
  const gatewayGaps = new Map(gateways.map(({ name, gapMs }) => [name, gapMs]));
  const planGaps = new Map(plans.map(({ name, gapMs = 0 }) => [name, gapMs]));
  return channels.map(({ gateway, port, line, sim: key, enabled, groups, agents }) => {
    const sim = simOf.get(key);
    const channelId = `${gateway}/${port}`;
    const own = channelMedia.get(gateway)?.get(channelId);
    return {
      channelId,
      gateway,
      port,
      line,
      enabled,
      codecs: own && carriedFormats(own),
      groups,
      agents,
      simId: sim === undefined ? key : simIdOf(sim),
      gapMs: Math.max(gatewayGaps.get(gateway) ?? 0, planGaps.get(sim?.plan ?? '') ?? 0),
    };
  });
}

function resolveRouting({ routing, ledger }: ConfigFile): RoutingConfig {
  const { preset, weights, seed, expectedCallSeconds, fullCost, channelHealth, agents, streaks } = routing;
  const { failAfter, coolDownSeconds, maxCoolDownSeconds, halfLifeSeconds } = channelHealth;
  const health = {
    failAfter,
    coolDownMs: coolDownSeconds * 1000,
    maxCoolDownMs: maxCoolDownSeconds * 1000,
    halfLifeMs: halfLifeSeconds * 1000,
  };
  return {
    ranking: {
      weights: weightsOf(preset, weights),
      seed: seed || seedOfNode(ledger),
      expectedCallSeconds,
      fullCost,
      health,
    },
    streaks: {
      fastFailures: streaks.fastFailures || null,
      noAlerting: streaks.noAlerting || null,
      shortAnswers: streaks.shortAnswers || null,
      answersWithout18x: streaks.answersWithout18x || null,
      mostPercent: streaks.mostPercent,
      probe:
        (streaks.probe && {
          trunk: streaks.probe.trunk,
          number: streaks.probe.number,
          afterMs: streaks.probe.afterSeconds * 1_000,
          maxAfterMs: streaks.probe.maxAfterSeconds * 1_000,
        }) ||
        null,
    },
    agents: agents.map(({ agent, channelGroups }) => ({ name: agent, channelGroups })),
  };
}

/** Nodes that share channels begin their search at different ones, or they race for the same; each always at the same. */
function seedOfNode({ kind, redis }: ConfigFile['ledger']): number {
  if (kind !== 'redis') return 0;
  const digest = createHash('sha256')
    .update(redis?.node ?? hostname())
    .digest();
  return Math.max(1, digest.readUInt32BE());
}

function resolveHomer(homer: NonNullable<ConfigFile['sip']['homer']>, env: Environment): HomerConfig {
  const address = parseHostPort(homer.address);
  return {
    host: address?.host ?? homer.address,
    port: address?.port ?? 9060,
    captureId: homer.captureId,
    password: homer.password === undefined ? '' : (readSecret(homer.password, env) ?? ''),
  };
}
