// RTCP through the relay and of its own, with rtp.js as the peers' witness.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packets } from 'rtp.js';
import { isRtcp } from '../../rtp/rtcp-packet.js';
import { otherSide, peerReport, RelayedCall, readControl } from './relayed-call-kit.js';

const CALLER = 0x11;
const CALLEE = 0x22;
const SECOND = 0x33;
const NTP = { ntpSeconds: 0xe000_1234, ntpFraction: 0x5678_9abc };
const NTP_MIDDLE = 0x1234_5678;

describe('RTCP in the relay', () => {
  let call: RelayedCall;

  beforeEach(() => {
    call = new RelayedCall();
  });

  it('goes through unchanged, both ways, while each stream has one source', () => {
    call.talk('caller', { sequence: 1, ssrc: CALLER }, 5);
    call.talk('callee', { sequence: 9, ssrc: CALLEE }, 5);
    const report = peerReport(CALLER, {
      sender: { ...NTP, timestamp: 800 },
      blocks: [{ ssrc: CALLEE, highest: 13 }],
      cname: 'caller@example',
    });
    assert.deepEqual(call.rtcp('caller', report), report);
    const answer = peerReport(CALLEE, { blocks: [{ ssrc: CALLER, lost: 2 }], cname: 'callee@example' });
    assert.deepEqual(call.rtcp('callee', answer), answer);
    assert.deepEqual([call.report().caller.rtcpPackets, call.report().callee.rtcpPackets], [1, 1]);
  });

  it('is told of streams by the numbers under which they left, when the source of one has changed', () => {
    call.talk('caller', { sequence: 1, ssrc: CALLER }, 2);
    call.talk('callee', { sequence: 100, ssrc: CALLEE, timestamp: 1_000 }, 3);
    const [first] = call.talk('callee', { sequence: 60_000, ssrc: SECOND, timestamp: 50_000 }, 2);
    assert.equal(first?.readUInt32BE(8), CALLEE);
    const offset = (first?.readUInt32BE(4) ?? 0) - 50_000;
    // The new source reports: to the caller it is the old one.
    const sent = call.rtcp(
      'callee',
      peerReport(SECOND, {
        sender: { ...NTP, timestamp: 50_160 },
        blocks: [{ ssrc: CALLER, highest: 2 }],
        cname: 'two@example',
      }),
    );
    const { report, block, cnameSsrc, cname } = readControl(sent ?? assert.fail());
    assert.ok(report instanceof packets.SenderReportPacket);
    assert.deepEqual([report.getSsrc(), cnameSsrc, cname], [CALLEE, CALLEE, 'two@example']);
    assert.equal(report.getRtpTimestamp(), (50_160 + offset) >>> 0);
    assert.equal(report.getPacketCount(), 5);
    assert.deepEqual([report.getNtpSeconds(), report.getNtpFraction()], [NTP.ntpSeconds, NTP.ntpFraction]);
    assert.deepEqual([block?.getSsrc(), block?.getHighestSeqNumber()], [CALLER, 2]);
    // What the caller says of the stream is for the new source, in its numbers.
    const told = call.rtcp('caller', peerReport(CALLER, { blocks: [{ ssrc: CALLEE, highest: 104, lost: 1 }] }));
    const about = readControl(told ?? assert.fail()).block;
    assert.deepEqual([about?.getSsrc(), about?.getHighestSeqNumber(), about?.getTotalLost()], [SECOND, 60_001, 1]);
    assert.equal(call.report().callee.peerReport?.lost, 1);
  });

  it('says no goodbye of a source whose stream goes on', () => {
    call.talk('callee', { sequence: 100, ssrc: CALLEE }, 3);
    const sent = call.rtcp('callee', peerReport(CALLEE, { cname: 'x', bye: true }));
    assert.deepEqual(readControl(sent ?? assert.fail()).types, [201, 202]);
    call = new RelayedCall({ continuity: false });
    call.talk('callee', { sequence: 100, ssrc: CALLEE }, 3);
    const goodbye = peerReport(CALLEE, { cname: 'x', bye: true });
    assert.deepEqual(call.rtcp('callee', goodbye), goodbye);
  });

  it('goes through as it came when rtp.js does not take it, unless numbers in it would be wrong', () => {
    call.talk('callee', { sequence: 100, ssrc: CALLEE }, 2);
    // A receiver report with an extension that no library knows.
    const strange = Buffer.from([0x80, 201, 0, 2, 0, 0, 0, CALLEE, 1, 2, 3, 4]);
    assert.deepEqual(call.rtcp('callee', strange), strange);
    call.talk('callee', { sequence: 7, ssrc: SECOND }, 2);
    assert.equal(call.rtcp('callee', strange), null);
    assert.equal(call.report().callee.rtcpPackets, 2);
  });

  it('tells the round trip to either side by reports that it passed on', () => {
    call.talk('caller', { sequence: 1, ssrc: CALLER }, 2);
    call.rtcp('caller', peerReport(CALLER, { sender: { ...NTP, timestamp: 1 } }));
    call.advance(1_080);
    // The callee held the report for a second: 80 ms were spent on the way.
    call.rtcp('callee', peerReport(CALLEE, { blocks: [{ ssrc: CALLER, lsr: NTP_MIDDLE, dlsr: 65_536 }] }));
    assert.equal(call.report().callee.roundTripMs, 80);
    assert.equal(call.report().caller.roundTripMs, null);
    // A report that nobody sent, and a time that cannot be, say nothing.
    call.rtcp('callee', peerReport(CALLEE, { blocks: [{ ssrc: CALLER, lsr: 5, dlsr: 0 }] }));
    call.rtcp('callee', peerReport(CALLEE, { blocks: [{ ssrc: CALLER, lsr: NTP_MIDDLE, dlsr: 65_536 * 60 }] }));
    assert.equal(call.report().callee.roundTripMs, 80);
  });

  for (const mute of ['caller', 'callee'] as const) {
    const other = otherSide(mute);

    it(`is made by the relay in place of a ${mute} that sends none, at the intervals of RFC 3550 §6.3`, () => {
      const times: number[] = [];
      call.talk(mute, { sequence: 65_530, ssrc: CALLER, timestamp: 2 ** 32 - 400 }, 10);
      call.talk(other, { sequence: 1, ssrc: CALLEE }, 4);
      call.talk(other, { sequence: 8, ssrc: CALLEE }, 4);
      const reports: Buffer[] = [];
      for (let at = 0; at < 60_000; at += 20) {
        call.talk(mute, { sequence: 4 + at / 20, ssrc: CALLER, timestamp: 1_200 + at * 8 }, 1);
        if (at % 5_000 === 0) call.rtcp(other, peerReport(CALLEE, { cname: 'other' }));
        for (const packet of call.takeControl(other)) {
          times.push(at);
          reports.push(packet);
        }
      }
      assert.equal(call.report()[other].rtcpGenerated, times.length);
      assert.equal(call.report()[mute].rtcpGenerated, 0);
      assert.ok((times[0] ?? 0) >= 5_700 && (times[0] ?? 0) <= 6_200, `first after ${times[0]} ms`);
      const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
      // Half to one and a half of 5 s, by e − 1.5; the first of half of that; and what a tick adds.
      assert.ok(
        gaps.length >= 7 && gaps.every((gap, index) => gap >= (index === 0 ? 1_026 : 2_052) && gap <= 6_360),
        gaps.join(),
      );
      const { report, block, cname, cnameSsrc } = readControl(reports[0] ?? assert.fail());
      assert.ok(report instanceof packets.SenderReportPacket);
      assert.deepEqual([report.getSsrc(), cnameSsrc], [CALLER, CALLER]);
      assert.match(cname ?? '', /^[\w+/]{16}$/);
      const sent = 10 + (times[0] ?? 0) / 20;
      assert.deepEqual([report.getPacketCount(), report.getOctetCount()], [sent, sent * 160]);
      assert.equal(report.getRtpTimestamp(), 1_200 + (times[0] ?? 0) * 8);
      const wallMs = (report.getNtpSeconds() - 2_208_988_800) * 1_000;
      assert.ok(Math.abs(wallMs - Date.now()) < 120_000);
      // What came of the other side's stream: 8 of 11, the three lost before this report.
      assert.deepEqual(
        [block?.getSsrc(), block?.getTotalLost(), block?.getFractionLost(), block?.getHighestSeqNumber()],
        [CALLEE, 3, Math.floor((3 * 256) / 11), 11],
      );
      const later = readControl(reports[1] ?? assert.fail()).block;
      assert.deepEqual([later?.getTotalLost(), later?.getFractionLost()], [3, 0]);
    });
  }

  it('measures the round trip by its own reports too, and repeats the time of what the side sent', () => {
    const reportAt = (lsr: number, dlsr: number) =>
      peerReport(CALLEE, { sender: { ...NTP, timestamp: 1 }, blocks: [{ ssrc: CALLER, lsr, dlsr }] });
    call.talk('callee', { sequence: 1, ssrc: CALLEE }, 1);
    let generated: Buffer[] = [];
    for (let sequence = 1; generated.length === 0; sequence += 1) {
      call.talk('caller', { sequence, ssrc: CALLER }, 1);
      if (sequence % 250 === 0) call.rtcp('callee', reportAt(0, 0));
      generated = call.takeControl('callee');
    }
    const { report, block } = readControl(generated[0] ?? assert.fail());
    assert.ok(report instanceof packets.SenderReportPacket);
    assert.equal(block?.getLastSRTimestamp(), NTP_MIDDLE);
    assert.ok((block?.getDelaySinceLastSR() ?? 0) > 0);
    const middle = (((report.getNtpSeconds() & 0xffff) << 16) | (report.getNtpFraction() >>> 16)) >>> 0;
    call.advance(600);
    call.rtcp('callee', reportAt(middle, 65_536 / 2));
    assert.equal(call.report().callee.roundTripMs, 100);
  });

  it('is made for a side that only listens, as receiver reports', () => {
    let reports: Buffer[] = [];
    for (let sequence = 1; sequence < 1_000; sequence += 1) {
      call.talk('caller', { sequence, ssrc: CALLER }, 1);
      reports = [...reports, ...call.takeControl('caller')];
    }
    assert.ok(reports.length > 0);
    const { report, block } = readControl(reports[0] ?? assert.fail());
    assert.ok(report instanceof packets.ReceiverReportPacket);
    assert.equal(block?.getSsrc(), CALLER);
  });

  it('is not made any more once the side sends its own, and again when it stops', () => {
    call.talk('caller', { sequence: 1, ssrc: CALLER }, 1);
    const beat = (seconds: number, own: boolean) => {
      for (let at = 0; at < seconds; at += 5) {
        if (own) call.rtcp('caller', peerReport(CALLER, {}));
        call.rtcp('callee', peerReport(CALLEE, {}));
        call.advance(5_000);
      }
      return call.takeControl('callee').length;
    };
    assert.ok(beat(30, false) > 0);
    assert.equal(beat(60, true), 0);
    assert.ok(beat(30, false) > 0);
    call.session.clearRemote('callee');
    assert.equal(beat(30, false), 0);
  });

  it('gives the gateway of the next attempt its own time, and repeats nothing of the last one', () => {
    call.talk('caller', { sequence: 1, ssrc: CALLER }, 1);
    call.talk('callee', { sequence: 1, ssrc: CALLEE }, 1);
    call.rtcp('callee', peerReport(CALLEE, { sender: { ...NTP, timestamp: 1 } }));
    call.advance(30_000);
    assert.ok(call.takeControl('caller').length > 0);
    call.session.clearRemote('callee');
    call.remote('callee');
    call.talk('callee', { sequence: 1, ssrc: SECOND }, 1);
    call.advance(11_000);
    assert.deepEqual(call.takeControl('caller'), []);
    const [toCallee] = call.takeControl('callee').slice(-1);
    const { block } = readControl(toCallee ?? assert.fail());
    assert.deepEqual([block?.getSsrc(), block?.getLastSRTimestamp(), block?.getDelaySinceLastSR()], [SECOND, 0, 0]);
  });

  it('shares the port of RTP with a side that wants it so', () => {
    call.remote('caller', { rtcpMux: true });
    call.talk('caller', { sequence: 1, ssrc: CALLER }, 1);
    const report = peerReport(CALLER, { cname: 'x' });
    assert.deepEqual(call.rtp('caller', report), report);
    assert.deepEqual([call.report().caller.rtcpPackets, call.report().caller.dropped.malformed], [1, 0]);
    call.rtcp('callee', report);
    assert.equal(call.lastPort, 40_000);
    // RTCP on the port of its own, all the same, is taken too, and does not lead RTP astray.
    call.advance(3_000);
    assert.deepEqual(call.rtcp('caller', report), report);
    call.talk('callee', { sequence: 1, ssrc: CALLEE }, 1);
    assert.equal(call.lastPort, 40_000);
  });
});

describe('RTCP of any kind in the relay', () => {
  it('never ends a call, and leaves as RTCP about streams that the other side knows', () => {
    const ssrc = fc.constantFrom(CALLER, CALLEE, SECOND, 0, 0xffff_ffff);
    const reported = fc.record({
      ssrc,
      lost: fc.integer({ min: -9, max: 9 }),
      highest: fc.nat(),
      lsr: fc.nat(),
      dlsr: fc.nat(),
    });
    const report = fc
      .record({
        ssrc,
        sender: fc.option(fc.record({ ntpSeconds: fc.nat(), ntpFraction: fc.nat(), timestamp: fc.nat() })),
        blocks: fc.array(reported, { maxLength: 4 }),
        bye: fc.boolean(),
      })
      .map(({ ssrc: from, sender, blocks, bye }) =>
        peerReport(from, { ...(sender !== null && { sender }), blocks, bye, cname: 'peer@example' }),
      );
    const noise = fc
      .tuple(fc.constantFrom(200, 201, 202, 203, 204, 205, 206, 207), fc.uint8Array({ maxLength: 60 }))
      .map(([type, rest]) => {
        const words = rest.length >> 2;
        return Buffer.from([0x80 | (rest.length & 0x1f), type, 0, words, ...rest.subarray(0, words * 4)]);
      });
    const step = fc.record({
      side: fc.constantFrom('caller' as const, 'callee' as const),
      packet: fc.oneof(
        report,
        noise,
        fc.tuple(report, noise).map((both) => Buffer.concat(both)),
      ),
      talks: fc.option(fc.record({ ssrc, sequence: fc.nat(0xffff), timestamp: fc.nat(0xffff_ffff) })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.boolean(), (steps, continuity) => {
        const call = new RelayedCall({ continuity });
        const streams = { caller: new Set<number>(), callee: new Set<number>() };
        for (const { side, packet, talks } of steps) {
          if (talks !== null) for (const sent of call.talk(side, talks, 2)) streams[side].add(sent.readUInt32BE(8));
          const sent = call.rtcp(side, packet);
          if (sent !== null) assert.ok(isRtcp(sent), sent.toString('hex'));
          call.advance(400);
        }
        if (continuity) for (const side of ['caller', 'callee'] as const) assert.ok(streams[side].size <= 1);
        for (const side of ['caller', 'callee'] as const) {
          for (const own of call.takeControl(side)) {
            const known = streams[otherSide(side)];
            const { report: made } = readControl(own);
            if (known.size > 0 && made instanceof packets.SenderReportPacket) assert.ok(known.has(made.getSsrc()));
          }
        }
        call.report();
      }),
      { numRuns: 60 },
    );
  });
});
