// `gateways[].messages.poll`: a gateway that keeps what it received, and reports, until it is asked for them.
import { z } from 'zod';
import { askedBody, askedPath, channelName, webServer } from './asked-templates.js';
import { digestAccount } from './intake-schema.js';
import { milliseconds, timeZone } from './scalars.js';

const PLACEHOLDERS = ['username', 'password', 'cursor', 'since', 'until'];

/** Names with dots between, of objects in objects; a number is a place in a list. */
const field = z.string().regex(/^[A-Za-z0-9_.-]{1,200}$/, 'must be the name of a field; a dot leads into an object');
const pattern = z.string().max(1_000).refine(isPattern, 'must be a regular expression');
const fieldTest = z.strictObject({ field, is: z.array(z.string().max(100)).min(1) });

const question = z
  .strictObject({
    method: z.enum(['GET', 'POST']).default('GET'),
    path: askedPath(PLACEHOLDERS),
    body: askedBody(PLACEHOLDERS).optional(),
    everySeconds: z.int().min(1).max(86_400).optional(),
    accepted: fieldTest.optional(),
    list: z.string().max(200).default(''),
    cursor: z
      .union([
        z.strictObject({
          id: field,
          start: z
            .string()
            .regex(/^\d{1,18}$/, 'must be a number')
            .default('0'),
        }),
        z.strictObject({
          next: field,
          epoch: field.optional(),
          start: z
            .string()
            .regex(/^[\x21-\x7e]{1,200}$/)
            .default('1'),
        }),
      ])
      .optional(),
    message: z
      .strictObject({
        from: field,
        text: field,
        channel: field.optional(),
        id: field.optional(),
        time: field.optional(),
      })
      .extend({ when: fieldTest.optional(), textIs: z.enum(['text', 'base64']).default('text') })
      .optional(),
    report: z
      .strictObject({ id: field, reference: field, number: field, channel: field, time: field })
      .partial()
      .extend({ status: field, delivered: pattern, undelivered: pattern, when: fieldTest.optional() })
      .optional(),
  })
  .refine(({ message, report }) => (message ?? report) !== undefined, 'must have message or report, or both')
  .refine(({ method, body }) => body === undefined || method === 'POST', 'must have method: POST for its body')
  .refine(
    ({ cursor, path: asked, body = '' }) => (cursor !== undefined) === `${asked}${body}`.includes('{cursor}'),
    'must have cursor where {cursor} stands in its path or body, and only there',
  )
  .refine(
    ({ report }) => report === undefined || (report.id ?? report.reference ?? report.number) !== undefined,
    'must say by id, reference or number of its report which message that is of',
  )
  .refine(({ message }) => message === undefined || (message.id ?? message.time) !== undefined, {
    path: ['message'],
    message:
      'must name id or time: without them a text that comes again from the same number is taken for the one before',
  })
  .refine(({ report }) => report === undefined || (report.time ?? report.id ?? report.reference) !== undefined, {
    path: ['report'],
    message:
      'must name time, id or reference: without them the next report with that number is taken for the one before',
  });

export type PollQuestionKeys = z.output<typeof question>;
export type PollQuestionFile = z.input<typeof question>;

export const messagePoll = z.strictObject({
  preset: z.enum(['dinstar', 'ejoin']).optional(),
  ask: z.array(question).min(1).max(10).optional(),
  portIs: z.array(channelName).min(1).optional(),
  url: webServer,
  account: digestAccount.optional(),
  verifyServer: z.boolean().default(true),
  intervalSeconds: z.int().min(1).max(3_600).default(10),
  timeoutMs: milliseconds.min(100).max(60_000).default(5_000),
  maxBytes: z.int().min(1_024).max(16_777_216).default(4_194_304),
  timeZone: timeZone.default('Asia/Seoul'),
  spanHours: z.int().min(1).max(168).default(24),
});

export type MessagePollKeys = z.output<typeof messagePoll>;
export type PollPresetName = NonNullable<MessagePollKeys['preset']>;

/** What a preset leaves to be filled in. */
export function asQuestion(file: PollQuestionFile): PollQuestionKeys {
  return question.parse(file);
}

function isPattern(text: string): boolean {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}
