// A relay between SIPp and the server, one for each leg: it keeps the time of every message, and loses, doubles, repeats or
// holds what the case says. The server knows the peer by the relay's port.
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Leg, labelOf, type RelayPlan, type Side } from './relay-plan.js';

export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface RelayOrder {
  readonly leg: Leg;
  readonly plan: RelayPlan;
  readonly t1Ms: number;
  readonly server: Place;
  /** Where SIPp listens. */
  readonly peer: Place;
}

export interface MessageRelay {
  /** Where the server finds the peer. */
  readonly port: number;
  /** Where SIPp finds the server. */
  readonly peerPort: number;
  close(): void;
}

/** What both transports share: each message that comes is judged, and sent on as often as the plan says. */
class Passage {
  readonly #order: RelayOrder;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(order: RelayOrder) {
    this.#order = order;
  }

  take(to: Side, bytes: Buffer, sendTo: (side: Side, bytes: Buffer) => void): void {
    const { leg, plan, t1Ms } = this.#order;
    const { copies, againAtT1 } = plan.take(leg, to, bytes, performance.now());
    for (let count = 0; count < copies; count++) sendTo(to, bytes);
    for (const waitT1 of againAtT1) {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        sendTo(to, bytes);
      }, waitT1 * t1Ms);
      this.#timers.add(timer);
    }
    for (const freed of plan.release(leg, to, labelOf(bytes.toString('latin1')))) sendTo(freed.to, freed.bytes);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

export async function openUdpRelay(order: RelayOrder): Promise<MessageRelay> {
  const { server, peer } = order;
  const passage = new Passage(order);
  const [towardsServer, towardsPeer] = await Promise.all([bindUdp(), bindUdp()]);
  const sendTo = (side: Side, bytes: Buffer): void => {
    if (side === 'server') towardsServer.send(bytes, server.port, server.address);
    else towardsPeer.send(bytes, peer.port, peer.address);
  };
  towardsPeer.on('message', (bytes) => passage.take('server', bytes, sendTo));
  towardsServer.on('message', (bytes) => passage.take('peer', bytes, sendTo));
  return {
    port: towardsServer.address().port,
    peerPort: towardsPeer.address().port,
    close: () => {
      passage.close();
      towardsServer.close();
      towardsPeer.close();
    },
  };
}

async function bindUdp(): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.on('error', () => undefined);
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket;
}

/** Each connection that comes from one side is continued to the other. */
export async function openTcpRelay(order: RelayOrder): Promise<MessageRelay> {
  const passage = new Passage(order);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket.setNoDelay(true));
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const join = (towardsPeer: Socket, towardsServer: Socket): void => {
    const sendTo = (side: Side, bytes: Buffer): void => {
      const socket = side === 'server' ? towardsServer : towardsPeer;
      if (!socket.destroyed) socket.write(bytes);
    };
    for (const [from, to, other] of [
      [keep(towardsPeer), 'server', towardsServer],
      [keep(towardsServer), 'peer', towardsPeer],
    ] as const) {
      const cut = messageCutter();
      from.on('data', (chunk) => {
        for (const bytes of cut(chunk)) passage.take(to, bytes, sendTo);
      });
      from.on('close', () => other.destroy());
    }
  };
  const forPeer = createServer((socket) => join(socket, connect(order.server.port, order.server.address)));
  const forServer = createServer((socket) => join(connect(order.peer.port, order.peer.address), socket));
  const [peerPort, port] = await Promise.all([listen(forPeer), listen(forServer)]);
  return {
    port,
    peerPort,
    close: () => {
      passage.close();
      forPeer.close();
      forServer.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Cuts a stream of well-formed messages by Content-Length; keepalives between them are dropped. */
function messageCutter(): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    const messages: Buffer[] = [];
    for (;;) {
      while (rest[0] === 0x0d || rest[0] === 0x0a) rest = rest.subarray(1);
      const end = rest.indexOf('\r\n\r\n');
      if (end === -1) return messages;
      const length = Number(
        /\r\n(?:content-length|l)[ \t]*:[ \t]*(\d+)/i.exec(rest.toString('latin1', 0, end))?.[1] ?? 0,
      );
      if (rest.length < end + 4 + length) return messages;
      messages.push(rest.subarray(0, end + 4 + length));
      rest = rest.subarray(end + 4 + length);
    }
  };
}
