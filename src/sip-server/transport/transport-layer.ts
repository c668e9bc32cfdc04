// All listeners together: drops what is not wanted, parses the rest, and sends by the flow it is given. RFC 3261 §18.
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import type { SipListenerSettings } from '../control.js';
import type { Counters } from '../counters.js';
import type { Defence, ReportEvent } from '../defence/defence.js';
import { parseMessage } from '../message/parse-message.js';
import type { SipMessage } from '../message/sip-message.js';
import { type SipUri, uriParameter } from '../message/uri.js';
import type { ServerLog } from '../server-log.js';
import { chooseListener, localNetworks } from './choose-listener.js';
import { DEFAULT_SIP_PORT, type Flow, type Listener, type TransportProtocol } from './flow.js';
import type { TcpConnection } from './tcp-connection.js';
import { TcpListener } from './tcp-listener.js';
import { UdpListener } from './udp-listener.js';

export type MessageHandler = (message: SipMessage, flow: Flow) => void;

/** A listener's settings and the error that binding it gave. */
export class ListenerUnavailable extends Error {
  readonly listener: SipListenerSettings;

  constructor(listener: SipListenerSettings, cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.listener = listener;
  }
}

export class TransportLayer {
  readonly #maxMessageBytes: number;
  readonly #counters: Counters;
  readonly #defence: Defence;
  readonly #log: ServerLog;
  readonly #report: ReportEvent;
  readonly #networks = localNetworks();
  readonly #listeners: (UdpListener | TcpListener)[] = [];
  readonly #chosen = new Map<string, Listener | null>();
  #onMessage: MessageHandler = () => undefined;

  constructor(maxMessageBytes: number, counters: Counters, defence: Defence, log: ServerLog, report: ReportEvent) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#counters = counters;
    this.#defence = defence;
    this.#log = log;
    this.#report = report;
  }

  get listeners(): readonly Listener[] {
    return this.#listeners;
  }

  /** Binds every listener, or none: rejects with {@link ListenerUnavailable} after closing those that were bound. */
  async open(settings: readonly SipListenerSettings[], onMessage: MessageHandler): Promise<void> {
    this.#onMessage = onMessage;
    for (const listener of settings) {
      try {
        this.#listeners.push(await this.#openListener(listener));
      } catch (cause) {
        await this.close();
        throw new ListenerUnavailable(listener, cause);
      }
    }
  }

  /** The flow to an address by the best listener; null when none speaks that protocol and family. */
  flowTo(protocol: TransportProtocol, address: string, port: number): Flow | null {
    const key = `${protocol} ${address}`;
    let listener = this.#chosen.get(key);
    if (listener === undefined) {
      listener = chooseListener(this.#listeners, this.#networks, protocol, address) ?? null;
      if (this.#chosen.size > 4096) this.#chosen.clear();
      this.#chosen.set(key, listener);
    }
    return listener === null ? null : { listener, address, port, connection: null };
  }

  /**
   * The flow to a next hop given as a URI. RFC 3261 §18.1.1 without SRV: a name is looked up for an address.
   * @returns a promise only for a name; null when no listener fits or the name has no address
   */
  flowToUri(uri: SipUri): Flow | null | Promise<Flow | null> {
    const named = uriParameter(uri, 'transport') ?? 'udp';
    if (named !== 'udp' && named !== 'tcp') return null;
    if (uri.scheme === 'sips') return null;
    const port = uri.port ?? DEFAULT_SIP_PORT;
    if (isIP(uri.host) !== 0) return this.flowTo(named, uri.host, port);
    return lookup(uri.host, { all: true }).then(
      (addresses) => {
        for (const { address } of addresses) {
          const flow = this.flowTo(named, address, port);
          if (flow !== null) return flow;
        }
        return null;
      },
      () => null,
    );
  }

  /** Whether a URI's host and port are one of ours, as bound or as advertised. */
  isOurs(uri: SipUri): boolean {
    const port = uri.port ?? DEFAULT_SIP_PORT;
    return this.#listeners.some(
      (listener) =>
        listener.port === port &&
        (uri.host === listener.address ||
          uri.host === listener.advertise.toLowerCase() ||
          (uri.host === 'localhost' && (listener.address === '127.0.0.1' || listener.address === '0.0.0.0')) ||
          (listener.address === '0.0.0.0' && this.#networks.some((network) => network.address === uri.host))),
    );
  }

  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void, isRepeated = false): void {
    if (onFailure === undefined) flow.listener.send(message, flow);
    else flow.listener.send(message, flow, (cause) => this.#guarded(flow, () => onFailure(cause)), isRepeated);
  }

  async close(): Promise<void> {
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  #openListener(settings: SipListenerSettings): Promise<UdpListener | TcpListener> {
    const onError = (cause: Error): void => {
      const listener = `${settings.transport}:${settings.address}:${settings.port}`;
      this.#log.write('warn', 'A SIP listener reports an error', { listener, error: cause.message });
      this.#report('listener:failed', { listener, error: cause.message });
    };
    if (settings.transport === 'udp') {
      return UdpListener.open(
        settings,
        (bytes, address, port, listener) => this.#datagram(bytes, address, port, listener),
        onError,
      );
    }
    return TcpListener.open(settings, this.#maxMessageBytes, {
      refuses: (address) => this.#defence.refusesConnection(address),
      closed: (address) => this.#defence.connectionClosed(address),
      message: (bytes, connection, listener) => {
        if (!this.#defence.refuses(bytes, connection.address)) this.#receive(bytes, flowOf(connection, listener));
        // The lists may have changed since the connection was accepted.
        else if (this.#defence.isShutOut(connection.address)) connection.close();
      },
      keepalive: () => this.#counters.drop('keepalive'),
      broken: (cause, bytes, connection, listener) => {
        if (cause === 'too-large') this.#tooLarge(connection.address);
        else this.#receive(bytes, flowOf(connection, listener));
      },
      error: onError,
    });
  }

  #datagram(bytes: Buffer, address: string, port: number, listener: Listener): void {
    if (this.#defence.refuses(bytes, address)) return;
    if (bytes.length > this.#maxMessageBytes) this.#tooLarge(address);
    else if (isKeepalive(bytes)) this.#counters.drop('keepalive');
    else this.#receive(bytes, { listener, address, port, connection: null });
  }

  #tooLarge(source: string): void {
    this.#counters.drop('too-large');
    this.#defence.offended(source, 'too-large');
  }

  #receive(bytes: Buffer, flow: Flow): void {
    const message = parseMessage(bytes, { body: 'declared' });
    if (message === null) {
      this.#counters.drop('malformed');
      this.#defence.offended(flow.address, 'malformed');
      return;
    }
    this.#guarded(flow, () => this.#onMessage(message, flow));
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

function flowOf(connection: TcpConnection, listener: Listener): Flow {
  return { listener, address: connection.address, port: connection.port, connection };
}

/** Empty, CRLFs, or up to four bytes of a NAT keepalive. */
function isKeepalive(bytes: Buffer): boolean {
  if (bytes.length <= 4) return true;
  for (const byte of bytes) if (byte !== 0x0d && byte !== 0x0a) return false;
  return true;
}
