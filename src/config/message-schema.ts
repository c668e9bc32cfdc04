// Text messages: how a gateway sends and receives them, what a trunk is told, the HTTP API that takes them.
import { z } from 'zod';
import { unknownPlaceholders } from '../messages/sms-template.js';
import { dial, headerToken } from './addressing-schema.js';
import { digestAccount } from './intake-schema.js';
import { messagePoll } from './message-poll-schema.js';
import { PUSH_PRESET_NAMES, SMS_PRESET_NAMES } from './message-presets.js';
import { ipAddress, milliseconds, name, secret } from './scalars.js';

const smsTemplate = z
  .string()
  .max(10_000)
  .superRefine((template, context) => {
    for (const unknown of unknownPlaceholders(template)) {
      const message = `has the unknown placeholder {${unknown}}; docs/messages.md lists them`;
      context.addIssue({ code: 'custom', message, input: template });
    }
  });

const pattern = z.string().max(1_000).refine(isPattern, 'must be a regular expression');

/** `gateways[].messages.http`: read behind what its preset gives. */
export const smsHttp = z.strictObject({
  preset: z.enum(SMS_PRESET_NAMES).optional(),
  method: z.enum(['GET', 'POST', 'PUT']).optional(),
  url: smsTemplate.refine((url) => /^https?:\/\//.test(url), 'must begin with http:// or https://').optional(),
  headers: z.record(headerToken, smsTemplate).optional(),
  body: smsTemplate.optional(),
  auth: z.enum(['none', 'basic', 'digest']).optional(),
  account: digestAccount.optional(),
  accepted: pattern.optional(),
  reference: pattern.optional(),
  retryStatuses: z.array(z.int().min(300).max(599)).optional(),
  timeoutMs: milliseconds.min(100).default(30_000),
  verifyServer: z.boolean().default(true),
});

const field = z.string().regex(/^[A-Za-z0-9_.-]{1,100}$/, 'must be the name of a field; a dot leads into an object');

/** `gateways[].messages.push`: how it tells over HTTP; each key goes before what the preset has. */
const push = z.strictObject({
  preset: z.enum(PUSH_PRESET_NAMES).default('json'),
  message: z
    .strictObject({ list: field, from: field, text: field, channel: field, id: field, time: field })
    .partial()
    .optional(),
  report: z
    .strictObject({
      ...{ list: field, id: field, reference: field, number: field, channel: field, time: field },
      ...{ status: field },
      ...{ delivered: pattern, undelivered: pattern },
    })
    .partial()
    .optional(),
});

/** `gateways[].messages`; left out, it has nothing to do with text messages. */
export const gatewayMessages = z.strictObject({
  via: z.enum(['sip', 'http', 'none']).default('sip'),
  dial: dial.optional(),
  http: smsHttp.optional(),
  alphabet: z.enum(['gsm', 'euc-kr']).default('gsm'),
  smsParts: z.int().min(1).max(255).default(6),
  smsBytes: z.int().min(1).max(140).default(90),
  lmsBytes: z.int().min(0).max(10_000).default(0),
  mms: z.boolean().default(false),
  gapMs: milliseconds.default(0),
  onSilence: z.enum(['stop', 'next']).default('stop'),
  push: push.optional(),
  poll: messagePoll.optional(),
  inbound: z
    .strictObject({
      senderFrom: z.enum(['from', 'first-line']).default('from'),
      channelFrom: z
        .string()
        .regex(
          /^(?:request-uri|to|line|source-port|header:[A-Za-z0-9!%*_+`'~.-]+)$/,
          'must be request-uri, to, line, source-port or header:NAME',
        )
        .default('request-uri'),
    })
    .prefault({}),
});

/** `trunks[].messages`: what it may send, and how it is told of what it sent and of what mobiles send it. */
export const trunkMessages = z.strictObject({
  take: z.boolean().default(true),
  maxPerSecond: z.int().min(1).max(10_000).optional(),
  to: z
    .string()
    .regex(/^sips?:[^\s<>]+$/, 'must be a SIP URI, such as "sip:{user}@10.0.0.10:5060"')
    .optional(),
  user: z
    .string()
    .regex(/^[A-Za-z0-9_.!~*'()+-]{1,64}$/, 'must be the user of a SIP URI')
    .default('messages'),
  reports: z.enum(['text', 'imdn', 'none']).default('text'),
  webhook: z
    .strictObject({
      url: z.string().regex(/^https?:\/\/\S+$/, 'must begin with http:// or https://'),
      secret: secret.optional(),
      timeoutMs: milliseconds.min(100).default(10_000),
    })
    .optional(),
});

/** `messages`: of all of them. */
export const messages = z.strictObject({
  maxAttempts: z.int().min(1).max(20).default(3),
  maxWaitSeconds: z.int().min(0).max(86_400).default(300),
  maxQueued: z.int().min(0).max(1_000_000).default(10_000),
  keepDays: z.int().min(2).max(366).default(8),
  affinityHours: z.int().min(0).max(8_784).default(72),
  defaultTrunk: name.optional(),
  tellForHours: z.int().min(0).max(720).default(24),
  recordText: z.boolean().default(true),
});

const apiToken = z
  .strictObject({
    name,
    secret,
    trunk: name.optional(),
    gateway: name.optional(),
    operator: z.literal(true).optional(),
    account: name.optional(),
  })
  .refine(
    ({ trunk, gateway, operator }) => [trunk, gateway, operator].filter((holder) => holder !== undefined).length === 1,
    'must name a trunk or a gateway, or have operator: true',
  );

/** `api`: the HTTP API; left out, there is none. */
export const api = z.strictObject({
  address: ipAddress.default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8080),
  maxBodyBytes: z.int().min(1_024).max(16_777_216).default(524_288),
  tokens: z.array(apiToken).min(1),
});

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
