// UDP sockets of the relay: bound without a name look-up, in one step, so that a taken port is known at once.
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/** Every address here is an IP address already: dgram would otherwise ask the resolver for each packet sent. */
function noLookup(
  address: string,
  options: unknown,
  callback: (error: Error | null, address: string, family: number) => void,
): void {
  callback(null, address, typeof options === 'number' ? options : isIPv6(address) ? 6 : 4);
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

/**
 * A bound UDP socket.
 * @throws {BindError}
 */
export function bindSocket(address: string, port: number): Socket {
  const isV6 = isIPv6(address);
  const socket = createSocket({ type: isV6 ? 'udp6' : 'udp4', ipv6Only: isV6, lookup: noLookup as never });
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

/** Binds an even port and the odd one above it; null when either is taken. */
export function bindPair(address: string, rtpPort: number): { rtp: Socket; rtcp: Socket } | null {
  let rtp: Socket | null = null;
  try {
    rtp = bindSocket(address, rtpPort);
    return { rtp, rtcp: bindSocket(address, rtpPort + 1) };
  } catch (error) {
    if (rtp !== null) closeQuietly(rtp);
    if (error instanceof BindError) return null;
    throw error;
  }
}

export function closeQuietly(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Closed before, or never bound.
  }
}
