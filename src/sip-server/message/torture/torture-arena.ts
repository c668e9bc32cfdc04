// A server, an application that takes every method, and a peer that sends it what an RFC has written down.
import { strict as assert } from 'node:assert';
import { Arena, deferred, findExternal, type ServerUnderTest, startEmbedded } from '../../testing/arena.js';
import type { RawMessage } from '../../testing/raw-message.js';
import type { RawPeer } from '../../testing/raw-peer.js';
import { branch, sipText, token } from '../../testing/sip-script.js';
import type { AppAnswer, AppRequest } from '../../testing/test-application.js';

const METHODS = ['invite', 'register', 'options', 'message', 'subscribe', 'notify', 'info', 'publish', 'bye'];

/** What became of a message that reached the application. */
export interface Offered {
  readonly request: AppRequest;
  /** The final response as the peer got it. */
  readonly response: RawMessage;
  readonly peer: RawPeer;
}

/** The server that DRACHTIO_HOST names, or an embedded one that no peer can be banned from. */
export async function startTortured(): Promise<ServerUnderTest> {
  const external = await findExternal();
  if (external !== null) return external;
  const server = await startEmbedded({ t1Ms: 20 });
  await server.control?.setSources({ allow: null, known: ['127.0.0.0/8'] });
  return server;
}

export class TortureArena extends Arena {
  /** What the application was offered. */
  readonly seen: AppRequest[] = [];

  /** Expects the status, and that no application hears of it. */
  async refused(bytes: Buffer, status: number, protocol: 'udp' | 'tcp' = 'udp'): Promise<RawMessage> {
    await this.#application((_request, answer) => answer.send(200));
    const peer = await this.#send(bytes, protocol);
    const response = await peer.inbox.take(`${status}`, (message) => message.status >= 200);
    assert.equal(response.status, status);
    assert.equal(this.seen.length, 0);
    return response;
  }

  /** Expects no answer, and that the server goes on with what comes next. */
  async ignored(bytes: Buffer): Promise<void> {
    await this.#application((_request, answer) => answer.send(200));
    const peer = await this.#send(bytes, 'udp');
    await this.alive(peer);
    assert.deepEqual(peer.inbox.untaken, []);
    assert.equal(this.seen.length, 1);
  }

  /** Expects the message at the application, whose answer goes back. */
  async offered(
    bytes: Buffer,
    answer: (request: AppRequest, answer: AppAnswer) => void,
    protocol: 'udp' | 'tcp' = 'udp',
  ): Promise<Offered> {
    const requests = deferred<AppRequest>();
    await this.#application((request, response) => {
      requests.resolve(request);
      answer(request, response);
    });
    const peer = await this.#send(bytes, protocol);
    const response = await peer.inbox.take('a final response', (message) => message.status >= 200);
    const request = await requests.promise;
    assert.equal(this.seen.length, 1);
    return { request, response, peer };
  }

  /** Sends an OPTIONS and waits until the application has answered it. */
  async alive(peer: RawPeer): Promise<void> {
    const via = `Via: SIP/2.0/${peer.protocol.toUpperCase()} ${peer.local.address}:${peer.local.port};branch=${branch()}`;
    const callId = token();
    const from = `From: <sip:peer@${peer.local.address}>;tag=1`;
    const headers = [via, 'Max-Forwards: 70', from, 'To: <sip:alive@server>', `Call-ID: ${callId}`, 'CSeq: 1 OPTIONS'];
    peer.send(sipText(`OPTIONS sip:alive@${this.server.udp.address} SIP/2.0`, headers));
    await peer.inbox.take('the answer to OPTIONS', (message) => message.header('Call-ID') === callId);
  }

  async #application(handler: (request: AppRequest, answer: AppAnswer) => void): Promise<void> {
    const counting = (request: AppRequest, answer: AppAnswer): void => {
      this.seen.push(request);
      handler(request, answer);
    };
    await this.app(Object.fromEntries(METHODS.map((method) => [method, counting])));
  }

  async #send(bytes: Buffer, protocol: 'udp' | 'tcp'): Promise<RawPeer> {
    const peer = protocol === 'udp' ? await this.udpPeer() : await this.tcpPeer();
    peer.send(withOwnBranch(bytes));
    return peer;
  }
}

/** Several of the messages share a branch: without one of its own each would be a retransmission of the one before. */
export function withOwnBranch(bytes: Buffer): Buffer {
  const text = bytes.toString('latin1').replace(/(branch\s*=\s*z9hG4bK)(?=[^\s;,])/, `$1${token()}`);
  return Buffer.from(text, 'latin1');
}
