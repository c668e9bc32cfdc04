// What a bad network and bad peers do to a relayed call, over real sockets: it goes on, and everything is counted.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MediaSession } from '../../call/ports.js';
import type { MediaReport } from '../../call/reports.js';
import { createLogger } from '../../lib/logger.js';
import { type RunningRelay, startRelay } from './relay.js';
import {
  countedOf,
  freePortRange,
  hasIpv6Loopback,
  type ReceivedPacket,
  remoteOf,
  rtcpPacket,
  rtpPacket,
  UdpPeer,
} from './relay-test-kit.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
/** The longest payload of UDP over IPv4, and over IPv6. */
const MAX_UDP4_BYTES = 65_507;
const MAX_UDP6_BYTES = 65_527;

describe('a relayed call on a bad network', () => {
  let relay: RunningRelay;
  let call: MediaSession;
  let caller: UdpPeer;
  let callee: UdpPeer;
  const peers: UdpPeer[] = [];

  async function peer(address = '127.0.0.1', port = 0): Promise<UdpPeer> {
    const opened = await UdpPeer.open(address, port);
    peers.push(opened);
    return opened;
  }

  async function open(callerAddress: string, calleeAddress: string): Promise<void> {
    const networks = [];
    for (const [name, bind] of [
      ['pbx', callerAddress],
      ['sims', calleeAddress],
    ] as const) {
      networks.push({ name, bind, advertise: bind, mediaPorts: await freePortRange(2, bind) });
    }
    relay = await startRelay({ networks, log });
    const opened = await relay.port.open({ sessionId: 'c1', callerNetwork: 'pbx', calleeNetwork: 'sims' });
    assert.ok(opened.ok);
    call = opened.session;
    caller = await peer(callerAddress);
    callee = await peer(calleeAddress);
    call.setRemote('caller', remoteOf(caller));
    call.setRemote('callee', remoteOf(callee));
  }

  afterEach(async () => {
    for (const opened of peers.splice(0)) opened.close();
    await relay?.close();
  });

  /** Waits until the relay has counted so many packets of the caller, dropped ones included. */
  async function counted(packets: number): Promise<MediaReport> {
    for (;;) {
      const report = await call.report();
      if (countedOf(report.caller) >= packets) return report;
    }
  }

  /** Sends packets with these sequence numbers, one after another; what came out. */
  async function relayed(sequences: readonly number[]): Promise<{ out: number[]; report: MediaReport }> {
    for (const [index, sequence] of sequences.entries()) {
      await caller.sendRtp(rtpPacket({ sequence }), call.local('caller'));
      await counted(index + 1);
    }
    const received = await callee.receivedCount(sequences.length);
    return { out: received.map(sequenceOf), report: await call.report() };
  }

  it('passes what is left after loss, and counts what is missing', async () => {
    await open('127.0.0.1', '127.0.0.2');
    const arrived = Array.from({ length: 60 }, (_, index) => 65_500 + index).filter((sequence) => sequence % 7 !== 0);
    const { out, report } = await relayed(arrived);
    assert.deepEqual(
      out,
      arrived.map((sequence) => sequence & 0xffff),
    );
    assert.equal(report.caller.lost, 60 - arrived.length);
    assert.equal(report.caller.outOfOrder, 0);
  });

  it('passes packets in the order in which they come, and counts those that came late', async () => {
    await open('127.0.0.1', '127.0.0.2');
    const order = [1, 2, 4, 3, 5, 8, 6, 7, 9];
    const { out, report } = await relayed(order);
    assert.deepEqual(out, order);
    assert.deepEqual([report.caller.outOfOrder, report.caller.lost], [3, 0]);
  });

  it('counts duplicates, and neither loses nor invents a packet by them', async () => {
    await open('127.0.0.1', '127.0.0.2');
    const { out, report } = await relayed([1, 2, 2, 3, 3, 3, 4]);
    assert.deepEqual(out, [1, 2, 2, 3, 3, 3, 4]);
    assert.deepEqual([report.caller.duplicates, report.caller.packets, report.caller.lost], [3, 7, 0]);
  });

  it('follows the peer to another SSRC and another start as one stream, and counts no loss for it', async () => {
    await open('127.0.0.1', '127.0.0.2');
    const packets = [rtpPacket({ sequence: 100 }), rtpPacket({ sequence: 40_000, timestamp: 7, ssrc: 99 })];
    for (const [index, packet] of packets.entries()) {
      await caller.sendRtp(packet, call.local('caller'));
      await counted(index + 1);
    }
    const received = await callee.receivedCount(2);
    assert.deepEqual(received.map(sequenceOf), [100, 101]);
    assert.equal(received[1]?.bytes.readUInt32BE(8), 0x1234);
    assert.equal((await call.report()).caller.lost, 0);
  });

  it('loses nothing of a burst', async () => {
    await open('127.0.0.1', '127.0.0.2');
    const burst = Array.from({ length: 150 }, (_, sequence) => rtpPacket({ sequence }));
    await Promise.all(burst.map((packet) => caller.sendRtp(packet, call.local('caller'))));
    const received = await callee.receivedCount(150);
    assert.deepEqual(
      received.map(sequenceOf),
      burst.map((_, sequence) => sequence),
    );
  });

  it('passes nothing that is no RTP or RTCP, and goes on', async () => {
    await open('127.0.0.1', '127.0.0.2');
    const noRtp = [
      [],
      [0x80],
      [...rtpPacket({ sequence: 1 }).subarray(0, 11)],
      [0x00, ...rtpPacket({ sequence: 1 }).subarray(1)],
      [0xc0, ...rtpPacket({ sequence: 1 }).subarray(1)],
      // RTCP on the RTP port, which nobody negotiated; STUN; DTLS; SIP.
      [...rtcpPacket(), ...rtcpPacket()],
      [0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42, ...new Array(12).fill(0)],
      [0x16, 0xfe, 0xfd, ...new Array(40).fill(0)],
      [...Buffer.from('OPTIONS sip:a@b SIP/2.0\r\n\r\n')],
    ];
    const noRtcp = [
      [],
      [0x80, 201],
      [...rtcpPacket().subarray(0, 7)],
      [0x81, 199, 0, 1, 0, 0, 0, 1],
      [0x80, 201, 0, 9, 0, 0, 0, 1],
      [...rtcpPacket(), 0x80, 202, 0, 9],
      [...rtpPacket({ sequence: 1 })],
    ];
    const { address, rtpPort, rtcpPort } = call.local('caller');
    let sent = 0;
    for (const bytes of noRtp) {
      await caller.send(Buffer.from(bytes), { address, port: rtpPort });
      sent += 1;
      await counted(sent);
    }
    for (const bytes of noRtcp) {
      await caller.send(Buffer.from(bytes), { address, port: rtcpPort });
      sent += 1;
      await counted(sent);
    }
    await caller.sendRtp(rtpPacket({ sequence: 5 }), call.local('caller'));
    assert.deepEqual((await callee.receivedCount(1)).map(sequenceOf), [5]);
    const { caller: stream } = await call.report();
    assert.deepEqual([stream.dropped.malformed, stream.packets, stream.rtcpPackets], [sent, 1, 0]);
  });

  it('is not ended by RTP whose header promises more than there is', async () => {
    await open('127.0.0.1', '127.0.0.2');
    call.play('callee', { source: { kind: 'tone', frequenciesHz: [400] }, mode: 'mix' });
    const header = fc.tuple(fc.nat(63), fc.constantFrom(8, 0x88, 101), fc.uint8Array({ minLength: 10, maxLength: 80 }));
    const packets = fc.sample(header, 200).map(([first, second, rest]) => Buffer.from([0x80 | first, second, ...rest]));
    for (const [index, packet] of packets.entries()) {
      await caller.sendRtp(packet, call.local('caller'));
      await counted(index + 1);
    }
    await caller.sendRtp(rtpPacket({ sequence: 5 }), call.local('caller'));
    await counted(packets.length + 1);
  });

  it('passes the largest packets there are, and goes on', async () => {
    await open('127.0.0.1', '127.0.0.2');
    for (const [index, bytes] of [1_500, 9_000, MAX_UDP4_BYTES].entries()) {
      const packet = rtpPacket({ sequence: index }, new Uint8Array(bytes - 12).fill(index));
      await caller.sendRtp(packet, call.local('caller'));
      assert.deepEqual((await callee.receivedCount(index + 1))[index]?.bytes, packet);
    }
  });

  it('counts what is too large for the other side’s network', async function () {
    if (!hasIpv6Loopback()) {
      process.stderr.write('      skipped: this machine has no IPv6 loopback address\n');
      this.skip();
    }
    await open('::1', '127.0.0.2');
    await caller.sendRtp(rtpPacket({ sequence: 1 }, new Uint8Array(MAX_UDP6_BYTES - 12)), call.local('caller'));
    await counted(1);
    await caller.sendRtp(rtpPacket({ sequence: 2 }), call.local('caller'));
    assert.deepEqual((await callee.receivedCount(1)).map(sequenceOf), [2]);
    const report = await counted(2);
    assert.equal(report.caller.dropped['send-error'], 1);
  });

  it('bridges IPv6 and IPv4, RTP and RTCP, both ways', async function () {
    if (!hasIpv6Loopback()) {
      process.stderr.write('      skipped: this machine has no IPv6 loopback address\n');
      this.skip();
    }
    await open('::1', '127.0.0.2');
    const [callerControl, calleeControl] = [await peer('::1'), await peer('127.0.0.2')];
    call.setRemote('caller', remoteOf(caller, { address: '0:0::1', rtcpPort: callerControl.port }));
    call.setRemote('callee', remoteOf(callee, { rtcpPort: calleeControl.port }));
    const [toCaller, toCallee] = [call.local('caller'), call.local('callee')];
    await caller.sendRtp(rtpPacket({ sequence: 1 }), toCaller);
    assert.deepEqual((await callee.receivedCount(1))[0]?.bytes, rtpPacket({ sequence: 1 }));
    await callee.sendRtp(rtpPacket({ sequence: 2 }), toCallee);
    assert.deepEqual((await caller.receivedCount(1))[0]?.bytes, rtpPacket({ sequence: 2 }));
    await callerControl.send(rtcpPacket(3), { address: toCaller.address, port: toCaller.rtcpPort });
    await calleeControl.receivedCount(1);
    await calleeControl.send(rtcpPacket(4), { address: toCallee.address, port: toCallee.rtcpPort });
    await callerControl.receivedCount(1);
    assert.equal((await call.report()).caller.source, `[::1]:${caller.port}`);
  });

  it('goes on when the peer’s port is closed and says so by ICMP, and reaches it when it opens again', async () => {
    await open('127.0.0.1', '127.0.0.2');
    const { port } = callee;
    await callee.sendRtp(rtpPacket({ sequence: 1 }), call.local('callee'));
    await caller.receivedCount(1);
    callee.close();
    peers.splice(peers.indexOf(callee), 1);
    for (let sequence = 1; sequence <= 20; sequence += 1) {
      await caller.sendRtp(rtpPacket({ sequence }), call.local('caller'));
      await counted(sequence);
    }
    callee = await peer('127.0.0.2', port);
    await caller.sendRtp(rtpPacket({ sequence: 21 }), call.local('caller'));
    assert.deepEqual((await callee.receivedCount(1)).map(sequenceOf), [21]);
    const report = await counted(21);
    assert.equal(report.caller.packets, 21);
    await callee.sendRtp(rtpPacket({ sequence: 2 }), call.local('callee'));
    await caller.receivedCount(2);
  });

  it('goes on when its other side cannot be reached at all', async () => {
    await open('127.0.0.1', '127.0.0.2');
    // From a loopback address nothing can be sent to the rest of the world.
    call.setRemote('callee', remoteOf(callee, { address: '192.0.2.77' }));
    await caller.sendRtp(rtpPacket({ sequence: 1 }), call.local('caller'));
    await counted(1);
    call.setRemote('callee', remoteOf(callee));
    await caller.sendRtp(rtpPacket({ sequence: 2 }), call.local('caller'));
    assert.deepEqual((await callee.receivedCount(1)).map(sequenceOf), [2]);
    const report = await counted(2);
    assert.deepEqual([report.caller.packets, report.caller.dropped['send-error']], [2, 1]);
  });
});

function sequenceOf({ bytes }: ReceivedPacket): number {
  return bytes.readUInt16BE(2);
}
