import assert from 'node:assert/strict';
import fc from 'fast-check';
import { composeRtcp } from './rtcp-own-reports.js';
import { isRtcp } from './rtcp-packet.js';
import { ReadRtcp } from './rtcp-reports.js';

describe('RTCP reports', () => {
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
