// Traces, the mirror and the counters of a running server, over its control port.
import assert from 'node:assert/strict';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { RunningSipServer } from '../control.js';
import { Arena, deferred, type ServerUnderTest, startEmbedded, until } from '../testing/arena.js';
import { type ReadHep, readHep } from '../testing/read-hep.js';
import { Call, SDP } from '../testing/sip-script.js';

describe('observing a running server', () => {
  let server: ServerUnderTest;
  let control: RunningSipServer;
  let arena: Arena;
  before(async () => {
    server = await startEmbedded({ t1Ms: 500 });
    if (server.control === null) throw new Error('no control port');
    control = server.control;
  });
  after(() => server.close());
  beforeEach(() => {
    arena = new Arena(server);
  });
  afterEach(async () => {
    arena.close();
    await control.setMirror(null);
    for (const { id } of await control.traces()) await control.stopTrace(id);
  });

  /** INVITE, 100, 200, ACK, BYE, 200 with an application that answers. */
  async function placeCall(user = 'callee'): Promise<Call> {
    const srf = await arena.app({
      invite: (request, answer) => srf.createUAS(request, answer, { localSdp: SDP }, () => undefined),
    });
    const peer = await arena.udpPeer();
    const call = new Call(peer, server.udp, { user });
    call.invite();
    await peer.response(100, 'INVITE');
    call.learn(await peer.response(200, 'INVITE'));
    call.ack();
    call.inside('BYE');
    await peer.response(200, 'BYE');
    return call;
  }

  async function start(request: Parameters<RunningSipServer['startTrace']>[0]): Promise<string> {
    const started = await control.startTrace(request);
    assert.ok(started.ok);
    return started.id;
  }

  function labels(ladder: string | null): string[] {
    return [...(ladder ?? '').matchAll(/^\d\d:\d\d:\d\d\.\d{3} +\d+ +│[◄─]+ (.*?) [─►]+│/gm)].map(
      ([, label]) => label ?? '',
    );
  }

  it('traces one call by its Call-ID and leaves the others out, until it is stopped', async () => {
    const peer = await arena.udpPeer();
    const call = new Call(peer, server.udp);
    const id = await start({ match: { kind: 'call-id', callId: call.callId } });
    peer.send(new Call(peer, server.udp).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    peer.send(call.text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    assert.deepEqual(labels(await control.traceLadder(id)), ['OPTIONS', '503 Service Unavailable (OPTIONS)']);
    assert.equal(await control.stopTrace(id), true);
    peer.send(call.text('OPTIONS', { cseq: 2 }));
    await peer.response(503, 'OPTIONS');
    const state = (await control.traces()).find((trace) => trace.id === id);
    assert.equal(state?.messages, 2);
    assert.equal(state?.isRunning, false);
  });

  it('traces a whole call by the number that it names, as a ladder and as pcap', async () => {
    const id = await start({ match: { kind: 'number', number: '010-5555-0102' } });
    await placeCall('somebody');
    const call = await placeCall('01055550102');
    const ladder = await control.traceLadder(id);
    const expected = ['INVITE SDP', '100 Trying (INVITE)', '200 OK (INVITE) SDP', 'ACK', 'BYE', '200 OK (BYE)'];
    assert.deepEqual(labels(ladder), expected);
    assert.ok(ladder?.includes(`    Call-ID: ${call.callId}`));
    assert.ok(!(await control.traceLadder(id, { withMessages: false }))?.includes('Call-ID'));
    const pcap = Buffer.from((await control.tracePcap(id)) ?? []);
    assert.equal(pcap.readUInt32LE(0), 0xa1b2c3d4);
    assert.equal(pcap.toString('latin1').split(call.callId).length - 1, expected.length);
  });

  it('masks secrets in the ladder unless told otherwise', async () => {
    const id = await start({ match: { kind: 'all' }, maxMessages: 5, forSeconds: 600 });
    const peer = await arena.udpPeer();
    const headers = ['Authorization: Digest username="u", realm="r", nonce="n", uri="sip:r", response="5ec4e7"'];
    peer.send(new Call(peer, server.udp).text('OPTIONS', { headers }));
    await peer.response(503, 'OPTIONS');
    assert.doesNotMatch((await control.traceLadder(id)) ?? '', /5ec4e7/);
    assert.match((await control.traceLadder(id, { maskSecrets: false })) ?? '', /5ec4e7/);
  });

  it('traces both ways of a TCP connection, and nothing that the defence drops', async () => {
    const id = await start({ match: { kind: 'all' } });
    const peer = await arena.tcpPeer();
    peer.send(new Call(peer, server.tcp).text('OPTIONS', { headers: ['User-Agent: friendly-scanner'] }));
    peer.send(new Call(peer, server.tcp).text('OPTIONS'));
    await peer.response(503, 'OPTIONS');
    assert.deepEqual(labels(await control.traceLadder(id)), ['OPTIONS', '503 Service Unavailable (OPTIONS)']);
    assert.match((await control.traceLadder(id)) ?? '', / tcp, \d+ bytes$/m);
  });

  it('has nothing to give of a trace that does not exist', async () => {
    assert.deepEqual(
      [await control.traceLadder('x'), await control.tracePcap('x'), await control.stopTrace('x')],
      [null, null, false],
    );
  });

  describe('with a Homer collector', () => {
    let collector: UdpSocket;
    let packets: ReadHep[];
    beforeEach(async () => {
      packets = [];
      collector = createSocket('udp4');
      collector.on('message', (bytes) => packets.push(readHep(bytes)));
      collector.bind(0, '127.0.0.1');
      await once(collector, 'listening');
    });
    afterEach(async () => {
      await new Promise<void>((resolve) => collector.close(() => resolve()));
    });

    /** Sends OPTIONS until a copy of one has arrived: the mirror opens its socket meanwhile. */
    async function untilMirrored(host: string): Promise<void> {
      await control.setMirror({ host, port: collector.address().port, captureId: 2_001, password: 'geheim' });
      const peer = await arena.udpPeer();
      await until(
        async () => {
          peer.send(new Call(peer, server.udp).text('OPTIONS'));
          await peer.response(503, 'OPTIONS');
          return packets.length;
        },
        (count) => count > 0,
      );
    }

    it('sends it a copy of every message, received and sent', async () => {
      await untilMirrored('localhost');
      packets.length = 0;
      const call = await placeCall();
      const own = () => packets.filter(({ payload }) => payload.includes(call.callId));
      await until(
        async () => own().length,
        (count) => count === 6,
      );
      assert.deepEqual(
        own().map(({ payload }) => payload.split(/ sip:|\r\n/, 1)[0]),
        ['INVITE', 'SIP/2.0 100 Trying', 'SIP/2.0 200 OK', 'ACK', 'BYE', 'SIP/2.0 200 OK'],
      );
      const us = `127.0.0.1 ${server.udp.port}`;
      for (const { family, protocol, type, captureId, password, payload, source, destination, wallMs } of own()) {
        assert.deepEqual([family, protocol, type, captureId, password], [2, 17, 1, 2_001, 'geheim']);
        assert.equal(payload.startsWith('SIP/2.0') ? source : destination, us);
        assert.ok(Math.abs(wallMs - Date.now()) < 60_000);
      }
      const { mirrored } = await control.counters();
      assert.ok(mirrored >= 6);
    });

    it('drops and counts what a collector that is away does not take, tells of it, and serves on', async () => {
      const failed = deferred<{ collector: string; error: string }>();
      const stopListening = control.on('mirror:failed', failed.resolve);
      await untilMirrored('127.0.0.1');
      const { port } = collector.address();
      await new Promise<void>((resolve) => collector.close(() => resolve()));
      const before = (await control.counters()).mirrorDropped;
      const peer = await arena.udpPeer();
      await until(
        async () => {
          peer.send(new Call(peer, server.udp).text('OPTIONS'));
          await peer.response(503, 'OPTIONS');
          return (await control.counters()).mirrorDropped;
        },
        (dropped) => dropped > before,
      );
      assert.deepEqual(await failed.promise, { collector: `127.0.0.1:${port}`, error: (await failed.promise).error });
      stopListening();
      collector = createSocket('udp4').bind(0, '127.0.0.1');
    });

    it('tells of a collector whose name nobody knows, and goes on without it', async () => {
      const failed = deferred<{ collector: string }>();
      const stopListening = control.on('mirror:failed', failed.resolve);
      await control.setMirror({ host: 'homer.invalid', port: 9060, captureId: 1 });
      const before = (await control.counters()).mirrorDropped;
      const peer = await arena.udpPeer();
      peer.send(new Call(peer, server.udp).text('OPTIONS'));
      await peer.response(503, 'OPTIONS');
      assert.equal((await failed.promise).collector, 'homer.invalid:9060');
      assert.equal((await control.counters()).mirrorDropped, before + 2);
      stopListening();
    });
  });

  it('counts messages by method and status, retransmissions both ways, and transactions by state', async () => {
    const before = await control.counters();
    const peer = await arena.udpPeer();
    await arena.app({ invite: (_request, answer) => answer.send(486) });
    const call = new Call(peer, server.udp);
    call.invite();
    await peer.response(100, 'INVITE');
    const busy = await peer.response(486, 'INVITE');
    const { invite } = await until(
      async () => ({ invite: (await control.counters()).transactionsByState['invite-server'] }),
      ({ invite: states }) => (states?.completed ?? 0) === 1,
    );
    assert.ok(invite !== undefined);
    // Timer G repeats the response until the ACK; the repeated INVITE is answered at once.
    await peer.response(486, 'INVITE');
    call.invite();
    await until(
      () => control.counters(),
      ({ receivedRetransmissions }) => receivedRetransmissions === before.receivedRetransmissions + 1,
    );
    call.ackFailure(busy);
    const after = await until(
      () => control.counters(),
      ({ transactionsByState }) => transactionsByState['invite-server']?.completed === undefined,
    );
    assert.equal((after.receivedRequests.INVITE ?? 0) - (before.receivedRequests.INVITE ?? 0), 2);
    assert.equal((after.receivedRequests.ACK ?? 0) - (before.receivedRequests.ACK ?? 0), 1);
    assert.equal((after.sentResponses.INVITE?.['486'] ?? 0) - (before.sentResponses.INVITE?.['486'] ?? 0), 1);
    assert.ok(after.sentRetransmissions >= before.sentRetransmissions + 2);
  });
});
