// The admin port spoken to without drachtio-srf: for frames that drachtio-srf would never send.
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Inbox } from './inbox.js';
import type { AdminAddress } from './test-application.js';

export class WireClient {
  /** Payloads, the leader's tokens and all. */
  readonly inbox = new Inbox<string>((payload) => payload.split('\r\n')[0] ?? '');
  readonly #socket: Socket;
  #rest = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  static async open(admin: AdminAddress): Promise<WireClient> {
    const socket = connect(admin.port, admin.host);
    await once(socket, 'connect');
    return new WireClient(socket);
  }

  /** Opens and authenticates. */
  static async authenticated(admin: AdminAddress): Promise<WireClient> {
    const client = await WireClient.open(admin);
    await client.ask(`authenticate|${admin.secret}|`);
    return client;
  }

  raw(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** Sends one frame; returns its id. */
  send(message: string): string {
    const id = randomUUID();
    const payload = `${id}|${message}`;
    this.raw(`${Buffer.byteLength(payload)}#${payload}`);
    return id;
  }

  /** Sends one frame and waits for the response to it: the tokens from OK, NO or NOK on. */
  async ask(message: string): Promise<string[]> {
    const id = this.send(message);
    const payload = await this.inbox.take(`response to ${message}`, (text) => text.split('|')[2] === id);
    return (payload.split('\r\n')[0] ?? '').split('|').slice(3);
  }

  /** Reads no more. */
  pause(): void {
    this.#socket.pause();
  }

  async closed(): Promise<void> {
    if (!this.#socket.closed) await once(this.#socket, 'close');
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const hash = this.#rest.indexOf('#');
      if (hash === -1) return;
      const end = hash + 1 + Number(this.#rest.toString('latin1', 0, hash));
      if (this.#rest.length < end) return;
      this.inbox.put(this.#rest.toString('utf8', hash + 1, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}
