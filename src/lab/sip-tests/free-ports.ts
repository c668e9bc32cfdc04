// Free ports for a case. SIPp and a config need numbers before they bind, hence a port is claimed from other runs, and
// probed for strangers.
import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { claimPorts } from '../../lib/testing/claimed-ports.js';

/** As /proc/net/tcp writes it. */
const TCP_LISTEN = '0A';

/** A port that nobody has bound on `address`, neither for UDP nor for TCP. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  return freePortRange(1, address);
}

/** The first of `count` free ports in a row; an even number, as RTP wants. */
export async function freePortRange(count: number, address = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const first = await claimPorts(count);
    const areTaken = await Promise.all(
      Array.from(
        { length: count },
        async (_, index) =>
          (await isTaken('udp', address, first + index)) || (await isTaken('tcp', address, first + index)),
      ),
    );
    if (!areTaken.some(Boolean)) return first;
  }
  throw new Error(`no ${count} free ports in a row on ${address}`);
}

/**
 * Whether somebody listens at a port, on whatever address, as the kernel lists it (proc(5)). To be asked while another process is about
 * to bind there: `isTaken` finds out by binding the port itself, and whoever comes in that instant is refused.
 */
export async function isListening(transport: 'udp' | 'tcp' | 'tls', address: string, port: number): Promise<boolean> {
  const files = transport === 'udp' ? ['/proc/net/udp', '/proc/net/udp6'] : ['/proc/net/tcp', '/proc/net/tcp6'];
  if (!existsSync('/proc/net/udp')) return isTaken(transport, address, port);
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return files.filter(existsSync).some((file) =>
    readFileSync(file, 'ascii')
      .split('\n')
      .some((line) => {
        const [, local = '', , state] = line.trim().split(/\s+/);
        return local.endsWith(ending) && (transport === 'udp' || state === TCP_LISTEN);
      }),
  );
}

/** Whether somebody is bound there. */
export function isTaken(transport: 'udp' | 'tcp' | 'tls', address: string, port: number): Promise<boolean> {
  return transport === 'udp' ? isUdpTaken(address, port) : isTcpTaken(address, port);
}

function isTcpTaken(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(true));
    server.listen(port, address, () => server.close(() => resolve(false)));
  });
}

function isUdpTaken(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => resolve(true));
    socket.bind(port, address, () => socket.close(() => resolve(false)));
  });
}
