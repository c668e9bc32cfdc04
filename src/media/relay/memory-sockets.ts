// For tests of the relay without a network: sockets that are handed packets, and keep what is sent. All happens at once.
import { BindError, type MediaSocket, type MediaSocketListener, type MediaSockets } from './media-socket.js';

export interface SentPacket {
  readonly fromPort: number;
  readonly address: string;
  readonly port: number;
  readonly bytes: Buffer;
}

export class MemorySockets implements MediaSockets {
  readonly sent: SentPacket[] = [];
  /** Whether the network takes a packet; else its socket says that it failed. */
  canSend: (packet: Uint8Array, address: string) => boolean = () => true;
  readonly #bound = new Map<string, MemorySocket>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get boundPorts(): number {
    return this.#bound.size;
  }

  bind(address: string, port: number): MediaSocket {
    const key = `${address} ${port}`;
    if (this.#bound.has(key)) throw new BindError(Object.assign(new Error('taken'), { code: 'EADDRINUSE' }));
    const socket = new MemorySocket(
      (packet, to, toPort) => {
        const canSend = this.canSend(packet, to);
        if (canSend) this.sent.push({ fromPort: port, address: to, port: toPort, bytes: Buffer.from(packet) });
        return canSend;
      },
      () => this.#bound.delete(key),
    );
    this.#bound.set(key, socket);
    return socket;
  }

  /** Hands a packet to a bound port; what comes to another is lost, as in a network. */
  deliver(to: { address: string; port: number }, packet: Uint8Array, from: { address: string; port: number }): void {
    // Each socket has a buffer of its own: who keeps the bytes after the call would find others.
    const lent = Buffer.from(packet);
    const socket = this.#bound.get(`${to.address} ${to.port}`);
    socket?.listener?.received(lent, from.address, from.port, this.#nowMs());
    lent.fill(0xee);
  }

  close(): void {
    this.#bound.clear();
  }
}

class MemorySocket implements MediaSocket {
  listener: MediaSocketListener | null = null;
  readonly #send: (packet: Uint8Array, address: string, port: number) => boolean;
  readonly #onClose: () => void;

  constructor(send: (packet: Uint8Array, address: string, port: number) => boolean, onClose: () => void) {
    this.#send = send;
    this.#onClose = onClose;
  }

  listen(listener: MediaSocketListener): void {
    this.listener = listener;
  }

  send(packet: Uint8Array, address: string, port: number): void {
    if (!this.#send(packet, address, port)) this.listener?.sendFailed();
  }

  close(): void {
    this.listener = null;
    this.#onClose();
  }
}
