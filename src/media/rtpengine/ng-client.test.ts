import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { ManualClock, SystemClock } from '../../lib/clock.js';
import { NgClient } from './ng-client.js';
import type { NgTransport, NgTransportListener } from './ng-transport.js';

/** A transport whose other end is the test. */
class FakeTransport implements NgTransport {
  readonly sent: string[] = [];
  listener: NgTransportListener | null = null;
  isClosed = false;

  send(message: Uint8Array): void {
    this.sent.push(Buffer.from(message).toString());
  }

  close(): void {
    this.isClosed = true;
  }

  answer(text: string): void {
    this.listener?.received(Buffer.from(text));
  }

  cookieOf(index: number): string {
    return this.sent[index]?.split(' ')[0] ?? '';
  }
}

describe('NgClient', () => {
  let clock: ManualClock;
  let transport: FakeTransport;
  let client: NgClient;

  beforeEach(() => {
    clock = new ManualClock();
    transport = new FakeTransport();
    client = new NgClient({ url: 'udp://127.0.0.1:1', timeoutMs: 2_000, clock }, (_url, listener) => {
      transport.listener = listener;
      return transport;
    });
  });

  it('pairs an answer with its request by the cookie, whatever the order', async () => {
    const [first, second] = [client.request('ping'), client.request('query', { 'call-id': 'c1' })];
    transport.answer(`${transport.cookieOf(1)} d6:result2:ok7:createdi5ee`);
    transport.answer(`${transport.cookieOf(0)} d6:result4:ponge`);
    const [ping, query] = await Promise.all([first, second]);
    assert.ok(ping.ok && query.ok);
    assert.equal(query.reply.created, 5);
    assert.equal(clock.pendingTimers, 0);
  });

  it('repeats a request under the same cookie, each time after twice the pause', async () => {
    const request = client.request('offer', { 'call-id': 'c1' });
    clock.advance(249);
    assert.equal(transport.sent.length, 1);
    clock.advance(1);
    assert.equal(transport.sent.length, 2);
    clock.advance(500);
    assert.equal(transport.sent.length, 3);
    assert.deepEqual(new Set(transport.sent).size, 1);
    transport.answer(`${transport.cookieOf(0)} d6:result2:oke`);
    assert.ok((await request).ok);
    assert.equal(client.counters.retransmissions, 2);
  });

  it('gives up after its time, and takes a late answer for a stray', async () => {
    const request = client.request('offer');
    transport.listener?.unreachable('ECONNREFUSED');
    clock.advance(2_000);
    assert.deepEqual(await request, { ok: false, reason: 'no-reply', detail: 'ECONNREFUSED' });
    transport.answer(`${transport.cookieOf(0)} d6:result2:oke`);
    assert.deepEqual([client.counters.timeouts, client.counters.strays], [1, 1]);
  });

  it('tells a refusal from a limit that was reached', async () => {
    const [refused, full] = [client.request('offer'), client.request('offer')];
    transport.answer(`${transport.cookieOf(0)} d6:result5:error12:error-reason15:Unknown call-ide`);
    transport.answer(`${transport.cookieOf(1)} d6:result10:load limit7:message8:too manye`);
    assert.deepEqual(await refused, { ok: false, reason: 'refused', detail: 'Unknown call-id' });
    assert.deepEqual(await full, { ok: false, reason: 'full', detail: 'too many' });
  });

  it('counts whatever is no answer, and waits on', async () => {
    const request = client.request('ping');
    for (const stray of [
      '',
      ' ',
      'x',
      `${transport.cookieOf(0)}`,
      `${transport.cookieOf(0)} le`,
      'y d6:result4:ponge',
    ]) {
      transport.answer(stray);
    }
    assert.equal(client.counters.strays, 6);
    transport.answer(`${transport.cookieOf(0)} d6:result4:ponge`);
    assert.ok((await request).ok);
  });

  it('settles what is under way when it is closed, and sends nothing any more', async () => {
    const request = client.request('ping');
    client.close();
    assert.equal((await request).ok, false);
    assert.equal((await client.request('ping')).ok, false);
    assert.equal(transport.sent.length, 1);
    assert.ok(transport.isClosed);
  });
});

describe('NgClient over the network', () => {
  const clock = new SystemClock();

  it('speaks over UDP, also with answers of a dozen kilobytes', async () => {
    const server = createSocket('udp4');
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    server.on('message', (message, source) => {
      const cookie = message.toString('latin1').split(' ')[0];
      server.send(`${cookie} d6:result2:ok3:sdp12000:${'x'.repeat(12_000)}e`, source.port, source.address);
    });
    const client = new NgClient({ url: `udp://127.0.0.1:${server.address().port}`, timeoutMs: 2_000, clock });
    const result = await client.request('query');
    assert.ok(result.ok);
    assert.equal(String(result.reply.sdp).length, 12_000);
    client.close();
    server.close();
  });

  it('says at once why nobody answers when nobody listens', async () => {
    const closed = createSocket('udp4');
    closed.bind(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address();
    await new Promise<void>((resolve) => closed.close(() => resolve()));
    const client = new NgClient({ url: `udp://127.0.0.1:${port}`, timeoutMs: 300, clock });
    const result = await client.request('ping');
    assert.ok(!result.ok);
    assert.match(result.detail, /ECONNREFUSED/);
    client.close();
  });

  it('speaks over a WebSocket, and sends again over the next connection what the last one lost', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    await once(server, 'listening');
    const cookies: string[] = [];
    server.on('connection', (socket) => {
      assert.equal(socket.protocol, 'ng.rtpengine.com');
      socket.on('message', (data) => {
        const cookie = String(data).split(' ')[0] ?? '';
        cookies.push(cookie);
        if (cookies.length === 1) socket.terminate();
        else socket.send(`${cookie} d6:result4:ponge`);
      });
    });
    const { port } = server.address() as AddressInfo;
    const client = new NgClient({ url: `ws://127.0.0.1:${port}`, timeoutMs: 5_000, clock });
    assert.ok((await client.request('ping')).ok);
    assert.equal(new Set(cookies).size, 1);
    client.close();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
});
