// SIP peers of plain sockets: they send the text that a test gives them and keep what comes.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';
import { Inbox } from './inbox.js';
import { RawMessage } from './raw-message.js';

export interface SipAddress {
  readonly address: string;
  readonly port: number;
}

function describe(message: RawMessage): string {
  return `${message.startLine} (${message.header('CSeq')})`;
}

function transactionOf(request: RawMessage): string {
  return `${request.method} ${request.branch}`;
}

/** What both kinds of peer can do. */
export interface RawPeer {
  readonly protocol: 'udp' | 'tcp' | 'tls';
  /** Where requests reach it. */
  readonly local: SipAddress;
  readonly inbox: Inbox<RawMessage>;
  send(text: string | Buffer): void;
  request(method: string): Promise<RawMessage>;
  repeated(method: string): Promise<RawMessage>;
  response(status: number, method: string): Promise<RawMessage>;
  close(): void;
}

abstract class InboxPeer {
  readonly inbox = new Inbox<RawMessage>(describe);
  /** Requests that were taken, by what a repetition has in common with them (RFC 3261 §17.2.3). */
  readonly #taken = new Set<string>();

  /**
   * The next request, which is never a repetition of one before: on a busy machine any may be repeated. Of ACKs each is the next:
   * they come again only with the response.
   */
  async request(method: string): Promise<RawMessage> {
    if (method === 'ACK') return this.inbox.take(method, (message) => message.method === method);
    const request = await this.inbox.take(
      method,
      (message) => message.method === method && !this.#taken.has(transactionOf(message)),
    );
    this.#taken.add(transactionOf(request));
    return request;
  }

  /** The next repetition of a request that was taken. */
  repeated(method: string): Promise<RawMessage> {
    return this.inbox.take(
      `${method} again`,
      (message) => message.method === method && this.#taken.has(transactionOf(message)),
    );
  }

  response(status: number, method: string): Promise<RawMessage> {
    return this.inbox.take(
      `${status} to ${method}`,
      (message) => message.status === status && message.cseqMethod === method,
    );
  }
}

export class UdpPeer extends InboxPeer implements RawPeer {
  readonly protocol = 'udp';
  readonly local: SipAddress;
  readonly #socket: UdpSocket;
  readonly #server: SipAddress;
  /** Number of datagrams still to be thrown away on arrival. */
  #toLose = 0;
  lost = 0;

  private constructor(socket: UdpSocket, address: string, server: SipAddress) {
    super();
    this.#socket = socket;
    this.#server = server;
    this.local = { address, port: socket.address().port };
    socket.on('message', (bytes) => {
      if (this.#toLose > 0) {
        this.#toLose--;
        this.lost++;
        return;
      }
      this.inbox.put(new RawMessage(bytes.toString('utf8')));
    });
  }

  static async open(server: SipAddress, address = '127.0.0.1', port = 0): Promise<UdpPeer> {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.bind(port, address);
    await once(socket, 'listening');
    return new UdpPeer(socket, address, server);
  }

  send(text: string | Buffer): void {
    this.#socket.send(text, this.#server.port, this.#server.address);
  }

  /** As if the network lost the next datagrams towards this peer. */
  loseNext(count: number): void {
    this.#toLose = count;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Cuts a stream by Content-Length, trusting it: the server writes it. CRLFs between messages are kept apart. */
class TextStream {
  keepalives = '';
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): RawMessage[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: RawMessage[] = [];
    for (;;) {
      while (this.#rest.subarray(0, 2).toString('latin1') === '\r\n') {
        this.keepalives += '\r\n';
        this.#rest = this.#rest.subarray(2);
      }
      const end = this.#rest.indexOf('\r\n\r\n');
      if (end === -1) return messages;
      const head = this.#rest.toString('utf8', 0, end);
      const length = Number(/\r\ncontent-length:\s*(\d+)/i.exec(head)?.[1] ?? 0);
      const total = end + 4 + length;
      if (this.#rest.length < total) return messages;
      messages.push(new RawMessage(this.#rest.toString('utf8', 0, total)));
      this.#rest = this.#rest.subarray(total);
    }
  }
}

/** How a peer speaks TLS: its own certificate, and who it trusts. */
export type PeerTls = Pick<TlsOptions, 'cert' | 'key' | 'ca' | 'requestCert' | 'rejectUnauthorized'>;

/** A peer that holds one connection to the server and accepts connections from it. */
export class TcpPeer extends InboxPeer implements RawPeer {
  readonly protocol: 'tcp' | 'tls';
  readonly local: SipAddress;
  readonly #socket: Socket;
  readonly #listener: Server;
  readonly #accepted: Socket[] = [];
  /** Connections that the server opened. */
  accepted = 0;
  /** The name that the server asked for when it connected last. */
  lastServerName: string | null = null;
  /** CRLFs that came between messages. */
  keepaliveAnswers = '';

  private constructor(socket: Socket, listener: Server, address: string) {
    super();
    this.protocol = socket instanceof TLSSocket ? 'tls' : 'tcp';
    this.#socket = socket;
    this.#listener = listener;
    this.local = { address, port: (listener.address() as AddressInfo).port };
    this.#read(socket);
    listener.on(this.protocol === 'tls' ? 'secureConnection' : 'connection', (incoming: Socket) => {
      this.accepted++;
      if (incoming instanceof TLSSocket) this.lastServerName = (incoming as { servername?: string }).servername ?? null;
      this.#accepted.push(incoming);
      this.#read(incoming);
    });
  }

  /** @param tls speaks TLS; rejects when the server's certificate will not do */
  static async open(server: SipAddress, address = '127.0.0.1', tls?: PeerTls, port = 0): Promise<TcpPeer> {
    const listener = tls === undefined ? createServer() : createTlsServer(tls);
    listener.on('tlsClientError', () => undefined);
    listener.listen(port, address);
    await once(listener, 'listening');
    const target = { host: server.address, port: server.port, localAddress: address };
    const socket = tls === undefined ? connect(target) : connectTls({ ...tls, ...target });
    try {
      await once(socket, tls === undefined ? 'connect' : 'secureConnect');
    } catch (cause) {
      listener.close();
      throw cause;
    }
    socket.setNoDelay(true);
    return new TcpPeer(socket, listener, address);
  }

  /** The near end of the connection that it holds. */
  get connectedFrom(): SipAddress {
    return { address: this.local.address, port: this.#socket.localPort ?? 0 };
  }

  /** The certificate that the server showed. */
  get serverCertificate(): Buffer {
    return (this.#socket as TLSSocket).getPeerCertificate().raw;
  }

  send(text: string | Buffer): void {
    this.#socket.write(text);
  }

  /** Sends on the connection that the server opened last. */
  reply(text: string): void {
    this.#accepted.at(-1)?.write(text);
  }

  /** Resolves when the server has closed the connection, also by a reset. */
  async closed(): Promise<void> {
    if (!this.#socket.closed) await new Promise((resolve) => this.#socket.once('close', resolve));
  }

  /** Closes the connections that the server opened. */
  dropAccepted(): void {
    for (const socket of this.#accepted) socket.destroy();
  }

  hangUp(): void {
    this.#socket.destroy();
  }

  close(): void {
    this.#socket.destroy();
    for (const socket of this.#accepted) socket.destroy();
    this.#listener.close();
  }

  #read(socket: Socket): void {
    const stream = new TextStream();
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      for (const message of stream.push(chunk)) this.inbox.put(message);
      this.keepaliveAnswers += stream.keepalives;
      stream.keepalives = '';
    });
  }
}
