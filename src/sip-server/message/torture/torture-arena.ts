// A server, an application that takes every method, and a peer that sends it what an RFC has written down.
import { strict as assert } from 'node:assert';
import { Arena, deferred, findExternal, type ServerUnderTest, startEmbedded, until } from '../../testing/arena.js';
import type { RawMessage } from '../../testing/raw-message.js';
import type { RawPeer } from '../../testing/raw-peer.js';
import { branch, sipText, token } from '../../testing/sip-script.js';
import {
  type AppAnswer,
  type AppRequest,
  connectApplication,
  type TestApplication,
} from '../../testing/test-application.js';

const METHODS = ['invite', 'register', 'options', 'subscribe', 'notify', 'info', 'publish', 'bye'];

export type Handler = (request: AppRequest, answer: AppAnswer) => void;

/** What became of a message that reached the application. */
export interface Offered {
  readonly request: AppRequest;
  /** The final response as the peer got it. */
  readonly response: RawMessage;
  readonly peer: RawPeer;
}

/** A server and its one application, for a whole suite. */
export class Tortured {
  readonly server: ServerUnderTest;
  readonly srf: TestApplication;
  /** What the application does with the next request. */
  handler: Handler = () => undefined;
  /** What the application was offered in this test. */
  seen: AppRequest[] = [];
  readonly callIds = new Set<string>();

  private constructor(server: ServerUnderTest, srf: TestApplication) {
    this.server = server;
    this.srf = srf;
    for (const method of METHODS) {
      srf.use(method, (request, answer) => {
        this.seen.push(request);
        this.handler(request, answer);
      });
    }
  }

  /** With the server that DRACHTIO_HOST names, or an embedded one that no peer can be banned from. */
  static async start(): Promise<Tortured> {
    const server = (await findExternal()) ?? (await startEmbedded({ t1Ms: 20 }));
    await server.control?.setSources({ allow: null, known: ['127.0.0.0/8'] });
    const { srf } = await connectApplication(server.admin);
    const tortured = new Tortured(server, srf);
    // Routes are asked for one by one, and in order: when the last one is known they all are.
    const arena = new TortureArena(tortured);
    tortured.handler = (_request, answer) => answer.send(200);
    await until(
      async () => {
        const peer = await arena.udpPeer();
        return arena.alive(peer, 'PUBLISH');
      },
      (status) => status === 200,
    );
    arena.close();
    return tortured;
  }

  async close(): Promise<void> {
    this.srf.disconnect();
    await this.server.close();
  }
}

export class TortureArena extends Arena {
  readonly tortured: Tortured;

  constructor(tortured: Tortured) {
    super(tortured.server);
    this.tortured = tortured;
    tortured.seen = [];
  }

  /** Expects the status, and that no application hears of it. */
  async refused(bytes: Buffer, status: number, protocol: 'udp' | 'tcp' = 'udp'): Promise<RawMessage> {
    this.tortured.handler = (_request, answer) => answer.send(200);
    const peer = await this.#send(bytes, protocol);
    const response = await peer.inbox.take(`${status}`, (message) => message.status >= 200);
    assert.equal(response.status, status);
    assert.equal(this.tortured.seen.length, 0);
    return response;
  }

  /** Expects no answer, and that the server goes on with what comes next. */
  async ignored(bytes: Buffer): Promise<void> {
    this.tortured.handler = (_request, answer) => answer.send(200);
    const peer = await this.#send(bytes, 'udp');
    await this.alive(peer);
    assert.deepEqual(peer.inbox.untaken, []);
    assert.equal(this.tortured.seen.length, 1);
  }

  /** Expects the message at the application, whose answer goes back. */
  async offered(bytes: Buffer, answer: Handler, protocol: 'udp' | 'tcp' = 'udp'): Promise<Offered> {
    const requests = deferred<AppRequest>();
    this.tortured.handler = (request, response) => {
      requests.resolve(request);
      answer(request, response);
    };
    const peer = await this.#send(bytes, protocol);
    const response = await peer.inbox.take('a final response', (message) => message.status >= 200);
    const request = await requests.promise;
    assert.equal(this.tortured.seen.length, 1);
    return { request, response, peer };
  }

  /** Sends a request and waits for its answer; returns the status. */
  async alive(peer: RawPeer, method = 'OPTIONS'): Promise<number> {
    const { address, port } = peer.local;
    const callId = token();
    const headers = [
      `Via: SIP/2.0/${peer.protocol.toUpperCase()} ${address}:${port};branch=${branch()}`,
      'Max-Forwards: 70',
      `From: <sip:peer@${address}>;tag=1`,
      'To: <sip:alive@server>',
      `Call-ID: ${callId}`,
      `CSeq: 1 ${method}`,
    ];
    peer.send(sipText(`${method} sip:alive@${this.server.udp.address} SIP/2.0`, headers));
    const answer = await peer.inbox.take(`the answer to ${method}`, (message) => message.header('Call-ID') === callId);
    return answer.status;
  }

  async #send(bytes: Buffer, protocol: 'udp' | 'tcp'): Promise<RawPeer> {
    const peer = protocol === 'udp' ? await this.udpPeer() : await this.tcpPeer();
    await this.untilForgotten(bytes);
    peer.send(withOwnBranch(bytes));
    return peer;
  }

  /** Several of the messages share a Call-ID: each would be a merged request (482) while the one before is remembered. */
  async untilForgotten(bytes: Buffer): Promise<void> {
    const { control } = this.server;
    const callId = /^(?:call-id|i)[ \t]*:[ \t]*(\S+)/im.exec(bytes.toString('latin1'))?.[1] ?? '';
    if (this.tortured.callIds.has(callId) && control !== null) {
      await until(
        () => control.counters(),
        ({ transactions }) => transactions === 0,
      );
    }
    this.tortured.callIds.add(callId);
  }
}

/** Several of the messages share a branch: without one of its own each would be a retransmission of the one before. */
export function withOwnBranch(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/(branch\s*=\s*z9hG4bK)(?=[^\s;,])/, `$1${token()}`);
  return Buffer.from(text, 'latin1');
}
