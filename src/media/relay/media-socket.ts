// What the relay needs of UDP sockets, as roles: `dgram-sockets.ts` is Node's own, others may batch system calls.
// Nothing is made for each packet: listeners are set once, addresses are strings that stay the same object for a source.
import { isIPv6 } from 'node:net';

export interface MediaSocketListener {
  /**
   * The bytes are valid during the call alone: who keeps them, copies them. Passing them on with `send` is no keeping;
   * after that they must not be changed any more.
   */
  received(packet: Buffer, address: string, port: number, arrivalMs: number): void;
  /** A packet given to `send` did not leave; only the count can be known. */
  sendFailed(): void;
}

/** One bound UDP port. */
export interface MediaSocket {
  /** Replaces the listener; what comes without one is dropped. */
  listen(listener: MediaSocketListener): void;
  /** Sends to an IP address in its canonical spelling. The bytes must not be changed afterwards. */
  send(packet: Uint8Array, address: string, port: number): void;
  /** Packets that found the receive buffer full; absent where that is not to be had cheaply. */
  overflows?(): number;
  /** Idempotent; nothing is received any more. */
  close(): void;
}

/** The sockets of one thread. */
export interface MediaSockets {
  /**
   * Binds in one step, so that a taken port is known at once; port 0 is any free one.
   * @throws {BindError}
   */
  bind(address: string, port: number): MediaSocket;
  /** Sends now what would leave together after what runs; absent where nothing waits. */
  flush?(): void;
  /** Closes what all sockets share; they are closed before. */
  close(): void;
}

export interface SocketPair {
  readonly rtp: MediaSocket;
  readonly rtcp: MediaSocket;
}

/** What holds for all sockets of a thread. */
export interface SocketOptions {
  /** Of each socket; absent for the system's default. */
  readonly receiveBufferBytes?: number;
  /** What sent packets are marked with (RFC 2474), by sockets that can; absent or false for nothing. */
  readonly dscp?: number | false;
  /** Arrival times are the kernel's, by sockets that can: they cost a little. Default: when the packet was read. */
  readonly hasExactArrivals?: boolean;
}

/** Why a socket could not be bound: the port is another's, or the address is not ours. */
export class BindError extends Error {
  readonly isTaken: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.name = 'BindError';
    this.isTaken = cause.code === 'EADDRINUSE' || cause.code === 'EACCES';
  }
}

/** Binds an even port and the odd one above it; null when either is taken. */
export function bindPair(sockets: MediaSockets, address: string, rtpPort: number): SocketPair | null {
  let rtp: MediaSocket | null = null;
  try {
    rtp = sockets.bind(address, rtpPort);
    return { rtp, rtcp: sockets.bind(address, rtpPort + 1) };
  } catch (error) {
    rtp?.close();
    if (error instanceof BindError) return null;
    throw error;
  }
}

export function familyOf(address: string): 4 | 6 {
  return isIPv6(address) ? 6 : 4;
}
