// What may stand in a scenario, and what is assumed when a key is left out. Plans are those of a config.
import { z } from 'zod';
import { milliseconds, name, numberClass, path, timeOfDay, timeZone, weekday } from '../config/scalars.js';
import { ELEMENT_SCHEMAS } from '../config/schema.js';

const DATE_RULE = 'must be a date, such as 2026-12-25';

const date = z.string().refine((text) => isDate(text), DATE_RULE);
const share = z.number().min(0).max(1);
const seconds = z.number().min(0).max(86_400);
const aboveZero = z.number().min(0.001).max(86_400);

const distribution = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('fixed'), seconds }),
  z.strictObject({ kind: z.literal('uniform'), fromSeconds: seconds, toSeconds: seconds }),
  z.strictObject({ kind: z.literal('exponential'), meanSeconds: aboveZero }),
  z.strictObject({ kind: z.literal('lognormal'), medianSeconds: aboveZero, p90Seconds: aboveZero }),
  z.strictObject({ kind: z.literal('listed'), seconds: z.array(seconds).min(1) }),
]);

const calendar = z.strictObject({
  timeZone: timeZone.default('Asia/Seoul'),
  days: z.array(weekday).min(1).default(['mon', 'tue', 'wed', 'thu', 'fri']),
  hours: z
    .array(z.strictObject({ from: timeOfDay, to: timeOfDay }))
    .min(1)
    .default([
      { from: '09:00', to: '12:00' },
      { from: '13:00', to: '18:00' },
    ]),
  holidays: z.array(date).default([]),
});

/** Shares of what is dialled; they need not add up to 1. */
const numberClasses = z.partialRecord(numberClass, z.number().min(0).max(1_000_000));

const agents = z.strictObject({
  count: z.int().min(1).max(10_000),
  /** A fraction is spread over the days. */
  callsPerDay: z.number().min(0).max(10_000),
  talk: distribution,
  /** Of the calls, how many go to a callee that the agent called before in the same month. */
  repeatedCallees: share.default(0),
  numberClasses: numberClasses.default({ mobile: 1 }),
  answerRate: share.default(1),
  ring: distribution.default({ kind: 'fixed', seconds: 10 }),
  /** Between the end of a call and the next one, at least. */
  pauseSeconds: seconds.default(5),
});

const recorded = z.strictObject({
  /** NDJSON as the sink writes it: files, or folders of them. */
  files: z.array(path).min(1),
});

const simGroup = z.strictObject({ plan: name, count: z.int().min(1).max(100_000) });

const gateway = z.strictObject({
  name,
  channels: z.int().min(1).max(100_000),
  gapMs: milliseconds.default(2_000),
  maxCalls: z.int().min(1).optional(),
});

const comparison = z.strictObject({
  /** Shares for which the SIMs that an agent needs are worked out too. */
  repeatedCallees: z.array(share).max(20).default([]),
  /** Plans, besides those of `sims`, whose cost is worked out too. */
  plans: z.array(name).max(20).default([]),
});

/** The whole file. Either `agents` or `recorded` says which calls are placed. */
export const scenarioFileSchema = z.strictObject({
  title: z.string().min(1).max(200),
  seed: z.int().min(0).default(1),
  period: z.strictObject({ from: date, to: date }).optional(),
  calendar: calendar.prefault({}),
  traffic: z.enum(['commercial', 'personal']).default('commercial'),
  ignoreTerms: z.boolean().default(false),
  agents: agents.optional(),
  recorded: recorded.optional(),
  planFiles: z.array(path).default([]),
  plans: z.array(ELEMENT_SCHEMAS.plans).default([]),
  sims: z.array(simGroup).min(1),
  gateways: z.array(gateway).min(1).optional(),
  meteredPlan: name.optional(),
  compare: comparison.prefault({}),
});

export type ScenarioFile = z.infer<typeof scenarioFileSchema>;

export function isDate(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(`${text}T00:00:00Z`).toJSON()?.slice(0, 10) === text;
}
