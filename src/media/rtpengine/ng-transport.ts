// The way of ng messages to one rtpengine and back: datagrams over UDP, or messages over a WebSocket.
// Either may lose a message: whoever sent it sends it again.
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { WebSocket } from 'ws';
import type { Clock, ClockTimer } from '../../lib/clock.js';

export interface NgTransport {
  /** Sends when it can; tells nothing of what became of it. */
  send(message: Uint8Array): void;
  close(): void;
}

export interface NgTransportListener {
  received(message: Uint8Array): void;
  /** A message cannot have arrived: nobody listens there, or there is no connection. */
  unreachable(cause: string): void;
}

/** rtpengine's name for the ng protocol among WebSocket subprotocols. */
const WS_SUBPROTOCOL = 'ng.rtpengine.com';
const RECONNECT_MS = 500;
/** A reply is some kilobytes; this is what a hostile server may make us keep. */
const MAX_WS_MESSAGE_BYTES = 1_048_576;

/** `udp://host:port`, `ws://host:port` or `wss://host:port`, as the config was checked to be. */
export function openNgTransport(url: string, listener: NgTransportListener, clock: Clock): NgTransport {
  const parsed = new URL(url);
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (parsed.protocol === 'udp:') return new UdpTransport(host, Number(parsed.port), listener);
  return new WebSocketTransport(url, listener, clock);
}

class UdpTransport implements NgTransport {
  readonly #socket: Socket;
  /** Messages wait here until the host's name is resolved and the socket connected. */
  #early: Uint8Array[] | null = [];
  #isClosed = false;

  constructor(host: string, port: number, listener: NgTransportListener) {
    this.#socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
    // Connected, so that only this host's datagrams are seen, and that it can say that nobody listens.
    this.#socket.on('error', (error) => listener.unreachable(error.message));
    this.#socket.on('message', (message) => listener.received(message));
    this.#socket.on('connect', () => {
      const early = this.#early ?? [];
      this.#early = null;
      for (const message of early) this.send(message);
    });
    this.#socket.connect(port, host);
  }

  send(message: Uint8Array): void {
    if (this.#isClosed) return;
    // Bounded by the requests under way: each is repeated a few times and then given up.
    if (this.#early !== null) this.#early.push(message);
    else this.#socket.send(message, () => undefined);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}

class WebSocketTransport implements NgTransport {
  readonly #url: string;
  readonly #listener: NgTransportListener;
  readonly #clock: Clock;
  #socket: WebSocket;
  #early: Uint8Array[] = [];
  #reconnecting: ClockTimer | null = null;
  #isClosed = false;

  constructor(url: string, listener: NgTransportListener, clock: Clock) {
    this.#url = url;
    this.#listener = listener;
    this.#clock = clock;
    this.#socket = this.#connect();
  }

  send(message: Uint8Array): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send(message, () => undefined);
    else if (this.#socket.readyState === WebSocket.CONNECTING) this.#early.push(message);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reconnecting?.cancel();
    this.#socket.terminate();
  }

  #connect(): WebSocket {
    const socket = new WebSocket(this.#url, WS_SUBPROTOCOL, {
      perMessageDeflate: false,
      maxPayload: MAX_WS_MESSAGE_BYTES,
      handshakeTimeout: 5_000,
    });
    let cause = 'the connection was closed';
    socket.on('open', () => {
      for (const message of this.#early.splice(0)) this.send(message);
    });
    socket.on('message', (data) => this.#listener.received(data as Buffer));
    socket.on('error', (error) => {
      cause = error.message;
    });
    socket.on('close', () => {
      this.#early = [];
      if (this.#isClosed) return;
      this.#listener.unreachable(cause);
      this.#reconnecting = this.#clock.after(RECONNECT_MS, () => {
        this.#socket = this.#connect();
      });
    });
    return socket;
  }
}
