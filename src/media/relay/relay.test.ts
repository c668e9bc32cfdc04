import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { MediaEvent, MediaSession } from '../../call/ports.js';
import { createLogger } from '../../lib/logger.js';
import { readTapBatch, type TapMessage } from '../../rtp/tap-batch.js';
import { wavFile } from '../player/sound-test-kit.js';
import { type RunningRelay, startRelay } from './relay.js';
import { freePortRange, hasIpv6Loopback, remoteOf, rtcpPacket, rtpPacket, UdpPeer } from './relay-test-kit.js';

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
    const network = { name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts: await freePortRange(pairs) };
    relay = await startRelay({ networks: [network], log, ...(maxTapBatches !== undefined && { maxTapBatches }) });
  }

  async function session(): Promise<MediaSession> {
    const opened = await relay.port.open({ sessionId: 'c1', callerNetwork: 'lan', calleeNetwork: 'lan' });
    assert.ok(opened.ok, JSON.stringify(opened));
    return opened.session;
  }

  afterEach(async () => {
    for (const opened of peers.splice(0)) opened.close();
    await relay?.close();
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
    call.fork({ recordingId: 'rec1' });
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

  it('plays a file to one leg in its own time, says when it is finished, and that another cannot be played', async () => {
    await start();
    const folder = mkdtempSync(join(tmpdir(), 'relay-'));
    const file = join(folder, 'hello.wav');
    const octets = Uint8Array.from({ length: 1_600 }, (_, index) => index % 200);
    writeFileSync(file, wavFile({ tag: 6, bitsPerSample: 8, data: octets }));
    const [caller, callee, call] = [await peer(), await peer(), await session()];
    const events: MediaEvent[] = [];
    const ended = new Promise<void>((resolve) => call.onEvent((event) => events.push(event) === 2 && resolve()));
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee));
    const startMs = performance.now();
    const playId = call.play('caller', { source: { kind: 'file', path: file }, mode: 'replace' });
    const missing = call.play('callee', { source: { kind: 'file', path: join(folder, 'none.wav') }, mode: 'mix' });
    const heard = (await caller.receivedCount(10)).map(({ bytes }) => bytes);
    const tookMs = performance.now() - startMs;
    await ended;
    rmSync(folder, { recursive: true });
    assert.deepEqual(
      new Set(events),
      new Set<MediaEvent>([
        { type: 'played', playId, end: 'finished' },
        { type: 'played', playId: missing, end: 'failed' },
      ]),
    );
    assert.deepEqual(new Uint8Array(Buffer.concat(heard.map((bytes) => bytes.subarray(12)))), octets);
    assert.deepEqual(
      heard.map((bytes) => (bytes.readUInt32BE(4) - (heard[0]?.readUInt32BE(4) ?? 0)) >>> 0),
      heard.map((_, index) => index * 160),
    );
    // Nine steps of 20 ms lie between the first packet and the last; a machine that stood still may catch up on the rest.
    assert.ok(tookMs > 170, `10 packets in ${tookMs} ms`);
    assert.equal(callee.received.length, 0);
  });

  it('moves the callee to another network, over which IPv6 meets IPv4', async function () {
    if (!hasIpv6Loopback()) {
      process.stderr.write('      skipped: this machine has no IPv6 loopback address\n');
      this.skip();
    }
    const lan = { name: 'lan', bind: '127.0.0.1', advertise: '198.51.100.1', mediaPorts: await freePortRange(4) };
    const wan = { name: 'wan', bind: '::1', advertise: '2001:db8::1', mediaPorts: await freePortRange(4, '::1') };
    relay = await startRelay({ networks: [lan, wan], log });
    const [caller, callee, call] = [await peer(), await peer('::1'), await session()];
    const before = call.local('callee');
    assert.equal(before.address, '198.51.100.1');
    assert.deepEqual(await call.placeCallee('lan'), { ok: true });
    assert.deepEqual(call.local('callee'), before);
    assert.deepEqual(await call.placeCallee('wan'), { ok: true });
    assert.equal(call.local('callee').address, '2001:db8::1');
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee, { address: '0:0:0:0:0:0:0:1' }));
    await caller.send(rtpPacket({ sequence: 1 }), { address: '127.0.0.1', port: call.local('caller').rtpPort });
    await callee.receivedCount(1);
    await callee.send(rtpPacket({ sequence: 2 }), { address: '::1', port: call.local('callee').rtpPort });
    await caller.receivedCount(1);
    assert.equal((await call.report()).callee.source, `[::1]:${callee.port}`);
    assert.equal((await relay.counters())?.portsLent, 2);
    assert.deepEqual(await call.placeCallee('nowhere'), { ok: false, reason: 'no-media-ports' });
  });

  it('passes over ports that another process holds', async () => {
    const mediaPorts = await freePortRange(3);
    const held = await UdpPeer.open('127.0.0.1', mediaPorts.from + 1);
    peers.push(held);
    relay = await startRelay({
      networks: [{ name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts }],
      log,
    });
    const call = await session();
    assert.deepEqual(
      [call.local('caller').rtpPort, call.local('callee').rtpPort],
      [mediaPorts.from + 2, mediaPorts.from + 4],
    );
    assert.equal((await relay.counters())?.portsForeign, 1);
  });

  it('loses no port over many calls, whatever they did', async () => {
    await start(4);
    for (let round = 0; round < 50; round += 1) {
      const call = await session();
      call.fork({ recordingId: `round-${round}` });
      if (round % 3 === 0) await call.placeCallee('nowhere');
      if (round % 5 === 0) void call.report();
      await call.close();
    }
    const counters = await relay.counters();
    assert.deepEqual(
      { sessions: counters?.sessions, lent: counters?.portsLent, free: counters?.portsFree },
      { sessions: 0, lent: 0, free: 4 },
    );
  });

  it('reuses a port early under pressure, and counts it', async () => {
    await start(2);
    await (await session()).close();
    await session();
    assert.equal((await relay.counters())?.restsShortened, 2);
  });

  it('does not wait for a tap that stands still: its packets are lost, and counted', async () => {
    // A batch holds 682 of them.
    const packets = 900;
    await start(4, 1);
    const { port1, port2 } = new MessageChannel();
    relay.connectTap(port1);
    const [caller, callee, call] = [await peer(), await peer(), await session()];
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee));
    call.fork({ recordingId: 'rec1' });
    for (let sequence = 0; sequence < packets; sequence += 1) {
      await caller.sendRtp(rtpPacket({ sequence }), call.local('caller'));
      // In step with the relay, so that no socket buffer runs over.
      if (sequence % 50 === 49) await callee.receivedCount(sequence + 1);
    }
    await callee.receivedCount(packets);
    const report = await call.close();
    assert.equal(report.caller.packets, packets);
    const { forked, lostPackets } = await tapped(port2);
    assert.ok(lostPackets > 0);
    assert.equal(forked.length + lostPackets, packets);
    assert.equal((await relay.counters())?.forkLostPackets, lostPackets);
    port2.close();
  });

  it('begins the forks of calls under way at a tap that comes later', async () => {
    await start();
    const call = await session();
    call.fork({ recordingId: 'rec1' });
    const { port1, port2 } = new MessageChannel();
    relay.connectTap(port1);
    call.unfork();
    const [first] = (await once(port2, 'message')) as [TapMessage];
    assert.deepEqual(first, { type: 'fork', fork: 1, recordingId: 'rec1' });
    port2.close();
  });

  it('tells every session when its thread ends, and refuses more', async () => {
    await start();
    const [call, other] = [await session(), await session()];
    const ended = new Promise<Error>((resolve) => relay.onExit(resolve));
    let lost = 0;
    for (const live of [call, other]) live.onLost(() => lost++);
    // No remote at all is a defect of ours, which is what ends a thread.
    call.setRemote('caller', null as never);
    const pending = other.report();
    await ended;
    assert.equal(lost, 2);
    assert.equal((await pending).caller.packets, 0);
    assert.equal((await other.close()).caller.packets, 0);
    const refused = await relay.port.open({ sessionId: 'c2', callerNetwork: 'lan', calleeNetwork: 'lan' });
    assert.deepEqual(refused, { ok: false, reason: 'relay-down' });
    assert.deepEqual(await call.placeCallee('lan'), { ok: false, reason: 'relay-down' });
    assert.equal(await relay.counters(), null);
  });

  it('does not start on an address that is not ours', async () => {
    await start();
    const network = {
      name: 'wan',
      bind: '192.0.2.1',
      advertise: '192.0.2.1',
      mediaPorts: { from: 20_000, to: 20_009 },
    };
    await assert.rejects(startRelay({ networks: [network], log }), { code: 'LISTENER_UNAVAILABLE' });
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
