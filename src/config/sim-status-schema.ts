// `gateways[].simStatus`: where the state of a gateway's SIMs comes from.
import { z } from 'zod';
import { askedBody, askedPath, channelName, webServer } from './asked-templates.js';
import { digestAccount } from './intake-schema.js';
import { milliseconds, port, secret, timeOfDay, timeZone } from './scalars.js';

const OF_ACCOUNT = ['username', 'password'];
const OF_SPAN = ['from', 'to'];

/** Names with dots between, of objects in objects. */
const field = z.string().min(1).max(200);
const values = z.array(z.string().max(100)).min(1);

const fieldTest = z
  .strictObject({ field, is: values.optional(), isNot: values.optional(), unknown: values.optional() })
  .refine(({ is, isNot }) => (is === undefined) !== (isNot === undefined), 'must have is or isNot, and not both');

const template = z
  .strictObject({
    method: z.enum(['GET', 'POST']).optional(),
    path: askedPath(OF_ACCOUNT),
    body: askedBody([]).optional(),
    list: z.string().max(200),
    port: field,
    portIs: z.array(channelName).min(1).optional(),
    present: fieldTest.optional(),
    registered: fieldTest.optional(),
    inCall: fieldTest.optional(),
    signal: field.optional(),
    balance: field.optional(),
    iccid: field.optional(),
  })
  .refine(
    ({ present, registered, signal }) => (present ?? registered ?? signal) !== undefined,
    'must have present, registered or signal: else it says nothing that a call depends on',
  );

export type SimStatusTemplate = z.output<typeof template>;

/** Where a gateway says how many calls each port has had. */
const counterTemplate = z
  .strictObject({
    method: z.enum(['GET', 'POST']).optional(),
    path: askedPath([...OF_ACCOUNT, ...OF_SPAN]),
    body: askedBody(OF_SPAN).optional(),
    list: z.string().max(200),
    port: field,
    portIs: z.array(channelName).min(1).optional(),
    counts: z.enum(['totals', 'calls']),
    calls: field.optional(),
    seconds: field.optional(),
    only: z.array(fieldTest).min(1).optional(),
  })
  .refine(
    ({ counts, calls, seconds }) => counts === 'calls' || (calls ?? seconds) !== undefined,
    'must have calls or seconds',
  )
  .refine(({ counts, only }) => counts === 'calls' || only === undefined, 'can have only with counts: calls alone');

export type CounterTemplate = z.output<typeof counterTemplate>;

const counter = z.strictObject({
  template: counterTemplate.optional(),
  at: timeOfDay.refine((time) => time !== '24:00', 'must be before "24:00"').default('04:00'),
  timeZone: timeZone.default('Asia/Seoul'),
  directions: z.enum(['out', 'both']).default('out'),
  callsMayDiffer: z.int().min(0).max(10_000).default(0),
  secondsMayDifferPerCall: z.number().min(0).max(60).default(2),
});

/** What both ways of telling have in common. */
const judgement = {
  maxAgeSeconds: z.int().min(1).max(86_400).default(120),
  // Where signals are in dBm, every one is below zero.
  weakSignalBelow: z.union([z.literal(false), z.number().min(-200).max(200)]).default(false),
};

const http = z.strictObject({
  kind: z.literal('http'),
  preset: z.enum(['dinstar', 'ejoin']).optional(),
  template: template.optional(),
  url: webServer,
  account: digestAccount.optional(),
  verifyServer: z.boolean().default(true),
  intervalSeconds: z.int().min(1).max(3_600).default(30),
  timeoutMs: milliseconds.min(100).max(60_000).default(5_000),
  maxBytes: z.int().min(1_024).max(16_777_216).default(1_048_576),
  counter: z.union([z.literal(false), counter]).default(false),
  ...judgement,
});

const goip = z.strictObject({
  kind: z.literal('goip'),
  port: port.default(44_444),
  id: channelName.default('{line}'),
  password: secret,
  ...judgement,
});

export const simStatus = z.union([z.literal(false), z.discriminatedUnion('kind', [http, goip])]).default(false);

export type SimStatusKeys = Exclude<z.output<typeof simStatus>, false>;
