// `routing.streaks`: which attempts in a row suspend a channel, and whether a probe call may resume it.
import { z } from 'zod';
import { milliseconds, name } from './scalars.js';

const count = z.int().min(2).max(10_000);

const FAST_FAILURES = { count: 10, withinMs: 1_000 };
const NO_ALERTING = { count: 15, afterMs: 10_000 };
const SHORT_ANSWERS = { count: 20, underMs: 3_000 };
const ANSWERS_WITHOUT_18X = { count: 20 };

/** Of a key that may be false: an object is whole. */
function orFalse<T extends z.ZodRawShape>(shape: T) {
  return z.union([z.literal(false), z.strictObject(shape)]);
}

export const streaks = z.strictObject({
  fastFailures: orFalse({ count, withinMs: milliseconds.min(1) }).default(FAST_FAILURES),
  noAlerting: orFalse({ count, afterMs: milliseconds }).default(NO_ALERTING),
  shortAnswers: orFalse({ count, underMs: milliseconds.min(1) }).default(SHORT_ANSWERS),
  answersWithout18x: orFalse({ count }).default(ANSWERS_WITHOUT_18X),
  mostPercent: z.int().min(1).max(100).default(50),
  probe: orFalse({
    trunk: name,
    number: z.string().regex(/^\+?\d{3,15}$/, 'must be a telephone number in quotes, such as "+821012345678"'),
    afterSeconds: z.int().min(1).max(86_400).default(900),
    maxAfterSeconds: z.int().min(1).max(604_800).default(14_400),
  }).default(false),
});
