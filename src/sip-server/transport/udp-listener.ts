// SIP over UDP: one socket, one message a datagram. RFC 3261 §18.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import type { SipListenerSettings } from '../control.js';
import { contactUriOf, type Flow, type Listener, sentByOf } from './flow.js';

export type DatagramHandler = (bytes: Buffer, address: string, port: number, listener: Listener) => void;

const SOCKET_BUFFER_BYTES = 2 * 1024 * 1024;

export class UdpListener implements Listener {
  readonly protocol = 'udp';
  readonly address: string;
  readonly port: number;
  readonly advertise: string;
  readonly family: 4 | 6;
  readonly sentBy: string;
  readonly contactUri: string;
  readonly #socket: UdpSocket;

  private constructor(settings: SipListenerSettings, socket: UdpSocket) {
    this.#socket = socket;
    this.address = settings.address;
    this.port = socket.address().port;
    this.advertise = settings.advertise;
    this.family = isIPv6(settings.address) ? 6 : 4;
    this.sentBy = sentByOf(settings.advertise, this.port);
    this.contactUri = contactUriOf('udp', settings.advertise, this.port);
  }

  /** Binds; rejects with the socket's error. */
  static async open(
    settings: SipListenerSettings,
    onDatagram: DatagramHandler,
    onError: (cause: Error) => void,
  ): Promise<UdpListener> {
    const isV6 = isIPv6(settings.address);
    const socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      ipv6Only: isV6,
      recvBufferSize: SOCKET_BUFFER_BYTES,
      sendBufferSize: SOCKET_BUFFER_BYTES,
      // Addresses are literal here; Node's own look-up would cost a turn of the event loop for each packet.
      lookup: (host, _options, callback) => callback(null, host, isV6 ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind({ address: settings.address, port: settings.port, exclusive: true }, () => {
        socket.off('error', reject);
        resolve();
      });
    }).catch((error) => {
      socket.close();
      throw error;
    });
    const listener = new UdpListener(settings, socket);
    socket.on('message', (bytes, source) => onDatagram(bytes, source.address, source.port, listener));
    socket.on('error', onError);
    return listener;
  }

  send(message: Buffer, flow: Flow, onFailure?: (cause: Error) => void): void {
    this.#socket.send(message, flow.port, flow.address, (error) => {
      if (error !== null && onFailure !== undefined) onFailure(error);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()));
  }
}
