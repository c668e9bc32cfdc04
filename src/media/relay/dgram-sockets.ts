// UDP sockets by node:dgram, without a name look-up: they need nothing but Node, and cost one event for each packet.
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram';
import { BindError, familyOf, type MediaSocket, type MediaSocketListener, type MediaSockets } from './media-socket.js';

/** Every address here is an IP address already: dgram would otherwise ask the resolver for each packet sent. */
function noLookup(
  address: string,
  options: unknown,
  callback: (error: Error | null, address: string, family: number) => void,
): void {
  callback(null, address, typeof options === 'number' ? options : familyOf(address));
}

export class DgramSockets implements MediaSockets {
  readonly #nowMs: () => number;
  readonly #receiveBufferBytes: number;

  /**
   * @param nowMs monotonic clock of arrival times.
   * @param receiveBufferBytes of each socket; 0 for the system's default.
   */
  constructor(nowMs: () => number, receiveBufferBytes = 0) {
    this.#nowMs = nowMs;
    this.#receiveBufferBytes = receiveBufferBytes;
  }

  bind(address: string, port: number): MediaSocket {
    return new DgramSocket(bindSocket(address, port, this.#receiveBufferBytes), this.#nowMs);
  }

  close(): void {
    // They share nothing.
  }
}

class DgramSocket implements MediaSocket {
  readonly #socket: Socket;
  readonly #nowMs: () => number;
  #listener: MediaSocketListener | null = null;
  /** One callback for all packets: none is made on the hot path. */
  readonly #onSent = (error: Error | null): void => {
    if (error !== null) this.#listener?.sendFailed();
  };

  constructor(socket: Socket, nowMs: () => number) {
    this.#socket = socket;
    this.#nowMs = nowMs;
    socket.on('message', (packet: Buffer, source: RemoteInfo) => {
      this.#listener?.received(packet, source.address, source.port, this.#nowMs());
    });
  }

  listen(listener: MediaSocketListener): void {
    this.#listener = listener;
  }

  send(packet: Uint8Array, address: string, port: number): void {
    this.#socket.send(packet, 0, packet.length, port, address, this.#onSent);
  }

  close(): void {
    this.#socket.removeAllListeners('message');
    closeQuietly(this.#socket);
  }
}

function bindSocket(address: string, port: number, receiveBufferBytes: number): Socket {
  const isV6 = familyOf(address) === 6;
  const options: SocketOptions = { type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6, lookup: noLookup as never };
  if (receiveBufferBytes > 0) options.recvBufferSize = receiveBufferBytes;
  const socket = createSocket(options);
  let failure: NodeJS.ErrnoException | null = null;
  // With a synchronous look-up, bind has succeeded or reported its error when it returns. Later errors concern one
  // packet, which its sender's callback counts.
  socket.on('error', (error) => {
    failure ??= error;
  });
  socket.bind({ address, port, exclusive: true });
  if (failure !== null) {
    closeQuietly(socket);
    throw new BindError(failure);
  }
  return socket;
}

function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Closed before, or never bound.
  }
}
