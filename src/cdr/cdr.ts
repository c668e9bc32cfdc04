// The call detail record as it is published: one JSON object a call, described by this schema and by docs/cdr.md.
// Its version changes when a field changes its meaning; fields may be added within a version.
import { z } from 'zod';

export const CDR_VERSION = 2;

/** ISO 8601 with its zone. */
const instant = z.iso.datetime({ offset: true });
const codes = z.record(z.string(), z.number());

const streamSchema = z.object({
  packets: z.int(),
  bytes: z.int(),
  lost: z.int(),
  jitterMs: z.number(),
  outOfOrder: z.int(),
  duplicates: z.int(),
  rtcpPackets: z.int(),
  // Records of earlier builds of version 2 lack the next eight.
  rtcpGenerated: z.int().default(0),
  transcoded: z.int().default(0),
  roundTripMs: z.number().nullable().default(null),
  peerReport: z.object({ lost: z.int(), jitterMs: z.number() }).nullable().default(null),
  mos: z.number().nullable().default(null),
  silentMs: z.int().default(0),
  dtmfEvents: z.int().default(0),
  dtmfDigits: z.string().nullable().default(null),
  dropped: codes,
  source: z.string().nullable(),
  firstPacketAt: instant.nullable(),
});

const attemptSchema = z.object({
  attemptId: z.string(),
  channel: z.string(),
  gateway: z.string(),
  sim: z.string(),
  simNumber: z.string(),
  requestUri: z.string(),
  sipCallId: z.string().nullable(),
  startedAt: instant,
  firstResponseAt: instant.nullable(),
  ringingAt: instant.nullable(),
  answeredAt: instant.nullable(),
  endedAt: instant.nullable(),
  outcome: z.enum(['answered', 'refused', 'silent', 'cancelled', 'unreachable', 'crossed', 'interrupted']).nullable(),
  sipStatus: z.int().nullable(),
  reasons: z.array(z.string()),
  // Records of earlier builds of this version lack the next two.
  cause: z.int().nullable().default(null),
  meaning: z.enum(['channel', 'gateway', 'callee', 'give-up']).nullable().default(null),
  answeredLate: z.boolean(),
  // Records of earlier builds of this version lack it.
  forkedAnswers: z.int().default(0),
  billedSeconds: z.int(),
  cost: z.string(),
  currency: z.string().nullable(),
  estimated: z.boolean(),
});

const recordingSchema = z.object({
  recordingId: z.string(),
  state: z.enum(['complete', 'partial', 'lost', 'unfinished']),
  path: z.string().nullable(),
  sha256: z.string().nullable(),
  bytes: z.int().nullable(),
  durationMs: z.number().nullable(),
  packets: z.object({ caller: z.int(), callee: z.int() }).nullable(),
  reanchored: z.int().nullable(),
  lostPackets: z.int().nullable(),
});

const decisionSchema = z.object({
  considered: z.int(),
  refused: codes,
  winner: z
    .object({ channel: z.string(), score: z.number().nullable(), terms: z.record(z.string(), z.number()) })
    .nullable(),
  // Records of earlier builds of this version lack the next three.
  runnersUp: z
    .array(z.object({ channel: z.string(), score: z.number() }))
    .nullable()
    .default(null),
  codecs: z.array(z.string()).nullable().default(null),
  decidedAt: instant.nullable().default(null),
  version: z.int(),
  seed: z.int().nullable(),
});

/** Of a call from a mobile: the channel that it came in by, and what that was charged. */
const inboundSchema = z.object({
  channel: z.string(),
  gateway: z.string(),
  sim: z.string(),
  simNumber: z.string(),
  lastAgent: z.string().nullable(),
  lastCalledAt: instant.nullable(),
  destination: z.enum(['agent', 'default', 'announcement']).nullable(),
  answeredAt: instant.nullable(),
  billedSeconds: z.int(),
  cost: z.string(),
  currency: z.string().nullable(),
  estimated: z.boolean(),
});

const transferSchema = z.object({
  at: instant,
  kind: z.enum(['blind', 'attended']),
  by: z.enum(['simtrunk', 'gateway']),
  target: z.string(),
  callId: z.string().nullable(),
  sipStatus: z.int().nullable(),
});

export const cdrSchema = z.object({
  version: z.literal(CDR_VERSION),
  /** The same in every revision of one call's record: consumers keep the highest revision. */
  callId: z.string(),
  revision: z.int(),
  sipCallId: z.string(),
  // Records of earlier builds of this version lack direction and inbound: all calls went out.
  direction: z.enum(['out', 'in']).default('out'),
  trunk: z.string(),
  traffic: z.enum(['commercial', 'personal']),
  calling: z.string(),
  agent: z.string().nullable(),
  payers: z.array(z.string()),
  dialled: z.string(),
  callee: z.string().nullable(),
  numberClass: z.string().nullable(),
  offeredAt: instant,
  routedAt: instant.nullable(),
  ringingAt: instant.nullable(),
  answeredAt: instant.nullable(),
  endedAt: instant,
  durationMs: z.int(),
  attempts: z.array(attemptSchema),
  decision: decisionSchema.nullable(),
  laterDecisions: z.array(decisionSchema).default([]),
  endedBy: z.enum(['caller', 'callee', 'simtrunk']),
  endReason: z.string(),
  limit: z.object({ holder: z.string(), allowance: z.string().nullable() }).nullable(),
  sipStatus: z.int().nullable(),
  q850: z.int().nullable(),
  billedSeconds: z.int(),
  codec: z.string().nullable(),
  calleeCodec: z.string().nullable(),
  transcoded: z.boolean(),
  media: z.object({ caller: streamSchema, callee: streamSchema }).nullable(),
  recording: recordingSchema.nullable(),
  inbound: inboundSchema.nullable().default(null),
  // Records of earlier builds of this version lack the next two.
  transfers: z.array(transferSchema).default([]),
  transferOf: z.string().nullable().default(null),
  // Records of earlier builds of this version lack it.
  probe: z.boolean().default(false),
});

export type Cdr = z.infer<typeof cdrSchema>;

/** Fields that the first records of version 2 did not have. */
const ADDED_IN_2 = { calleeCodec: true, transcoded: true } as const;

/** What version 1 said less: no agent, payers, score, seed and limit. Files and outboxes of older versions hold it. */
const cdrV1Schema = cdrSchema.omit({ agent: true, payers: true, limit: true, laterDecisions: true }).extend({
  version: z.literal(1),
  decision: z
    .object({
      considered: z.int(),
      refused: codes,
      winner: z.object({ channel: z.string(), terms: z.record(z.string(), z.number()) }).nullable(),
      version: z.int(),
    })
    .nullable(),
});

/** A record of any version, for whoever reads what was published. */
export const anyCdrSchema = z.union([cdrSchema, cdrSchema.partial(ADDED_IN_2), cdrV1Schema.partial(ADDED_IN_2)]);
export type AnyCdr = z.infer<typeof anyCdrSchema>;
