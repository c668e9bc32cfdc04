// A SIPp case as its folder says it: `case.yaml` beside the scenarios of the PBX side and the gateway side.
// Boundary: reads and checks the file; it starts nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** A scenario's messages, as SIPp traces them, match this pattern. */
const traceSchema = z.strictObject({ scenario: z.string(), trace: z.string() });

/** The case's web server has been asked for a path so often. */
const askedSchema = z.strictObject({ asked: z.string(), times: z.int().min(1) });

const gatewaySchema = z.strictObject({
  name: z.string().default('gw1'),
  /** Number of SIM channels behind this gateway. */
  channels: z.int().min(1).default(1),
  /** SIPp scenario that answers for it. Without one nothing may arrive here, and nothing is answered. */
  uas: z.string().optional(),
  /** Nothing listens at its address. */
  isDead: z.boolean().default(false),
  /** Where it is; callers of the same address are known as its own. */
  address: z.string().default('127.0.0.1'),
  /** It is no gateway but the PBX, where calls from mobiles go: not in the config, but for `$portOf`. */
  isPbx: z.boolean().default(false),
  /** How many INVITEs with a Call-ID of their own the scenario handles before SIPp exits. */
  dialogs: z.int().min(1).default(1),
  transport: z.enum(['udp', 'tcp']).default('udp'),
  /** Merged into the gateway's config. */
  settings: z.record(z.string(), z.unknown()).default({}),
});

/** What an operator does to the running service: a config merged over the case's is read again, or it drains. */
const operatorSchema = z.union([
  z.strictObject({
    reload: z.record(z.string(), z.unknown()),
    /** Gateways that the config has no longer, nor their channels. */
    without: z.array(z.string()).default([]),
  }),
  z.strictObject({ drain: z.strictObject({ deadlineSeconds: z.int().min(0).nullable() }) }),
  z.literal('resume'),
]);

const callerSchema = z.strictObject({
  uac: z.string().default('uac.xml'),
  /** User of the request URI. */
  called: z.string().default('01012345678'),
  calls: z.int().min(1).default(1),
  /** It calls the process that was started after the kill. */
  startsAfterRestart: z.boolean().default(false),
  /** How fast they are placed. */
  callsPerSecond: z.int().min(1).default(10),
  /** Source address of the packets. */
  address: z.string().default('127.0.0.1'),
  transport: z.enum(['udp', 'tcp']).default('udp'),
  /** Scenario for whoever calls where this caller's packets come from. */
  incoming: z.string().optional(),
  /**
   * Holds the caller back until another scenario's messages match this pattern: order without sleeping. What the pattern's
   * groups matched is `[captured]`, `[captured2]`, … in the caller's scenario.
   */
  startsWhen: z.union([traceSchema, askedSchema]).optional(),
  /** Done before it calls. */
  operator: operatorSchema.optional(),
});

const payloadType = z.int().min(0).max(127);

/** What a side says in each 20 ms of a call: a tone in G.711, a key once, packets of a size, or packets of a fax. */
const sayingSchema = z.union([
  z.strictObject({ payloadType, codec: z.enum(['PCMA', 'PCMU']), toneHz: z.number() }),
  z.strictObject({ payloadType, digit: z.string().length(1) }),
  z.strictObject({ payloadType, bytes: z.int().min(1).max(1_000) }),
  z.strictObject({ udptl: z.string() }),
]);

const caseSchema = z.strictObject({
  title: z.string(),
  /** One sentence: the behaviour that a pass proves. */
  shows: z.string(),
  gateways: z.array(gatewaySchema).default([gatewaySchema.parse({ uas: 'uas.xml' })]),
  callers: z
    .array(callerSchema)
    .min(1)
    .default([callerSchema.parse({})]),
  /** By scenario file, whose SDP then names its port as [rtp_port]: what it says while its call lasts. One call a scenario. */
  rtp: z.record(z.string(), z.array(sayingSchema)).default({}),
  /** The process is killed with SIGKILL when a scenario's messages match, and started again with the same config. */
  killedWhen: traceSchema.optional(),
  /** A web server at `$portOf.web`: the JSON that it answers, by path. */
  web: z.record(z.string().startsWith('/'), z.unknown()).default({}),
  /** How many ports the relay has; a call takes two for each side. */
  mediaPorts: z.int().min(4).default(40),
  /** Files beside the config, by name, and how many days ago they were written. */
  files: z
    .record(
      z.string().regex(/^[a-z-]+\.txt$/),
      z.strictObject({ text: z.string(), ageDays: z.number().min(0).default(0) }),
    )
    .default({}),
  /** WAV files beside the config, by name: a tone. */
  sounds: z
    .record(z.string().regex(/^[a-z-]+\.wav$/), z.strictObject({ toneHz: z.number(), milliseconds: z.int().min(20) }))
    .default({}),
  /** Merged over the base config: objects by key, lists and scalars replaced, keys with null taken away. */
  config: z.record(z.string(), z.unknown()).default({}),
  expect: z.strictObject({
    /** Every CDR of the case, in the order in which the calls were offered; see expectation.ts for the patterns. */
    cdrs: z.array(z.unknown()),
    /** The record of every text message of the case, in the order in which they were taken. */
    messages: z.array(z.unknown()).default([]),
    /** What a scenario of `rtp` heard: see rtp-evidence.ts. */
    rtp: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
    /** Counters of the running service, by dotted path. */
    counters: z.record(z.string(), z.unknown()).default({}),
    /** Usage of SIMs by channel id at the end, by allowance id. */
    ledger: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
  }),
  /** Why a drachtio-server in place of the embedded SIP server cannot pass; the case is skipped there. */
  embeddedOnly: z.string().optional(),
  /** Why rtpengine in place of the embedded relay cannot pass; the case is skipped there. */
  relayOnly: z.string().optional(),
  /** SIPp's own limit; a case that needs more is stuck. */
  timeoutSeconds: z.int().min(1).max(60).default(15),
});

export type RtpSaying = z.output<typeof sayingSchema>;
export type SipCaseOperator = z.output<typeof operatorSchema>;
export type SipCaseGateway = z.output<typeof gatewaySchema>;
export type SipCaseCaller = z.output<typeof callerSchema>;
export type SipCase = z.output<typeof caseSchema> & { readonly name: string; readonly folder: string };

/** The folder with one folder for each case: `sip-tests/` of the package. */
export function casesFolder(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'sip-tests');
}

export function listCaseNames(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, 'case.yaml')))
    .map((entry) => entry.name)
    .sort();
}

/** @throws Error with every problem of the case's files, by path. */
export function loadCase(casesFolderPath: string, name: string): SipCase {
  const folder = join(casesFolderPath, name);
  const file = join(folder, 'case.yaml');
  const parsed = caseSchema.safeParse(parse(readFileSync(file, 'utf8')));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || '(top)'}: ${issue.message}`);
    throw new Error(`${file}:\n${problems.join('\n')}`);
  }
  const scenarios = [
    ...parsed.data.callers.flatMap(({ uac, incoming }) => (incoming === undefined ? [uac] : [uac, incoming])),
    ...parsed.data.gateways.flatMap((gateway) => (gateway.uas === undefined ? [] : [gateway.uas])),
  ];
  const strangers = [...Object.keys(parsed.data.rtp), ...Object.keys(parsed.data.expect.rtp)].filter(
    (scenario) => !scenarios.includes(scenario),
  );
  if (strangers.length > 0) throw new Error(`${file}: no scenario of this case: ${strangers.join(', ')}`);
  const missing = scenarios.filter((scenario) => !existsSync(join(folder, scenario)));
  if (missing.length > 0) throw new Error(`${file}: no such scenario beside it: ${missing.join(', ')}`);
  return { ...parsed.data, name, folder };
}
