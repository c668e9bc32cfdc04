// The HTTP API's server: bearer tokens, bounded bodies, JSON answers. It listens on loopback unless told otherwise; TLS is a
// reverse proxy's. What a request means is its handlers' to say. RFC 9110, RFC 6750.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';

/** Whoever holds a token speaks for a trunk, for a gateway, or for the operator. */
export interface ApiToken {
  readonly name: string;
  readonly secret: string;
  readonly trunk: string | null;
  readonly gateway: string | null;
  readonly account: string | null;
  readonly isOperator: boolean;
}

export interface ApiRequest {
  readonly token: ApiToken;
  readonly method: string;
  /** Behind /api/v1/, decoded. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: string;
  header(name: string): string | undefined;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: object | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiHandler {
  /** Methods that it has, by the first part of the path. */
  readonly methods: readonly string[];
  /** Null: there is nothing at that path. */
  handle(request: ApiRequest): Promise<ApiAnswer | null>;
}

export interface ApiSettings {
  readonly address: string;
  readonly port: number;
  readonly maxBodyBytes: number;
  readonly tokens: readonly ApiToken[];
}

export interface ApiCounters {
  readonly requests: number;
  readonly unauthorized: number;
  readonly refused: number;
}

const PREFIX = '/api/v1/';
const MAX_CONNECTIONS = 1_024;
const MAX_HEADER_BYTES = 16_384;
const REQUEST_TIMEOUT_MS = 30_000;
/** What is being answered when the service ends has so long. */
const CLOSE_LIMIT_MS = 2_000;

/** @throws SimtrunkError LISTENER_UNAVAILABLE */
export async function startApi(
  settings: ApiSettings,
  handlers: Readonly<Record<string, ApiHandler>>,
  log: Logger,
): Promise<ApiServer> {
  const { address, port } = settings;
  const api = new ApiServer(settings, handlers, log);
  try {
    await api.listen();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SimtrunkError('LISTENER_UNAVAILABLE', `The HTTP API cannot listen on ${address}:${port}: ${why}`, {
      cause,
    });
  }
  return api;
}

export class ApiServer {
  readonly #settings: ApiSettings;
  readonly #handlers: Readonly<Record<string, ApiHandler>>;
  readonly #log: Logger;
  readonly #server: Server;
  /** By the hash of their secrets: looking one up tells nothing by the time that it takes. */
  readonly #tokens: ReadonlyMap<string, ApiToken>;
  readonly #counts = { requests: 0, unauthorized: 0, refused: 0 };

  /** Use {@link startApi}. */
  constructor(settings: ApiSettings, handlers: Readonly<Record<string, ApiHandler>>, log: Logger) {
    this.#settings = settings;
    this.#handlers = handlers;
    this.#log = log;
    this.#tokens = new Map(settings.tokens.map((token) => [hashOf(token.secret), token]));
    this.#server = createServer(
      { maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    this.#server.on('clientError', (_error, socket) => {
      if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n');
    });
  }

  get counters(): ApiCounters {
    return this.#counts;
  }

  /** That was really taken. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  listen(): Promise<void> {
    const { address, port } = this.#settings;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, address, () => {
        this.#server.removeListener('error', reject);
        this.#server.on('error', (err) => this.#log.error({ err, alarm: 'http' }, 'HTTP API failed'));
        resolve();
      });
    });
  }

  /** Takes no more requests, and answers those that there are. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), CLOSE_LIMIT_MS);
    await closed;
    clearTimeout(timer);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#counts.requests++;
    request.on('error', () => {});
    try {
      const answer = await this.#answer(request);
      if (answer.status >= 400) this.#counts.refused++;
      write(response, answer);
    } catch (error) {
      // Behind the "?" may be a token.
      const path = request.url?.split('?')[0];
      this.#log.error({ err: error, alarm: 'defect', path }, 'HTTP request could not be handled');
      write(response, problem(500, 'internal-error', 'The request could not be handled; the log says why.'));
    }
  }

  async #answer(request: IncomingMessage): Promise<ApiAnswer> {
    const url = readUrl(request.url);
    if (url === null || !url.pathname.startsWith(PREFIX)) return notFound();
    const token = this.#tokens.get(hashOf(secretOf(request, url) ?? ''));
    if (token === undefined) {
      this.#counts.unauthorized++;
      const answer = problem(401, 'unauthorized', 'Send one of the tokens of the config: Authorization: Bearer TOKEN.');
      return { ...answer, headers: { 'www-authenticate': 'Bearer realm="simtrunk"' } };
    }
    const path = pathOf(url);
    const handler = path === null ? undefined : this.#handlers[path[0] ?? ''];
    if (path === null || handler === undefined) return notFound();
    const method = request.method ?? '';
    if (!handler.methods.includes(method)) {
      const answer = problem(405, 'method-not-allowed', `Allowed are ${handler.methods.join(', ')}.`);
      return { ...answer, headers: { allow: handler.methods.join(', ') } };
    }
    const { maxBodyBytes } = this.#settings;
    const body = await readBody(request, maxBodyBytes);
    if (body === null) return problem(413, 'too-large', `A body may have ${maxBodyBytes} bytes (api.maxBodyBytes).`);
    const contentType = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
    const header = (name: string) => {
      const value = request.headers[name];
      return Array.isArray(value) ? value[0] : value;
    };
    const asked = { token, method, path, query: url.searchParams, contentType, body, header };
    return (await handler.handle(asked)) ?? notFound();
  }
}

export function problem(status: number, code: string, message: string): ApiAnswer {
  return { status, body: { error: { code, message } } };
}

function notFound(): ApiAnswer {
  return problem(404, 'not-found', 'There is nothing at this path.');
}

function write(response: ServerResponse, { status, body, headers }: ApiAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const text = body === null ? '' : `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(text),
    // The rest of a body that is too long is not read.
    ...(status === 413 && { connection: 'close' }),
    ...headers,
  });
  response.end(text);
}

/** A gateway that can send no header may have the token in its URL. */
function secretOf(request: IncomingMessage, url: URL): string | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return bearer ?? url.searchParams.get('token') ?? undefined;
}

function readUrl(text: string | undefined): URL | null {
  try {
    return new URL(text ?? '', 'http://localhost');
  } catch {
    return null;
  }
}

function pathOf({ pathname }: URL): readonly string[] | null {
  try {
    return pathname.slice(PREFIX.length).split('/').map(decodeURIComponent);
  } catch {
    return null;
  }
}

/** Null when it is longer than may be. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64');
}
