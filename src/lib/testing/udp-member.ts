// A member of the network lab that sends and receives UDP.
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { answerAsMember } from './network-lab.js';

/** Packets received, by port. */
const received = new Map<number, number>();

async function bound(address: string, port: number): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(port, address);
  await once(socket, 'listening');
  return socket;
}

answerAsMember({
  async listen(addresses: readonly string[], port: number): Promise<void> {
    for (const address of addresses) {
      const socket = await bound(address, port);
      socket.on('message', () => received.set(port, (received.get(port) ?? 0) + 1));
    }
  },
  async send(from: string, fromPort: number, to: string, port: number): Promise<void> {
    const socket = await bound(from, fromPort);
    await new Promise<void>((resolve, reject) => {
      socket.send('packet', port, to, (error) => (error === null ? resolve() : reject(error)));
    });
    socket.close();
  },
  /** Resolves when so many packets have come to the port in all. */
  async received(port: number, count: number): Promise<void> {
    while ((received.get(port) ?? 0) < count) await new Promise((resolve) => setImmediate(resolve));
  },
});
