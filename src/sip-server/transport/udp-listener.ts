// SIP over UDP: one socket, one message a datagram. RFC 3261 §18.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SipListenerSettings } from '../control.js';
import { contactUriOf, type Flow, type Listener, sentByOf } from './flow.js';
import { RefusalWatch } from './refusal-watch.js';

export type DatagramHandler = (bytes: Buffer, address: string, port: number, listener: Listener) => void;

const SOCKET_BUFFER_BYTES = 2 * 1024 * 1024;
/** Destinations that are watched at one time; the others time out as RFC 3261 has it. */
const MAX_WATCHES = 64;
const WATCH_IDLE_MS = 40_000;

export class UdpListener implements Listener {
  readonly protocol = 'udp';
  readonly address: string;
  readonly port: number;
  readonly advertise: string;
  readonly network: string | undefined;
  readonly family: 4 | 6;
  readonly sentBy: string;
  readonly contactUri: string;
  readonly #socket: UdpSocket;
  readonly #onDatagram: DatagramHandler;
  #isOpen = true;
  readonly #watches = new Map<string, RefusalWatch>();

  private constructor(settings: SipListenerSettings, socket: UdpSocket, onDatagram: DatagramHandler) {
    this.#socket = socket;
    this.#onDatagram = onDatagram;
    this.address = settings.address;
    this.port = socket.address().port;
    this.advertise = settings.advertise;
    this.network = settings.network;
    this.family = isIPv6(settings.address) ? 6 : 4;
    this.sentBy = sentByOf('udp', settings.advertise, this.port);
    this.contactUri = contactUriOf('udp', settings.advertise, this.port);
  }

  /** Binds; rejects with the socket's error. */
  static async open(
    settings: SipListenerSettings,
    onDatagram: DatagramHandler,
    onError: (cause: Error) => void,
  ): Promise<UdpListener> {
    const socket = await bindAlone(settings);
    const listener = new UdpListener(settings, socket, onDatagram);
    socket.on('message', (bytes, source) => onDatagram(bytes, source.address, source.port, listener));
    socket.on('error', onError);
    return listener;
  }

  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void, isRepeated = false): void {
    if (!this.#isOpen) return;
    const watch = this.#watches.size === 0 && !isRepeated ? undefined : this.#watchOf(flow, isRepeated);
    if (watch !== undefined) {
      watch.send(message, onFailure);
      return;
    }
    this.#socket.send(message, flow.port, flow.address, (error) => {
      if (error !== null && onFailure !== undefined) onFailure(error);
    });
  }

  async close(): Promise<void> {
    for (const watch of [...this.#watches.values()]) watch.close();
    this.#isOpen = false;
    await new Promise<void>((resolve) => this.#socket.close(() => resolve()));
  }

  #watchOf(flow: Flow, canBegin: boolean): RefusalWatch | undefined {
    const key = `${flow.address} ${flow.port}`;
    const watch = this.#watches.get(key);
    if (watch !== undefined || !canBegin || this.#watches.size >= MAX_WATCHES) return watch;
    const begun = new RefusalWatch(
      this,
      flow,
      WATCH_IDLE_MS,
      (bytes, address, port) => this.#onDatagram(bytes, address, port, this),
      (unsent) => {
        this.#watches.delete(key);
        for (const message of unsent) this.#socket.send(message, flow.port, flow.address, () => undefined);
      },
    );
    this.#watches.set(key, begun);
    return begun;
  }
}

/**
 * Binds a socket whose port {@link RefusalWatch} can share. The port is first taken without sharing, so that one in use by
 * anybody else is refused, whether or not its holder would share it.
 */
async function bindAlone(settings: SipListenerSettings): Promise<UdpSocket> {
  const probe = openSocket(settings.address, false);
  await bind(probe, settings.address, settings.port);
  const { port } = probe.address();
  await new Promise<void>((resolve) => probe.close(() => resolve()));
  const socket = openSocket(settings.address, true);
  await bind(socket, settings.address, port);
  return socket;
}

function openSocket(address: string, reuseAddr: boolean): UdpSocket {
  const isV6 = isIPv6(address);
  return createSocket({
    type: isV6 ? 'udp6' : 'udp4',
    ipv6Only: isV6,
    reuseAddr,
    recvBufferSize: SOCKET_BUFFER_BYTES,
    sendBufferSize: SOCKET_BUFFER_BYTES,
    // Addresses are literal here; Node's own look-up would cost a turn of the event loop for each packet.
    lookup: (host, _options, callback) => callback(null, host, isV6 ? 6 : 4),
  });
}

function bind(socket: UdpSocket, address: string, port: number): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const refuse = (error: Error): void => {
      socket.close();
      reject(error);
    };
    socket.once('error', refuse);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.off('error', refuse);
      resolve();
    });
  });
}
