// What the config says of plans and caps: allowances of any kind, and what costs what beyond them.
import { z } from 'zod';
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import { agentUser } from './policy-schema.js';
import {
  amount,
  currency,
  DEFAULT_CLASSES,
  milliseconds,
  name,
  numberClass,
  timeOfDay,
  timeZone,
  weekday,
} from './scalars.js';

/** History is kept for the longest month. */
const LONGEST_WINDOW_DAYS = 31;

const price = z
  .string()
  .regex(/^\d{1,5}(\.\d{1,6})?$/, 'must be a decimal below 100000 in quotes, such as "1.98" (at most six decimals)');
const stepSeconds = z.int().min(1).max(3_600);

const window = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('day') }),
  z.strictObject({ kind: z.literal('month'), resetDay: z.int().min(1).max(31).default(1) }),
  z.strictObject({
    kind: z.literal('rolling'),
    minutes: z
      .int()
      .min(1)
      .max(LONGEST_WINDOW_DAYS * 1_440)
      .optional(),
    hours: z
      .int()
      .min(1)
      .max(LONGEST_WINDOW_DAYS * 24)
      .optional(),
    days: z.int().min(1).max(LONGEST_WINDOW_DAYS).optional(),
  }),
]);

const rate = { perStep: price, stepSeconds: z.int().min(1).max(86_400).default(1) };

const beyond = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('forbid') }),
  z.strictObject({ kind: z.literal('charge'), ...rate }),
]);

const rounding = z.strictObject({
  firstSeconds: stepSeconds,
  thenSeconds: stepSeconds,
  minimumSeconds: z.int().min(0).max(3_600).default(0),
});

const byClass = <T extends z.ZodType>(value: T) =>
  z.strictObject(
    Object.fromEntries(NUMBER_CLASSES.map((each) => [each, value.optional()])) as Record<
      (typeof NUMBER_CLASSES)[number],
      z.ZodOptional<T>
    >,
  );

export const allowance = z.strictObject({
  id: name,
  counts: z.enum(['seconds', 'calls', 'callees', 'sms', 'lms', 'mms', 'credits', 'spend', 'days-over']),
  window,
  limit: z.union([z.int().min(0), amount]),
  classes: z.array(numberClass).min(1),
  directions: z
    .array(z.enum(['out', 'in']))
    .min(1)
    .default(['out']),
  countsOn: z.enum(['answer', 'attempt']).default('answer'),
  rounding: rounding.optional(),
  beyond: beyond.default({ kind: 'forbid' }),
  credits: z
    .strictObject({ stepSeconds: stepSeconds.default(60), perStep: byClass(z.int().min(0).max(1_000_000)) })
    .optional(),
  daysOver: z
    .strictObject({
      counts: z.enum(['seconds', 'calls', 'callees', 'sms', 'lms', 'mms']),
      threshold: z.int().min(0),
    })
    .optional(),
  pacing: z.enum(['none', 'days', 'hours']).default('none'),
});

const workingTime = z.strictObject({
  days: z.array(weekday).min(1).default(['mon', 'tue', 'wed', 'thu', 'fri']),
  from: timeOfDay.default('09:00'),
  to: timeOfDay.default('18:00'),
  holidays: z.array(z.iso.date('must be a date in quotes, such as "2026-01-01"')).default([]),
});

/** What plans and caps have in common. */
const terms = {
  currency: currency.default('KRW'),
  rounding: rounding.default({ firstSeconds: 1, thenSeconds: 1, minimumSeconds: 0 }),
  windowEdge: z.enum(['split', 'start']).default('split'),
  workingTime: workingTime.prefault({}),
  allowances: z.array(allowance).default([]),
};

export const plan = z.strictObject({
  name,
  timeZone: timeZone.default('Asia/Seoul'),
  commercialUse: z.enum(['allowed', 'forbidden']),
  classes: z.array(numberClass).min(1).default(DEFAULT_CLASSES),
  ...terms,
  maxCallSeconds: z.int().min(2).max(86_400).default(7_200),
  gapMs: milliseconds.optional(),
  monthlyFee: amount.default('0'),
  rates: byClass(z.strictObject(rate)).default({}),
  messageRates: z.strictObject({ sms: price, lms: price, mms: price }).optional(),
});

/** Of a trunk: its windows turn in its own time zone. */
export const trunkCaps = z.strictObject({ ...terms });

/** Of an agent or an account. */
export const caps = z.strictObject({ timeZone: timeZone.default('Asia/Seoul'), ...terms });

export const agents = z.strictObject({
  caps: caps.optional(),
  named: z
    .array(
      z.strictObject({
        trunk: name,
        agent: agentUser,
        caps,
      }),
    )
    .default([]),
});

export const account = z.strictObject({ name, caps });
