// One TCP or TLS connection, accepted or opened by us: the same rules for both, so either side's requests may use it.
import type { Socket } from 'node:net';
import { StreamFraming, type StreamLimits } from './stream-framing.js';

export interface StreamConnectionEvents {
  message(bytes: Buffer, connection: StreamConnection): void;
  keepalive(connection: StreamConnection): void;
  broken(cause: 'malformed' | 'too-large', bytes: Buffer, connection: StreamConnection): void;
  closed(connection: StreamConnection): void;
}

/** Bytes that may wait for a peer that does not read; beyond it the connection is given up. */
const MAX_UNSENT_BYTES = 4 * 1024 * 1024;
/** How long a peer whose stream is broken may take to read the last answer. */
const FAREWELL_MS = 2_000;

interface Waiting {
  readonly message: Buffer;
  readonly onFailure: ((cause: Error) => void) | undefined;
}

export class StreamConnection {
  /** Far address, known before the connection is. */
  readonly address: string;
  readonly port: number;
  /** The host that its certificate speaks for, of a TLS connection that we opened to a name. */
  readonly serverName: string | undefined;
  /** When a whole message or a keepalive last came or went; bytes of half a message do not count. */
  lastUsedMs: number;
  /** Requests of ours went over it, so somebody may wait for its responses. */
  hasSentRequests = false;
  readonly #socket: Socket;
  readonly #now: () => number;
  /** What waits for the connection to be open; null once it is. */
  #waiting: Waiting[] | null = null;
  #waitingBytes = 0;
  #failure: Error | null = null;

  /** @param openedBy the event that says that `socket` is open; null when it is already */
  constructor(
    socket: Socket,
    address: string,
    port: number,
    openedBy: 'connect' | 'secureConnect' | null,
    limits: StreamLimits,
    now: () => number,
    events: StreamConnectionEvents,
    serverName?: string,
  ) {
    this.serverName = serverName;
    this.address = address;
    this.port = port;
    this.#socket = socket;
    this.#now = now;
    this.lastUsedMs = now();
    const framing = new StreamFraming(limits);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 45_000);
    socket.on('data', (chunk: Buffer) => {
      // All answers to one segment leave together: it may hold thousands of keepalives.
      socket.cork();
      process.nextTick(() => socket.uncork());
      for (const event of framing.push(chunk)) {
        if (event.kind === 'broken') {
          events.broken(event.cause, event.bytes, this);
          socket.end();
          setTimeout(() => socket.destroy(), FAREWELL_MS).unref();
          continue;
        }
        this.lastUsedMs = now();
        if (event.kind === 'message') events.message(event.bytes, this);
        else {
          // RFC 5626 §4.4.1: the pong.
          events.keepalive(this);
          if (this.isUsable) socket.write('\r\n', 'latin1');
        }
      }
    });
    socket.on('error', (cause) => {
      this.#failure = cause;
      socket.destroy();
    });
    socket.on('close', () => {
      events.closed(this);
      this.#fail();
    });
    if (openedBy !== null) {
      // Node would write before it has looked at the server's certificate.
      this.#waiting = [];
      socket.once(openedBy, () => this.#opened());
    }
  }

  get isUsable(): boolean {
    return !this.#socket.destroyed && this.#socket.writable;
  }

  send(message: Buffer, onFailure?: (cause: Error) => void): void {
    if (this.#socket.writableLength + this.#waitingBytes > MAX_UNSENT_BYTES) this.#socket.destroy();
    this.lastUsedMs = this.#now();
    if (onFailure !== undefined) this.hasSentRequests = true;
    if (this.#waiting !== null && !this.#socket.destroyed) {
      this.#waiting.push({ message, onFailure });
      this.#waitingBytes += message.length;
    } else this.#write(message, onFailure);
  }

  close(): void {
    this.#socket.destroy();
  }

  #write(message: Buffer, onFailure?: (cause: Error) => void): void {
    this.#socket.write(message, (error) => {
      if (error && onFailure !== undefined) onFailure(error);
    });
  }

  #opened(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.#waitingBytes = 0;
    for (const { message, onFailure } of waiting) this.#write(message, onFailure);
  }

  #fail(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    const cause = this.#failure ?? new Error('The connection was closed before it was open');
    for (const { onFailure } of waiting) onFailure?.(cause);
  }
}
