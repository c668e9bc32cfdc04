// One connected application: its socket, what it may do, and frames on their way to it.
import type { Socket } from 'node:net';
import { newId } from '../message/random-tokens.js';
import type { WheelTimer } from '../timer-wheel.js';
import { FrameReader, frameOf } from './frame.js';

/** Bytes that may wait for an application that does not read; beyond it the connection is given up. */
const MAX_UNSENT_BYTES = 64 * 1024 * 1024;

/** With so much waiting an application gets no new requests while there is another; what it has goes on. */
const BUSY_BYTES = 4 * 1024 * 1024;

export interface AppConnectionEvents {
  payload(payload: Buffer, app: AppConnection): void;
  closed(app: AppConnection): void;
}

export class AppConnection {
  isAuthenticated = false;
  /** Runs until it gives the secret. */
  patience: WheelTimer | null = null;
  /** What it calls itself; a request handler may ask for a tag. */
  tags: ReadonlySet<string> = new Set();
  /** Told once, when it has given the secret: a connection that we opened has a request waiting. */
  onAuthenticated: ((app: AppConnection) => void) | null = null;
  readonly #socket: Socket;
  #outgoing = '';
  #isOpen = true;

  constructor(socket: Socket, events: AppConnectionEvents) {
    this.#socket = socket;
    const reader = new FrameReader();
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 45_000);
    socket.on('data', (chunk: Buffer) => {
      const payloads = reader.push(chunk);
      if (payloads === null) {
        socket.destroy();
        return;
      }
      for (const payload of payloads) {
        if (!this.#isOpen) return;
        events.payload(payload, this);
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#isOpen = false;
      events.closed(this);
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** It does not read as fast as it is told. */
  get isBusy(): boolean {
    return this.#socket.writableLength > BUSY_BYTES;
  }

  /**
   * Sends `<new id>|<rest>`. Frames of one turn of the event loop leave in one write.
   * @param rest one character a byte
   */
  send(rest: string): void {
    if (!this.#isOpen) return;
    if (this.#outgoing === '') setImmediate(() => this.#flush());
    this.#outgoing += frameOf(`${newId()}|${rest}`);
  }

  /** Answers a message of the application: `OK`, `NO` (refused at once) or `NOK` (the SIP operation failed). */
  answer(clientId: string, verdict: 'OK' | 'NO' | 'NOK', text?: string): void {
    this.send(text === undefined ? `response|${clientId}|${verdict}` : `response|${clientId}|${verdict}|${text}`);
  }

  /** Sends what is waiting, then closes. */
  end(): void {
    this.#flush();
    this.#isOpen = false;
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #flush(): void {
    const outgoing = this.#outgoing;
    this.#outgoing = '';
    if (outgoing === '' || !this.#isOpen) return;
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.#socket.destroy();
    else this.#socket.write(outgoing, 'latin1');
  }
}
