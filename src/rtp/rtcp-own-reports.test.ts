import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packets } from 'rtp.js';
import { composeRtcp, middleOfNtpAt } from './rtcp-own-reports.js';
import { isRtcp } from './rtcp-packet.js';
import { ReadRtcp, type ReceptionBlock } from './rtcp-reports.js';

const u32 = fc.nat(0xffff_ffff);
const block: fc.Arbitrary<ReceptionBlock> = fc.record({
  ssrc: u32,
  fractionLost: fc.nat(255),
  lost: fc.integer({ min: -0x7f_ffff, max: 0x7f_ffff }),
  highestSequence: u32,
  jitter: u32,
  lastSr: u32,
  delaySinceLastSr: u32,
});
const sender = fc.record({
  wallMs: fc.integer({ min: 0, max: Date.UTC(2035, 0, 1) }),
  rtpTimestamp: u32,
  packets: u32,
  octets: u32,
});
const report = fc.record({
  ssrc: u32,
  cname: fc.stringMatching(/^[\w+/]{1,32}$/),
  sender: fc.option(sender),
  block: fc.option(block),
});

describe('RTCP reports of our own', () => {
  it('say to rtp.js what they were made of', () => {
    fc.assert(
      fc.property(report, (made) => {
        const bytes = composeRtcp(made);
        assert.ok(isRtcp(bytes));
        const read = ReadRtcp.read(bytes)?.reports() ?? assert.fail();
        assert.deepEqual(read.blocks, made.block === null ? [] : [{ ...made.block }]);
        assert.equal(read.senderTime, made.sender === null ? null : middleOfNtpAt(made.sender.wallMs));
        assert.equal(read.hasBye, false);
        const [first, description] = new packets.CompoundPacket(
          new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
        ).getPackets();
        assert.ok(description instanceof packets.SdesPacket);
        assert.equal(description.getChunks()[0]?.getItems()[0]?.text, made.cname);
        if (made.sender === null) return assert.ok(first instanceof packets.ReceiverReportPacket);
        assert.ok(first instanceof packets.SenderReportPacket);
        assert.equal(first.getRtpTimestamp(), made.sender.rtpTimestamp);
        assert.deepEqual([first.getPacketCount(), first.getOctetCount()], [made.sender.packets, made.sender.octets]);
      }),
    );
  });

  it('have the NTP time of RFC 3550 §4', () => {
    // 2026-11-21T00:00:00.500Z: 4,004,208,000.5 s since 1900.
    assert.equal(
      middleOfNtpAt(Date.UTC(2026, 10, 21, 0, 0, 0, 500)),
      (((4_004_208_000 & 0xffff) << 16) | 0x8000) >>> 0,
    );
  });
});
