// A small SIP user agent over UDP for the lab: one socket, its transactions and its dialogs (RFC 3261 §12, §13, §17).
// It can do what a well-made stack refuses to (stay silent, answer after a CANCEL), and it shares no code with one.
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import {
  headerOf,
  headersOf,
  hostOf,
  parameterOf,
  parseSip,
  type SipHeaders,
  type SipMessage,
  type SipRequest,
  type SipResponse,
  uriIn,
  writeSip,
} from './sip-text.js';
import {
  type ClientEvents,
  ClientTransaction,
  type Peer,
  ServerTransaction,
  type SipTiming,
  type TransactionHost,
} from './sip-transaction.js';

export interface EndpointSettings {
  readonly address: string;
  /** 0 takes a free port. */
  readonly port: number;
  readonly timing?: SipTiming;
  /** User part of our Contact. */
  readonly user: string;
  /** A request outside any dialog; ACK and CANCEL never come here. */
  readonly onRequest: (transaction: ServerTransaction) => void;
}

const newTag = (): string => randomBytes(6).toString('hex');

/** An established dialog, either side of it. */
export class SipDialog {
  readonly #endpoint: SipEndpoint;
  #sequence: number;
  #lastAck: { readonly request: SipRequest; readonly peer: Peer } | undefined;
  /** In-dialog requests of the other side; without a listener they are answered 200. */
  onRequest: ((transaction: ServerTransaction) => void) | undefined;
  /** The 200 that made or changed the dialog and still waits for its ACK. */
  pendingInvite: ServerTransaction | undefined;

  constructor(
    endpoint: SipEndpoint,
    readonly id: string,
    private readonly local: string,
    private readonly remote: string,
    private readonly callId: string,
    private readonly target: string,
    private readonly routeSet: readonly string[],
    sequence: number,
  ) {
    this.#endpoint = endpoint;
    this.#sequence = sequence;
  }

  request(method: string, headers: SipHeaders = []): Promise<SipResponse | undefined> {
    this.#sequence += 1;
    const request = this.#build(method, headers);
    return new Promise((resolve) => {
      this.#endpoint.start(request, this.#nextHop(), { onFinal: resolve });
    });
  }

  /** Acknowledges a 2xx (RFC 3261 §13.2.2.4), and again whenever it is repeated. */
  acknowledge(invite: ClientTransaction, body = ''): void {
    const request = this.#build('ACK', body === '' ? [] : [['Content-Type', 'application/sdp']], body);
    this.#lastAck = { request, peer: this.#nextHop() };
    this.#endpoint.transmit(request, this.#lastAck.peer);
    invite.onRepeatedSuccess = () => {
      if (this.#lastAck !== undefined) this.#endpoint.transmit(this.#lastAck.request, this.#lastAck.peer);
    };
  }

  end(): void {
    this.#endpoint.forget(this);
  }

  #build(method: string, headers: SipHeaders, body = ''): SipRequest {
    return {
      method,
      uri: this.target,
      headers: [
        ['Via', this.#endpoint.newVia()],
        ...this.routeSet.map((route) => ['Route', route] as const),
        ['Max-Forwards', '70'],
        ['From', this.local],
        ['To', this.remote],
        ['Call-ID', this.callId],
        ['CSeq', `${this.#sequence} ${method}`],
        ['Contact', this.#endpoint.contact],
        ...headers,
      ],
      body,
    };
  }

  #nextHop(): Peer {
    return hostOf(uriIn(this.routeSet[0] ?? this.target)) ?? { address: '127.0.0.1', port: 9 };
  }
}

export class SipEndpoint implements TransactionHost {
  readonly timing: SipTiming;
  readonly #settings: EndpointSettings;
  readonly #socket: Socket;
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #dialogs = new Map<string, SipDialog>();
  readonly #sweeper: NodeJS.Timeout;
  #closed = false;

  static async open(settings: EndpointSettings): Promise<SipEndpoint> {
    const socket = createSocket({
      type: settings.address.includes(':') ? 'udp6' : 'udp4',
      recvBufferSize: 4_194_304,
    });
    socket.bind(settings.port, settings.address);
    await once(socket, 'listening');
    return new SipEndpoint(settings, socket);
  }

  private constructor(settings: EndpointSettings, socket: Socket) {
    this.#settings = settings;
    this.#socket = socket;
    this.timing = settings.timing ?? { t1Ms: 500, t2Ms: 4000 };
    socket.on('message', (data, peer) => this.#receive(data, peer));
    socket.on('error', () => undefined);
    this.#sweeper = setInterval(() => this.#sweep(), 1000);
    this.#sweeper.unref();
  }

  get address(): string {
    return this.#socket.address().address;
  }

  get port(): number {
    return this.#socket.address().port;
  }

  get host(): string {
    return `${this.address.includes(':') ? `[${this.address}]` : this.address}:${this.port}`;
  }

  get contact(): string {
    return `<sip:${this.#settings.user}@${this.host}>`;
  }

  newVia(): string {
    return `SIP/2.0/UDP ${this.host};branch=z9hG4bK${randomBytes(9).toString('hex')};rport`;
  }

  transmit(message: SipMessage, peer: Peer): void {
    if (!this.#closed) this.#socket.send(writeSip(message), peer.port, peer.address, () => undefined);
  }

  /** Sends a request of ours and follows it to its final response. */
  start(request: SipRequest, peer: Peer, events: ClientEvents): ClientTransaction {
    const transaction = new ClientTransaction(this, request, peer, events);
    this.#clients.set(branchOf(request), transaction);
    return transaction;
  }

  /** A request outside any dialog, with the headers that every request has. */
  newRequest(method: string, uri: string, from: string, headers: SipHeaders = [], body = ''): SipRequest {
    return {
      method,
      uri,
      headers: [
        ['Via', this.newVia()],
        ['Max-Forwards', '70'],
        ['From', `${from};tag=${newTag()}`],
        ['To', `<${uri}>`],
        ['Call-ID', `${randomBytes(10).toString('hex')}@${this.address}`],
        ['CSeq', `1 ${method}`],
        ['Contact', this.contact],
        ...headers,
      ],
      body,
    };
  }

  /** The dialog that our INVITE and its 2xx make. */
  dialogOfCaller(request: SipRequest, response: SipResponse): SipDialog {
    const local = headerOf(request, 'from');
    const dialog = new SipDialog(
      this,
      dialogId(headerOf(request, 'call-id'), parameterOf(local, 'tag'), parameterOf(headerOf(response, 'to'), 'tag')),
      local,
      headerOf(response, 'to'),
      headerOf(request, 'call-id'),
      uriIn(headersOf(response, 'contact')[0] ?? request.uri),
      headersOf(response, 'record-route').reverse(),
      Number.parseInt(headerOf(request, 'cseq'), 10),
    );
    this.#dialogs.set(dialog.id, dialog);
    return dialog;
  }

  /** The dialog that their INVITE and our 2xx make; made before the 2xx is sent, so that its ACK finds it. */
  dialogOfCallee(transaction: ServerTransaction): SipDialog {
    const { request, localTag } = transaction;
    const remote = headerOf(request, 'from');
    const dialog = new SipDialog(
      this,
      dialogId(headerOf(request, 'call-id'), localTag, parameterOf(remote, 'tag')),
      `${headerOf(request, 'to')};tag=${localTag}`,
      remote,
      headerOf(request, 'call-id'),
      uriIn(headersOf(request, 'contact')[0] ?? ''),
      headersOf(request, 'record-route'),
      0,
    );
    dialog.pendingInvite = transaction;
    this.#dialogs.set(dialog.id, dialog);
    return dialog;
  }

  forget(dialog: SipDialog): void {
    this.#dialogs.delete(dialog.id);
  }

  /** Ends at once and without a word to anybody, as a machine does that loses its power. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#sweeper);
    for (const transaction of [...this.#servers.values(), ...this.#clients.values()]) transaction.stop();
    const closed = once(this.#socket, 'close');
    this.#socket.close();
    await closed;
  }

  #receive(data: Buffer, peer: RemoteInfo): void {
    const message = parseSip(data.toString('utf8'));
    if (message === undefined || branchOf(message) === '') return;
    if ('status' in message) this.#receiveResponse(message);
    else this.#receiveRequest(message, peer);
  }

  #receiveResponse(response: SipResponse): void {
    const transaction = this.#clients.get(branchOf(response));
    if (transaction === undefined) return;
    const method = headerOf(response, 'cseq').split(/\s+/)[1];
    if (method === transaction.request.method) transaction.receive(response);
    else if (method === 'CANCEL' && response.status >= 200) transaction.cancelAnswered();
  }

  #receiveRequest(request: SipRequest, peer: RemoteInfo): void {
    const branch = branchOf(request);
    const invite = this.#servers.get(`${branch} INVITE`);
    const toTag = parameterOf(headerOf(request, 'to'), 'tag');
    const fromTag = parameterOf(headerOf(request, 'from'), 'tag');
    const dialog = this.#dialogs.get(dialogId(headerOf(request, 'call-id'), toTag, fromTag));
    if (request.method === 'ACK') {
      (invite ?? dialog?.pendingInvite)?.acknowledge();
      return;
    }
    const key = `${branch} ${request.method}`;
    const known = this.#servers.get(key);
    if (known !== undefined) {
      known.repeat();
      return;
    }
    const transaction = new ServerTransaction(this, request, peer, toTag ?? newTag());
    this.#servers.set(key, transaction);
    if (request.method === 'CANCEL') {
      transaction.respond(invite === undefined ? 481 : 200);
      invite?.onCancel?.();
    } else if (dialog !== undefined) {
      if (request.method === 'INVITE') dialog.pendingInvite = transaction;
      if (dialog.onRequest === undefined) transaction.respond(200);
      else dialog.onRequest(transaction);
    } else if (toTag !== undefined) {
      transaction.respond(481);
    } else {
      this.#settings.onRequest(transaction);
    }
  }

  /** Forgets what no retransmission can ask for any more (64·T1 after the final response). */
  #sweep(): void {
    const limitMs = performance.now() - 64 * this.timing.t1Ms;
    for (const map of [this.#servers, this.#clients]) {
      for (const [key, transaction] of map) {
        if (transaction.finalAtMs !== undefined && transaction.finalAtMs < limitMs) map.delete(key);
      }
    }
  }
}

const branchOf = (message: SipMessage): string => parameterOf(headersOf(message, 'via')[0] ?? '', 'branch') ?? '';

const dialogId = (callId: string, localTag: string | undefined, remoteTag: string | undefined): string =>
  `${callId} ${localTag ?? ''} ${remoteTag ?? ''}`;
