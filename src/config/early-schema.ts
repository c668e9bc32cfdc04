// Keys of what is said in a call before its answer, and of the headers that go from one side of a call to the other.
import { z } from 'zod';
import { mayPass } from './own-headers.js';

const PASSED_HEADER_RULE =
  "may not be passed on: simtrunk writes it itself, or it would set a caller identity or tie one leg to the other's dialog; allowed are others, such as X-Campaign or Diversion";

export const passedHeaders = z
  .array(
    z
      .string()
      .regex(/^[A-Za-z0-9!%*_+`'~.-]+$/, 'must be a SIP header name')
      .refine(mayPass, PASSED_HEADER_RULE)
      .refine((header) => header.length > 1, 'must be the full name, not the compact form (RFC 3261 §7.3.3)'),
  )
  .max(50)
  .superRefine((names, context) => {
    for (const [index, name] of names.entries()) {
      if (names.findIndex((other) => other.toLowerCase() === name.toLowerCase()) === index) continue;
      context.addIssue({
        code: 'custom',
        path: [index],
        message: `is "${name}", which is listed already`,
        input: names,
      });
    }
  })
  .default([]);

const prack = z.enum(['off', 'required', 'supported']);

export const trunkEarlyKeys = {
  prack: prack.default('required'),
  plainRinging: z.boolean().default(false),
};

export const gatewayEarlyKeys = {
  prack: prack.default('supported'),
};
