// What the record of a call at a real rtpengine says of its media: who told what, and what is left at the end of a call that has
// changed.
import assert from 'node:assert/strict';
import type { MediaSession } from '../../call/ports.js';
import type { Side } from '../../call/reports.js';
import { composeRtcp, middleOfNtpAt } from '../../rtp/rtcp-own-reports.js';
import { remoteOf, rtpPacket, type UdpPeer } from '../relay/relay-test-kit.js';
import { EngineLab, exchange, until } from './testing/engine-lab.js';
import { engineAt } from './testing/rtpengine-settings.js';

const SSRC: Readonly<Record<Side, number>> = { caller: 5, callee: 6 };
/** In what the callee says of itself; the caller is near. */
const CALLEE_ROUND_TRIP_MS = 300;

describe('the figures of a session at rtpengine', () => {
  let lab: EngineLab;

  before(function () {
    EngineLab.skipIfMissing(this);
  });

  beforeEach(async () => {
    lab = new EngineLab();
    await lab.start([engineAt((await lab.daemon()).udpUrl)]);
  });

  afterEach(() => lab.close());

  function faxOf(peer: UdpPeer) {
    return remoteOf(peer, { nat: 'off', rtcpPort: 0, codecs: [], isUdptl: true, isSilent: true });
  }

  /** Both sides tell what they hear and how far away they are, until rtpengine has made something of it. */
  async function tellByRtcp(session: MediaSession, controls: Readonly<Record<Side, UdpPeer>>): Promise<void> {
    const sentMs = Date.now() - CALLEE_ROUND_TRIP_MS;
    const say = (side: Side, block: { about: Side; lost: number; jitter: number; delayMs: number } | null) => {
      const { address, rtcpPort: port } = session.local(side);
      const report = {
        ssrc: SSRC[side],
        cname: side,
        sender: block === null ? { wallMs: sentMs, rtpTimestamp: 160, packets: 1, octets: 160 } : null,
        block: block && {
          ssrc: SSRC[block.about],
          fractionLost: 0,
          lost: block.lost,
          highestSequence: 9,
          jitter: block.jitter,
          lastSr: middleOfNtpAt(sentMs),
          delaySinceLastSr: Math.max(1, Math.round(block.delayMs * 65.536)),
        },
      };
      return controls[side].send(Buffer.from(composeRtcp(report)), { address, port });
    };
    await say('caller', null);
    await say('callee', null);
    const startedMs = performance.now();
    await until(async () => performance.now() - startedMs > CALLEE_ROUND_TRIP_MS);
    await until(async () => {
      const elapsedMs = performance.now() - startedMs;
      await say('caller', { about: 'callee', lost: 9, jitter: 56, delayMs: elapsedMs - 10 });
      await say('callee', { about: 'caller', lost: 4, jitter: 24, delayMs: elapsedMs - CALLEE_ROUND_TRIP_MS });
      const { caller, callee } = await session.report();
      return caller.peerReport !== null && callee.peerReport !== null;
    });
  }

  it('are of each stream what the other side told, and a fax, a transfer and what comes after leave its score', async () => {
    const session = await lab.open();
    const controls = { caller: await lab.peer(), callee: await lab.peer() };
    const rtcp = (side: Side) => ({ rtcpPort: controls[side].port });
    const [caller, callee] = await lab.talking(session, { caller: rtcp('caller'), callee: rtcp('callee') });
    await tellByRtcp(session, controls);
    const told = await session.report();
    assert.deepEqual(
      [told.caller.peerReport, told.callee.peerReport],
      [
        { lost: 4, jitterMs: 3 },
        { lost: 9, jitterMs: 7 },
      ],
    );
    assert.ok((told.callee.roundTripMs ?? 0) >= CALLEE_ROUND_TRIP_MS, `${told.callee.roundTripMs}`);
    assert.ok((told.caller.roundTripMs ?? 1_000) < CALLEE_ROUND_TRIP_MS, `${told.caller.roundTripMs}`);
    for (const { mos } of [told.caller, told.callee]) assert.ok(mos !== null && mos < 4.3, `${mos}`);

    session.setRemote('caller', faxOf(caller));
    session.setRemote('callee', faxOf(callee));
    await session.report();
    const page = Buffer.from([0, 1, 3, 0xd5, 0x80]);
    await until(async () => {
      await caller.sendRtp(page, session.local('caller'));
      return callee.received.some(({ bytes }) => bytes.equals(page));
    });
    session.clearRemote('caller');
    const { caller: last, callee: other } = await session.close();
    // A report more, that was on its way, may be in the means.
    assert.ok(Math.abs((last.mos ?? 0) - (told.caller.mos ?? 0)) < 0.05, `${last.mos} ${told.caller.mos}`);
    assert.ok(Math.abs((other.mos ?? 0) - (told.callee.mos ?? 0)) < 0.05, `${other.mos} ${told.callee.mos}`);
    assert.deepEqual([last.source, other.source], [`127.0.0.1:${caller.port}`, `127.0.0.1:${callee.port}`]);
  });

  it('take nothing for lost that was not copied while something else was played', async () => {
    const session = await lab.open();
    const [, callee] = await lab.talking(session);
    session.fork({ recordingId: 'rec1' });
    await session.report();
    let sequence = 100;
    const say = () => callee.sendRtp(rtpPacket({ sequence: sequence++, ssrc: 6 }), session.local('callee'));
    const source = { kind: 'tone', frequenciesHz: [425], cadenceMs: [200] } as const;
    let ended = 0;
    session.onEvent((event) => {
      if (event.type === 'played') ended = sequence;
    });
    const from = sequence;
    session.play('caller', { source, mode: 'replace' });
    await until(async () => {
      await say();
      return ended > 0 && sequence > ended + 10;
    });
    const report = await session.close();
    assert.ok(ended > from + 1, `${ended - from} packets meanwhile`);
    assert.deepEqual([report.callee.lost, report.callee.mos === null], [0, false]);
  });

  it('know in a fax that is recorded that both sides live', async () => {
    const session = await lab.open();
    const [caller, callee] = await lab.talking(session);
    session.fork({ recordingId: 'rec1' });
    await until(async () => {
      await exchange(session, caller, callee);
      return (await session.report()).lastPacketAgeMs !== null;
    });
    session.setRemote('caller', faxOf(caller));
    session.setRemote('callee', faxOf(callee));
    await session.report();
    const since = performance.now();
    await until(async () => {
      await caller.sendRtp(Buffer.from([0, 1, 3, 0xd5, 0x80]), session.local('caller'));
      const { lastPacketAgeMs } = await session.report();
      return performance.now() - since > 400 && lastPacketAgeMs !== null && lastPacketAgeMs < 200;
    });
  });

  it('have no sign of a side in what somebody else sends', async () => {
    const session = await lab.open();
    const [caller, callee, stranger] = [await lab.peer(), await lab.peer(), await lab.peer('127.0.0.9')];
    session.setRemote('caller', remoteOf(caller, { nat: 'off' }));
    session.setRemote('callee', remoteOf(callee, { nat: 'off' }));
    session.watchSilence(100);
    await session.report();
    let sequence = 0;
    await until(async () => {
      await stranger.sendRtp(rtpPacket({ sequence: sequence++, ssrc: 99 }), session.local('caller'));
      const { caller: heard } = await session.report();
      return heard.dropped.source > 5 && heard.silentMs > 100;
    });
    const { caller: heard } = await session.close();
    assert.deepEqual([heard.source, heard.firstPacketWallMs], [null, null]);
  });

  it('know that both sides live, though they send payload types that rtpengine counts as errors', async () => {
    const session = await lab.open();
    const [caller, callee] = await lab.talking(session);
    await session.report();
    const [since, atCallee] = [performance.now(), callee.received.length];
    let sequence = 100;
    const say = (peer: UdpPeer, side: Side) =>
      peer.sendRtp(rtpPacket({ sequence: sequence++, ssrc: SSRC[side], payloadType: 77 }), session.local(side));
    await until(async () => {
      await say(caller, 'caller');
      await say(callee, 'callee');
      const report = await session.report();
      assert.ok(Number(report.lastPacketAgeMs) < 300, `nothing for ${report.lastPacketAgeMs} ms`);
      return (
        performance.now() - since > 400 && Math.min(report.caller.dropped.source, report.callee.dropped.source) > 5
      );
    });
    assert.ok(callee.received.length > atCallee + 5);
  });

  it('are those of the whole call where the callee has begun anew in another network', async () => {
    const session = await lab.open();
    const [caller, callee] = await lab.talking(session);
    for (let times = 0; times < 10; times += 1) await exchange(session, caller, callee);
    const before = (await session.report()).callee.packets;
    assert.ok(before > 10);
    assert.deepEqual(await session.placeCallee('wan'), { ok: true });
    await lab.talking(session);
    assert.ok((await session.close()).callee.packets > before);
  });
});
