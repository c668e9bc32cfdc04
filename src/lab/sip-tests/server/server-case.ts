// A SIPp case of the SIP server alone: one folder of sip-tests/server/ with a `case.yaml`, scenarios in sip-tests/server/peers/.
// Boundary: reads, checks and multiplies cases; it starts nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { casesFolder } from '../case-file.js';

const legSchema = z.enum(['caller', 'callee']);

/** `INVITE` is a request, `200 INVITE` a response to one. */
const messageSchema = z.string().regex(/^(\d{3} )?[A-Z]+$/);

const ruleSchema = z
  .strictObject({
    leg: legSchema,
    to: z.enum(['server', 'peer']),
    message: messageSchema,
    /** Which of its kind, in that direction, is meant. */
    nth: z.int().min(1).default(1),
    isLost: z.boolean().default(false),
    isTwice: z.boolean().default(false),
    /** Sent on once more so many T1 after it came. */
    againAtT1: z.array(z.number()).default([]),
    /** Held back, with all of its kind, until this one has come from the other side. */
    heldUntil: messageSchema.optional(),
  })
  .refine((rule) => rule.isLost || rule.isTwice || rule.againAtT1.length > 0 || rule.heldUntil !== undefined, {
    message: 'a rule loses, doubles, repeats or holds',
  });

const peerSchema = z.strictObject({
  scenario: z.string(),
  transport: z.enum(['udp', 'tcp']).default('udp'),
});

const caseSchema = z.strictObject({
  /** One sentence: the behaviour that a pass proves. */
  shows: z.string(),
  group: z.enum(['timers', 'losses', 'crossing', 'tcp']),
  /** Calls the server; `does` is what the application does with it (lab-application.ts). */
  caller: peerSchema.extend({ does: z.string() }).optional(),
  /** Is called by the application: because the caller's request says so, or because of `starts`. */
  callee: peerSchema.optional(),
  /** What the application starts by itself. */
  starts: z.string().optional(),
  relay: z.array(ruleSchema).default([]),
  /** One case for each: the message is lost in one, and arrives twice in another. */
  spoils: z
    .array(z.strictObject({ leg: legSchema, to: z.enum(['server', 'peer']), message: messageSchema }))
    .default([]),
  /** The case is watched for so long; then everything must be as expected. */
  lastsT1: z.number().default(0),
  expect: z.strictObject({
    /** What the application is told, in this order. */
    told: z.array(z.string()).optional(),
    /** What the server sends. */
    sends: z
      .array(
        z
          .strictObject({
            leg: legSchema,
            message: messageSchema,
            /** Exactly these, by the relay's clock, in T1 after the first. */
            atT1: z.array(z.number()).optional(),
            /** So many, a number or a range. */
            times: z.unknown().optional(),
          })
          .refine((line) => (line.atT1 === undefined) !== (line.times === undefined), 'either atT1 or times'),
      )
      .default([]),
    /** Counters of the server at the end, which then has this case to itself. */
    counters: z.record(z.string(), z.unknown()).default({}),
  }),
  /** Why a real drachtio-server cannot pass it; skipped there. */
  drachtio: z.string().optional(),
});

export type RelayRule = z.output<typeof ruleSchema>;
export type ServerCase = Omit<z.output<typeof caseSchema>, 'spoils'> & { readonly name: string };
export type ServerCaseGroup = ServerCase['group'];

export const SERVER_CASE_GROUPS: readonly ServerCaseGroup[] = ['timers', 'losses', 'crossing', 'tcp'];

export function serverCasesFolder(): string {
  return join(casesFolder(), 'server');
}

export function peersFolder(): string {
  return join(serverCasesFolder(), 'peers');
}

/** @throws Error with every problem of the files, by path. */
export function loadServerCases(): ServerCase[] {
  const folder = serverCasesFolder();
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'case.yaml')))
    .sort()
    .flatMap((name) => parseServerCase(name, readFileSync(join(folder, name, 'case.yaml'), 'utf8')));
}

/** One case, or one for each message that it spoils and each way of spoiling it. */
export function parseServerCase(name: string, text: string): ServerCase[] {
  const parsed = caseSchema.safeParse(parse(text));
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || '(top)'}: ${issue.message}`);
    throw new Error(`${name}/case.yaml:\n${problems.join('\n')}`);
  }
  const { spoils, ...whole } = parsed.data;
  if (spoils.length === 0) return [{ ...whole, name }];
  return spoils.flatMap(({ leg, to, message }) =>
    (['lost', 'twice'] as const).map((fate) => {
      const rule = { leg, to, message, nth: 1, againAtT1: [], isLost: fate === 'lost', isTwice: fate === 'twice' };
      const place = to === 'server' ? `from-${leg}` : `to-${leg}`;
      return {
        ...whole,
        name: `${name}/${message.replace(' ', '-')}-${place}-${fate}`,
        relay: [...whole.relay, rule],
      };
    }),
  );
}
