// One TCP connection, accepted or opened by us: the same rules for both, so either side's requests may use it.
import type { Socket } from 'node:net';
import { StreamFraming } from './stream-framing.js';

export interface TcpConnectionEvents {
  message(bytes: Buffer, connection: TcpConnection): void;
  keepalive(): void;
  broken(cause: 'malformed' | 'too-large', bytes: Buffer, connection: TcpConnection): void;
  closed(connection: TcpConnection): void;
}

/** Bytes that may wait for a peer that does not read; beyond it the connection is given up. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;

export class TcpConnection {
  /** Far address, known before the connection is. */
  readonly address: string;
  readonly port: number;
  readonly #socket: Socket;

  constructor(socket: Socket, address: string, port: number, maxMessageBytes: number, events: TcpConnectionEvents) {
    this.address = address;
    this.port = port;
    this.#socket = socket;
    const framing = new StreamFraming(maxMessageBytes);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 45_000);
    socket.on('data', (chunk: Buffer) => {
      for (const event of framing.push(chunk)) {
        if (event.kind === 'message') events.message(event.bytes, this);
        else if (event.kind === 'keepalive') {
          events.keepalive();
          this.#write('\r\n');
        } else {
          events.broken(event.cause, event.bytes, this);
          socket.end();
        }
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => events.closed(this));
  }

  get isUsable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(message: Buffer, onFailure?: (cause: Error) => void): void {
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.#socket.destroy();
    this.#socket.write(message, (error) => {
      if (error && onFailure !== undefined) onFailure(error);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(text: string): void {
    if (this.isUsable) this.#socket.write(text, 'latin1');
  }
}
