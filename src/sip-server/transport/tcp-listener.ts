// SIP over TCP: accepts connections, opens them, and uses an open one again. RFC 3261 §18, RFC 5923.
import { connect, createServer, isIPv6, type Server, type Socket } from 'node:net';
import type { SipListenerSettings } from '../control.js';
import { contactUriOf, type Flow, type Listener, sentByOf } from './flow.js';
import { TcpConnection, type TcpConnectionEvents } from './tcp-connection.js';

export interface TcpListenerEvents {
  /** Asked before anything is read from an accepted connection; true closes it. */
  refuses(address: string): boolean;
  /** A connection that was accepted and not refused is gone. */
  closed(address: string): void;
  message(bytes: Buffer, connection: TcpConnection, listener: Listener): void;
  keepalive(): void;
  broken(cause: 'malformed' | 'too-large', bytes: Buffer, connection: TcpConnection, listener: Listener): void;
  error(cause: Error): void;
}

const MAX_CONNECTIONS = 4096;
const CONNECT_TIMEOUT_MS = 10_000;

export class TcpListener implements Listener {
  readonly protocol = 'tcp';
  readonly address: string;
  readonly port: number;
  readonly advertise: string;
  readonly family: 4 | 6;
  readonly sentBy: string;
  readonly contactUri: string;
  readonly #server: Server;
  readonly #maxMessageBytes: number;
  readonly #events: TcpListenerEvents;
  readonly #connections = new Map<string, TcpConnection>();

  private constructor(
    settings: SipListenerSettings,
    server: Server,
    maxMessageBytes: number,
    events: TcpListenerEvents,
  ) {
    const bound = server.address();
    this.#server = server;
    this.#maxMessageBytes = maxMessageBytes;
    this.#events = events;
    this.address = settings.address;
    this.port = typeof bound === 'object' && bound !== null ? bound.port : settings.port;
    this.advertise = settings.advertise;
    this.family = isIPv6(settings.address) ? 6 : 4;
    this.sentBy = sentByOf(settings.advertise, this.port);
    this.contactUri = contactUriOf('tcp', settings.advertise, this.port);
  }

  /** Binds; rejects with the socket's error. */
  static async open(
    settings: SipListenerSettings,
    maxMessageBytes: number,
    events: TcpListenerEvents,
  ): Promise<TcpListener> {
    const server = createServer();
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(
        { host: settings.address, port: settings.port, exclusive: true, ipv6Only: isIPv6(settings.address) },
        () => {
          server.off('error', reject);
          resolve();
        },
      );
    });
    const listener = new TcpListener(settings, server, maxMessageBytes, events);
    server.on('connection', (socket) => listener.#accept(socket));
    server.on('error', (cause) => events.error(cause));
    return listener;
  }

  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void): void {
    const used = flow.connection;
    const connection = used?.isUsable ? used : this.#connectionTo(flow.address, flow.returnPort ?? flow.port);
    connection.send(message, onFailure);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections.values()) connection.close();
    await closed;
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined || remotePort === undefined || this.#events.refuses(remoteAddress)) {
      socket.destroy();
      return;
    }
    socket.once('close', () => this.#events.closed(remoteAddress));
    this.#add(socket, remoteAddress, remotePort);
  }

  #connectionTo(address: string, port: number): TcpConnection {
    const open = this.#connections.get(`${address} ${port}`);
    if (open?.isUsable) return open;
    const socket = connect({ host: address, port, localAddress: this.address });
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => {
      if (socket.connecting) socket.destroy(new Error(`Connecting to ${address}:${port} took too long`));
    });
    socket.once('connect', () => socket.setTimeout(0));
    return this.#add(socket, address, port);
  }

  #add(socket: Socket, address: string, port: number): TcpConnection {
    const key = `${address} ${port}`;
    const events: TcpConnectionEvents = {
      message: (bytes, connection) => this.#events.message(bytes, connection, this),
      keepalive: () => this.#events.keepalive(),
      broken: (cause, bytes, connection) => this.#events.broken(cause, bytes, connection, this),
      closed: (connection) => {
        if (this.#connections.get(key) === connection) this.#connections.delete(key);
      },
    };
    const connection = new TcpConnection(socket, address, port, this.#maxMessageBytes, events);
    this.#connections.set(key, connection);
    return connection;
  }
}
