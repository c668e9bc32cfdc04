// The config file's schema: what may stand in it, and what is assumed when a key is left out.
// References between parts (names, ports, sources) are checked in cross-checks.ts.
import { z } from 'zod';
import { parseHostPort } from '../lib/host-port.js';
import { addressingKeys, line } from './addressing-schema.js';
import { gatewayEarlyKeys, passedHeaders, trunkEarlyKeys } from './early-schema.js';
import { PRESET_NAMES } from './gateway-presets.js';
import { gatewayInbound, trunkInbound } from './inbound-schema.js';
import { certificateName, digestAccount, registers, registration, sipDigest } from './intake-schema.js';
import { media } from './media-schema.js';
import { api, gatewayMessages, messages, trunkMessages } from './message-schema.js';
import { account, agents, plan, trunkCaps } from './plan-schema.js';
import { agentFrom, agentName, dialling, policy, trunkPolicy } from './policy-schema.js';
import { responseKeys } from './response-schema.js';
import { routingSchema } from './routing-schema.js';
import {
  amount,
  codec,
  country,
  currency,
  DEFAULT_CLASSES,
  ipAddress,
  ipRange,
  milliseconds,
  name,
  nat,
  numberClass,
  packetTime,
  passage,
  path,
  port,
  secret,
  source,
  timeZone,
} from './scalars.js';
import { sessionTimer } from './session-timer-schema.js';
import { simStatus } from './sim-status-schema.js';

const sipPort = z.int().min(0).max(65_535);

/** Where SIP is listened for; the paths of a TLS listener are relative to the config file's folder. */
const sipListener = z.discriminatedUnion('transport', [
  z.strictObject({ transport: z.literal('udp'), port: sipPort }),
  z.strictObject({ transport: z.literal('tcp'), port: sipPort }),
  z.strictObject({
    transport: z.literal('tls'),
    port: sipPort,
    cert: path,
    key: path,
    ca: path.optional(),
    requestClientCertificate: z.boolean().default(false),
    verifyServer: z.enum(['name', 'chain', 'off']).default('name'),
  }),
]);

const network = z.strictObject({
  name,
  bind: ipAddress,
  advertise: ipAddress.optional(),
  mediaPorts: z.strictObject({ from: port, to: port }).default({ from: 20_000, to: 29_999 }),
  sip: z
    .array(sipListener)
    .min(1)
    .default([
      { transport: 'udp', port: 5060 },
      { transport: 'tcp', port: 5060 },
    ]),
});

const sipRate = z.union([
  z.literal(false),
  z.strictObject({ messagesPerSecond: z.number().min(0.1).max(100_000), burst: z.int().min(1).max(1_000_000) }),
]);

/** Scanners by their User-Agent; `sip-server/defence/scanner-filter.ts` has the same for a server that stands alone. */
const SCANNERS: string[] = [
  ...['friendly-scanner', 'friendly-request', 'sipvicious', 'sundayddr', 'sip-scan', 'sipscan'],
  ...['sipcli', 'pplsip', 'vaxsipuseragent', 'siparmyknife', 'iwar', 'sivus'],
];

const sipDefence = z.strictObject({
  allow: z.array(ipRange).default([]),
  deny: z.array(ipRange).default([]),
  rate: sipRate.default({ messagesPerSecond: 30, burst: 100 }),
  knownRate: sipRate.default(false),
  scanners: z.array(z.string().min(1).max(200)).default(SCANNERS),
  ban: z
    .union([
      z.literal(false),
      z.strictObject({
        offences: z.int().min(1).max(1_000_000),
        windowSeconds: z.int().min(1).max(86_400),
        banSeconds: z.int().min(1).max(31_536_000),
      }),
    ])
    .default({ offences: 10, windowSeconds: 60, banSeconds: 600 }),
  maxTransactions: z.int().min(10).max(10_000_000).default(200_000),
  retryAfterSeconds: z.int().min(0).max(3_600).default(10),
  maxConnectionsPerSource: z.int().min(1).max(4_096).default(32),
});

/** Of a body (RFC 3261 §20.15), without parameters. */
const mediaType = z
  .string()
  .regex(/^[\w!#$&^.+-]{1,100}\/[\w!#$&^.+-]{1,100}$/, 'must be a media type, such as text/plain')
  .transform((type) => type.toLowerCase());

const sip = z.strictObject({
  t1Ms: z.int().min(10).max(10_000).default(500),
  t2Ms: z.int().min(10).max(60_000).default(4_000),
  t4Ms: z.int().min(10).max(60_000).default(5_000),
  maxMessageBytes: z.int().min(1_024).max(65_535).default(65_535),
  maxHeaderBytes: z.int().min(1_024).max(65_535).default(16_384),
  maxConnections: z.int().min(1).max(65_535).default(4_096),
  connectionIdleSeconds: z.int().min(1).max(86_400).default(180),
  allowedHeaders: passedHeaders,
  allowedHeadersToTrunks: passedHeaders,
  allowedContent: z
    .strictObject({ info: z.array(mediaType).default([]), message: z.array(mediaType).default([]) })
    .prefault({}),
  digest: sipDigest.prefault({}),
  defence: sipDefence.prefault({}),
  homer: z
    .strictObject({
      address: z
        .string()
        .refine((text) => parseHostPort(text) !== undefined, 'must be host or host:port, such as 10.0.0.9:9060'),
      captureId: z.int().min(0).max(4_294_967_295).default(2_001),
      password: secret.optional(),
    })
    .optional(),
  drachtio: z
    .strictObject({ host: z.string().min(1), port: port.default(9022), secret, shared: z.boolean().default(false) })
    .optional(),
});

/** What a side's session descriptions may hold. */
const mediaKeys = {
  codecs: z.array(codec).min(1).default(['PCMA', 'PCMU']),
  preferredCodecs: z.array(codec).default([]),
  forbiddenCodecs: z.array(codec).default([]),
  ptimeMs: packetTime.optional(),
  srtp: passage.default('refuse'),
  t38: passage.default('refuse'),
  dtmf: z.enum(['rfc4733', 'info']).default('rfc4733'),
};

const trunk = z.strictObject({
  name,
  network: name,
  sources: z.array(source).min(1).optional(),
  digest: digestAccount.optional(),
  certificate: certificateName.optional(),
  traffic: z.enum(['commercial', 'personal']).default('commercial'),
  ...mediaKeys,
  sessionTimer: sessionTimer.prefault({}),
  classes: z.array(numberClass).min(1).default(DEFAULT_CLASSES),
  country: country.default('KR'),
  timeZone: timeZone.default('Asia/Seoul'),
  spendCap: z
    .union([z.literal(false), z.strictObject({ perDay: amount, currency })])
    .default({ perDay: '100000', currency: 'KRW' }),
  caps: trunkCaps.optional(),
  nat: nat.default('auto'),
  mediaSources: z.array(ipRange).default([]),
  transfers: z.enum(['simtrunk', 'gateway', 'refuse']).default('simtrunk'),
  ...trunkEarlyKeys,
  dialling: dialling.prefault({}),
  agentFrom: agentFrom.default('none'),
  account: name.optional(),
  channelGroups: z.array(name).min(1).optional(),
  maxCalls: z.int().min(1).max(1_000_000).optional(),
  maxCallsPerSecond: z.int().min(1).max(10_000).optional(),
  policy: trunkPolicy.optional(),
  inbound: trunkInbound.optional(),
  messages: trunkMessages.optional(),
});

const probe = z.strictObject({
  intervalSeconds: z.int().min(1).max(3_600).default(30),
  timeoutMs: milliseconds.min(1).default(4_000),
  failAfter: z.int().min(1).max(100).default(3),
  succeedAfter: z.int().min(1).max(100).default(1),
  downCodes: z.array(z.int().min(300).max(699)).default([408, 503]),
});

const gateway = z.strictObject({
  name,
  preset: z.enum(PRESET_NAMES).optional(),
  network: name,
  address: z
    .string()
    .refine(
      (text) => parseHostPort(text) !== undefined,
      'must be host or host:port, such as 10.0.0.20:5060 or [fd00::20]:5060',
    )
    .optional(),
  registers: registers.optional(),
  transport: z.enum(['udp', 'tcp', 'tls']).default('udp'),
  ...addressingKeys,
  digest: digestAccount.optional(),
  ...mediaKeys,
  firstResponseTimeoutMs: milliseconds.min(1).default(4_000),
  progressTimeoutMs: milliseconds.min(1).default(20_000),
  ringTimeoutMs: milliseconds.min(1).default(60_000),
  sessionTimer: sessionTimer.prefault({}),
  ...gatewayEarlyKeys,
  ...responseKeys,
  gapMs: milliseconds.default(2_000),
  maxCalls: z.int().min(1).optional(),
  maxCallsPerSecond: z.number().min(0.01).max(10_000).optional(),
  nat: nat.default('auto'),
  mediaSources: z.array(ipRange).default([]),
  simStatus,
  probe: z
    .union([z.literal(false), probe])
    .default({ intervalSeconds: 30, timeoutMs: 4_000, failAfter: 3, succeedAfter: 1, downCodes: [408, 503] }),
  inbound: gatewayInbound.optional(),
  messages: gatewayMessages.optional(),
});

const sim = z.strictObject({
  iccid: z
    .string()
    .regex(/^\d{18,22}$/, 'must be the 18 to 22 digits printed on the card, in quotes')
    .optional(),
  number: z.string().regex(/^\+[1-9]\d{6,14}$/, 'must be in E.164 form and in quotes, such as "+821012345678"'),
  plan: name,
});

const channel = z.strictObject({
  gateway: name,
  port: z.int().min(0).max(65_535),
  line: line.optional(),
  sim: z.string(),
  enabled: z.boolean().default(true),
  digest: digestAccount.optional(),
  codecs: z.array(codec).min(1).optional(),
  preferredCodecs: z.array(codec).optional(),
  forbiddenCodecs: z.array(codec).optional(),
  ptimeMs: packetTime.optional(),
  groups: z.array(name).default([]),
  agents: z.array(agentName).default([]),
});

const call = z.strictObject({
  maxAttempts: z.int().min(1).max(20).default(3),
  setupTimeoutMs: milliseconds.min(1_000).default(90_000),
  maxWaitMs: z.int().min(100).max(30_000).default(2_000),
  maxCallSeconds: z.int().min(2).max(86_400).default(7_200),
  minCallSeconds: z.int().min(2).max(3_600).default(2),
  warningToneSeconds: z.int().min(0).max(300).default(0),
  noMediaTimeoutMs: milliseconds.default(0),
  recoverHoldSeconds: z.int().min(0).max(3_600).default(32),
});

/** `ledger.sliceSeconds`, which bounds `call.warningToneSeconds`. */
export const DEFAULT_SLICE_SECONDS = 30;

const redis = z.strictObject({
  url: z.union([z.string().min(1), z.strictObject({ env: z.string().min(1) })]),
  // In braces in Redis, so that all keys are in one slot of a cluster.
  prefix: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be up to 64 letters, digits, dots, underscores and hyphens')
    .default('simtrunk'),
  node: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be up to 64 letters, digits, dots, underscores and hyphens')
    .optional(),
  leaseMs: milliseconds.min(1_000).max(600_000).default(15_000),
  guardMs: milliseconds.min(100).default(3_000),
  timeoutMs: milliseconds.min(50).max(60_000).default(1_000),
  awayLimitMs: milliseconds.default(2_000),
  whenAway: z.enum(['refuse', 'local-share']).default('refuse'),
  heldBack: z.array(z.string().min(1)).default([]),
  capSharePercent: z.int().min(0).max(100).default(25),
});

const ledger = z.strictObject({
  kind: z.enum(['memory', 'redis']).default('memory'),
  redis: redis.optional(),
  durability: z.enum(['process', 'power']).default('process'),
  journalTimeoutMs: milliseconds.min(10).default(2_000),
  file: path.default('simtrunk.db'),
  // Renewed at half of it, and a second of it is for the BYE: of a shorter one nothing would be left to renew in.
  sliceSeconds: z.int().min(4).max(3_600).default(DEFAULT_SLICE_SECONDS),
});

const recording = z.strictObject({
  enabled: z.boolean().default(true),
  required: z.boolean().default(false),
  onLoss: z.enum(['continue', 'end']).default('continue'),
  dir: path.default('recordings'),
  minFreeBytes: z.int().min(0).default(104_857_600),
});

const cdr = z.strictObject({
  recordingDeadlineMs: milliseconds.default(30_000),
  sinks: z
    .array(z.strictObject({ kind: z.literal('ndjson'), dir: path.default('cdr') }))
    // Without a sink no record would ever leave the outbox.
    .min(1)
    .default([{ kind: 'ndjson', dir: 'cdr' }]),
});

const log = z.strictObject({
  level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  redactNumbers: z.boolean().default(false),
});

/** The whole file. A key without a default is required. */
export const configFileSchema = z.strictObject({
  dataDir: path.default('var'),
  networks: z.array(network).min(1),
  sip: sip.prefault({}),
  trunks: z.array(trunk).min(1),
  gateways: z.array(gateway).min(1),
  registrations: z.array(registration).default([]),
  planFiles: z.array(path).default([]),
  plans: z.array(plan).default([]),
  agents: agents.prefault({}),
  accounts: z.array(account).default([]),
  sims: z.array(sim).min(1),
  channels: z.array(channel).min(1),
  policy: policy.prefault({}),
  routing: routingSchema.prefault({}),
  call: call.prefault({}),
  media: media.prefault({}),
  ledger: ledger.prefault({}),
  recording: recording.prefault({}),
  cdr: cdr.prefault({}),
  messages: messages.prefault({}),
  api: api.optional(),
  log: log.prefault({}),
});

export type ConfigFile = z.infer<typeof configFileSchema>;

/** The schemas of the lists' elements, so that sound elements can be cross-checked beside unsound ones. */
export const ELEMENT_SCHEMAS = {
  networks: network,
  trunks: trunk,
  gateways: gateway,
  registrations: registration,
  plans: plan,
  accounts: account,
  sims: sim,
  channels: channel,
} as const;

export type ListSection = keyof typeof ELEMENT_SCHEMAS;
