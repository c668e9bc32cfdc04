// The admin port: takes applications' connections and reads what they ask for. Nothing is done before `authenticate`.
import { createHash, timingSafeEqual } from 'node:crypto';
import { connect, createServer, isIP, type Server, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseMessage } from '../message/parse-message.js';
import { hostPort } from '../message/uri.js';
import { AppConnection } from './app-connection.js';
import type { CoreContext } from './core-context.js';
import type { ProxyCore } from './proxy-core.js';
import type { UacCore } from './uac-core.js';
import type { UasAnswers } from './uas-answers.js';
import type { UasCore } from './uas-core.js';

/** drachtio-srf takes a version below v0.8.2, or none, for a server that does not know `ping`. */
const WIRE_VERSION = 'v0.9.0';

/** A connection that has not given the secret by then is closed: whoever it is must not hold it open. */
const SECRET_WITHIN_MS = 10_000;
const CONNECT_WITHIN_MS = 3_000;
/** As many as drachtio-srf lets an application have. */
const MAX_TAGS = 20;

export interface AdminSettings {
  readonly address: string;
  readonly port: number;
  readonly secret: string;
}

export class AdminServer {
  readonly #settings: AdminSettings;
  readonly #context: CoreContext;
  readonly #uas: UasCore;
  readonly #answers: UasAnswers;
  readonly #uac: UacCore;
  readonly #proxies: ProxyCore;
  readonly #server: Server = createServer((socket) => this.#accept(socket));
  readonly #apps = new Set<AppConnection>();

  constructor(
    settings: AdminSettings,
    context: CoreContext,
    uas: UasCore,
    answers: UasAnswers,
    uac: UacCore,
    proxies: ProxyCore,
  ) {
    this.#settings = settings;
    this.#context = context;
    this.#uas = uas;
    this.#answers = answers;
    this.#uac = uac;
    this.#proxies = proxies;
  }

  /** Binds; resolves to the port, rejects with the socket's error. */
  open(): Promise<number> {
    const { address, port } = this.#settings;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address, port, exclusive: true }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (cause) =>
          this.#context.log.write('warn', 'The admin port reports an error', { error: cause.message }),
        );
        const bound = this.#server.address();
        resolve(typeof bound === 'object' && bound !== null ? bound.port : port);
      });
    });
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const app of this.#apps) app.destroy();
    await closed;
  }

  /** Connects to an application that listens; exactly one of the two is called. */
  connectOut(
    target: { readonly host: string; readonly port: number; readonly isTls: boolean; readonly verifyPeer: boolean },
    ready: (app: AppConnection) => void,
    failed: () => void,
  ): void {
    const { host, port, verifyPeer } = target;
    const socket = target.isTls
      ? connectTls({ host, port, servername: isIP(host) === 0 ? host : '', rejectUnauthorized: verifyPeer })
      : connect({ host, port });
    socket.setTimeout(CONNECT_WITHIN_MS, () => {
      if (socket.connecting) socket.destroy();
    });
    socket.once(target.isTls ? 'secureConnect' : 'connect', () => socket.setTimeout(0));
    let isDecided = false;
    socket.once('close', () => {
      if (isDecided) return;
      isDecided = true;
      failed();
    });
    this.#accept(socket).onAuthenticated = (app) => {
      isDecided = true;
      ready(app);
    };
  }

  #accept(socket: Socket): AppConnection {
    const app = new AppConnection(socket, {
      payload: (payload, from) => this.#payload(payload, from),
      closed: (gone) => {
        this.#apps.delete(gone);
        gone.patience?.cancel();
        this.#context.routes.removeApp(gone);
        this.#uas.appGone(gone);
        this.#uac.appGone(gone);
        this.#context.log.write('info', 'An application has gone');
      },
    });
    this.#apps.add(app);
    app.patience = this.#context.wheel.after(SECRET_WITHIN_MS, { onTimer: () => app.destroy() }, 'secret');
    return app;
  }

  #payload(payload: Buffer, app: AppConnection): void {
    const lineEnd = payload.indexOf('\r\n', 0, 'latin1');
    const tokens = payload.toString('latin1', 0, lineEnd === -1 ? payload.length : lineEnd).split('|');
    const clientId = tokens[0] ?? '';
    const type = tokens[1];
    if (type === undefined) {
      refuse(app, clientId, 'Invalid message format');
      return;
    }
    if (type === 'authenticate') {
      this.#authenticate(app, clientId, tokens);
      return;
    }
    if (!app.isAuthenticated) {
      refuse(app, clientId, 'not authenticated');
      return;
    }
    switch (type) {
      case 'ping':
        app.answer(clientId, 'OK', 'pong');
        break;
      case 'route':
        this.#context.routes.add(tokens[2] ?? '', app);
        app.answer(clientId, 'OK');
        break;
      case 'remove_route':
        this.#context.routes.remove(tokens[2] ?? '', app);
        app.answer(clientId, 'OK');
        break;
      case 'proxy':
        if (tokens.length < 4) refuse(app, clientId, 'Invalid proxy request: not enough information provided');
        else this.#proxy(app, clientId, tokens, lineEnd === -1 ? null : payload.subarray(lineEnd + 2));
        break;
      case 'sip':
        this.#sip(app, clientId, tokens, lineEnd === -1 ? null : payload.subarray(lineEnd + 2));
        break;
      default:
        refuse(app, clientId, 'Unknown message type');
    }
  }

  #authenticate(app: AppConnection, clientId: string, tokens: readonly string[]): void {
    if (!isSameSecret(tokens[2] ?? '', this.#settings.secret)) {
      this.#context.log.write('warn', 'An application gave the wrong secret');
      refuse(app, clientId, 'incorrect secret');
      return;
    }
    app.isAuthenticated = true;
    app.patience?.cancel();
    app.tags = new Set(
      (tokens[3] ?? '')
        .split(',')
        .filter((tag) => tag !== '')
        .slice(0, MAX_TAGS),
    );
    const { listeners } = this.#context.transport;
    const advertised = listeners.map((l) => `${l.protocol}/${hostPort(l.advertise, l.port)}`).join(',');
    const local = listeners.map((l) => `${l.protocol}/${hostPort(l.address, l.port)}`).join(',');
    app.answer(clientId, 'OK', `${advertised}|${WIRE_VERSION}|${local}`);
    this.#context.log.write('info', 'An application is connected');
    const { onAuthenticated } = app;
    app.onAuthenticated = null;
    onAuthenticated?.(app);
  }

  #proxy(app: AppConnection, clientId: string, tokens: readonly string[], text: Buffer | null): void {
    const message = text === null ? null : parseMessage(text, { body: 'to-end' });
    this.#guarded(app, clientId, () => this.#proxies.proxy(app, clientId, tokens.slice(2), message));
  }

  #sip(app: AppConnection, clientId: string, tokens: readonly string[], text: Buffer | null): void {
    const message = text === null ? null : parseMessage(text, { body: 'to-end' });
    if (message === null) {
      app.answer(clientId, 'NOK', `invalid request-uri: ${startLineOf(text)}`);
      return;
    }
    const txnId = tokens[2] ?? '';
    const dialogId = tokens[3] ?? '';
    this.#guarded(app, clientId, () => {
      if (!message.isRequest) {
        if (txnId === '') refuse(app, clientId, 'transaction id missing');
        else this.#answers.respond(app, clientId, txnId, message);
      } else if (dialogId !== '') this.#uac.sendInDialog(app, clientId, dialogId, message);
      else if (message.method === 'CANCEL') this.#uac.cancel(app, clientId, txnId, message);
      else this.#uac.send(app, clientId, tokens[4] ?? '', message);
    });
  }

  #guarded(app: AppConnection, clientId: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      // A fault of ours must cost one message, not the server.
      this.#context.log.write('error', 'A message of an application could not be handled', {
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
      app.answer(clientId, 'NOK', 'Server error: internal error');
    }
  }
}

function refuse(app: AppConnection, clientId: string, reason: string): void {
  app.answer(clientId, 'NO', reason);
  app.end();
}

function startLineOf(text: Buffer | null): string {
  if (text === null) return '';
  const end = text.indexOf('\r\n', 0, 'latin1');
  return text.toString('latin1', 0, end === -1 ? text.length : end);
}

function isSameSecret(given: string, expected: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'latin1').digest();
  return timingSafeEqual(digest(given), digest(Buffer.from(expected, 'utf8').toString('latin1')));
}
