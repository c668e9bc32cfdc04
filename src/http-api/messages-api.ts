// POST /api/v1/messages, GET /api/v1/messages/ID: text messages of trunks. The answer comes when the message is in the journal; what
// becomes of it is told by GET, by webhook and by its record. A repetition with the same Idempotency-Key is answered with the first.
import { z } from 'zod';
import type { Message, MessageRequest, Picture } from '../messages/message.js';
import { answerTo, type MessageRefusal } from '../messages/message-refusal.js';
import { type ApiAnswer, type ApiHandler, type ApiRequest, problem } from './api-server.js';

export interface MessagesApiParts {
  submit(
    request: MessageRequest,
  ): Promise<
    | { readonly ok: true; readonly message: Message; readonly isRepetition: boolean }
    | { readonly ok: false; readonly reason: MessageRefusal; readonly message: Message }
  >;
  find(messageId: string): Promise<Message | null>;
  /** Null: the trunk may not send messages, or is no more. */
  trunkOf(name: string): { readonly name: string; readonly traffic: 'commercial' | 'personal' } | null;
}

const MAX_PICTURES = 5;
const KEY = /^[\x21-\x7e]{1,255}$/;

const picture = z.strictObject({
  contentType: z.string().regex(/^image\/[a-z0-9.+-]{1,40}$/i, 'must be a media type such as image/jpeg'),
  base64: z.base64().min(1),
});

const body = z.strictObject({
  to: z.string().min(1).max(64),
  text: z.string().max(10_000).default(''),
  pictures: z.array(picture).max(MAX_PICTURES).default([]),
  /** The PBX user for whom it is sent. */
  agent: z
    .string()
    .regex(/^[\p{L}\p{N}+][\p{L}\p{N}._@+~-]{0,63}$/u, 'must be a name such as 201')
    .optional(),
  /** The sender's own name for it, told with everything that is said of it. */
  reference: z.string().max(200).optional(),
});

export function messagesApi(parts: MessagesApiParts): ApiHandler {
  return {
    methods: ['GET', 'POST'],
    handle(request) {
      const [, messageId, ...more] = request.path;
      if (more.length > 0) return Promise.resolve(null);
      if (request.token.trunk === null) {
        return Promise.resolve(problem(403, 'forbidden', 'This token is no trunk’s; messages are sent for a trunk.'));
      }
      if (request.method === 'POST') return messageId === undefined ? take(parts, request) : Promise.resolve(null);
      return messageId === undefined ? Promise.resolve(null) : show(parts, request, messageId);
    },
  };
}

async function take(parts: MessagesApiParts, request: ApiRequest): Promise<ApiAnswer> {
  const { token } = request;
  const trunk = parts.trunkOf(token.trunk ?? '');
  if (trunk === null) return problem(403, 'forbidden', `Trunk ${token.trunk} may not send text messages.`);
  if (request.contentType !== 'application/json') {
    return problem(415, 'not-json', 'Send Content-Type: application/json.');
  }
  const read = readJson(request.body);
  if (!read.ok) return problem(400, 'bad-request', read.why);
  const key = request.header('idempotency-key');
  if (key !== undefined && !KEY.test(key)) {
    return problem(400, 'bad-request', 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces.');
  }
  const { to, text, pictures, agent = null, reference = null } = read.value;
  const submission = await parts.submit({
    origin: 'api',
    trunk,
    agent,
    account: token.account,
    calling: token.name,
    dialled: to,
    text: text.normalize('NFC'),
    pictures: pictures as readonly Picture[],
    reference,
    key: key === undefined ? null : `api\n${trunk.name}\n${key}`,
  });
  if (!submission.ok) {
    const { reason, message } = submission;
    const answer = problem(
      answerTo(reason).http,
      reason,
      'The message is not sent; docs/messages.md says what the code means.',
    );
    return { ...answer, body: { ...answer.body, messageId: message.messageId } };
  }
  const { message, isRepetition } = submission;
  if (isRepetition && !isSame(message, to, text.normalize('NFC'))) {
    return problem(422, 'key-reused', 'Another message was sent with this Idempotency-Key.');
  }
  return {
    status: isRepetition ? 200 : 202,
    body: shown(message),
    headers: { location: `/api/v1/messages/${message.messageId}` },
  };
}

async function show(parts: MessagesApiParts, { token }: ApiRequest, messageId: string): Promise<ApiAnswer | null> {
  const message = await parts.find(messageId);
  // Of another trunk it is not even said that there is one.
  return message === null || message.trunk !== token.trunk ? null : { status: 200, body: shown(message) };
}

function isSame({ dialled, text: sent }: Message, to: string, text: string): boolean {
  return dialled === to && sent === text;
}

function shown(message: Message): object {
  const { messageId, state, direction, callee, dialled, calling, kind, parts, encoding, reference, takenAtMs } =
    message;
  const { endReason, report, agent, endedAtMs } = message;
  const last = message.attempts.at(-1);
  return {
    ...{ messageId, state, direction, agent },
    to: direction === 'in' ? dialled : (callee?.e164 ?? dialled),
    from: direction === 'in' ? calling : (last?.simNumber ?? null),
    ...{ kind, parts, encoding, reference },
    takenAt: new Date(takenAtMs).toISOString(),
    endedAt: endedAtMs === null ? null : new Date(endedAtMs).toISOString(),
    reportedAt: report === null ? null : new Date(report.atMs).toISOString(),
    reason: endReason,
    attempts: message.attempts.length,
  };
}

function readJson(text: string): { ok: true; value: z.infer<typeof body> } | { ok: false; why: string } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return { ok: false, why: 'The body is no JSON.' };
  }
  const read = body.safeParse(parsed);
  if (read.success) return { ok: true, value: read.data };
  const why = read.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`).join('; ');
  return { ok: false, why: why.slice(0, 1_000) };
}
