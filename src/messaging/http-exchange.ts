// One HTTP request over a connection of its own, bounded in time and size. It tells apart what can never have been heard (no
// connection) from what may have been: that is what decides whether a message may be sent again.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

export interface HttpRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly timeoutMs: number;
  /** False takes any certificate: gateways have made theirs themselves. Left out: it is checked. */
  readonly verifyServer?: boolean;
}

export type HttpOutcome =
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly body: string;
      readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    }
  /** No connection, so nothing was heard. */
  | { readonly kind: 'unsent'; readonly detail: string }
  /** It may have been heard, and no whole answer came. */
  | { readonly kind: 'silent'; readonly detail: string };

const MAX_ANSWER_BYTES = 65_536;

/** Never rejects. */
export function exchange({
  method,
  url,
  headers,
  body,
  timeoutMs,
  verifyServer = true,
}: HttpRequest): Promise<HttpOutcome> {
  return new Promise((resolve) => {
    let isConnected = false;
    const fail = (detail: string) => resolve({ kind: isConnected ? 'silent' : 'unsent', detail });
    const timer = setTimeout(() => {
      fail(isConnected ? `no answer within ${timeoutMs} ms` : `no connection within ${timeoutMs} ms`);
      sent?.destroy();
    }, timeoutMs);
    const done = (outcome: HttpOutcome) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    let sent: ReturnType<typeof httpRequest> | undefined;
    try {
      const target = new URL(url);
      const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
      const length = body === null ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      // No agent: a connection that was kept alive may be closed just as it is used, and then nobody knows.
      const options = { method, headers: { ...headers, ...length }, agent: false, rejectUnauthorized: verifyServer };
      sent = send(target, options);
    } catch (error) {
      clearTimeout(timer);
      fail(String((error as Error).message));
      return;
    }
    sent.on('socket', (socket) => {
      const event = url.startsWith('https:') ? 'secureConnect' : 'connect';
      socket.once(event, () => {
        isConnected = true;
      });
    });
    sent.on('error', (error) => {
      clearTimeout(timer);
      fail(error.message);
    });
    sent.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes <= MAX_ANSWER_BYTES) chunks.push(chunk);
        else response.destroy();
      });
      const answered = () =>
        done({
          kind: 'answered',
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          headers: response.headers,
        });
      response.on('end', answered);
      // More than is looked at: the status says what is needed.
      response.on('close', () => (bytes > MAX_ANSWER_BYTES ? answered() : fail('the answer was cut off')));
      response.on('error', (error) => fail(error.message));
    });
    sent.end(body ?? undefined);
  });
}
