// One question to a gateway's web server, answered in JSON: within a time and a size, with the credentials that it asks for
// (RFC 7616, RFC 7617). A redirection is not followed: it would take the password elsewhere.
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { answerChallenge } from '../digest/digest-client.js';

export interface JsonQuestion {
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  /** JSON, for POST. */
  readonly body: string | undefined;
  readonly account: { readonly username: string; readonly password: string } | undefined;
  /** False takes any certificate: gateways have made theirs themselves. */
  readonly verifyServer: boolean;
  /** Of the whole, a second request with credentials included. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
}

interface Answer {
  readonly status: number;
  readonly challenge: string;
  readonly body: string;
}

/** @throws Error that says why there is no answer, in words that hold no password */
export async function requestJson(question: JsonQuestion, signal: AbortSignal): Promise<unknown> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(question.timeoutMs)]);
  try {
    let answer = await send(question, undefined, within);
    if (answer.status === 401) {
      const credentials = credentialsFor(answer.challenge, question);
      if (credentials === undefined) throw new Error('it asks for credentials that there are not');
      answer = await send(question, credentials, within);
    }
    if (answer.status === 401) throw new Error('it refuses the credentials');
    if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
    return parse(answer.body);
  } catch (error) {
    if (!signal.aborted && within.aborted) {
      throw new Error(`it did not answer within ${question.timeoutMs} ms`, { cause: error });
    }
    throw error;
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    // The parser's words hold some of what it read.
    throw new Error('its answer is no JSON', { cause: (error as Error).name });
  }
}

/** Digest if it is offered, else Basic if that is. */
function credentialsFor(challenge: string, { url, method, body, account }: JsonQuestion): string | undefined {
  if (account === undefined) return undefined;
  const uri = `${url.pathname}${url.search}`;
  const digest = answerChallenge(challenge, { method, uri, body: body ?? '' }, account);
  if (digest !== null) return digest.credentials;
  if (!/(?:^|,)\s*basic\b/i.test(challenge)) return undefined;
  return `Basic ${Buffer.from(`${account.username}:${account.password}`).toString('base64')}`;
}

function send(
  { url, method, body, verifyServer, maxBytes }: JsonQuestion,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (authorization !== undefined) headers.Authorization = authorization;
    if (body !== undefined) {
      headers['Content-Type'] = 'application/json';
      headers['Content-Length'] = String(Buffer.byteLength(body));
    }
    // A connection of its own, closed behind the answer: gateways have few to spare.
    const options = { method, headers, signal, agent: false } as const;
    const onResponse = (response: IncomingMessage) => {
      read(response, maxBytes).then(resolve, (error: unknown) => {
        response.destroy();
        reject(error);
      });
    };
    const asked =
      url.protocol === 'https:'
        ? requestHttps(url, { ...options, rejectUnauthorized: verifyServer }, onResponse)
        : requestHttp(url, options, onResponse);
    asked.on('error', reject);
    asked.end(body);
  });
}

async function read(response: IncomingMessage, maxBytes: number): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new Error(`it sent more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    challenge: response.headers['www-authenticate'] ?? '',
    body: Buffer.concat(chunks).toString('utf8'),
  };
}
