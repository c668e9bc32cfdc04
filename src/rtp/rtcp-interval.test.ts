import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FIRST_RTCP_SILENCE_MS, RTCP_SILENCE_MS, rtcpIntervalMs } from './rtcp-interval.js';

describe('the interval of RTCP', () => {
  it('is from a half to one and a half of 5 s, by e - 1.5, and half of that for the first packet (RFC 3550 §6.3.1)', () => {
    assert.deepEqual(
      [0, 0.5, 1].map((random) => Math.round(rtcpIntervalMs(false, random))),
      [2_052, 4_104, 6_156],
    );
    assert.deepEqual(
      [0, 0.5, 1].map((random) => Math.round(rtcpIntervalMs(true, random))),
      [1_026, 2_052, 3_078],
    );
  });

  it('is always shorter than what is taken for silence', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (random) => {
        assert.ok(rtcpIntervalMs(true, random) < FIRST_RTCP_SILENCE_MS);
        assert.ok(rtcpIntervalMs(false, random) < RTCP_SILENCE_MS);
      }),
    );
  });
});
