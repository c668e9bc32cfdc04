import assert from 'node:assert/strict';
import { once } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { MediaSession } from '../../call/ports.js';
import { createLogger } from '../../lib/logger.js';
import { readTapBatch, type TapMessage } from '../../rtp/tap-batch.js';
import { type RunningRelay, startRelay } from './relay.js';
import { freePortRange, remoteOf, rtcpPacket, rtpPacket, UdpPeer } from './relay-test-kit.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

describe('startRelay', () => {
  let relay: RunningRelay;
  const peers: UdpPeer[] = [];

  async function peer(address = '127.0.0.1'): Promise<UdpPeer> {
    const opened = await UdpPeer.open(address);
    peers.push(opened);
    return opened;
  }

  async function start(pairs = 8, maxTapBatches?: number): Promise<void> {
    const network = { name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts: freePortRange(pairs) };
    relay = await startRelay({ networks: [network], log, ...(maxTapBatches !== undefined && { maxTapBatches }) });
  }

  async function session(): Promise<MediaSession> {
    const opened = await relay.port.open({ sessionId: 'c1', callerNetwork: 'lan', calleeNetwork: 'lan' });
    assert.ok(opened.ok, JSON.stringify(opened));
    return opened.session;
  }

  afterEach(async () => {
    for (const opened of peers.splice(0)) opened.close();
    await relay.close();
  });

  it('relays both directions, counts them, and frees the ports at the end', async () => {
    await start();
    const [caller, callee, call] = [await peer(), await peer('127.0.0.2'), await session()];
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee));
    for (let sequence = 0; sequence < 10; sequence += 1) {
      await caller.sendRtp(rtpPacket({ sequence }), call.local('caller'));
      await callee.sendRtp(rtpPacket({ sequence, ssrc: 9 }), call.local('callee'));
    }
    const atCallee = await callee.receivedCount(10);
    await caller.receivedCount(10);
    assert.deepEqual(atCallee[3]?.bytes, rtpPacket({ sequence: 3 }));
    assert.equal(atCallee[3]?.port, call.local('callee').rtpPort);
    const report = await call.close();
    assert.equal(report.caller.packets, 10);
    assert.equal(report.callee.packets, 10);
    assert.equal(report.caller.lost, 0);
    assert.equal(report.callee.source, `127.0.0.2:${callee.port}`);
    assert.deepEqual(await call.close(), report);
    assert.equal((await relay.counters())?.portsLent, 0);
    assert.equal((await relay.counters())?.packets, 20);
  });

  it('hands out even ports with the odd one above for RTCP, and passes RTCP on', async () => {
    await start();
    const [caller, callee, call] = [await peer(), await peer(), await session()];
    const { rtpPort, rtcpPort } = call.local('caller');
    assert.equal(rtpPort % 2, 0);
    assert.equal(rtcpPort, rtpPort + 1);
    call.setRemote('caller', remoteOf(caller, { rtcpPort: caller.port }));
    call.setRemote('callee', remoteOf(callee, { rtcpPort: callee.port }));
    await caller.send(rtcpPacket(), { address: '127.0.0.1', port: rtcpPort });
    assert.deepEqual((await callee.receivedCount(1))[0], { bytes: rtcpPacket(), port: call.local('callee').rtcpPort });
    assert.equal((await call.report()).caller.rtcpPackets, 1);
  });

  it('forks both directions with arrival times to a tap', async () => {
    await start();
    const { port1, port2 } = new MessageChannel();
    relay.connectTap(port1);
    const [caller, callee, call] = [await peer(), await peer(), await session()];
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee));
    call.fork('rec1');
    await caller.sendRtp(rtpPacket({ sequence: 1 }), call.local('caller'));
    await callee.receivedCount(1);
    await callee.sendRtp(rtpPacket({ sequence: 2 }), call.local('callee'));
    await caller.receivedCount(1);
    call.unfork();
    const { forked, lostPackets } = await tapped(port2);
    assert.deepEqual(
      forked.map(({ isCallee, bytes }) => ({ isCallee, bytes })),
      [
        { isCallee: false, bytes: rtpPacket({ sequence: 1 }) },
        { isCallee: true, bytes: rtpPacket({ sequence: 2 }) },
      ],
    );
    assert.ok((forked[1]?.arrivalMs ?? 0) >= (forked[0]?.arrivalMs ?? Number.POSITIVE_INFINITY));
    assert.equal(lostPackets, 0);
    port2.close();
  });

  it('refuses a session when the range is exhausted, and says so in its counters', async () => {
    await start(3);
    await session();
    const refused = await relay.port.open({ sessionId: 'c2', callerNetwork: 'lan', calleeNetwork: 'lan' });
    assert.deepEqual(refused, { ok: false, reason: 'no-media-ports' });
    const counters = await relay.counters();
    assert.equal(counters?.refusedNoPorts, 1);
    assert.equal(counters?.portsLent, 2);
  });
});

interface Forked {
  readonly isCallee: boolean;
  readonly arrivalMs: number;
  readonly bytes: Buffer;
}

/** Reads a tap until its fork ends. */
async function tapped(port: MessagePort): Promise<{ forked: Forked[]; lostPackets: number }> {
  const forked: Forked[] = [];
  for (;;) {
    const [message] = (await once(port, 'message')) as [TapMessage];
    if (message.type === 'unfork') return { forked, lostPackets: message.lostPackets };
    if (message.type !== 'packets') continue;
    readTapBatch(message.buffer, message.bytes, (_fork, isCallee, arrivalMs, packet) => {
      forked.push({ isCallee, arrivalMs, bytes: Buffer.from(packet) });
    });
  }
}
