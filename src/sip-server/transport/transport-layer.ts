// All listeners together: drops what is not wanted, parses the rest, and sends by the flow it is given. RFC 3261 §18.
import type { Clock, ClockTimer } from '../../lib/clock.js';
import type {
  SipConnectionSettings,
  SipListenerSettings,
  SipPeers,
  SipServerSettings,
  SipTlsSettings,
} from '../control.js';
import type { Counters } from '../counters.js';
import type { Defence, ReportEvent } from '../defence/defence.js';
import { parseMessage } from '../message/parse-message.js';
import type { SipMessage } from '../message/sip-message.js';
import type { SipUri } from '../message/uri.js';
import { DnsCache } from '../resolve/dns-cache.js';
import { SystemDns } from '../resolve/dns-client.js';
import { nextHopOf } from '../resolve/locate-server.js';
import type { ServerLog } from '../server-log.js';
import type { MessageTap } from '../trace/message-tap.js';
import { defaultPortOf, type Flow, type Listener } from './flow.js';
import { NextHops } from './next-hops.js';
import type { StreamConnection } from './stream-connection.js';
import type { StreamLimits } from './stream-framing.js';
import { type StreamContext, StreamListener } from './stream-listener.js';
import { UdpListener } from './udp-listener.js';

/** A connection is gone. @param isLost whether a flow had it, and has no other now */
export type LossHandler = (isLost: (flow: Flow) => boolean) => void;

export type MessageHandler = (message: SipMessage, flow: Flow) => void;

const DEFAULT_MAX_HEADER_BYTES = 16_384;

const DEFAULT_CONNECTION_SETTINGS: SipConnectionSettings = { max: 4_096, idleMs: 180_000, openingMs: 4_000 };

/** A listener's settings and the error that binding it gave. */
export class ListenerUnavailable extends Error {
  readonly listener: SipListenerSettings;

  constructor(listener: SipListenerSettings, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.listener = listener;
  }
}

export class TransportLayer {
  readonly #limits: StreamLimits;
  readonly #streams: StreamContext;
  readonly #idleMs: number;
  readonly #clock: Clock;
  readonly #counters: Counters;
  readonly #defence: Defence;
  readonly #tap: MessageTap;
  readonly #log: ServerLog;
  readonly #report: ReportEvent;
  readonly #flowsInUse: () => Iterable<Flow>;
  readonly #listeners: (UdpListener | StreamListener)[] = [];
  readonly #hops: NextHops;
  #onMessage: MessageHandler = () => undefined;
  #onLost: LossHandler = () => undefined;
  #sweep: ClockTimer | null = null;

  /** @param flowsInUse the flows of transactions and dialogs: their connections are never idle */
  constructor(
    settings: SipServerSettings,
    clock: Clock,
    counters: Counters,
    defence: Defence,
    tap: MessageTap,
    log: ServerLog,
    report: ReportEvent,
    flowsInUse: () => Iterable<Flow>,
  ) {
    const connections = { ...DEFAULT_CONNECTION_SETTINGS, ...settings.connections };
    this.#limits = {
      maxMessageBytes: settings.maxMessageBytes,
      maxHeaderBytes: settings.maxHeaderBytes ?? DEFAULT_MAX_HEADER_BYTES,
    };
    this.#streams = {
      limits: this.#limits,
      mostAccepted: connections.max,
      accepted: 0,
      openingMs: connections.openingMs,
      now: () => clock.monotonicMs(),
    };
    this.#idleMs = connections.idleMs;
    this.#clock = clock;
    this.#hops = new NextHops(this.#listeners, new DnsCache(new SystemDns(settings.nameServers), clock), clock);
    this.#counters = counters;
    this.#defence = defence;
    this.#tap = tap;
    this.#log = log;
    this.#report = report;
    this.#flowsInUse = flowsInUse;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  get connectionCount(): number {
    let count = 0;
    for (const listener of this.#streamListeners()) count += listener.connectionCount;
    return count;
  }

  /** Binds every listener, or none: rejects with {@link ListenerUnavailable} after closing those that were bound. */
  async open(
    settings: readonly SipListenerSettings[],
    onMessage: MessageHandler,
    onLost: LossHandler = () => undefined,
  ): Promise<void> {
    this.#onMessage = onMessage;
    this.#onLost = onLost;
    for (const listener of settings) {
      try {
        this.#listeners.push(await this.#openListener(listener));
      } catch (cause) {
        await this.close();
        throw new ListenerUnavailable(listener, cause);
      }
    }
    if (settings.some(({ transport }) => transport !== 'udp')) this.#sweepLater();
  }

  /** @throws RangeError naming an entry that is no address or CIDR block; nothing changes then */
  setPeers(peers: readonly SipPeers[]): void {
    this.#hops.setPeers(peers);
  }

  /** @throws RangeError when there is no such listener or the certificate cannot be used */
  setCertificate(at: { readonly address: string; readonly port: number }, tls: SipTlsSettings): void {
    for (const listener of this.#streamListeners()) {
      if (listener.protocol !== 'tls' || listener.address !== at.address || listener.port !== at.port) continue;
      listener.setCertificate(tls);
      return;
    }
    throw new RangeError(`There is no TLS listener on ${at.address} port ${at.port}`);
  }

  /** As {@link StreamListener.peerNames}, of any TLS listener. */
  peerNames(address: string, port: number): readonly string[] | null {
    for (const listener of this.#streamListeners()) {
      const names = listener.protocol === 'tls' ? listener.peerNames(address, port) : null;
      if (names !== null) return names;
    }
    return null;
  }

  /** As {@link NextHops.flowToUri}. */
  flowToUri(uri: SipUri): Flow | null | Promise<Flow | null> {
    return this.#hops.flowToUri(uri);
  }

  /**
   * The flow of the connection that is open to a numeric URI, whichever listener has it: where a peer has connected to is its own
   * choice. Of several the one that was used last; null without one.
   */
  openFlowTo(uri: SipUri): Flow | null {
    const hop = nextHopOf(uri);
    if (hop?.protocol === undefined) return null;
    const { protocol, host: address, port = defaultPortOf(protocol) } = hop;
    let latest: Flow | null = null;
    for (const listener of this.#streamListeners()) {
      if (listener.protocol !== protocol) continue;
      const connection = listener.connectionOf({ listener, address, port, connection: null });
      if (connection === undefined || connection.lastUsedMs < (latest?.connection?.lastUsedMs ?? 0)) continue;
      latest = flowOf(connection, listener);
    }
    return latest;
  }

  /** Whether a URI's host and port are one of ours, as bound or as advertised. */
  isOurs(uri: SipUri): boolean {
    return this.#hops.isOurs(uri);
  }

  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void, isRepeated = false): void {
    if (this.#tap.isOn) this.#tap.see(false, message, flow);
    if (onFailure === undefined) flow.listener.send(message, flow);
    else flow.listener.send(message, flow, (cause) => this.#guarded(flow, () => onFailure(cause)), isRepeated);
  }

  async close(): Promise<void> {
    this.#sweep?.cancel();
    this.#sweep = null;
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  #openListener(settings: SipListenerSettings): Promise<UdpListener | StreamListener> {
    const onError = (cause: Error): void => {
      const listener = `${settings.transport}:${settings.address}:${settings.port}`;
      this.#log.write('warn', 'A SIP listener reports an error', { listener, error: cause.message });
      this.#report('listener:failed', { listener, error: cause.message });
    };
    if (settings.transport === 'udp') {
      return UdpListener.open(
        settings,
        (bytes, address, port, listener) => {
          // Nothing is made for a datagram that is dropped.
          if (this.#defence.refuses(bytes, address)) return;
          this.#arrived(bytes, { listener, address, port, connection: null });
        },
        onError,
      );
    }
    return StreamListener.open(settings, this.#streams, {
      refuses: (address) => this.#defence.refusesConnection(address),
      closed: (address) => this.#defence.connectionClosed(address),
      message: (bytes, connection, listener) => {
        if (!this.#defence.refuses(bytes, connection.address)) this.#arrived(bytes, flowOf(connection, listener));
        // The lists may have changed since the connection was accepted.
        else if (this.#defence.isShutOut(connection.address)) connection.close();
      },
      lost: (connection, listener) =>
        this.#onLost((flow) => {
          if (flow.listener !== listener || flow.connection === connection) return flow.connection === connection;
          const { address, port } = connection;
          return flow.address === address && flow.port === port && listener.connectionOf(flow) === undefined;
        }),
      keepalive: () => this.#counters.drop('keepalive'),
      broken: (cause, bytes, connection, listener) => {
        if (cause === 'too-large') this.#tooLarge(connection.address);
        else this.#receive(bytes, flowOf(connection, listener));
      },
      turnedAway: (cause) => this.#counters.drop(cause),
      error: onError,
    });
  }

  /** The one place that every datagram, and every message cut from a stream, passes unless the defence refuses it. */
  #arrived(bytes: Buffer, flow: Flow): void {
    const { connection, address } = flow;
    if (connection === null && !this.#fits(bytes, address)) return;
    this.#receive(bytes, this.#hops.isContactFollowed(address) ? { ...flow, followsContact: true } : flow);
  }

  #receive(bytes: Buffer, flow: Flow): void {
    if (this.#tap.isOn) this.#tap.see(true, bytes, flow);
    const message = parseMessage(bytes, { body: 'declared' });
    if (message === null) {
      this.#counters.drop('malformed');
      this.#defence.offended(flow.address, 'malformed');
      return;
    }
    this.#guarded(flow, () => {
      this.#noteAlias(message, flow);
      this.#onMessage(message, flow);
    });
  }

  /** What framing sees to on a stream. */
  #fits(datagram: Buffer, source: string): boolean {
    if (isKeepalive(datagram)) {
      this.#counters.drop('keepalive');
      return false;
    }
    const { maxMessageBytes, maxHeaderBytes } = this.#limits;
    const headEnd = datagram.length <= maxHeaderBytes ? 0 : datagram.indexOf('\r\n\r\n', 0, 'latin1');
    if (datagram.length <= maxMessageBytes && headEnd !== -1 && headEnd <= maxHeaderBytes) return true;
    this.#tooLarge(source);
    return false;
  }

  #tooLarge(source: string): void {
    this.#counters.drop('too-large');
    this.#defence.offended(source, 'too-large');
  }

  /** RFC 5923 §5. */
  #noteAlias(message: SipMessage, flow: Flow): void {
    const { listener, connection } = flow;
    if (connection === null || listener.protocol !== 'tls' || !message.isRequest) return;
    const { via } = message;
    if (via === null || !/;[ \t]*alias\b/i.test(via.parameters) || !(listener instanceof StreamListener)) return;
    listener.takeAlias(connection, via.port ?? defaultPortOf('tls'));
  }

  *#streamListeners(): Iterable<StreamListener> {
    for (const listener of this.#listeners) if (listener instanceof StreamListener) yield listener;
  }

  #sweepLater(): void {
    this.#sweep = this.#clock.after(Math.max(1, this.#idleMs / 4), () => {
      this.#closeIdle();
      this.#sweepLater();
    });
  }

  /** Closes the connections that nothing used for a while and nothing waits for. */
  #closeIdle(): void {
    const nowMs = this.#clock.monotonicMs();
    const idle = new Set<StreamConnection>();
    for (const listener of this.#streamListeners()) {
      for (const connection of listener.connections) {
        if (nowMs - connection.lastUsedMs >= this.#idleMs) idle.add(connection);
      }
    }
    if (idle.size === 0) return;
    for (const flow of this.#flowsInUse()) {
      const { listener } = flow;
      const connection = listener instanceof StreamListener ? listener.connectionOf(flow) : undefined;
      if (connection !== undefined) idle.delete(connection);
    }
    for (const connection of idle) connection.close();
    this.#counters.idleConnectionsClosed += idle.size;
  }

  /** A fault of ours must cost one message, not the server. */
  #guarded(flow: Flow, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#log.write('error', 'A message could not be handled', {
        peer: `${flow.address}:${flow.port}`,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
}

function flowOf(connection: StreamConnection, listener: Listener): Flow {
  const { address, port, serverName } = connection;
  const flow = { listener, address, port, connection };
  return serverName === undefined ? flow : { ...flow, serverName };
}

/** Empty, CRLFs, or up to four bytes of a NAT keepalive. */
function isKeepalive(bytes: Buffer): boolean {
  if (bytes.length <= 4) return true;
  for (const byte of bytes) if (byte !== 0x0d && byte !== 0x0a) return false;
  return true;
}
