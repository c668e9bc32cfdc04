// Requests that applications have proxied, and those that come after them along our Record-Route. RFC 3261 §16.
import { routeInDialog } from '../dialog/route-set.js';
import { parseNameAddress, splitElements } from '../message/name-address.js';
import { reasonPhrase } from '../message/reason-phrases.js';
import { bareResponse } from '../message/response-head.js';
import type { SipMessage } from '../message/sip-message.js';
import { parseSipUri } from '../message/uri.js';
import { ChallengeMemory } from '../proxy/challenge-memory.js';
import { forwardedRequest, isLoop } from '../proxy/forwarded-request.js';
import { ProxiedRequest } from '../proxy/proxied-request.js';
import { ProxyBranch, type ProxyBranchEvents } from '../proxy/proxy-branch.js';
import { type ProxyOptions, parseProxyOptions } from '../proxy/proxy-options.js';
import { RecordRoutes } from '../proxy/record-route.js';
import type { ServerTransaction } from '../transaction/server-transaction.js';
import type { Flow } from '../transport/flow.js';
import type { AppConnection } from './app-connection.js';
import { readAppHeaders } from './app-headers.js';
import { type CoreContext, withFlow } from './core-context.js';
import { fabricatedMeta, networkMeta } from './meta.js';
import type { NetworkRequest } from './network-request.js';
import type { UasAnswers } from './uas-answers.js';

/** How a request inside a dialog is proxied: to where its route leads, and nobody is told. */
const INSIDE: Omit<ProxyOptions, 'targets'> = {
  recordsRoute: false,
  tellsResponses: false,
  followsRedirects: false,
  isSimultaneous: false,
  provisionalTimeoutMs: null,
  finalTimeoutMs: null,
};

/** What is told of a proxied request, and how its branches are made. */
interface Course {
  branchTo(
    target: string,
    isRedirected: boolean,
    events: ProxyBranchEvents,
  ): ProxyBranch | null | Promise<ProxyBranch | null>;
  told(branch: ProxyBranch, response: SipMessage | null, flow: Flow, status: number): void;
  done(isReachable: boolean, status: number): void;
}

export class ProxyCore {
  readonly #context: CoreContext;
  readonly #answers: UasAnswers;
  readonly #recordRoutes = new RecordRoutes();
  readonly #challenges = new ChallengeMemory();

  constructor(context: CoreContext, answers: UasAnswers) {
    this.#context = context;
    this.#answers = answers;
  }

  /** An application has a request proxied. @param tokens of the leader, from TXN on */
  proxy(app: AppConnection, clientId: string, tokens: readonly string[], message: SipMessage | null): void {
    const txnId = tokens[0] ?? '';
    const entry = this.#answers.pending.byTxn(txnId);
    const transaction = entry?.transaction;
    const isPending = entry !== undefined && entry.sentFinal === null && !entry.hasProvisional && !entry.isInDialog;
    if (!isPending || transaction === undefined || transaction === null || entry.taker !== null) {
      app.answer(clientId, 'NOK', `Unknown transaction id: ${txnId}`);
      return;
    }
    const { request } = transaction;
    const refusal = this.#refusalOf(request);
    if (refusal !== null) {
      this.#answers.finish(entry, refusal);
      const why = refusal === 483 ? '483 Too Many Hops due to Max-Forwards value of 0' : '482 Loop Detected';
      app.answer(clientId, 'NOK', `Rejected with ${why}`);
      return;
    }
    const asked = parseProxyOptions(tokens.slice(1));
    const options = { ...asked, targets: this.#challenges.order(request, asked.targets) };
    const tell = (meta: string, text: string): void => {
      if (options.tellsResponses) app.send(`response|${clientId}|OK|${meta}|||continue\r\n${text}`);
    };
    const end = (isReachable: boolean): void => {
      if (!isReachable) app.answer(clientId, 'NOK', 'error proxying request to ');
      else if (options.tellsResponses) app.answer(clientId, 'OK', 'done');
    };
    if (!options.tellsResponses) app.answer(clientId, 'OK', 'done');
    this.#run(entry, transaction, options, this.#newCourse(entry, transaction, options, message, tell, end));
  }

  /** A request handler has a request proxied. */
  proxyFor(entry: NetworkRequest, transaction: ServerTransaction, options: ProxyOptions): void {
    const refusal = this.#refusalOf(transaction.request);
    if (refusal !== null) {
      this.#answers.finish(entry, refusal);
      return;
    }
    const nobody = (): void => undefined;
    this.#run(entry, transaction, options, this.#newCourse(entry, transaction, options, null, nobody, nobody));
  }

  /** Status with which a request is not proxied; null when it may be. RFC 3261 §16.3. */
  #refusalOf(request: SipMessage): 482 | 483 | null {
    if (request.value('max-forwards') === '0') return 483;
    return isLoop(
      request,
      this.#context.transport.listeners.map(({ sentBy }) => sentBy),
    )
      ? 482
      : null;
  }

  /** Whether a request inside a dialog follows a route that we wrote. */
  isOnRoute(request: SipMessage): boolean {
    return request.has('route') && this.#recordRoutes.onwards(request) !== null;
  }

  /** Sends on a request inside a dialog that we are in the route of. */
  forward(entry: NetworkRequest, transaction: ServerTransaction): void {
    const { request } = transaction;
    const onwards = this.#recordRoutes.onwards(request);
    if (onwards === null) {
      this.#answers.refuse(entry, 481);
      return;
    }
    if (request.value('max-forwards') === '0') {
      this.#answers.refuse(entry, 483);
      return;
    }
    const { requestUri, routes, nextHop } = routeInDialog(onwards.routes, onwards.uri);
    const { cdrs, wheel, transactions } = this.#context;
    if (request.method === 'BYE') {
      cdrs.stop('network', 'normal-release', () => request.head + request.body);
      cdrs.stop('application', 'normal-release', () => request.head + request.body);
    }
    this.#run(
      entry,
      transaction,
      { ...INSIDE, targets: [nextHop] },
      {
        branchTo: (target, _isRedirected, events) =>
          this.#withFlowTo(target, (flow) => {
            const changes = { uri: requestUri, routes, added: '', extra: '' };
            const outgoing = forwardedRequest(request, transaction.flow, flow, changes);
            return new ProxyBranch(target, outgoing, flow, wheel, transactions, INSIDE, events);
          }),
        told: () => undefined,
        done: () => undefined,
      },
    );
  }

  /** Sends on the ACK of a 2xx that we are in the route of; false when we are not. RFC 3261 §16.11. */
  forwardAck(ack: SipMessage, arrival: Flow): boolean {
    const onwards = ack.has('route') ? this.#recordRoutes.onwards(ack) : null;
    if (onwards === null || ack.value('max-forwards') === '0') return false;
    const { requestUri, routes, nextHop } = routeInDialog(onwards.routes, onwards.uri);
    const uri = parseSipUri(nextHop);
    withFlow(this.#context, uri === null ? null : this.#context.transport.flowToUri(uri), (flow) => {
      if (flow === null) return;
      const { text } = forwardedRequest(ack, arrival, flow, { uri: requestUri, routes, added: '', extra: '' });
      this.#context.counters.sentRequest('ACK');
      this.#context.transport.send(Buffer.from(text, 'latin1'), flow);
    });
    return true;
  }

  #run(entry: NetworkRequest, transaction: ServerTransaction, options: ProxyOptions, course: Course): void {
    const proxied = new ProxiedRequest(
      {
        isInvite: entry.method === 'INVITE',
        branchTo: (target, isRedirected, events) => course.branchTo(target, isRedirected, events),
        reply: (status, text) => this.#answers.transmit(transaction, status, text),
        refuse: (status) => this.#answers.refuse(entry, status),
        told: (branch, response, flow, status) => course.told(branch, response, flow, status),
        done: (isReachable, status) => course.done(isReachable, status),
      },
      options,
    );
    entry.taker = proxied;
    entry.patience?.cancel();
    proxied.start();
  }

  /** How a request outside a dialog is proxied: as an application asked for it. */
  #newCourse(
    entry: NetworkRequest,
    transaction: ServerTransaction,
    options: ProxyOptions,
    message: SipMessage | null,
    tell: (meta: string, text: string) => void,
    end: (isReachable: boolean) => void,
  ): Course {
    const { request } = transaction;
    const { cdrs, transport, wheel, transactions } = this.#context;
    const isInvite = entry.method === 'INVITE';
    const parsed = parseSipUri(request.uri);
    const isForUs = parsed !== null && transport.isOurs(parsed);
    const onwards = this.#recordRoutes.onwards(request);
    const routes = withoutOwn(onwards?.routes ?? request.values('route'), (uri) => transport.isOurs(uri));
    let last = '';
    return {
      branchTo: (target, isRedirected, events) =>
        this.#withFlowTo(target, (flow) => {
          const outgoing = forwardedRequest(request, transaction.flow, flow, {
            // The domain that the caller named stays, unless it was ours: then the target takes its place.
            uri: isForUs || isRedirected ? target : request.uri,
            routes,
            added: options.recordsRoute ? this.#recordRoute(request, transaction.flow, flow) : '',
            extra: message === null ? '' : readAppHeaders(message, flow.listener).others,
          });
          if (isInvite) cdrs.attempt('application', outgoing.text);
          return new ProxyBranch(target, outgoing, flow, wheel, transactions, options, events);
        }),
      told: (branch, response, flow, status) => {
        const text = response === null ? bareText(branch, status) : response.head + response.body;
        last = text;
        tell(response === null ? fabricatedMeta(flow) : networkMeta(response.byteLength, flow), text);
        if (response !== null) this.#challenges.learn(response, branch.target);
        if (!isInvite) return;
        if (status < 300) cdrs.start('network', 'proxy-uac', text);
        else cdrs.stop('network', status === 487 ? 'call-canceled' : 'call-rejected', () => text);
      },
      done: (isReachable, status) => {
        end(isReachable);
        if (!isInvite) return;
        if (status < 300) cdrs.start('application', 'proxy-uas', last);
        else {
          const text = (): string => bareResponse(entry.head, status, entry.tag);
          cdrs.stop('application', status === 487 ? 'call-canceled' : 'call-rejected', text);
        }
      },
    };
  }

  #withFlowTo(target: string, make: (flow: Flow) => ProxyBranch): ProxyBranch | null | Promise<ProxyBranch | null> {
    const uri = parseSipUri(target);
    if (uri === null) return null;
    const found = this.#context.registrations.find(uri) ?? this.#context.transport.flowToUri(uri);
    if (found instanceof Promise) return found.then((flow) => (flow === null ? null : make(flow)));
    return found === null ? null : make(found);
  }

  /** RFC 3261 §16.6 step 4; a REGISTER gets a Path instead (RFC 3327 §5.2). */
  #recordRoute(request: SipMessage, arrival: Flow, departure: Flow): string {
    const values = this.#recordRoutes.valuesFor(request.callId, arrival.listener, departure.listener);
    if (request.method !== 'REGISTER') return values.map((value) => `Record-Route: ${value}\r\n`).join('');
    return `Path: <${departure.listener.contactUri};lr>\r\nRequire: path\r\n`;
  }
}

/** Preloaded routes without those at the top that lead to us. RFC 3261 §16.4. */
function withoutOwn(values: readonly string[], isOurs: (uri: NonNullable<ReturnType<typeof parseSipUri>>) => boolean) {
  const routes = splitElements(values);
  for (;;) {
    const first = routes[0];
    const uri = first === undefined ? null : parseSipUri(parseNameAddress(first)?.uri ?? '');
    if (uri === null || !isOurs(uri)) return routes;
    routes.shift();
  }
}

/** A final response that stands for one that never came. */
function bareText(branch: ProxyBranch, status: number): string {
  const { via, from, to, callId, cseqNumber, method } = branch.request;
  return (
    `SIP/2.0 ${status} ${reasonPhrase(status)}\r\nVia: ${via}\r\nFrom: ${from}\r\nTo: ${to}\r\n` +
    `Call-ID: ${callId}\r\nCSeq: ${cseqNumber} ${method}\r\nContent-Length: 0\r\n\r\n`
  );
}
