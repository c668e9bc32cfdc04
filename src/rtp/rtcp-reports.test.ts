import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packets } from 'rtp.js';
import { composeRtcp, middleOfNtpAt, type ReceptionBlock } from './own-report.js';
import { isRtcp } from './rtcp-packet.js';
import { ReadRtcp } from './rtcp-reports.js';

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

describe('RTCP reports', () => {
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

  it('are null when they cannot be read, and never throw', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom(200, 201, 202, 203, 205, 206, 207),
        (rest, type) => {
          const length = (rest.length >> 2) << 2;
          const bytes = Uint8Array.of(0x81, type, 0, length >> 2, ...rest.subarray(0, length));
          const read = ReadRtcp.read(bytes);
          read?.reports();
          const translated = read?.translated({
            sent: { ssrc: 1, as: 2, timestampOffset: 3, packets: 4, octets: 5 },
            received: { ssrc: 6, as: null, sequenceOffset: 7 },
          });
          assert.ok(translated === undefined || translated === null || isRtcp(translated));
        },
      ),
    );
    assert.equal(ReadRtcp.read(new Uint8Array(0)), null);
  });

  it('translate sequence numbers over the wrap', () => {
    const highestAfter = (highestSequence: number, sequenceOffset: number) => {
      const made = composeRtcp({
        ...{ ssrc: 1, cname: 'x', sender: null },
        block: { ssrc: 2, fractionLost: 0, lost: 0, highestSequence, jitter: 0, lastSr: 0, delaySinceLastSr: 0 },
      });
      const translated = ReadRtcp.read(made)?.translated({ sent: null, received: { ssrc: 2, as: 3, sequenceOffset } });
      return ReadRtcp.read(translated ?? assert.fail())?.reports().blocks[0]?.highestSequence;
    };
    assert.equal(highestAfter(0x1_0005, 10), 0xfffb);
    assert.equal(highestAfter(0x1_0005, 0), 0x1_0005);
    assert.equal(highestAfter(0x0_0005, 10), 0xfffb);
  });
});
