// ICMP errors of one UDP destination. The kernel reports them to a connected socket alone, so a destination that does not
// answer gets one: bound to the listener's own port and connected to the peer. It takes over that peer's packets, both ways.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';

/** How long a sending may wait for its ICMP error: they come within a round trip. */
const BLAME_MS = 2_000;

interface Sending {
  readonly atMs: number;
  readonly onFailure: (cause: Error) => void;
}

export class RefusalWatch {
  readonly #socket: UdpSocket;
  readonly #onClosed: (unsent: readonly Buffer[]) => void;
  readonly #idleMs: number;
  #idle: NodeJS.Timeout | null = null;
  /** In the order of sending; what stands before {@link #firstBlamable} is too old to be blamed. */
  #sendings: Sending[] = [];
  #firstBlamable = 0;
  /** Messages that wait for the socket to be connected; null once it is. */
  #queue: Buffer[] | null = [];
  #isOpen = true;

  /**
   * @param idleMs closes by itself after so long without a sending
   * @param onClosed told once, whatever the reason, with what it could not send for want of a socket
   */
  constructor(
    local: { readonly address: string; readonly port: number; readonly family: 4 | 6 },
    peer: { readonly address: string; readonly port: number },
    idleMs: number,
    onDatagram: (bytes: Buffer, address: string, port: number) => void,
    onClosed: (unsent: readonly Buffer[]) => void,
  ) {
    this.#idleMs = idleMs;
    this.#onClosed = onClosed;
    const isV6 = local.family === 6;
    this.#socket = createSocket({
      type: isV6 ? 'udp6' : 'udp4',
      ipv6Only: isV6,
      reuseAddr: true,
      lookup: (host, _options, callback) => callback(null, host, local.family),
    });
    this.#socket.on('error', (cause) => this.#fail(cause));
    this.#socket.on('message', (bytes, source) => onDatagram(bytes, source.address, source.port));
    this.#socket.bind({ address: local.address, port: local.port, exclusive: true }, () => {
      if (!this.#isOpen) return;
      this.#socket.connect(peer.port, peer.address, () => {
        const queued = this.#queue ?? [];
        this.#queue = null;
        if (this.#isOpen) for (const message of queued) this.#write(message);
      });
    });
    this.#rest();
  }

  send(message: Buffer, onFailure?: (cause: Error) => void): void {
    const nowMs = performance.now();
    this.#forgetBefore(nowMs - BLAME_MS);
    if (onFailure !== undefined) this.#sendings.push({ atMs: nowMs, onFailure });
    this.#rest();
    if (this.#queue === null) this.#write(message);
    else this.#queue.push(message);
  }

  /** A busy peer has thousands of sendings within its round trips: they are looked at once each, not at every sending. */
  #forgetBefore(oldestMs: number): void {
    while ((this.#sendings[this.#firstBlamable]?.atMs ?? oldestMs) < oldestMs) this.#firstBlamable++;
    if (this.#firstBlamable < 1_000 || this.#firstBlamable * 2 < this.#sendings.length) return;
    this.#sendings.splice(0, this.#firstBlamable);
    this.#firstBlamable = 0;
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#socket.close();
    const unsent = this.#queue ?? [];
    this.#queue = null;
    this.#onClosed(unsent);
  }

  #write(message: Buffer): void {
    this.#socket.send(message, (error) => {
      if (error !== null) this.#fail(error);
    });
  }

  #rest(): void {
    if (this.#idle === null) this.#idle = setTimeout(() => this.close(), this.#idleMs).unref();
    else this.#idle.refresh();
  }

  #fail(cause: Error): void {
    if (this.#queue !== null) {
      // The socket could not be had: that is no fault of the peer's.
      this.close();
      return;
    }
    const blamed = this.#sendings.slice(this.#firstBlamable);
    this.#sendings = [];
    this.#firstBlamable = 0;
    for (const { onFailure } of blamed) onFailure(cause);
  }
}
