// What a gateway's final responses mean, and how long what they mean is left alone.
import { z } from 'zod';

const status = z.int().min(300).max(699);
const cause = z.int().min(1).max(127);
const oneOrSeveral = <T extends z.ZodType>(value: T) => z.union([value, z.array(value).min(1)]);

const responseRule = z
  .strictObject({
    status: oneOrSeveral(status).optional(),
    cause: oneOrSeveral(cause).optional(),
    means: z.enum(['channel', 'gateway', 'callee', 'give-up']),
    coolDownSeconds: z.number().min(0).max(86_400).default(0),
  })
  .refine((rule) => rule.status !== undefined || rule.cause !== undefined, 'must have status, cause or both');

export const responseKeys = {
  responses: z.array(responseRule).default([]),
  busyProbeMs: z.int().min(0).max(60_000).default(0),
};

export type ResponseRuleKeys = z.output<typeof responseRule>;

/** The list of a key that may hold one value, several, or be left out. */
export function listOf(value: number | readonly number[] | undefined): readonly number[] {
  if (value === undefined) return [];
  return typeof value === 'number' ? [value] : value;
}
