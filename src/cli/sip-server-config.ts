// The settings of a SIP server that runs alone: from its own YAML file, from the command line, or both; the line wins.
// Every problem of a file is reported at once, with its line.
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { dirname, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { type ConfigPath, formatPath, positionOf } from '../config/config-problem.js';
import { SimtrunkError } from '../lib/errors.js';
import { parseIpRange } from '../lib/ip-range.js';
import type { SipListenerSettings, SipServerSettings, SipSources } from '../sip-server/control.js';
import { DEFAULT_DEFENCE } from '../sip-server/defence/defence-settings.js';

const ipAddress = z.string().refine((text) => isIP(text) !== 0, 'must be an IPv4 or IPv6 address');
const ipRange = z.string().refine((text) => parseIpRange(text) !== undefined, 'must be an address or a CIDR block');
const count = z.int().min(1).max(100_000_000);
const port = z.int().min(0).max(65_535);
const secret = z.union([z.string().min(1), z.strictObject({ env: z.string().min(1) })]);
const rate = z.union([z.null(), z.strictObject({ messagesPerSecond: z.number().positive(), burst: count })]);

const listener = z.union([
  z.string().refine((text) => parseListener(text) !== null, 'must be as udp:127.0.0.1:5060 or tcp:[::1]:5060'),
  z
    .strictObject({
      transport: z.enum(['udp', 'tcp', 'tls']),
      address: ipAddress,
      port,
      advertise: z.string().min(1).optional(),
      cert: z.string().min(1).optional(),
      key: z.string().min(1).optional(),
      ca: z.string().min(1).optional(),
      requestClientCertificate: z.boolean().default(false),
      verifyServer: z.enum(['name', 'chain', 'off']).default('name'),
    })
    .refine(({ transport, cert, key }) => transport !== 'tls' || (cert && key), 'needs a cert and a key for tls'),
]);

const fileSchema = z.strictObject({
  listen: z.array(listener).min(1).default(['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060']),
  admin: z
    .strictObject({ address: ipAddress.default('127.0.0.1'), port: port.default(9022), secret: secret.optional() })
    .prefault({}),
  t1Ms: z.int().min(10).max(10_000).default(500),
  t2Ms: z.int().min(10).max(60_000).default(4_000),
  t4Ms: z.int().min(10).max(60_000).default(5_000),
  maxMessageBytes: z.int().min(1_500).max(1_000_000).default(65_535),
  maxHeaderBytes: z.int().min(1_500).max(1_000_000).default(16_384),
  nameServers: z.array(z.string().min(1)).optional(),
  connections: z.strictObject({ max: count, idleMs: count, openingMs: count }).partial().prefault({}),
  sources: z
    .strictObject({ allow: z.union([z.null(), z.array(ipRange)]), deny: z.array(ipRange), known: z.array(ipRange) })
    .partial()
    .prefault({}),
  defence: z
    .strictObject({
      rate,
      knownRate: rate,
      scanners: z.array(z.string().min(1)),
      ban: z.union([z.null(), z.strictObject({ offences: count, windowSeconds: count, banSeconds: count })]),
      maxTransactions: count,
      retryAfterSeconds: z.int().min(0).max(86_400),
      maxConnectionsPerSource: count,
    })
    .partial()
    .prefault({}),
  mirror: z
    .strictObject({
      host: z.string().min(1),
      port: port.min(1).default(9060),
      captureId: z.int().min(0).max(4_294_967_295).default(2_001),
      password: z.string().optional(),
    })
    .optional(),
  requestHandlers: z
    .array(
      z.strictObject({
        method: z.string().regex(/^(\*|[A-Z]+)$/, 'must be a method in capitals, or *'),
        url: z.string().regex(/^(https?|tcp|tls):\/\/\S+$/, 'must be an http:, https:, tcp: or tls: URL'),
        httpMethod: z.enum(['GET', 'POST']).default('GET'),
        verifyPeer: z.boolean().default(true),
      }),
    )
    .default([]),
  drain: z
    .strictObject({
      seconds: z.int().min(0).max(86_400).default(0),
      retryAfterSeconds: z.int().min(0).max(86_400).default(0),
    })
    .prefault({}),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

type ServerFile = z.output<typeof fileSchema>;

export interface ServerConfig {
  readonly server: SipServerSettings;
  readonly sources: SipSources;
  readonly drain: ServerFile['drain'];
  readonly logLevel: ServerFile['logLevel'];
}

/** What the command line may say in place of the file. */
export interface ServerFlags {
  readonly config?: string | undefined;
  readonly listen?: readonly string[] | undefined;
  readonly advertise?: string | undefined;
  /** `address:port`. */
  readonly admin?: string | undefined;
  readonly secret?: string | undefined;
}

/** @throws SimtrunkError CONFIG_UNREADABLE, CONFIG_INVALID, CERTIFICATE_UNUSABLE or USAGE */
export async function loadServerConfig(flags: ServerFlags, env: NodeJS.ProcessEnv): Promise<ServerConfig> {
  const file = flags.config === undefined ? fileSchema.parse({}) : await readServerFile(flags.config);
  const folder = flags.config === undefined ? '.' : dirname(resolve(flags.config));
  const admin = flags.admin === undefined ? file.admin : { ...file.admin, ...adminOf(flags.admin) };
  const { nameServers, connections, mirror, requestHandlers, maxMessageBytes, maxHeaderBytes, t1Ms, t2Ms, t4Ms } = file;
  const { allow = null, deny = [], known = [] } = file.sources;
  return {
    server: {
      listeners: await Promise.all(
        (flags.listen ?? file.listen).map((entry) => listenerOf(entry, flags.advertise, folder)),
      ),
      admin: { address: admin.address, port: admin.port, secret: secretOf(flags.secret ?? file.admin.secret, env) },
      timers: { t1Ms, t2Ms, t4Ms },
      maxMessageBytes,
      maxHeaderBytes,
      connections: defined(connections),
      defence: { ...DEFAULT_DEFENCE, ...defined(file.defence) },
      requestHandlers,
      ...(mirror === undefined ? {} : { mirror: { ...mirror, password: mirror.password ?? '' } }),
      ...(nameServers === undefined ? {} : { nameServers }),
    },
    sources: { allow, deny, known },
    drain: file.drain,
    logLevel: file.logLevel,
  };
}

async function readServerFile(file: string): Promise<ServerFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new SimtrunkError('CONFIG_UNREADABLE', `Cannot read the config file ${file}: ${(cause as Error).message}`, {
      cause,
    });
  }
  return parseServerFile(text, file);
}

/** @param file the name that problems carry */
export function parseServerFile(text: string, file: string): ServerFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [broken] = document.errors;
  if (broken !== undefined) {
    const { line, col } = lines.linePos(broken.pos[0]);
    throw invalid([`  ${file}:${line}:${col}  not valid YAML: ${broken.message}`]);
  }
  let raw: unknown;
  try {
    raw = document.toJS({ maxAliasCount: 100 }) ?? {};
  } catch (cause) {
    throw invalid([`  ${file}:1:1  not valid YAML: ${(cause as Error).message}`]);
  }
  const parsed = fileSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw invalid(
    parsed.error.issues.flatMap(deepest).map(({ path, message }) => {
      const { line, column } = positionOf(document, lines, path, false);
      return `  ${file}:${line}:${column}  ${formatPath(path)}: ${message}`;
    }),
  );
}

/** Of a value that may be of several kinds, the problems of the kind that it was meant to be. */
function deepest(issue: z.core.$ZodIssue): { path: ConfigPath; message: string }[] {
  const path = issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step));
  if (issue.code !== 'invalid_union') return [{ path, message: issue.message }];
  const branches = [...issue.errors].sort((a, b) => depthOf(b) - depthOf(a));
  return (branches[0] ?? []).flatMap(deepest).map((inner) => ({ ...inner, path: [...path, ...inner.path] }));
}

function depthOf(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map(({ path, code }) => path.length + (code === 'custom' ? 1 : 0)));
}

function invalid(problems: readonly string[]): SimtrunkError {
  const many = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new SimtrunkError('CONFIG_INVALID', `The config of the SIP server has ${many}:\n${problems.join('\n')}`);
}

interface ListenerText {
  readonly transport: 'udp' | 'tcp';
  readonly address: string;
  readonly port: number;
}

/** `udp:127.0.0.1:5060`; null when it is not. TLS needs a certificate, and so the file. */
function parseListener(text: string): ListenerText | null {
  const match = /^(udp|tcp):(?:\[([^\]]+)\]|([^[\]]+)):(\d{1,5})$/.exec(text);
  const address = match?.[2] ?? match?.[3] ?? '';
  const number = Number(match?.[4]);
  if (match === null || isIP(address) === 0 || number > 65_535) return null;
  return { transport: match[1] as 'udp' | 'tcp', address, port: number };
}

async function listenerOf(
  entry: string | Exclude<ServerFile['listen'][number], string>,
  advertised: string | undefined,
  folder: string,
): Promise<SipListenerSettings> {
  const listening = typeof entry === 'string' ? parseListener(entry) : entry;
  if (listening === null) throw usage(`--listen ${entry as string} must be as udp:127.0.0.1:5060 or tcp:[::1]:5060`);
  const { transport, address, port: number } = listening;
  const advertise = advertised ?? ('advertise' in listening ? listening.advertise : undefined) ?? address;
  if (advertise === '0.0.0.0' || advertise === '::') {
    throw usage(`${transport} on ${address} needs an address to advertise: peers cannot send to ${advertise}`);
  }
  const settings = { transport, address, port: number, advertise };
  if (typeof entry === 'string' || entry.transport !== 'tls') return settings;
  const { cert = '', key = '', ca, requestClientCertificate, verifyServer } = entry;
  const read = async (path: string): Promise<string> => {
    const file = resolve(folder, path);
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      throw new SimtrunkError('CERTIFICATE_UNUSABLE', `Cannot read ${file}: ${(cause as Error).message}`, { cause });
    }
  };
  const tls = { cert: await read(cert), key: await read(key), requestClientCertificate, verifyServer };
  return { ...settings, tls: ca === undefined ? tls : { ...tls, ca: await read(ca) } };
}

function adminOf(text: string): { address: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^[\]]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2] ?? '';
  if (match === null || isIP(address) === 0 || Number(match[3]) > 65_535) {
    throw usage(`--admin ${text} must be an address and a port, such as 127.0.0.1:9022`);
  }
  return { address, port: Number(match[3]) };
}

function secretOf(given: z.output<typeof secret> | undefined, env: NodeJS.ProcessEnv): string {
  if (typeof given === 'string') return given;
  const name = given?.env ?? 'DRACHTIO_SECRET';
  const value = env[name];
  if (value === undefined || value === '') {
    throw usage(`Applications need a secret: --secret TEXT, admin.secret in the file, or ${name} in the environment`);
  }
  return value;
}

/** Without the keys that were left out. */
function defined<T extends object>(value: T): { [K in keyof T]-?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as never;
}

function usage(text: string): SimtrunkError {
  return new SimtrunkError('USAGE', text);
}
