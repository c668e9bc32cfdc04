// What a relay thread does to streams, over real sockets: numbers at their wrap, a bad network, failover, and what it tells of them.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MediaEvent, MediaSession } from '../../call/ports.js';
import { createLogger } from '../../lib/logger.js';
import { type RunningRelay, startRelay } from './relay.js';
import { DEFAULT_STREAMS } from './relay-messages.js';
import { freePortRange, PCMU, remoteOf, rtpPacket, UdpPeer } from './relay-test-kit.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

describe('the streams of a relay', () => {
  let relay: RunningRelay;
  let call: MediaSession;
  let caller: UdpPeer;
  let callee: UdpPeer;
  const peers: UdpPeer[] = [];

  async function peer(address: string): Promise<UdpPeer> {
    const opened = await UdpPeer.open(address);
    peers.push(opened);
    return opened;
  }

  async function open(keepDigits = false): Promise<void> {
    const networks = [];
    for (const [name, bind] of [
      ['pbx', '127.0.0.1'],
      ['sims', '127.0.0.2'],
      ['others', '127.0.0.3'],
    ] as const) {
      networks.push({ name, bind, advertise: bind, mediaPorts: await freePortRange(2, bind) });
    }
    relay = await startRelay({ networks, log, streams: { ...DEFAULT_STREAMS, keepDigits } });
    const opened = await relay.port.open({ sessionId: 'c1', callerNetwork: 'pbx', calleeNetwork: 'sims' });
    assert.ok(opened.ok);
    call = opened.session;
    caller = await peer('127.0.0.11');
    callee = await peer('127.0.0.12');
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee));
  }

  afterEach(async () => {
    for (const opened of peers.splice(0)) opened.close();
    await relay?.close();
  });

  /** Sends the packets in step with the relay, so that no socket buffer runs over; what the caller got, in all. */
  async function heardOf(from: UdpPeer, packets: readonly Buffer[]): Promise<Buffer[]> {
    const before = caller.received.length;
    for (const [index, packet] of packets.entries()) {
      await from.sendRtp(packet, call.local('callee'));
      if (index % 40 === 39) await caller.receivedCount(before + index + 1);
    }
    await caller.receivedCount(before + packets.length);
    return caller.received.map(({ bytes }) => bytes);
  }

  it('pass a bad network’s loss, disorder and duplicates bit for bit, beginning just below 2^16 and 2^32', async () => {
    await open();
    const [shuffled = []] = fc.sample(
      fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 120, maxLength: 120 }).map((jitters) =>
        jitters
          .map((jitter, index) => ({ index, at: index + jitter / 20 }))
          .filter(({ index }) => index % 11 !== 5)
          .sort((a, b) => a.at - b.at)
          .flatMap(({ index }) => (index % 13 === 0 ? [index, index] : [index])),
      ),
      1,
    );
    const packets = shuffled.map((index) =>
      rtpPacket({ sequence: 0xfffd + index, timestamp: (0xffff_ff00 + index * 160) >>> 0, ssrc: 0xffff_ffff }),
    );
    assert.deepEqual(await heardOf(callee, packets), packets);
    const { callee: stream } = await call.report();
    const distinct = new Set(shuffled);
    const expected = Math.max(...distinct) - Math.min(...distinct) + 1;
    assert.equal(stream.packets, packets.length);
    assert.equal(stream.lost, expected - distinct.size);
    assert.equal(stream.duplicates, shuffled.length - distinct.size);
    assert.equal(stream.dropped['no-destination'], 0);
  });

  it('go on as one through failover to a gateway on another network, with another codec and other numbers', async () => {
    await open();
    const first = Array.from({ length: 50 }, (_, index) =>
      rtpPacket({ sequence: 0xfff0 + index, timestamp: (0xffff_ff00 + index * 160) >>> 0, ssrc: 1 }),
    );
    await heardOf(callee, first);
    call.clearRemote('callee');
    assert.deepEqual(await call.placeCallee('others'), { ok: true });
    const second = await peer('127.0.0.13');
    call.setRemote('callee', remoteOf(second, { codecs: [PCMU] }));
    const heard = await heardOf(
      second,
      Array.from({ length: 50 }, (_, index) => rtpPacket({ sequence: 500 + index, ssrc: 2, payloadType: 0 })),
    );
    assert.equal(heard.length, 100);
    for (const [index, packet] of heard.entries()) {
      assert.equal(packet.readUInt32BE(8), 1);
      assert.equal(packet.readUInt16BE(2), (0xfff0 + index) & 0xffff);
      assert.equal((packet[1] ?? 0) & 0x7f, 8);
      const before = heard[index - 1];
      const ticks = before === undefined ? 160 : (packet.readUInt32BE(4) - before.readUInt32BE(4)) >>> 0;
      assert.ok(index === 50 ? ticks >= 160 && ticks < 80_000 : ticks === 160, `${ticks} ticks at ${index}`);
    }
    // Back to the same numbers: what the new gateway is told is its own.
    const { callee: stream } = await call.report();
    assert.deepEqual([stream.lost, stream.transcoded], [0, 50]);
  });

  it('are told of while the call lives: digits, one-way media and media that comes back', async () => {
    await open(true);
    const events: MediaEvent[] = [];
    let wakeUp: () => void = () => {};
    call.onEvent((event) => {
      events.push(event);
      wakeUp();
    });
    const told = async (count: number) => {
      while (events.length < count) {
        await new Promise<void>((resolve) => {
          wakeUp = resolve;
        });
      }
    };
    const key = Uint8Array.of(10, 0x8a, 0x03, 0x20);
    for (const sequence of [1, 2, 3]) {
      await callee.sendRtp(rtpPacket({ sequence, timestamp: 800, payloadType: 101 }, key), call.local('callee'));
    }
    await told(1);
    assert.deepEqual(events[0], { type: 'dtmf', side: 'callee', event: '*', durationMs: 100, by: 'rfc4733' });
    call.setRemote('caller', remoteOf(caller, { isSilent: true }));
    call.watchSilence(1);
    await told(2);
    assert.ok(events[1]?.type === 'silent' && events[1].side === 'callee');
    await callee.sendRtp(rtpPacket({ sequence: 4 }), call.local('callee'));
    await told(3);
    call.watchSilence(null);
    assert.deepEqual(events[2], { type: 'heard', side: 'callee' });
    const report = await call.close();
    assert.deepEqual([report.callee.dtmfEvents, report.callee.dtmfDigits], [1, '*']);
    assert.ok(report.callee.silentMs >= 1);
    const counters = await relay.counters();
    assert.deepEqual([counters?.dtmfEvents, counters?.packets], [1, 4]);
    assert.ok((counters?.silentMs ?? 0) >= 1);
  });
});
