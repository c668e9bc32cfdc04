// Sessions at real rtpengines when things go wrong between them and us, and what is told of a session.
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { MediaEvent } from '../../call/ports.js';
import { hasIpv6Loopback, remoteOf, rtpPacket } from '../relay/relay-test-kit.js';
import { EngineLab, exchange, until } from './testing/engine-lab.js';
import { engineAt } from './testing/rtpengine-settings.js';

describe('sessions at rtpengines', () => {
  const proxies: LossyProxy[] = [];
  let lab: EngineLab;

  before(function () {
    EngineLab.skipIfMissing(this);
  });

  beforeEach(() => {
    lab = new EngineLab();
  });

  afterEach(async () => {
    await lab.close();
    for (const proxy of proxies.splice(0)) proxy.close();
  });

  it('are one where answers get lost, for what is repeated is done once', async () => {
    const rtpengine = await lab.daemon();
    const proxy = await LossyProxy.open(rtpengine.ngPort);
    proxies.push(proxy);
    await lab.start([engineAt(proxy.url)]);
    proxy.losesFirstAnswers = true;
    const session = await lab.open();
    assert.deepEqual((await rtpengine.calls()).length, 1);
    await lab.talking(session);
    await session.close();
    await until(async () => (await rtpengine.calls()).length === 0);
    assert.ok(((await lab.port.counters()).engines[0]?.retransmissions ?? 0) >= 2);
  });

  it('go to another engine when one is silent, which deletes its own when it is back', async () => {
    const [silent, other] = [await lab.daemon(), await lab.daemon()];
    await lab.start([engineAt(silent.udpUrl), engineAt(other.udpUrl)], { failAfter: 100, requestTimeoutMs: 400 });
    await silent.freeze();
    const session = await lab.open();
    assert.equal((await other.calls()).length, 1);
    // What was asked of it waits in its socket: the offer first, its deletion behind it.
    silent.thaw();
    await until(async () => (await lab.port.counters()).engines[0]?.undeleted === 0);
    assert.deepEqual(await silent.calls(), []);
    assert.equal((await other.calls()).length, 1);
    await lab.talking(session);
  });

  it('live through a silence of their engine, and get then what was set meanwhile', async () => {
    const rtpengine = await lab.daemon();
    await lab.start([engineAt(rtpengine.udpUrl)], { lostAfterMs: 60_000, requestTimeoutMs: 200 });
    const session = await lab.open();
    const [caller, callee] = await lab.talking(session);
    let lost = 0;
    session.onLost(() => {
      lost += 1;
    });
    await rtpengine.freeze();
    const moved = await lab.peer();
    session.setRemote('caller', remoteOf(moved, { nat: 'off' }));
    await until(async () => (await lab.port.counters()).engines[0]?.state === 'down');
    rtpengine.thaw();
    await exchange(session, moved, callee);
    const before = caller.received.length;
    await exchange(session, moved, callee);
    assert.deepEqual([caller.received.length, lost], [before, 0]);
  });

  it('are told again what had no answer, though their engine never counted as down', async () => {
    const rtpengine = await lab.daemon();
    await lab.start([engineAt(rtpengine.udpUrl)], { requestTimeoutMs: 200, failAfter: 1_000 });
    const session = await lab.open();
    const [, callee] = await lab.talking(session);
    await rtpengine.freeze();
    const moved = await lab.peer();
    session.setRemote('caller', remoteOf(moved, { nat: 'off' }));
    const timeouts = async () => (await lab.port.counters()).engines[0]?.timeouts ?? 0;
    const before = await timeouts();
    await until(async () => (await timeouts()) > before + 1);
    rtpengine.thaw();
    await exchange(session, moved, callee);
  });

  it('stay where they are when there is no port in another network', async () => {
    const rtpengine = await lab.daemon({ mediaPorts: 4 });
    await lab.start([engineAt(rtpengine.udpUrl)]);
    const session = await lab.open();
    const [caller, callee] = await lab.talking(session);
    const before = session.local('callee');
    assert.deepEqual(await session.placeCallee('wan'), { ok: false, reason: 'no-media-ports' });
    assert.deepEqual(session.local('callee'), before);
    session.setRemote('callee', remoteOf(callee, { nat: 'off' }));
    await exchange(session, caller, callee);
  });

  it('are spread by weight, and go to no engine that is drained', async () => {
    const [light, heavy, drained] = [await lab.daemon(), await lab.daemon(), await lab.daemon()];
    await lab.start([
      engineAt(light.udpUrl),
      engineAt(heavy.udpUrl, { weight: 2 }),
      engineAt(drained.udpUrl, { weight: 9, isDraining: true }),
    ]);
    for (let calls = 0; calls < 6; calls += 1) await lab.open(`c${calls}`);
    const counts = await Promise.all([light, heavy, drained].map(async (one) => (await one.calls()).length));
    assert.deepEqual(counts, [2, 4, 0]);
  });

  it('go elsewhere when an engine has as many as it may have, and are refused when all have', async () => {
    const [small, other] = [
      await lab.daemon({ more: ['--max-sessions=1'] }),
      await lab.daemon({ more: ['--max-sessions=1'] }),
    ];
    await lab.start([engineAt(small.udpUrl, { weight: 100 }), engineAt(other.udpUrl)]);
    await lab.open('c1');
    await lab.open('c2');
    assert.deepEqual([(await small.calls()).length, (await other.calls()).length], [1, 1]);
    assert.deepEqual(await lab.ask('c3'), { ok: false, reason: 'no-media-ports' });
    assert.equal((await lab.port.counters()).refusedNoPorts, 1);
  });

  for (const way of ['as the engine tells it', 'as it is heard in the copies'] as const) {
    it(`tell a digit once, ${way}`, async () => {
      const place = createSocket('udp4');
      place.bind(0, '127.0.0.1');
      await once(place, 'listening');
      const dtmf = { address: '127.0.0.1', port: place.address().port };
      await new Promise<void>((resolve) => place.close(() => resolve()));
      const isTold = way === 'as the engine tells it';
      const rtpengine = await lab.daemon({ more: isTold ? [`--dtmf-log-dest=127.0.0.1:${dtmf.port}`] : [] });
      await lab.start([engineAt(rtpengine.udpUrl)], { dtmf: isTold ? dtmf : null, keepsDigits: true });
      const session = await lab.open();
      const [caller, callee] = await lab.talking(session);
      const told: MediaEvent[] = [];
      session.onEvent((event) => told.push(event));
      session.fork({ recordingId: 'rec1' });
      await session.report();
      let sequence = 500;
      const event = (isEnd: boolean, duration: number) =>
        caller.sendRtp(
          rtpPacket(
            { sequence: sequence++, timestamp: 90_000, payloadType: 101, ssrc: 5 },
            Uint8Array.of(7, isEnd ? 0x8a : 0x0a, duration >> 8, duration & 0xff),
          ),
          session.local('caller'),
        );
      for (const duration of [160, 320, 480]) await event(false, duration);
      for (let times = 0; times < 3; times += 1) await event(true, 800);
      await until(async () => told.length > 0);
      await exchange(session, caller, callee);
      assert.deepEqual(told, [{ type: 'dtmf', side: 'caller', event: '7', durationMs: 100, by: 'rfc4733' }]);
      const report = await session.close();
      assert.deepEqual([report.caller.dtmfEvents, report.caller.dtmfDigits], [1, '7']);
    });
  }

  it('tell of a side that falls silent, and of its return', async () => {
    const rtpengine = await lab.daemon();
    await lab.start([engineAt(rtpengine.udpUrl)], { watchIntervalMs: 50 });
    const session = await lab.open();
    const [caller, callee] = await lab.talking(session);
    const told: MediaEvent[] = [];
    session.onEvent((event) => told.push(event));
    session.watchSilence(200);
    let sequence = 700;
    await until(async () => {
      await callee.sendRtp(rtpPacket({ sequence: sequence++, ssrc: 8 }), session.local('callee'));
      return told.length > 0;
    });
    assert.deepEqual(
      [told[0]?.type, 'side' in (told[0] ?? {}) && told[0]?.type === 'silent' && told[0].side],
      ['silent', 'caller'],
    );
    await until(async () => {
      await exchange(session, caller, callee);
      return told.length > 1;
    });
    assert.deepEqual(told[1], { type: 'heard', side: 'caller' });
    assert.ok((await session.close()).caller.silentMs >= 200);
  });

  it('measure loss, order and duplicates on the copies of a forked call', async () => {
    const rtpengine = await lab.daemon();
    await lab.start([engineAt(rtpengine.udpUrl)]);
    const session = await lab.open();
    const [caller, callee] = await lab.talking(session);
    session.fork({ recordingId: 'rec1' });
    await session.report();
    const before = callee.received.length;
    const sequences = [1, 2, 3, 5, 4, 6, 6, 9, 10];
    for (const [index, sequence] of sequences.entries()) {
      await caller.sendRtp(rtpPacket({ sequence, ssrc: 77 }), session.local('caller'));
      await callee.receivedCount(before + index + 1);
    }
    const { caller: stream } = await session.close();
    assert.deepEqual([stream.lost, stream.outOfOrder, stream.duplicates], [2, 1, 1]);
  });

  it('join IPv4 and IPv6', async function () {
    if (!hasIpv6Loopback()) {
      process.stderr.write('      skipped: this machine has no IPv6 loopback address\n');
      this.skip();
    }
    const rtpengine = await lab.daemon({ interfaces: ['four/127.0.0.1', 'six/::1'] });
    const networks = [
      { name: 'lan', advertise: '127.0.0.1' },
      { name: 'wan', advertise: '::1' },
    ];
    await lab.start([engineAt(rtpengine.udpUrl, { interfaces: { lan: 'four', wan: 'six' } })], { networks });
    const session = await lab.open('c1', 'wan');
    assert.deepEqual([session.local('caller').address, session.local('callee').address], ['127.0.0.1', '::1']);
    const [caller, callee] = [await lab.peer(), await lab.peer('::1')];
    session.setRemote('caller', remoteOf(caller, { nat: 'off' }));
    session.setRemote('callee', remoteOf(callee, { nat: 'off' }));
    await exchange(session, caller, callee);
  });

  it('have a fingerprint, a passive role and candidates of the engine for a caller with DTLS and ICE', async () => {
    const rtpengine = await lab.daemon();
    await lab.start([engineAt(rtpengine.udpUrl)]);
    const fingerprint = Array.from({ length: 32 }, (_, at) => (at + 16).toString(16).toUpperCase()).join(':');
    const attributes = [
      `fingerprint:sha-256 ${fingerprint}`,
      ...['setup:actpass', 'ice-ufrag:abcd', 'ice-pwd:abcdefghijklmnopqrstuvwx', 'rtcp-mux'],
      'candidate:1 1 UDP 2130706431 127.0.0.1 40000 typ host',
    ];
    const caller = { protocol: 'UDP/TLS/RTP/SAVPF', attributes } as const;
    const opened = await lab.port.port.open({ sessionId: 'c1', callerNetwork: 'lan', calleeNetwork: 'lan', caller });
    assert.ok(opened.ok);
    const { transport } = opened.session.local('caller');
    assert.equal(transport?.protocol, 'UDP/TLS/RTP/SAVPF');
    for (const expected of [/^fingerprint:sha-256 /, /^setup:passive$/, /^ice-ufrag:/, /^candidate:/, /^rtcp-mux$/]) {
      assert.ok(
        transport?.attributes.some((attribute) => expected.test(attribute)),
        String(expected),
      );
    }
    assert.equal(opened.session.local('callee').transport, undefined);
  });
});

/** The network between us and an rtpengine's ng port: it can lose the first answer to each request. */
class LossyProxy {
  losesFirstAnswers = false;
  readonly #ours: Socket;
  readonly #theirs: Socket;
  readonly #answered = new Set<string>();

  private constructor(ours: Socket, theirs: Socket, ngPort: number) {
    this.#ours = ours;
    this.#theirs = theirs;
    let back = 0;
    ours.on('message', (message, source) => {
      back = source.port;
      theirs.send(message, ngPort, '127.0.0.1');
    });
    theirs.on('message', (message) => {
      const cookie = message.toString('latin1').split(' ')[0] ?? '';
      const isFirst = !this.#answered.has(cookie);
      this.#answered.add(cookie);
      if (!this.losesFirstAnswers || !isFirst) ours.send(message, back, '127.0.0.1');
    });
  }

  static async open(ngPort: number): Promise<LossyProxy> {
    const sockets = [createSocket('udp4'), createSocket('udp4')] as const;
    for (const socket of sockets) {
      socket.bind(0, '127.0.0.1');
      await once(socket, 'listening');
    }
    return new LossyProxy(...sockets, ngPort);
  }

  get url(): string {
    return `udp://127.0.0.1:${this.#ours.address().port}`;
  }

  close(): void {
    this.#ours.close();
    this.#theirs.close();
  }
}
