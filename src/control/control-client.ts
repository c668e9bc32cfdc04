// The other end of the control socket: one request, one answer.
import { userInfo } from 'node:os';
import { SimtrunkError } from '../lib/errors.js';
import {
  type Caller,
  type ControlRequest,
  MAX_ANSWER_BYTES,
  type ReceivedAnswer,
  readAnswer,
} from './control-protocol.js';
import { LineSplitter } from './line-splitter.js';
import { connectTo } from './socket-file.js';

/** The user that this process runs as. */
export function thisCaller(): Caller {
  const uid = process.getuid?.() ?? null;
  try {
    return { uid, user: userInfo().username };
  } catch {
    // A container's user need not have a name.
    return { uid, user: uid === null ? 'unknown' : `uid ${uid}` };
  }
}

/**
 * @throws SimtrunkError SERVICE_NOT_RUNNING when nobody listens there; CONTROL_FAILED when the socket may not be used, or the
 * service ends or does not answer in time
 */
export async function askService(path: string, request: ControlRequest, timeoutMs: number): Promise<ReceivedAnswer> {
  const socket = await connectTo(path).catch((cause: unknown) => {
    throw unreachable(path, cause);
  });
  return new Promise<ReceivedAnswer>((resolve, reject) => {
    const lines = new LineSplitter(MAX_ANSWER_BYTES);
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const fail = (why: string, cause?: unknown) => {
      const message = `The service on ${path} ${why}.`;
      settle(() => reject(new SimtrunkError('CONTROL_FAILED', message, { cause })));
    };
    const timer = setTimeout(() => fail(`did not answer within ${timeoutMs / 1_000} s`), timeoutMs);
    socket.on('error', (cause) => fail(`broke off: ${cause.message}`, cause));
    socket.on('close', () => fail('ended the connection without an answer'));
    socket.on('data', (piece: Buffer) => {
      const [line] = lines.push(piece) ?? [null];
      if (line === undefined) return;
      try {
        if (line === null) throw new Error('too long');
        const answer = readAnswer(line);
        settle(() => resolve(answer));
      } catch (cause) {
        fail('answered what is no answer; is it of the same version?', cause);
      }
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

function unreachable(path: string, cause: unknown): SimtrunkError {
  if (cause instanceof SimtrunkError) return cause;
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ECONNREFUSED') {
    return new SimtrunkError('SERVICE_NOT_RUNNING', `No service runs here: nobody listens on ${path}.`, { cause });
  }
  const hint = code === 'EACCES' || code === 'EPERM' ? '; it is for the user that the service runs as' : '';
  return new SimtrunkError('CONTROL_FAILED', `Cannot use the control socket ${path}: ${message}${hint}.`, { cause });
}
