// The gateway of a case in which no gateway may hear anything: a port that reports whatever arrives.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface QuietPort {
  problems(): string[];
  close(): void;
}

export async function listenForNothing(name: string, port: number): Promise<QuietPort> {
  const heard: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (message) => heard.push(message.toString('latin1').split('\r\n', 1)[0] ?? ''));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return {
    problems: () => (heard.length === 0 ? [] : [`${name} should hear nothing, but heard: ${heard[0]}`]),
    close: () => socket.close(),
  };
}
