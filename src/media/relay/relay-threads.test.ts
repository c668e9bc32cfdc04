import assert from 'node:assert/strict';
import type { MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import type { MediaSession } from '../../call/ports.js';
import { SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import type { TapMessage } from '../../rtp/tap-batch.js';
import { freePortRange, remoteOf, rtpPacket, UdpPeer } from './relay-test-kit.js';
import { RelayThreads, shareNetworks } from './relay-threads.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const BOTH = { callerNetwork: 'lan', calleeNetwork: 'lan' };

describe('shareNetworks', () => {
  const range = fc
    .record({ from: fc.integer({ min: 1024, max: 40_000 }), ports: fc.integer({ min: 1, max: 400 }) })
    .map(({ from, ports }) => ({ from, to: from + ports - 1 }));

  it('gives every whole pair to one thread, and each thread as many as any other or one more', () => {
    fc.assert(
      fc.property(fc.array(range, { minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 9 }), (ranges, wanted) => {
        const networks = ranges.map((mediaPorts, index) => ({
          ...{ name: `n${index}`, bind: '127.0.0.1', advertise: '127.0.0.1' },
          mediaPorts,
        }));
        const shares = shareNetworks(networks, wanted);
        assert.ok(shares.length >= 1 && shares.length <= wanted);
        for (const [index, { mediaPorts }] of networks.entries()) {
          const pairs: number[] = [];
          const sizes: number[] = [];
          for (const share of shares) {
            const { from, to } = share[index]?.mediaPorts ?? { from: 0, to: 0 };
            assert.equal(from % 2, 0);
            for (let port = from; port < to; port += 2) pairs.push(port);
            sizes.push((to + 1 - from) / 2);
          }
          const first = mediaPorts.from + (mediaPorts.from % 2);
          const all = Array.from({ length: Math.max(0, (mediaPorts.to + 1 - first) >> 1) }, (_, at) => first + 2 * at);
          assert.deepEqual(pairs, all);
          assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
          if (shares.length > 1) assert.ok(Math.min(...sizes) >= 2);
        }
      }),
    );
  });

  it('takes at least one thread for itself, whatever the machine has', () => {
    const mediaPorts = { from: 20_000, to: 29_999 };
    const networks = [{ name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts }];
    assert.ok(shareNetworks(networks, 'auto').length >= 1);
  });
});

describe('RelayThreads', () => {
  let relay: RelayThreads;
  let peers: UdpPeer[];
  let from: number;
  beforeEach(() => {
    peers = [];
  });
  afterEach(async () => {
    for (const peer of peers) peer.close();
    await relay.close();
  });

  async function start(threads: number, pairs: number): Promise<void> {
    const mediaPorts = await freePortRange(pairs);
    from = mediaPorts.from;
    const networks = [{ name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts }];
    relay = await RelayThreads.start({ networks, log, threads, clock: new SystemClock() });
  }

  async function open(sessionId: string): Promise<MediaSession> {
    const result = await relay.port.open({ sessionId, ...BOTH });
    assert.ok(result.ok);
    return result.session;
  }

  async function peer(): Promise<UdpPeer> {
    const made = await UdpPeer.open();
    peers.push(made);
    return made;
  }

  /** Of two threads with the same number of pairs each, by the half of the range that the port is in. */
  function threadOf(session: MediaSession, pairs: number): number {
    return session.local('caller').rtpPort < from + pairs ? 0 : 1;
  }

  async function passes(session: MediaSession): Promise<void> {
    const [caller, callee] = [await peer(), await peer()];
    session.setRemote('caller', remoteOf(caller));
    session.setRemote('callee', remoteOf(callee));
    await caller.sendRtp(rtpPacket({ sequence: 1 }), session.local('caller'));
    await callee.receivedCount(1);
  }

  it('shares calls evenly, both sides of a call in one thread, and makes up for those that end', async () => {
    await start(2, 32);
    const sessions = await Promise.all(Array.from({ length: 8 }, (_, index) => open(`call ${index}`)));
    const on = (thread: number) => sessions.filter((session) => threadOf(session, 32) === thread);
    assert.deepEqual([on(0).length, on(1).length], [4, 4]);
    for (const session of sessions) {
      const sides = [session.local('caller').rtpPort, session.local('callee').rtpPort];
      assert.equal(new Set(sides.map((port) => port < from + 32)).size, 1);
    }
    for (const session of on(0).slice(0, 3)) await session.close();
    const later = await Promise.all(Array.from({ length: 3 }, (_, index) => open(`later ${index}`)));
    assert.deepEqual(
      later.map((session) => threadOf(session, 32)),
      [0, 0, 0],
    );
    assert.equal((await relay.counters())?.sessions, 8);
  });

  it('takes a call to another thread when the one has no ports left, and refuses once all have none', async () => {
    await start(2, 8);
    for (let index = 0; index < 4; index += 1) await open(`call ${index}`);
    const refused = await relay.port.open({ sessionId: 'too many', ...BOTH });
    assert.deepEqual(refused, { ok: false, reason: 'no-media-ports' });
    const counters = await relay.counters();
    assert.deepEqual([counters?.portsLent, counters?.portsFree, counters?.refusedNoPorts], [8, 0, 1]);
  });

  it('loses the calls of a thread that ends, no other, and has it back with its taps', async () => {
    await start(2, 32);
    const [first, second] = [await open('first'), await open('second')];
    const ports: MessagePort[] = [];
    let tapped: () => void = () => {};
    const tappedAgain = new Promise<void>((resolve) => {
      tapped = resolve;
    });
    relay.connectTap({
      name: 'recorder',
      connect: (port) => {
        ports.push(port);
        if (ports.length === 3) tapped();
      },
    });
    assert.equal(ports.length, 2);
    const lost: string[] = [];
    const isLost = new Promise<void>((resolve) => {
      for (const session of [first, second]) {
        session.onLost(() => {
          lost.push(session.sessionId);
          resolve();
        });
      }
    });
    // No remote at all is a defect of ours, which is what ends a thread.
    first.setRemote('caller', null as never);
    await isLost;
    await passes(second);
    // While the thread is down its calls go to the other one.
    assert.equal(threadOf(await open('meanwhile'), 32), threadOf(second, 32));
    await tappedAgain;
    assert.equal(relay.restarts, 1);
    const again = await open('again');
    assert.equal(threadOf(again, 32), threadOf(first, 32));
    await passes(again);
    again.fork({ recordingId: 'rec1' });
    const begun = await new Promise<TapMessage>((resolve) => ports[2]?.once('message', resolve));
    assert.deepEqual(begun, { type: 'fork', fork: 1, recordingId: 'rec1' });
    assert.deepEqual(lost, ['first']);
    for (const port of ports) port.close();
  });
});
