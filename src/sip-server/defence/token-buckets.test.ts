import assert from 'node:assert/strict';
import fc from 'fast-check';
import { bucketRate, TokenBuckets } from './token-buckets.js';

describe('TokenBuckets', () => {
  const now = new Float64Array(1);

  it('admits what a counted bucket admits, through any course of packets', () => {
    const course = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 200 });
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 5, 8, 10, 50),
        fc.integer({ min: 1, max: 20 }),
        course,
        (messagesPerSecond, burst, gapsMs) => {
          const buckets = new TokenBuckets(1, now);
          const rate = bucketRate({ messagesPerSecond, burst });
          let nowMs = 1_000;
          // Tokens in thousandths: whole numbers, so that the count is exact.
          let tokens = burst * 1_000;
          for (const gapMs of gapsMs) {
            nowMs += gapMs;
            now[0] = nowMs;
            tokens = Math.min(burst * 1_000, tokens + gapMs * messagesPerSecond);
            const isAdmitted = tokens >= 1_000;
            if (isAdmitted) tokens -= 1_000;
            assert.equal(buckets.take(0, rate), isAdmitted);
          }
        },
      ),
    );
  });

  it('admits no more than burst and rate allow over any stretch of time', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { maxLength: 300 }), (gapsMs) => {
        const buckets = new TokenBuckets(1, now);
        const rate = bucketRate({ messagesPerSecond: 100, burst: 10 });
        const admittedAtMs: number[] = [];
        let nowMs = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          now[0] = nowMs;
          if (buckets.take(0, rate)) admittedAtMs.push(nowMs);
        }
        for (const [first, fromMs] of admittedAtMs.entries()) {
          for (let last = first; last < admittedAtMs.length; last++) {
            const elapsedMs = (admittedAtMs[last] as number) - fromMs;
            assert.ok(last - first + 1 <= 10 + elapsedMs / 10 + 1e-3);
          }
        }
      }),
    );
  });

  it('keeps buckets apart, and fills one on demand', () => {
    const buckets = new TokenBuckets(2, now);
    const rate = bucketRate({ messagesPerSecond: 1, burst: 1 });
    assert.equal(buckets.take(0, rate), true);
    assert.equal(buckets.take(0, rate), false);
    assert.equal(buckets.take(1, rate), true);
    buckets.fill(0);
    assert.equal(buckets.take(0, rate), true);
  });
});
