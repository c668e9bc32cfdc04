// Requests that do not go to connected applications in turn: a URL is asked, or the server connects out to an application that
// listens (`srf.listen`), once for each request.
import type { SipRequestHandler } from '../control.js';
import { newTag } from '../message/random-tokens.js';
import { bareResponse } from '../message/response-head.js';
import type { ServerTransaction } from '../transaction/server-transaction.js';
import type { AppConnection } from './app-connection.js';
import type { CoreContext } from './core-context.js';
import { type HandlerAction, handlerQuery, readConnectAddress, readHandlerAnswer } from './handler-query.js';
import type { NetworkRequest } from './network-request.js';
import type { ProxyCore } from './proxy-core.js';
import { requestText } from './request-text.js';
import type { UasAnswers } from './uas-answers.js';

const QUERY_TIMEOUT_MS = 3_000;
const MAX_ANSWER_BYTES = 65_536;

/** What the handlers have others do. */
export interface HandlerPorts {
  /** Connects out; exactly one of the two is called, `ready` once the application has given the secret. */
  connect(
    target: { readonly host: string; readonly port: number; readonly isTls: boolean; readonly verifyPeer: boolean },
    ready: (app: AppConnection) => void,
    failed: () => void,
  ): void;
  /** Gives a pending request to an application. */
  offer(app: AppConnection, entry: NetworkRequest, transaction: ServerTransaction): void;
}

export class RequestHandlers {
  readonly #handlers: readonly SipRequestHandler[];
  readonly #context: CoreContext;
  readonly #answers: UasAnswers;
  readonly #proxies: ProxyCore;
  readonly #ports: HandlerPorts;

  constructor(
    handlers: readonly SipRequestHandler[],
    context: CoreContext,
    answers: UasAnswers,
    proxies: ProxyCore,
    ports: HandlerPorts,
  ) {
    this.#handlers = handlers;
    this.#context = context;
    this.#answers = answers;
    this.#proxies = proxies;
    this.#ports = ports;
  }

  /** Takes a request whose method has a handler; false when it has none. */
  takes(entry: NetworkRequest, transaction: ServerTransaction): boolean {
    if (this.#handlers.length === 0) return false;
    const handler = this.#handlers.find(({ method }) => method === '*' || method.toUpperCase() === entry.method);
    if (handler === undefined) return false;
    this.#answers.pending.add(entry);
    const direct = readConnectAddress(handler.url);
    if (direct !== null) this.#act(direct, handler, entry, transaction);
    else {
      this.#ask(handler, transaction)
        .catch((error: unknown) => {
          this.#context.log.write('warn', 'A request handler gave no usable answer', {
            url: handler.url,
            error: error instanceof Error ? error.message : String(error),
          });
          return null;
        })
        .then((action) => this.#act(action, handler, entry, transaction))
        .catch((error: unknown) =>
          this.#context.log.write('error', 'The answer of a request handler could not be followed', {
            error: error instanceof Error ? (error.stack ?? error.message) : String(error),
          }),
        );
    }
    return true;
  }

  async #ask(handler: SipRequestHandler, transaction: ServerTransaction): Promise<HandlerAction | null> {
    const { request, flow } = transaction;
    const isPost = handler.httpMethod === 'POST';
    const response = await fetch(`${handler.url}${handlerQuery(request, flow)}`, {
      method: isPost ? 'POST' : 'GET',
      headers: {
        accept: 'application/json',
        'user-agent': 'Drachtio/v0.9.0',
        ...(isPost ? { 'content-type': 'text/plain; charset=UTF-8' } : {}),
      },
      ...(isPost ? { body: Buffer.from(requestText(request, flow), 'latin1') } : {}),
      signal: AbortSignal.timeout(QUERY_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`HTTP status ${response.status}`);
    const text = await response.text();
    if (text.length > MAX_ANSWER_BYTES) throw new Error('The answer is too large');
    return readHandlerAnswer(JSON.parse(text));
  }

  #act(
    action: HandlerAction | null,
    handler: SipRequestHandler,
    entry: NetworkRequest,
    transaction: ServerTransaction,
  ): void {
    // The peer may have cancelled in the meantime.
    if (!isUnanswered(transaction)) return;
    switch (action?.kind) {
      case 'reject':
        this.#refuse(entry, transaction, action.status, action.reason);
        break;
      case 'redirect':
        this.#refuse(
          entry,
          transaction,
          302,
          'Moved',
          action.contacts.map((uri) => `Contact: <${uri.replace(/^<|>$/g, '')}>\r\n`).join(''),
        );
        break;
      case 'proxy':
        this.#proxies.proxyFor(entry, transaction, action.options);
        break;
      case 'connect':
        this.#ports.connect(
          { ...action, verifyPeer: handler.verifyPeer !== false },
          (app) => {
            if (isUnanswered(transaction)) this.#ports.offer(app, entry, transaction);
            else app.end();
          },
          () => {
            if (isUnanswered(transaction)) this.#answers.finish(entry, 480);
          },
        );
        break;
      case 'tag': {
        const app = this.#context.routes.pick(entry.method.toLowerCase(), action.tag);
        if (app === undefined) this.#answers.finish(entry, 480);
        else this.#ports.offer(app, entry, transaction);
        break;
      }
      default:
        this.#answers.finish(entry, 500);
    }
  }

  #refuse(entry: NetworkRequest, transaction: ServerTransaction, status: number, reason?: string, extra = ''): void {
    this.#answers.pending.remove(entry);
    if (entry.tag === '') entry.tag = newTag();
    this.#answers.transmit(transaction, status, bareResponse(entry.head, status, entry.tag, reason, extra));
  }
}

function isUnanswered({ state }: ServerTransaction): boolean {
  return state === 'proceeding' || state === 'trying';
}
