// How those who call, and those who are called, prove who they are.
import { z } from 'zod';
import { DIGEST_ALGORITHMS } from '../digest/digest-algorithm.js';
import { parseHostPort } from '../lib/host-port.js';
import { name, secret } from './scalars.js';

/** Neither a quote nor what would end a header line. */
const WITHOUT_CONTROLS = /^[^\p{Cc}"\\]+$/u;

/** A name and its password, for digest authentication. */
export const digestAccount = z.strictObject({
  username: z.string().max(128).regex(WITHOUT_CONTROLS, 'must be 1 to 128 characters without quotes or backslashes'),
  password: secret,
});

/** `registrations`: where simtrunk registers itself. */
export const registration = z.strictObject({
  name,
  network: name,
  registrar: z
    .string()
    .refine((text) => parseHostPort(text) !== undefined, 'must be host or host:port, such as sip.carrier.example'),
  transport: z.enum(['udp', 'tcp', 'tls']).default('udp'),
  domain: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,253}$/, 'must be a host name or an IPv4 address')
    .optional(),
  digest: digestAccount,
  expiresSeconds: z.int().min(30).max(86_400).default(600),
});

/** `gateways[].registers`: its lines register with us. */
export const registers = z.strictObject({
  minExpiresSeconds: z.int().min(1).max(86_400).default(60),
  maxExpiresSeconds: z.int().min(1).max(86_400).default(3_600),
});

/** A name that a TLS certificate speaks for; wildcards are nobody's. */
export const certificateName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,253}$/, 'must be a name that the certificate speaks for, such as pbx.example');

/** `sip.digest`: how simtrunk asks for credentials. */
export const sipDigest = z.strictObject({
  realm: z
    .string()
    .max(128)
    .regex(WITHOUT_CONTROLS, 'must be 1 to 128 characters without quotes or backslashes')
    .default('simtrunk'),
  algorithms: z.array(z.enum(DIGEST_ALGORITHMS)).min(1).default(['MD5']),
  nonceSecret: secret.optional(),
  nonceSeconds: z.int().min(10).max(86_400).default(300),
});
