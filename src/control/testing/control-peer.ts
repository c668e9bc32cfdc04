// For tests: a bare connection to a control socket, which sends what a well-behaved client never would.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { LineSplitter } from '../line-splitter.js';
import { connectTo } from '../socket-file.js';

export interface PeerAnswer {
  readonly id: number | string | null;
  readonly ok: boolean;
  readonly code?: string;
  readonly message?: string;
  readonly result?: unknown;
}

export class ControlPeer {
  readonly #socket: Socket;
  readonly #lines = new LineSplitter(64 * 1024 * 1024);
  readonly #answers: PeerAnswer[] = [];
  readonly #waiting: (() => void)[] = [];
  readonly closed: Promise<unknown>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.closed = once(socket, 'close');
    socket.on('error', () => undefined);
    socket.on('close', () => this.#wake());
  }

  static async open(path: string): Promise<ControlPeer> {
    const peer = new ControlPeer(await connectTo(path));
    peer.#socket.on('data', (piece: Buffer) => {
      for (const line of peer.#lines.push(piece) ?? []) peer.#answers.push(JSON.parse(line.toString('utf8')));
      peer.#wake();
    });
    return peer;
  }

  /** One that never reads what it is sent. */
  static async deaf(path: string): Promise<ControlPeer> {
    const socket = await connectTo(path);
    socket.pause();
    return new ControlPeer(socket);
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  request(command: string, given: Record<string, unknown> = {}, id: number | string = 1): void {
    this.send(`${JSON.stringify({ id, command, arguments: given, by: { uid: 1000, user: 'kim' } })}\n`);
  }

  /** Ends its own side only. */
  finish(): void {
    this.#socket.end();
  }

  /** The next answer; null when the connection ended without one. */
  async answer(): Promise<PeerAnswer | null> {
    for (;;) {
      const [answer] = this.#answers.splice(0, 1);
      if (answer !== undefined) return answer;
      if (this.#socket.destroyed) return null;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
