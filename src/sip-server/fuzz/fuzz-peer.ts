// The peer of a fuzzed server: sends damaged datagrams and streams, answers what the server asks in a damaged way, and finds
// out whether the server still serves.
import { randomUUID } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** One thing to send. */
export type Sending =
  | { readonly over: 'udp'; readonly text: string }
  /** `cuts` are places of the whole where a segment ends. */
  | { readonly over: 'tcp'; readonly text: string; readonly cuts: readonly number[] };

/** Text of an answer in which these stand for what the request has; otherwise a byte string. */
export const ANSWER_TEMPLATE =
  'SIP/2.0 200 OK\r\nVia: @Via@\r\nFrom: @From@\r\nTo: @To@;tag=peer\r\nCall-ID: @Call-ID@\r\nCSeq: @CSeq@\r\nContent-Length: 0\r\n\r\n';

/** Stands in a text for this peer's address, whose port differs from run to run. */
export const PEER_ADDRESS = '127.0.0.1:59999';

interface ServerPorts {
  readonly address: string;
  readonly udpPort: number;
  readonly tcpPort: number;
}

const PATIENCE_MS = 15_000;
const REPEAT_MS = 2_000;

export class FuzzPeer {
  readonly #udp: UdpSocket;
  readonly #server: ServerPorts;
  readonly #waiting = new Map<string, (answer: string) => void>();
  readonly #connections: Socket[] = [];
  /** Templates of the next answers, in turn. */
  answers: readonly string[] = [];
  #turn = 0;

  private constructor(udp: UdpSocket, server: ServerPorts) {
    this.#udp = udp;
    this.#server = server;
    udp.on('message', (bytes) => this.#receive(bytes.toString('latin1')));
    udp.on('error', () => undefined);
  }

  static async open(address: string, udpPort: number, tcpPort: number): Promise<FuzzPeer> {
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    return new FuzzPeer(udp, { address, udpPort, tcpPort });
  }

  get port(): number {
    return this.#udp.address().port;
  }

  async send(sending: Sending): Promise<void> {
    const bytes = Buffer.from(sending.text.replaceAll(PEER_ADDRESS, `127.0.0.1:${this.port}`), 'latin1');
    if (sending.over === 'udp') {
      await new Promise<void>((resolve) => {
        this.#udp.send(bytes, this.#server.udpPort, this.#server.address, () => resolve());
      });
      return;
    }
    const socket = connect(this.#server.tcpPort, this.#server.address);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.resume();
    await once(socket, 'connect').catch(() => undefined);
    const edges = [0, ...sending.cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    for (let index = 1; index < edges.length && !socket.destroyed; index++) {
      const segment = bytes.subarray(edges[index - 1], edges[index]);
      if (segment.length > 0) await new Promise<void>((resolve) => socket.write(segment, () => resolve()));
    }
    socket.end();
    this.#connections.push(socket);
  }

  /** Gives up the connections of before: by a reset, for a closed one keeps its port for a minute. */
  hangUp(): void {
    for (const socket of this.#connections.splice(0)) socket.resetAndDestroy();
  }

  /** Rejects unless the application answers over UDP and TCP. */
  async expectService(): Promise<void> {
    await Promise.all([this.#expectAnswer('UDP'), this.#expectAnswer('TCP')]);
  }

  close(): void {
    this.hangUp();
    this.#udp.close();
  }

  async #expectAnswer(transport: 'UDP' | 'TCP'): Promise<void> {
    const deadlineMs = performance.now() + PATIENCE_MS;
    let answer = 'nothing';
    do {
      // A datagram may be lost where thousands come at once, and an overloaded server may say so.
      answer = await this.#ask(transport);
      if (answer === '200') return;
    } while (performance.now() < deadlineMs);
    throw new Error(`The server does not serve over ${transport} any more; it last said ${answer}`);
  }

  /** Sends one OPTIONS; the status of the answer, the error of the connection, or that nothing came. */
  async #ask(transport: 'UDP' | 'TCP'): Promise<string> {
    const callId = randomUUID();
    const text = this.#options(transport, callId);
    const answered = new Promise<string>((resolve) => this.#waiting.set(callId, resolve));
    const socket = transport === 'TCP' ? connect(this.#server.tcpPort, this.#server.address) : null;
    socket?.on('error', (error) => this.#waiting.get(callId)?.(error.message));
    socket?.on('data', (chunk: Buffer) => this.#receive(chunk.toString('latin1')));
    socket?.write(text);
    if (socket === null) this.#udp.send(text, this.#server.udpPort, this.#server.address);
    const answer = await Promise.race([answered, delay(REPEAT_MS, 'nothing')]);
    this.#waiting.delete(callId);
    socket?.resetAndDestroy();
    return answer;
  }

  #options(transport: string, callId: string): string {
    const via = `Via: SIP/2.0/${transport} 127.0.0.1:${this.port};branch=z9hG4bK${callId}`;
    const parties = 'From: <sip:peer@127.0.0.1>;tag=1\r\nTo: <sip:app@127.0.0.1>\r\nMax-Forwards: 70';
    const ids = `Call-ID: ${callId}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0`;
    return `OPTIONS sip:app@127.0.0.1 SIP/2.0\r\n${via}\r\n${parties}\r\n${ids}\r\n\r\n`;
  }

  #receive(text: string): void {
    if (text.startsWith('SIP/2.0 ')) {
      const callId = /\r\nCall-ID: ([^\r]*)/.exec(text)?.[1] ?? '';
      if (!text.startsWith('SIP/2.0 1')) this.#waiting.get(callId)?.(text.slice(8, 11));
      return;
    }
    if (this.answers.length === 0 || text.startsWith('ACK')) return;
    const template = this.answers[this.#turn++ % this.answers.length] ?? '';
    const answer = template.replace(/@([A-Za-z-]+)@/g, (whole, name: string) => {
      const value = new RegExp(`\\r\\n${name}: ([^\\r]*)`, 'i').exec(text)?.[1];
      return value ?? whole;
    });
    this.#udp.send(Buffer.from(answer, 'latin1'), this.#server.udpPort, this.#server.address);
  }
}
