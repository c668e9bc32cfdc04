// Free ports for a case, below the range from which the kernel gives ports by itself, so that two runs on one
// machine rarely meet. SIPp and a config need numbers before they bind, hence a port is only probed here.
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';

const FIRST_PORT = 12_000;
const LAST_PORT = 31_999;

/** Ports given out by this process are not given out again. */
const given = new Set<number>();

/** A port that nobody has bound on `address`, neither for UDP nor for TCP. */
export async function freePort(address = '127.0.0.1'): Promise<number> {
  return freePortRange(1, address);
}

/** The first of `count` free ports in a row; an even number when there are several, as RTP wants. */
export async function freePortRange(count: number, address = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const random = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT - count));
    const first = count > 1 ? random & ~1 : random;
    const wanted = Array.from({ length: count }, (_, i) => first + i);
    if (wanted.some((port) => given.has(port))) continue;
    const areTaken = await Promise.all(
      wanted.map(async (port) => (await isTaken('udp', address, port)) || (await isTaken('tcp', address, port))),
    );
    if (areTaken.some(Boolean)) continue;
    for (const port of wanted) given.add(port);
    return first;
  }
  throw new Error(`no ${count} free ports in a row on ${address}`);
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
