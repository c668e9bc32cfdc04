// Who may send media, over real sockets: loopback has as many source addresses as a test needs.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { MediaRemote, MediaSession } from '../../call/ports.js';
import type { MediaDropCause, Side } from '../../call/reports.js';
import { createLogger } from '../../lib/logger.js';
import { type RunningRelay, startRelay } from './relay.js';
import { countedOf, freePortRange, PCMA, remoteOf, rtcpPacket, rtpPacket, UdpPeer } from './relay-test-kit.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

describe('the relay, as to who may send media', () => {
  let relay: RunningRelay;
  let call: MediaSession;
  let caller: UdpPeer;
  let callee: UdpPeer;
  /** Packets that the relay has counted on the caller's ports, dropped ones included. */
  let counted: number;
  const peers: UdpPeer[] = [];

  async function peer(address: string): Promise<UdpPeer> {
    const opened = await UdpPeer.open(address);
    peers.push(opened);
    return opened;
  }

  beforeEach(async () => {
    counted = 0;
    const network = { name: 'lan', bind: '127.0.0.1', advertise: '127.0.0.1', mediaPorts: await freePortRange(4) };
    relay = await startRelay({ networks: [network], log });
    const opened = await relay.port.open({ sessionId: 'c1', callerNetwork: 'lan', calleeNetwork: 'lan' });
    assert.ok(opened.ok);
    call = opened.session;
    caller = await peer('127.0.0.2');
    callee = await peer('127.0.0.3');
    call.setRemote('callee', remoteOf(callee));
  });

  afterEach(async () => {
    for (const opened of peers.splice(0)) opened.close();
    await relay.close();
  });

  function callerAt(changes: Partial<MediaRemote>): void {
    call.setRemote('caller', remoteOf(caller, changes));
  }

  /** What of the packets came out at the callee, told by their sequence numbers. */
  async function passed(...sent: [UdpPeer, number][]): Promise<number[]> {
    const before = callee.received.length;
    for (const [from, sequence] of sent) {
      await from.sendRtp(rtpPacket({ sequence }), call.local('caller'));
      await handled();
    }
    const report = await call.report();
    const expected = report.caller.packets - report.caller.dropped['no-destination'];
    const received = await callee.receivedCount(Math.max(before, expected));
    return received.slice(before).map(({ bytes }) => bytes.readUInt16BE(2));
  }

  /** Waits until the relay has counted one more packet on the caller's ports. */
  async function handled(): Promise<void> {
    const before = counted;
    while (counted === before) {
      counted = countedOf((await call.report()).caller);
    }
  }

  async function dropsOf(side: Side): Promise<Readonly<Record<MediaDropCause, number>>> {
    return (await call.report())[side].dropped;
  }

  it('passes nothing of a stranger, before and after the peer has sent', async () => {
    callerAt({});
    const stranger = await peer('127.0.0.66');
    assert.deepEqual(await passed([stranger, 1], [caller, 2], [stranger, 3], [caller, 4]), [2, 4]);
    const report = await call.report();
    assert.equal(report.caller.dropped.source, 2);
    assert.equal(report.caller.source, `127.0.0.2:${caller.port}`);
  });

  it('sends nothing to a stranger either', async () => {
    callerAt({});
    const stranger = await peer('127.0.0.66');
    await passed([stranger, 1]);
    await callee.sendRtp(rtpPacket({ sequence: 1 }), call.local('callee'));
    await caller.receivedCount(1);
    assert.equal(stranger.received.length, 0);
  });

  it('passes class (b), the address of the SDP from another port, and answers there', async () => {
    callerAt({ rtpPort: 9 });
    assert.deepEqual(await passed([caller, 1]), [1]);
    await callee.sendRtp(rtpPacket({ sequence: 5 }), call.local('callee'));
    assert.equal((await caller.receivedCount(1))[0]?.port, call.local('caller').rtpPort);
  });

  it('passes class (c), the source of the signalling, where a NAT is possible and allowed', async () => {
    callerAt({ address: '192.168.7.7', signallingAddress: '127.0.0.2', nat: 'auto' });
    assert.deepEqual(await passed([caller, 1]), [1]);
  });

  it('passes class (c) for a public address too, when the signalling came from elsewhere', async () => {
    callerAt({ address: '192.0.2.7', signallingAddress: '127.0.0.2' });
    assert.deepEqual(await passed([caller, 1]), [1]);
  });

  it('passes no class (c) without nat: auto', async () => {
    callerAt({ address: '192.168.7.7', signallingAddress: '127.0.0.2', nat: 'off' });
    assert.deepEqual(await passed([caller, 1]), []);
    assert.equal((await dropsOf('caller')).source, 1);
  });

  it('passes class (d), the configured sources', async () => {
    const elsewhere = await peer('127.0.9.9');
    callerAt({ sources: ['127.0.9.0/24'] });
    assert.deepEqual(await passed([elsewhere, 1], [caller, 2], [elsewhere, 3]), [1, 2]);
  });

  it('drops payload types that were not negotiated, and what is no RTP', async () => {
    callerAt({ codecs: [PCMA] });
    await caller.sendRtp(rtpPacket({ sequence: 1, payloadType: 0 }), call.local('caller'));
    await handled();
    await caller.sendRtp(Buffer.from('not RTP at all'), call.local('caller'));
    await handled();
    assert.deepEqual(await passed([caller, 2]), [2]);
    const { 'payload-type': payloadType, malformed } = await dropsOf('caller');
    assert.deepEqual({ payloadType, malformed }, { payloadType: 1, malformed: 1 });
  });

  it('accepts nothing while a side has no remote, and again nothing when it is cleared', async () => {
    assert.deepEqual(await passed([caller, 1]), []);
    callerAt({});
    assert.deepEqual(await passed([caller, 2]), [2]);
    call.clearRemote('caller');
    assert.deepEqual(await passed([caller, 3]), []);
  });

  it('learns anew when the SDP changes the port', async () => {
    callerAt({});
    const moved = await peer('127.0.0.2');
    assert.deepEqual(await passed([caller, 1], [moved, 2]), [1]);
    call.setRemote('caller', remoteOf(moved));
    assert.deepEqual(await passed([moved, 3], [caller, 4]), [3]);
  });

  it('sends nothing on hold, to port 0 and to an address of zeros, and counts it', async () => {
    callerAt({});
    for (const hold of [{ sends: false }, { rtpPort: 0 }, { address: '0.0.0.0' }]) {
      call.setRemote('callee', remoteOf(callee, hold));
      assert.deepEqual(await passed([caller, 1]), []);
    }
    assert.equal((await dropsOf('caller'))['no-destination'], 3);
    assert.equal((await call.report()).caller.packets, 3);
  });

  it('learns RTCP apart from RTP, and lets no stranger send it', async () => {
    const [control, stranger] = [await peer('127.0.0.2'), await peer('127.0.0.66')];
    const calleeControl = await peer('127.0.0.3');
    callerAt({});
    call.setRemote('callee', remoteOf(callee, { rtcpPort: calleeControl.port }));
    const to = { address: '127.0.0.1', port: call.local('caller').rtcpPort };
    await stranger.send(rtcpPacket(1), to);
    await handled();
    await control.send(rtcpPacket(2), to);
    const received = await calleeControl.receivedCount(1);
    assert.deepEqual(received[0]?.bytes, rtcpPacket(2));
    await calleeControl.send(rtcpPacket(3), { address: '127.0.0.1', port: call.local('callee').rtcpPort });
    assert.deepEqual((await control.receivedCount(1))[0]?.bytes, rtcpPacket(3));
    assert.equal(caller.received.length, 0);
    assert.equal((await dropsOf('caller')).source, 1);
  });

  it('survives any packet, on both ports, and goes on', async () => {
    callerAt({});
    const header = fc.constantFrom([], [0x80, 8], [0xbf, 8], [0x9f, 0x88], [0x80, 200, 0xff, 0xff], [0x81, 201, 0, 1]);
    const packet = fc
      .tuple(header, fc.uint8Array({ maxLength: 60 }))
      .map(([first, rest]) => Buffer.from([...first, ...rest]));
    for (const bytes of fc.sample(packet, 100)) {
      await caller.sendRtp(bytes, call.local('caller'));
      await handled();
      await caller.send(bytes, { address: '127.0.0.1', port: call.local('caller').rtcpPort });
      await handled();
    }
    const before = callee.received.length;
    await caller.sendRtp(rtpPacket({ sequence: 7 }), call.local('caller'));
    await callee.receivedCount(before + 1);
  });

  it('does not let RTCP of a malformed kind through', async () => {
    callerAt({});
    await caller.send(rtcpPacket().subarray(0, 7), { address: '127.0.0.1', port: call.local('caller').rtcpPort });
    await handled();
    assert.equal((await dropsOf('caller')).malformed, 1);
  });
});
