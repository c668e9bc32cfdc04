// What every implementation of the media port must do, with real packets. Where engines may differ, a trait says how.
import assert from 'node:assert/strict';
import type { MessagePort } from 'node:worker_threads';
import type { MediaCodec, MediaEvent, MediaPort, MediaRemote, MediaSession } from '../call/ports.js';
import type { Side, StreamReport } from '../call/reports.js';
import { payloadTypeOf, sequenceOf, ssrcOf, timestampOf } from '../rtp/rtp-header.js';
import { readTapBatch, type TapMessage } from '../rtp/tap-batch.js';
import { rtcpPacket, rtpPacket, UdpPeer } from './relay/relay-test-kit.js';

export interface MediaPortUnderTest {
  readonly port: MediaPort;
  /** The recorder's tap. */
  connectTap(connect: (port: MessagePort) => void): void;
  /** Ends the engine as a crash does. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export interface MediaPortTraits {
  /** Towards each side a packet gets that side's payload type of its codec. */
  readonly mapsPayloadTypes: boolean;
  /** A payload type that was not negotiated is dropped. */
  readonly dropsForeignPayloadTypes: boolean;
  /** The header's SSRC, sequence and timestamp pass as they are when nothing is transcoded. */
  readonly keepsHeaders: boolean;
  readonly transcodes: boolean;
  readonly plays: boolean;
}

export interface MediaPortSetting {
  /** Networks `lan` on 127.0.0.1 and `wan` on 127.0.0.2, with so many port pairs in all. */
  readonly pairs: number;
}

const PCMA: MediaCodec = { payloadType: 8, name: 'PCMA', clockRateHz: 8_000 };
const PCMU: MediaCodec = { payloadType: 0, name: 'PCMU', clockRateHz: 8_000 };
const events = (payloadType: number): MediaCodec => ({ payloadType, name: 'telephone-event', clockRateHz: 8_000 });
/** Between two packets of a peer that waits for its media to arrive. */
const PACE_MS = 10;

/** Silence in A-law. */
const SILENCE = 0xd5;

/** A peer, and where it is in its stream. The first octet of what it says is its mark: headers may be changed on the way. */
class Party {
  readonly peer: UdpPeer;
  readonly ssrc: number;
  payloadType = 8;
  sent = 0;
  #next: number;

  constructor(peer: UdpPeer, ssrc: number, firstSequence: number) {
    this.peer = peer;
    this.ssrc = ssrc;
    this.#next = firstSequence;
  }

  async send(
    session: MediaSession,
    side: Side,
    payloadType = this.payloadType,
    payload: Uint8Array = Uint8Array.from({ length: 160 }, (_, index) => (index === 0 ? this.ssrc : SILENCE)),
  ): Promise<number> {
    const sequence = this.#next++;
    this.sent += 1;
    await this.peer.sendRtp(rtpPacket({ sequence, payloadType, ssrc: this.ssrc }, payload), session.local(side));
    return sequence;
  }
}

export function describeMediaPort(
  name: string,
  start: (setting: MediaPortSetting) => Promise<MediaPortUnderTest>,
  traits: MediaPortTraits,
): void {
  describe(`media port: ${name}`, () => {
    let engine: MediaPortUnderTest;
    const peers: UdpPeer[] = [];

    async function party(ssrc: number, address = '127.0.0.1', firstSequence = 0): Promise<Party> {
      const peer = await UdpPeer.open(address);
      peers.push(peer);
      return new Party(peer, ssrc, firstSequence);
    }

    async function open(callee = 'lan'): Promise<MediaSession> {
      const opened = await engine.port.open({ sessionId: 'c1', callerNetwork: 'lan', calleeNetwork: callee });
      assert.ok(opened.ok, JSON.stringify(opened));
      return opened.session;
    }

    /** A session with both remotes set, whose media flows both ways. */
    async function talking(changes: Partial<Record<Side, Partial<MediaRemote>>> = {}) {
      const session = await open();
      const [caller, callee] = [await party(11), await party(22, '127.0.0.3', 1_000)];
      session.setRemote('caller', remoteOf(caller, changes.caller));
      session.setRemote('callee', remoteOf(callee, changes.callee));
      caller.payloadType = changes.caller?.codecs?.[0]?.payloadType ?? 8;
      callee.payloadType = changes.callee?.codecs?.[0]?.payloadType ?? 8;
      await flows(session, caller, callee);
      return { session, caller, callee };
    }

    beforeEach(async () => {
      engine = await start({ pairs: 8 });
    });

    afterEach(async () => {
      for (const peer of peers.splice(0)) peer.close();
      await engine.close();
    });

    it('relays both directions and says at the end what it has received', async () => {
      const { session, caller, callee } = await talking();
      const before = callee.peer.received.length;
      for (let packets = 0; packets < 10; packets += 1) await caller.send(session, 'caller');
      await callee.peer.receivedCount(before + 10);
      const report = await session.close();
      for (const [side, sender] of [
        ['caller', caller],
        ['callee', callee],
      ] as const) {
        assert.ok(report[side].packets > 0 && report[side].packets <= sender.sent, JSON.stringify(report[side]));
        assert.equal(report[side].source, `${sender.peer.address}:${sender.peer.port}`);
      }
      assert.ok(report.caller.packets >= 10);
      assert.ok(report.caller.bytes >= 10 * 172 && report.lastPacketAgeMs !== null);
      assert.deepEqual(await session.close(), report);
    });

    it('passes what a packet holds as it is when nothing is transcoded', async function () {
      if (!traits.keepsHeaders) skip(this, 'this engine writes headers of its own');
      const { session, caller, callee } = await talking();
      const payload = Uint8Array.from({ length: 160 }, (_, index) => index);
      const sequence = await caller.send(session, 'caller', 8, payload);
      const packet = await arrival(callee.peer, (bytes) => sequenceOf(bytes) === sequence);
      assert.deepEqual(packet, rtpPacket({ sequence, ssrc: caller.ssrc }, payload));
    });

    it('gives each side an even port and the odd one above it for RTCP, which it passes', async () => {
      const { session, caller, callee } = await talking();
      for (const side of ['caller', 'callee'] as const) {
        const { rtpPort, rtcpPort } = session.local(side);
        assert.equal(rtpPort % 2, 0);
        assert.equal(rtcpPort, rtpPort + 1);
      }
      const [atCaller, atCallee] = [await party(0), await party(0, '127.0.0.3')];
      session.setRemote('caller', remoteOf(caller, { rtcpPort: atCaller.peer.port }));
      session.setRemote('callee', remoteOf(callee, { rtcpPort: atCallee.peer.port }));
      const { address, rtcpPort: port } = session.local('caller');
      await until(
        () => atCaller.peer.send(rtcpPacket(caller.ssrc), { address, port }),
        () => atCallee.peer.received.length > 0,
      );
      assert.equal(atCallee.peer.received[0]?.port, session.local('callee').rtcpPort);
    });

    it("gives a packet the other side's payload type of its codec", async function () {
      if (!traits.mapsPayloadTypes) skip(this, 'this engine has one numbering for both sides');
      const { session, caller, callee } = await talking({
        caller: { codecs: [PCMA, events(101)] },
        callee: { codecs: [PCMA, events(96)] },
      });
      const sequence = await caller.send(session, 'caller', 101, Uint8Array.of(5, 0x8a, 3, 0x20));
      const packet = await arrival(callee.peer, (bytes) => sequenceOf(bytes) === sequence);
      assert.equal(payloadTypeOf(packet), 96);
    });

    it('drops payload types that were not negotiated', async function () {
      if (!traits.dropsForeignPayloadTypes) skip(this, 'this engine passes payload types that nobody agreed on');
      const { session, caller, callee } = await talking();
      await caller.send(session, 'caller', 33);
      const sequence = await caller.send(session, 'caller');
      await arrival(callee.peer, (bytes) => sequenceOf(bytes) === sequence);
      assert.deepEqual(payloadTypesAt(callee), [8]);
    });

    it('transcodes between PCMA and PCMU where each side has one of them', async function () {
      if (!traits.transcodes) skip(this, 'this engine transcodes nothing');
      assert.ok(engine.port.capabilities.transcodes('PCMA', 'PCMU'));
      const { session, caller, callee } = await talking({
        caller: { codecs: [PCMA] },
        callee: { codecs: [PCMU] },
      });
      assert.deepEqual(payloadTypesAt(callee), [0]);
      assert.deepEqual(payloadTypesAt(caller), [8]);
      // Silence in µ-law is 0xff.
      assert.ok(
        callee.peer.received
          .at(-1)
          ?.bytes.subarray(13)
          .every((octet) => octet >= 0xfe),
      );
      const report = await session.close();
      assert.ok(report.caller.transcoded > 0);
    });

    it('sends to a new address as soon as it is told, and takes media from there', async () => {
      const { session, caller, callee } = await talking();
      const moved = await party(33);
      session.setRemote('caller', remoteOf(moved));
      await flows(session, moved, callee);
      const before = caller.peer.received.length;
      const sequence = await callee.send(session, 'callee');
      await arrival(moved.peer, (bytes) => sequenceOf(bytes) === sequence);
      assert.equal(caller.peer.received.length, before);
    });

    it('learns where a peer behind a NAT sends from, and sends there', async () => {
      const session = await open();
      const [caller, callee] = [await party(11), await party(22, '127.0.0.3', 1_000)];
      const told = { ...remoteOf(caller), address: '10.255.255.1', nat: 'auto' as const };
      session.setRemote('caller', told);
      session.setRemote('callee', remoteOf(callee));
      await flows(session, caller, callee);
    });

    it('lets nothing pass of a stranger', async () => {
      const { session, caller, callee } = await talking();
      const stranger = await party(99, '127.0.0.9');
      for (let packets = 0; packets < 5; packets += 1) await stranger.send(session, 'caller');
      const sequence = await caller.send(session, 'caller');
      await arrival(callee.peer, (bytes) => sequenceOf(bytes) === sequence);
      assert.ok(callee.peer.received.every(({ bytes }) => markOf(bytes) !== stranger.ssrc));
      const answer = await callee.send(session, 'callee');
      await arrival(caller.peer, (bytes) => sequenceOf(bytes) === answer);
      assert.equal(stranger.peer.received.length, 0);
    });

    it('sends nothing to a side on hold, and passes what that sends', async () => {
      const { session, caller, callee } = await talking();
      const witness = await party(44);
      session.setRemote('caller', remoteOf(witness, { sends: false, nat: 'auto' }));
      await until(
        () => witness.send(session, 'caller'),
        () => callee.peer.received.some(({ bytes }) => markOf(bytes) === witness.ssrc),
      );
      for (let packets = 0; packets < 5; packets += 1) await callee.send(session, 'callee');
      session.setRemote('caller', remoteOf(caller));
      await flows(session, caller, callee);
      assert.equal(witness.peer.received.length, 0);
    });

    it('neither sends to a side whose remote was forgotten, nor takes anything from it', async () => {
      const { session, caller, callee } = await talking();
      const other = await party(55, '127.0.0.5');
      session.clearRemote('callee');
      session.setRemote('caller', remoteOf(other));
      // What was set before a report is in force after it.
      await session.report();
      const before = callee.peer.received.length;
      await other.send(session, 'caller');
      await callee.send(session, 'callee');
      session.setRemote('caller', remoteOf(caller));
      session.setRemote('callee', remoteOf(callee));
      await flows(session, caller, callee);
      assert.equal(other.peer.received.length, 0);
      assert.ok(callee.peer.received.slice(before).every(({ bytes }) => markOf(bytes) !== other.ssrc));
    });

    it('moves the callee to another network, and leaves the caller where it is', async () => {
      const { session, caller } = await talking();
      const before = session.local('caller');
      assert.deepEqual(await session.placeCallee('wan'), { ok: true });
      assert.deepEqual(session.local('caller'), before);
      assert.equal(session.local('callee').address, '127.0.0.2');
      const callee = await party(66, '127.0.0.3', 2_000);
      session.setRemote('callee', remoteOf(callee));
      await flows(session, caller, callee);
      const place = session.local('callee');
      assert.deepEqual(await session.placeCallee('wan'), { ok: true });
      assert.deepEqual(session.local('callee'), place);
    });

    it('copies both directions to a tap while the call is forked, with arrival times', async () => {
      const port2 = await tapOf(engine);
      const { session, caller, callee } = await talking();
      session.fork({ recordingId: 'rec1' });
      const tap = readTap(port2);
      await until(
        async () => {
          await caller.send(session, 'caller');
          await callee.send(session, 'callee');
        },
        () => tap.packets.some(({ isCallee }) => isCallee) && tap.packets.some(({ isCallee }) => !isCallee),
      );
      session.unfork();
      const { recordingId, lostPackets } = await tap.ended;
      assert.deepEqual([recordingId, lostPackets], ['rec1', 0]);
      for (const [sender, isCallee] of [
        [caller, false],
        [callee, true],
      ] as const) {
        const copies = tap.packets.filter((packet) => packet.isCallee === isCallee);
        const times = copies.map(({ arrivalMs }) => arrivalMs);
        assert.deepEqual(
          [...times].sort((a, b) => a - b),
          times,
        );
        for (const { bytes } of copies) {
          assert.equal(ssrcOf(bytes), sender.ssrc);
          assert.equal(timestampOf(bytes), sequenceOf(bytes) * 160);
          assert.equal(bytes.length, 172);
        }
      }
      const copied = tap.packets.length;
      await flows(session, caller, callee);
      assert.equal(tap.packets.length, copied);
      port2.close();
    });

    it('goes on copying when a side moves', async () => {
      const port2 = await tapOf(engine);
      const { session, callee } = await talking();
      session.fork({ recordingId: 'rec1' });
      const tap = readTap(port2);
      const moved = await party(77);
      session.setRemote('caller', remoteOf(moved));
      await until(
        async () => {
          await moved.send(session, 'caller');
          await callee.send(session, 'callee');
        },
        () => tap.packets.some(({ bytes }) => ssrcOf(bytes) === moved.ssrc) && tap.packets.some((one) => one.isCallee),
      );
      await session.close();
      assert.equal((await tap.ended).recordingId, 'rec1');
      port2.close();
    });

    it('passes the packets of a fax as they are, copies nothing of it, and has audio again after it', async () => {
      const port2 = await tapOf(engine);
      const { session, caller, callee } = await talking();
      session.fork({ recordingId: 'rec1' });
      const tap = readTap(port2);
      const copied = (isCallee: boolean) => tap.packets.some((packet) => packet.isCallee === isCallee);
      await flows(session, caller, callee, () => copied(false) && copied(true));
      const before = [session.local('caller'), session.local('callee')];
      session.setRemote('caller', faxOf(caller));
      session.setRemote('callee', faxOf(callee));
      await session.report();
      assert.deepEqual([session.local('caller'), session.local('callee')], before);
      // By its first octets neither is RTP, and the second one is RTCP by RFC 5761.
      const pages = [Buffer.from([0, 1, 3, 0xd5, 0x80]), Buffer.from([0x80, 200, 0, 1, 7, 7, 7, 7])];
      for (const page of pages) {
        const isThere = ({ peer }: Party) => peer.received.some(({ bytes }) => bytes.equals(page));
        await until(
          async () => {
            await caller.peer.sendRtp(page, session.local('caller'));
            await callee.peer.sendRtp(page, session.local('callee'));
          },
          () => isThere(caller) && isThere(callee),
        );
      }
      tap.packets.length = 0;
      session.setRemote('caller', remoteOf(caller));
      session.setRemote('callee', remoteOf(callee));
      await flows(session, caller, callee, () => copied(false) && copied(true));
      assert.ok(tap.packets.every(({ bytes }) => bytes.length === 172));
      await session.close();
      assert.equal((await tap.ended).lostPackets, 0);
      port2.close();
    });

    it('rates what was heard of each side also when the call ends in a fax, or a side has gone before', async () => {
      const port2 = await tapOf(engine);
      const { session, caller, callee } = await talking();
      session.fork({ recordingId: 'rec1' });
      const tap = readTap(port2);
      const copied = (isCallee: boolean) => tap.packets.some((packet) => packet.isCallee === isCallee);
      await flows(session, caller, callee, () => copied(false) && copied(true));
      session.setRemote('caller', faxOf(caller));
      session.setRemote('callee', faxOf(callee));
      await session.report();
      session.clearRemote('caller');
      const report = await session.close();
      for (const { mos, lost, source } of [report.caller, report.callee]) {
        assert.ok(mos !== null && mos > 4, JSON.stringify(report));
        assert.equal(lost, 0);
        assert.notEqual(source, null);
      }
      port2.close();
    });

    it('begins with a fax, of which a stranger can say nothing', async () => {
      const session = await open();
      const [caller, callee, stranger] = [await party(11), await party(22, '127.0.0.3'), await party(33, '127.0.0.4')];
      const place = session.local('caller');
      session.setRemote('caller', faxOf(caller));
      await session.report();
      session.setRemote('callee', faxOf(callee));
      await session.report();
      assert.deepEqual(session.local('caller'), place);
      const [page, forged] = [Buffer.from([0, 1, 3, 1, 2, 3]), Buffer.from([0, 1, 3, 9, 9, 9])];
      await until(
        async () => {
          await stranger.peer.sendRtp(forged, session.local('callee'));
          await callee.peer.sendRtp(page, session.local('callee'));
        },
        () => caller.peer.received.length > 2,
      );
      assert.ok(caller.peer.received.every(({ bytes }) => bytes.equals(page)));
      assert.equal(stranger.peer.received.length, 0);
    });

    it('passes nothing between a side in a fax and one in audio', async () => {
      const { session, caller, callee } = await talking();
      session.setRemote('caller', faxOf(caller));
      const before = await session.report();
      const [atCaller, atCallee] = [caller.peer.received.length, callee.peer.received.length];
      for (let packets = 0; packets < 5; packets += 1) {
        await caller.peer.sendRtp(Buffer.from([0, packets, 3, 1, 2, 3]), session.local('caller'));
        await callee.send(session, 'callee', 8, Buffer.from([99]));
      }
      // What is still on its way would come when both have audio.
      for (let now = before; ; now = await session.report()) {
        const dropped = droppedOf(now.caller) - droppedOf(before.caller);
        if (dropped >= 5 && now.callee.packets >= before.callee.packets + 5) break;
        await pause();
      }
      session.setRemote('caller', remoteOf(caller));
      await flows(session, caller, callee);
      assert.ok(callee.peer.received.slice(atCallee).every(({ bytes }) => bytes.length === 172));
      assert.ok(caller.peer.received.slice(atCaller).every(({ bytes }) => markOf(bytes) !== 99));
    });

    it('plays a tone into a leg and says when it has ended', async function () {
      if (!traits.plays) skip(this, 'this engine plays nothing');
      const { session, caller, callee } = await talking();
      const told: MediaEvent[] = [];
      session.onEvent((event) => told.push(event));
      const source = { kind: 'tone', frequenciesHz: [425], cadenceMs: [200] } as const;
      const playId = session.play('caller', { source, mode: 'replace' });
      await until(
        () => callee.send(session, 'callee'),
        () => told.some((event) => event.type === 'played'),
      );
      assert.deepEqual(
        told.filter((event) => event.type === 'played'),
        [{ type: 'played', playId, end: 'finished' }],
      );
      assert.ok(caller.peer.received.some(({ bytes }) => bytes.subarray(13).some((octet) => octet !== SILENCE)));
    });

    it('says that it cannot play what is no sound', async () => {
      const { session } = await talking();
      const told = new Promise<MediaEvent>((resolve) => session.onEvent(resolve));
      const playId = session.play('caller', { source: { kind: 'file', path: '/nowhere/at-all.wav' }, mode: 'mix' });
      assert.deepEqual(await told, { type: 'played', playId, end: 'failed' });
    });

    it('refuses a session when all ports are taken, and opens one again when one was closed', async () => {
      const opened: MediaSession[] = [];
      let reason = '';
      while (reason === '' && opened.length < 20) {
        const one = await engine.port.open({
          sessionId: `c${opened.length}`,
          callerNetwork: 'lan',
          calleeNetwork: 'lan',
        });
        if (one.ok) opened.push(one.session);
        else reason = one.reason;
      }
      assert.equal(reason, 'no-media-ports');
      await opened[0]?.close();
      // Ports may rest for a moment.
      let again = await engine.port.open({ sessionId: 'again', callerNetwork: 'lan', calleeNetwork: 'lan' });
      for (let tries = 0; tries < 100 && !again.ok; tries += 1) {
        await new Promise((resolve) => setTimeout(resolve, PACE_MS));
        again = await engine.port.open({ sessionId: 'again', callerNetwork: 'lan', calleeNetwork: 'lan' });
      }
      assert.ok(again.ok);
    });

    it('tells a session that is lost with its engine, once, and opens none any more', async () => {
      const { session } = await talking();
      let lost = 0;
      const told = new Promise<void>((resolve) =>
        session.onLost(() => {
          lost += 1;
          resolve();
        }),
      );
      await engine.kill();
      await told;
      const refused = await engine.port.open({ sessionId: 'c2', callerNetwork: 'lan', calleeNetwork: 'lan' });
      assert.deepEqual(refused, { ok: false, reason: 'relay-down' });
      assert.ok((await session.close()).caller.packets >= 0);
      assert.equal(lost, 1);
      const late = new Promise<void>((resolve) => session.onLost(resolve));
      await late;
    });
  });
}

/** Ends the test here, saying why. */
function skip(test: Mocha.Context, why: string): never {
  console.log(`      skipped: ${why}`);
  return test.skip();
}

function remoteOf({ peer }: Party, changes: Partial<MediaRemote> = {}): MediaRemote {
  return {
    address: peer.address,
    rtpPort: peer.port,
    rtcpPort: peer.port + 1,
    signallingAddress: peer.address,
    nat: 'off',
    sources: [],
    codecs: [PCMA, events(101)],
    sends: true,
    ...changes,
  };
}

/** The same peer in a fax. */
function faxOf(party: Party): MediaRemote {
  return remoteOf(party, { rtcpPort: 0, codecs: [], isUdptl: true, isSilent: true });
}

/** Sends both ways until each has received something new of the other. */
async function flows(
  session: MediaSession,
  caller: Party,
  callee: Party,
  isEnough: () => boolean = () => true,
): Promise<void> {
  const [atCaller, atCallee] = [caller.peer.received.length, callee.peer.received.length];
  await until(
    async () => {
      await caller.send(session, 'caller');
      await callee.send(session, 'callee');
    },
    () => caller.peer.received.length > atCaller && callee.peer.received.length > atCallee && isEnough(),
  );
}

/** Repeats a step, at a packet's pace, until something has come of it: what is told to an engine takes its time. */
async function until(step: () => Promise<unknown>, isDone: () => boolean): Promise<void> {
  while (!isDone()) {
    await step();
    await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PACE_MS));
}

function droppedOf({ dropped }: StreamReport): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0);
}

async function arrival(peer: UdpPeer, isIt: (bytes: Buffer) => boolean): Promise<Buffer> {
  for (let count = 1; ; count += 1) {
    const found = (await peer.receivedCount(count)).find(({ bytes }) => isIt(bytes));
    if (found !== undefined) return found.bytes;
    count = Math.max(count, peer.received.length);
  }
}

function markOf(bytes: Buffer): number {
  return bytes[12] ?? 0;
}

function payloadTypesAt({ peer }: Party): number[] {
  return [...new Set(peer.received.map(({ bytes }) => payloadTypeOf(bytes)))];
}

function tapOf(engine: MediaPortUnderTest): Promise<MessagePort> {
  return new Promise((resolve) => engine.connectTap(resolve));
}

interface TappedPacket {
  readonly isCallee: boolean;
  readonly arrivalMs: number;
  readonly bytes: Buffer;
}

/** Reads a tap, from now on and until its fork ends. */
function readTap(port: MessagePort) {
  const packets: TappedPacket[] = [];
  let recordingId = '';
  const ended = new Promise<{ recordingId: string; lostPackets: number }>((resolve) => {
    port.on('message', (message: TapMessage) => {
      if (message.type === 'fork') recordingId = message.recordingId;
      else if (message.type === 'unfork') resolve({ recordingId, lostPackets: message.lostPackets });
      else {
        readTapBatch(message.buffer, message.bytes, (_fork, isCallee, arrivalMs, packet) => {
          packets.push({ isCallee, arrivalMs, bytes: Buffer.from(packet) });
        });
        port.postMessage({ type: 'returned', buffer: message.buffer }, [message.buffer]);
      }
    });
  });
  return { packets, ended };
}
