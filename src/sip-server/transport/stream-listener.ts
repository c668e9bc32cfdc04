// SIP over TCP and TLS: accepts connections, opens them, and uses an open one again. RFC 3261 §18, §26.3.1, RFC 5923.
import { connect as connectTcp, createServer, isIP, isIPv6, type Server, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, TLSSocket, type Server as TlsServer } from 'node:tls';
import type { SipListenerSettings, SipTlsSettings } from '../control.js';
import { contactUriOf, type Flow, type Listener, sentByOf } from './flow.js';
import { StreamConnection, type StreamConnectionEvents } from './stream-connection.js';
import type { StreamLimits } from './stream-framing.js';
import { checkSipIdentity, namesOf, readCertificate, secureContextOptions, verification } from './tls-identity.js';

export interface StreamListenerEvents {
  /** Asked before anything is read from an accepted connection; true closes it. */
  refuses(address: string): boolean;
  /** A connection that was accepted and not refused is gone. */
  closed(address: string): void;
  message(bytes: Buffer, connection: StreamConnection, listener: Listener): void;
  keepalive(): void;
  broken(cause: 'malformed' | 'too-large', bytes: Buffer, connection: StreamConnection, listener: Listener): void;
  /** A connection over which requests of ours went is gone. */
  lost(connection: StreamConnection, listener: StreamListener): void;
  /** A connection that was not kept. */
  turnedAway(cause: 'too-many-connections' | 'tls-handshake'): void;
  error(cause: Error): void;
}

interface Held {
  readonly socket: Socket;
  /** We opened it. */
  readonly isOurs: boolean;
  /** Where it stands in the table of targets. */
  readonly keys: string[];
}

/** What all stream listeners of a server share. */
export interface StreamContext {
  readonly limits: StreamLimits;
  /** Accepted connections of all of them together. */
  readonly mostAccepted: number;
  accepted: number;
  /** A connection, TLS included, must be open after so long. */
  readonly openingMs: number;
  now(): number;
}

/** A timer of ours that comes so late says nothing of the peer. */
const STOOD_STILL_MS = 20;

export class StreamListener implements Listener {
  readonly protocol: 'tcp' | 'tls';
  readonly address: string;
  readonly port: number;
  readonly advertise: string;
  readonly network: string | undefined;
  readonly family: 4 | 6;
  readonly sentBy: string;
  readonly contactUri: string;
  readonly #server: Server;
  readonly #context: StreamContext;
  readonly #events: StreamListenerEvents;
  #tls: SipTlsSettings | null;
  readonly #handshakes: TlsServer | null;
  /** By far address and port, and for TLS the name that was asked for. */
  readonly #byTarget = new Map<string, StreamConnection>();
  /** Every accepted socket, those that are still shaking hands too. */
  readonly #accepted = new Set<Socket>();
  readonly #held = new Map<StreamConnection, Held>();

  private constructor(
    settings: SipListenerSettings,
    server: Server,
    context: StreamContext,
    events: StreamListenerEvents,
  ) {
    const bound = server.address();
    this.protocol = settings.transport === 'tls' ? 'tls' : 'tcp';
    this.#server = server;
    this.#context = context;
    this.#events = events;
    this.address = settings.address;
    this.port = typeof bound === 'object' && bound !== null ? bound.port : settings.port;
    this.advertise = settings.advertise;
    this.network = settings.network;
    this.family = isIPv6(settings.address) ? 6 : 4;
    this.sentBy = sentByOf(this.protocol, settings.advertise, this.port);
    this.contactUri = contactUriOf(this.protocol, settings.advertise, this.port);
    this.#tls = settings.tls ?? null;
    this.#handshakes = this.#tls === null ? null : this.#answerHandshakes(this.#tls);
  }

  /** Binds; rejects with the socket's error, or a RangeError for a certificate that cannot be used. */
  static async open(
    settings: SipListenerSettings,
    context: StreamContext,
    events: StreamListenerEvents,
  ): Promise<StreamListener> {
    if (settings.transport === 'tls') {
      if (settings.tls === undefined) throw new RangeError('A TLS listener needs a certificate');
      readCertificate(settings.tls);
    }
    const server = createServer();
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
    const listener = new StreamListener(settings, server, context, events);
    server.on('connection', (socket) => listener.#accept(socket));
    server.on('error', (cause) => events.error(cause));
    return listener;
  }

  /**
   * Takes a new certificate: connections made from now on show it, the others stay as they are.
   * @throws RangeError when it cannot be used; the old one stays then
   */
  setCertificate(tls: SipTlsSettings): void {
    if (this.#handshakes === null) throw new RangeError(`${this.protocol}:${this.address}:${this.port} is not TLS`);
    readCertificate(tls);
    this.#handshakes.setSecureContext(secureContextOptions(tls));
    this.#tls = { ...tls, requestClientCertificate: this.#tls?.requestClientCertificate ?? false };
    // What we opened with the old one serves what it carries, and nothing new. Who has opened one may have no other way in.
    for (const [connection, { isOurs, keys }] of this.#held) if (isOurs) this.#remove(keys.splice(0), connection);
  }

  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void): void {
    (this.connectionOf(flow) ?? this.#open(flow)).send(message, onFailure);
  }

  /** The open connection that a message to this flow would take. */
  connectionOf(flow: Flow): StreamConnection | undefined {
    if (flow.connection?.isUsable) return flow.connection;
    const port = flow.returnPort ?? flow.port;
    const open = this.#byTarget.get(keyOf(flow.address, port, flow.serverName));
    if (open?.isUsable || flow.serverName === undefined) return open?.isUsable ? open : undefined;
    return this.#aliasFor(flow.address, port, flow.serverName);
  }

  get connectionCount(): number {
    return this.#held.size;
  }

  get connections(): Iterable<StreamConnection> {
    return this.#held.keys();
  }

  /**
   * RFC 5923 §5: the peer says (`;alias`) that requests to its Via's port may come over this connection. Believed only of a
   * peer whose certificate was verified and holds its address, or the name that is asked for; over TCP anybody behind the
   * same NAT could take another's calls.
   */
  takeAlias(connection: StreamConnection, port: number): void {
    if (!this.#isVerified(connection)) return;
    const key = aliasKeyOf(connection.address, port);
    if (this.#byTarget.get(key)?.isUsable) return;
    this.#enter(key, connection);
    if (this.#speaksFor(connection, connection.address)) this.#enter(keyOf(connection.address, port), connection);
  }

  #aliasFor(address: string, port: number, serverName: string): StreamConnection | undefined {
    const connection = this.#byTarget.get(aliasKeyOf(address, port));
    return connection?.isUsable && this.#speaksFor(connection, serverName) ? connection : undefined;
  }

  /** The names of the verified certificate of whoever is connected from there; null without one. */
  peerNames(address: string, port: number): readonly string[] | null {
    for (const [connection, { socket }] of this.#held) {
      if (connection.address !== address || connection.port !== port) continue;
      return socket instanceof TLSSocket && socket.authorized ? namesOf(socket.getPeerCertificate()) : null;
    }
    return null;
  }

  #isVerified(connection: StreamConnection): boolean {
    const socket = this.#held.get(connection)?.socket;
    return socket instanceof TLSSocket && socket.authorized;
  }

  #speaksFor(connection: StreamConnection, host: string): boolean {
    const socket = this.#held.get(connection)?.socket;
    if (!(socket instanceof TLSSocket) || !socket.authorized) return false;
    return checkSipIdentity(host, socket.getPeerCertificate()) === undefined;
  }

  #enter(key: string, connection: StreamConnection): void {
    this.#byTarget.set(key, connection);
    this.#held.get(connection)?.keys.push(key);
  }

  #remove(keys: readonly string[], connection: StreamConnection): void {
    for (const key of keys) if (this.#byTarget.get(key) === connection) this.#byTarget.delete(key);
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#held.keys()) connection.close();
    for (const socket of this.#accepted) socket.destroy();
    await closed;
  }

  #accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    const context = this.#context;
    if (context.accepted >= context.mostAccepted) {
      this.#events.turnedAway('too-many-connections');
      socket.destroy();
      return;
    }
    if (remoteAddress === undefined || remotePort === undefined || this.#events.refuses(remoteAddress)) {
      socket.destroy();
      return;
    }
    context.accepted++;
    this.#accepted.add(socket);
    socket.once('close', () => {
      context.accepted--;
      this.#accepted.delete(socket);
      this.#events.closed(remoteAddress);
    });
    if (this.#handshakes === null) this.#add(socket, remoteAddress, remotePort, null);
    else {
      socket.on('error', () => socket.destroy());
      this.#handshakes.emit('connection', socket);
    }
  }

  #answerHandshakes(tls: SipTlsSettings): TlsServer {
    const isWanted = tls.requestClientCertificate === true;
    const handshakes = createTlsServer({
      ...secureContextOptions(tls),
      requestCert: isWanted,
      rejectUnauthorized: isWanted,
      handshakeTimeout: this.#context.openingMs,
    });
    handshakes.on('secureConnection', (socket) => {
      const { remoteAddress, remotePort } = socket;
      if (remoteAddress === undefined || remotePort === undefined) socket.destroy();
      else this.#add(socket, remoteAddress, remotePort, null);
    });
    handshakes.on('tlsClientError', (_cause, socket) => {
      this.#events.turnedAway('tls-handshake');
      socket.destroy();
    });
    return handshakes;
  }

  #open(flow: Flow): StreamConnection {
    const { address, serverName } = flow;
    const port = flow.returnPort ?? flow.port;
    const target = { host: address, port, localAddress: this.address };
    const socket =
      this.#tls === null ? connectTcp(target) : connectTls(this.#tlsOptions(this.#tls, target, serverName));
    const openedBy = this.#tls === null ? 'connect' : 'secureConnect';
    this.#openInTime(socket, openedBy, `Connecting to ${address}:${port} took too long`);
    return this.#add(socket, address, port, openedBy, serverName);
  }

  /** A machine that stood still, or was too busy to run us, reads its timers first: that time is not the peer's. */
  #openInTime(socket: Socket, openedBy: string, complaint: string): void {
    const { openingMs, now } = this.#context;
    let timer: NodeJS.Timeout;
    const wait = (): void => {
      const dueMs = now() + openingMs;
      timer = setTimeout(() => {
        if (now() - dueMs > STOOD_STILL_MS) wait();
        else socket.destroy(new Error(complaint));
      }, openingMs);
    };
    wait();
    for (const event of [openedBy, 'close']) socket.once(event, () => clearTimeout(timer));
  }

  #tlsOptions(tls: SipTlsSettings, target: { host: string; port: number }, serverName: string | undefined) {
    return {
      ...secureContextOptions(tls),
      ...verification(tls),
      ...target,
      // RFC 6066 §3: a numeric host is never a server name; it is then the address that the certificate must hold.
      ...(serverName === undefined || isIP(serverName) !== 0 ? {} : { servername: serverName }),
    };
  }

  #add(
    socket: Socket,
    address: string,
    port: number,
    openedBy: 'connect' | 'secureConnect' | null,
    serverName?: string,
  ): StreamConnection {
    const { limits, now } = this.#context;
    const events: StreamConnectionEvents = {
      message: (bytes, connection) => this.#events.message(bytes, connection, this),
      keepalive: () => this.#events.keepalive(),
      broken: (cause, bytes, connection) => this.#events.broken(cause, bytes, connection, this),
      closed: (connection) => {
        this.#remove(this.#held.get(connection)?.keys ?? [], connection);
        this.#held.delete(connection);
        if (connection.hasSentRequests) this.#events.lost(connection, this);
      },
    };
    const connection = new StreamConnection(socket, address, port, openedBy, limits, now, events, serverName);
    this.#held.set(connection, { socket, isOurs: openedBy !== null, keys: [] });
    this.#enter(keyOf(address, port, serverName), connection);
    return connection;
  }
}

function keyOf(address: string, port: number, serverName?: string): string {
  return `${address} ${port} ${serverName ?? ''}`;
}

function aliasKeyOf(address: string, port: number): string {
  return `${address} ${port} alias`;
}
