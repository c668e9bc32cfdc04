import assert from 'node:assert/strict';
import fc from 'fast-check';
import { packets } from 'rtp.js';
import {
  hasMarker,
  isRtp,
  payloadEndOf,
  payloadStartOf,
  payloadTypeOf,
  RTP_HEADER_BYTES,
  sequenceOf,
  ssrcOf,
  timestampOf,
  writeRtpHeader,
} from './rtp-header.js';

const u16 = fc.nat(0xffff);
const u32 = fc.nat(0xffff_ffff);
const fields = fc.record(
  {
    payloadType: fc.oneof(fc.nat(63), fc.integer({ min: 96, max: 127 })),
    marker: fc.boolean(),
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
  },
  { noNullPrototype: true },
);

describe('the RTP header', () => {
  it('is read as rtp.js reads it, with CSRCs, extension and padding', () => {
    fc.assert(
      fc.property(
        fields,
        fc.array(u32, { maxLength: 3 }),
        fc.boolean(),
        fc.boolean(),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        ({ payloadType, marker, sequence, timestamp, ssrc }, csrcs, isExtended, isPadded, payload) => {
          const made = new packets.RtpPacket();
          made.setPayloadType(payloadType);
          made.setMarker(marker);
          made.setSequenceNumber(sequence);
          made.setTimestamp(timestamp);
          made.setSsrc(ssrc);
          made.setCsrcs(csrcs);
          if (isExtended) made.enableOneByteExtensions();
          made.setPayload(new DataView(payload.buffer, payload.byteOffset, payload.byteLength));
          if (isPadded) made.padTo4Bytes();
          made.serialize();
          const view = made.getView();
          const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
          const start = payloadStartOf(bytes);
          assert.ok(isRtp(bytes));
          assert.deepEqual(
            {
              payloadType: payloadTypeOf(bytes),
              marker: hasMarker(bytes),
              sequence: sequenceOf(bytes),
              timestamp: timestampOf(bytes),
              ssrc: ssrcOf(bytes),
            },
            { payloadType, marker, sequence, timestamp, ssrc },
          );
          assert.deepEqual(bytes.slice(start, payloadEndOf(bytes, start)), payload);
        },
      ),
    );
  });

  it('is written as it is read', () => {
    fc.assert(
      fc.property(fields, (header) => {
        const bytes = new Uint8Array(RTP_HEADER_BYTES);
        writeRtpHeader(bytes, header);
        assert.deepEqual(
          {
            payloadType: payloadTypeOf(bytes),
            marker: hasMarker(bytes),
            sequence: sequenceOf(bytes),
            timestamp: timestampOf(bytes),
            ssrc: ssrcOf(bytes),
          },
          header,
        );
      }),
    );
  });

  it('is not found in short packets, other versions and RTCP', () => {
    assert.equal(isRtp(new Uint8Array(11).fill(0x80)), false);
    assert.equal(isRtp(new Uint8Array(12)), false);
    for (let type = 192; type <= 223; type += 1) {
      assert.equal(isRtp(Uint8Array.of(0x80, type, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), false);
    }
  });

  it('never places a payload outside of the packet, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 60 }), (bytes) => {
        const start = payloadStartOf(bytes);
        if (start < 0) return;
        const end = payloadEndOf(bytes, start);
        assert.ok(start >= RTP_HEADER_BYTES && start <= bytes.length);
        assert.ok(end === -1 || (end >= start && end <= bytes.length));
      }),
    );
  });
});
