// A drachtio-srf application as tests use it, unpatched, with the types that its own declarations lack.
import { once } from 'node:events';
import Srf from 'drachtio-srf';

export interface AppMessage {
  readonly body: string | undefined;
  readonly method: string;
  readonly uri: string;
  readonly source_address: string;
  readonly source_port: number;
  readonly protocol: string;
  readonly receivedOn: string | undefined;
  get(name: string): string | undefined;
  has(name: string): boolean;
}

export interface AppResponse extends AppMessage {
  readonly status: number;
}

export interface AppRequest extends AppMessage {
  cancel(options: object, callback?: (error: unknown, request?: AppRequest) => void): void;
  on(event: 'response', listener: (response: AppResponse, ack: () => void) => void): void;
  on(event: 'cancel', listener: (request: AppMessage) => void): void;
  on(event: 'update', listener: (request: AppRequest, answer: AppAnswer) => void): void;
  on(event: 'authenticate', listener: (request: AppRequest) => void): void;
}

export interface AppAnswer {
  send(
    status: number,
    options?: { headers?: Record<string, string>; body?: string },
    callback?: (error: unknown, sent?: AppMessage) => void,
    onAck?: (ack: AppMessage) => void,
  ): void;
}

export interface AppDialog {
  readonly id: string;
  readonly sip: { readonly callId: string; readonly localTag: string; readonly remoteTag: string };
  readonly remote: { readonly uri: string; readonly sdp: string };
  destroy(options?: object): Promise<AppMessage>;
  modify(sdp: string): Promise<string>;
  modify(options: { noAck: true }): Promise<{ sdp: string; ack: (sdp: string) => void }>;
  ack(options: object): Promise<unknown>;
  request(options: { method: string; headers?: Record<string, string>; body?: string }): Promise<AppResponse>;
  on(event: 'destroy', listener: (request: AppMessage, reason: string) => void): void;
  on(
    event: 'modify' | 'info' | 'message' | 'refer' | 'notify' | 'update' | 'options' | 'subscribe' | 'unsubscribe',
    listener: (request: AppRequest, answer: AppAnswer) => void,
  ): void;
  on(event: 'ack', listener: (request: AppMessage) => void): void;
}

/** What `proxyRequest` resolves to. */
export interface ProxyResults {
  readonly connected: boolean;
  readonly finalStatus: number | undefined;
  readonly responses: readonly {
    readonly address: string;
    readonly port: number;
    readonly msgs: readonly { readonly status: number }[];
  }[];
}

export interface TestApplication {
  on(event: 'connect', listener: (error: Error | null, hostport: string) => void): void;
  on(event: 'error' | 'close' | 'reconnecting', listener: (error?: Error) => void): void;
  connect(options: { host: string; port: number; secret: string; reconnect?: object }): void;
  disconnect(): void;
  use(method: string, handler: (request: AppRequest, answer: AppAnswer) => void): void;
  createUAS(
    request: AppRequest,
    answer: AppAnswer,
    options: object,
    callback: (error: unknown, dialog?: AppDialog) => void,
  ): void;
  createUAS(request: AppRequest, answer: AppAnswer, options: object): Promise<AppDialog>;
  createUAC(
    uri: string,
    options: object,
    progress: {
      cbRequest?: (error: unknown, request: AppRequest) => void;
      cbProvisional?: (response: AppResponse) => void;
    },
    callback: (error: { status?: number; message?: string } | null, dialog?: AppDialog) => void,
  ): void;
  createB2BUA(
    request: AppRequest,
    answer: AppAnswer,
    uri: string,
    options: object,
  ): Promise<{ uas: AppDialog; uac: AppDialog }>;
  proxyRequest(request: AppRequest, destination: string | string[], options?: object): Promise<ProxyResults>;
  request(uri: string, options: object, callback: (error: unknown, request?: AppRequest) => void): void;
}

export interface AdminAddress {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
}

/** Connects and resolves when the server has taken the secret; `hostport` is what it says of its listeners. */
export async function connectApplication(
  admin: AdminAddress,
  handlers: Readonly<Record<string, (request: AppRequest, answer: AppAnswer) => void>> = {},
): Promise<{ srf: TestApplication; hostport: string }> {
  const srf = new Srf() as unknown as TestApplication;
  for (const [method, handler] of Object.entries(handlers)) srf.use(method, handler);
  srf.on('error', () => undefined);
  const connected = once(srf as unknown as NodeJS.EventEmitter, 'connect');
  srf.connect(admin);
  const [error, hostport] = (await connected) as [Error | null, string];
  if (error) {
    // Left alone it would try again for ever.
    srf.disconnect();
    throw error;
  }
  await routesKnown(srf);
  return { srf, hostport };
}

/**
 * drachtio-srf has told its routes when it says that it is connected, but the server may not have read them: it has when it
 * has answered a ping behind them.
 */
export async function routesKnown(srf: TestApplication): Promise<void> {
  const { client } = (srf as unknown as { app: { client: Agent } }).app;
  const [connection] = client.mapServer;
  if (connection === undefined) return;
  const [socket, { pendingRequests }] = connection;
  await new Promise<void>((resolve) => pendingRequests.set(client.wp.send(socket, 'ping'), resolve));
}

interface Agent {
  readonly mapServer: ReadonlyMap<object, { readonly pendingRequests: Map<string, () => void> }>;
  readonly wp: { send(socket: object, message: string): string };
}
