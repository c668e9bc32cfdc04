// What goes over the control socket: one JSON object a line, each request answered by one line with its id, in order.
import { z } from 'zod';

/** Below the service's `dataDir`. */
export const CONTROL_SOCKET_NAME = 'control.sock';

/** Longest request, bytes, its line end not counted. */
export const MAX_REQUEST_BYTES = 65_536;
/** Longest answer that a client takes: a trace of 16 MiB as base64, a route through 100,000 channels. */
export const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

/** Who asks, as the client says it. The socket's mode lets nobody in but the service's own user and root. */
export interface Caller {
  /** Null where the system has no user ids. */
  readonly uid: number | null;
  readonly user: string;
}

const callerSchema = z.strictObject({ uid: z.int().min(0).nullable(), user: z.string().min(1).max(256) });

export const requestSchema = z.strictObject({
  /** Comes back with the answer. */
  id: z.union([z.int(), z.string().max(64)]).default(0),
  command: z.string().min(1).max(64),
  arguments: z.record(z.string().max(64), z.unknown()).default({}),
  by: callerSchema,
});

export type ControlRequest = z.input<typeof requestSchema>;

export type ControlRefusal =
  /** The line is no request. */
  | 'bad-request'
  | 'line-too-long'
  | 'too-many-clients'
  | 'unknown-command'
  | 'bad-arguments'
  /** The call, trunk, trace or SIM that the request names is not there. */
  | 'not-found'
  /** What is asked cannot be done here, or now. */
  | 'refused'
  /** A fault of the service, which goes on; its log says more. */
  | 'failed';

export type ControlAnswer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: ControlRefusal; readonly message: string };

const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);

export type ReceivedAnswer = z.output<typeof answerSchema>;

export type RequestId = number | string | null;

/** `id` is null when the request could not be read. */
export function answerLine(id: RequestId, answer: ControlAnswer): string {
  return `${JSON.stringify({ id, ...answer })}\n`;
}

export function refuse(code: ControlRefusal, message: string): Extract<ControlAnswer, { ok: false }> {
  return { ok: false, code, message };
}

/** @throws Error when the line is no answer */
export function readAnswer(line: Buffer): ReceivedAnswer {
  return answerSchema.parse(JSON.parse(line.toString('utf8')));
}
