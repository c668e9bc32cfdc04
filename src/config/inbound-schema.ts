// Calls from mobiles: how a gateway says which of its channels was called and who calls, and where a trunk takes such calls.
import { z } from 'zod';
import { parseHostPort } from '../lib/host-port.js';
import { PLACEHOLDERS } from '../routing/dial-template.js';
import { CALLER_ID_PLACES } from '../routing/dial-uri.js';
import { checkTemplate, headerName, isUserText } from './addressing-schema.js';
import { digestAccount } from './intake-schema.js';
import { milliseconds, name, path } from './scalars.js';

const HEADER = "header:[A-Za-z0-9!%*_+`'~.-]{1,64}";
const PLACES_OF_A_CALL = [...PLACEHOLDERS, 'agent'] as const;

/** `gateways[].inbound`. */
export const gatewayInbound = z.strictObject({
  channelFrom: z
    .string()
    .regex(
      new RegExp(`^(?:request-uri|to|line|source-port|${HEADER})$`),
      'must be request-uri, to, line, source-port, or header: and the name of a header, such as header:X-Line',
    )
    .default('request-uri'),
  callerFrom: z
    .string()
    .regex(
      new RegExp(`^(?:from|p-asserted-identity|remote-party-id|${HEADER})$`),
      'must be from, p-asserted-identity, remote-party-id, or header: and the name of a header',
    )
    .default('from'),
  trunk: name.optional(),
});

function template(check: (rest: string) => boolean, rule: string) {
  return z
    .string()
    .min(1)
    .max(500)
    .superRefine((text, context) => {
      const refuse = (message: string) => context.addIssue({ code: 'custom', message, input: text });
      const { rest } = checkTemplate(text, PLACES_OF_A_CALL, refuse);
      if (!check(rest)) refuse(rule);
    });
}

const user = template(isUserText, 'may contain only what stands in a SIP user part (RFC 3261 §25.1) and "#"');
const headerValue = template((rest) => /^[\x20-\x7e]*$/.test(rest), 'may contain only printable ASCII characters');

/** `trunks[].inbound`. */
export const trunkInbound = z.strictObject({
  address: z
    .string()
    .refine((text) => parseHostPort(text) !== undefined, 'must be host or host:port, such as 10.0.0.5:5060')
    .optional(),
  transport: z.enum(['udp', 'tcp', 'tls']).default('udp'),
  connection: z.boolean().default(false),
  digest: digestAccount.optional(),
  agent: z.union([z.literal(false), user]).default('{agent}'),
  default: z.union([z.literal(false), user]).default('{sim}'),
  affinityHours: z.int().min(0).max(720).default(72),
  callerId: z.array(z.enum(CALLER_ID_PLACES)).min(1).default(['from']),
  fromUser: user.default('{e164}'),
  headers: z.record(headerName, headerValue).default({}),
  firstResponseTimeoutMs: milliseconds.min(1).default(4_000),
  agentRingTimeoutMs: milliseconds.min(1).default(20_000),
  ringTimeoutMs: milliseconds.min(1).default(60_000),
  announcement: path.optional(),
});
