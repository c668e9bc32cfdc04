import assert from 'node:assert/strict';
import fc from 'fast-check';
import { CallRate } from './call-rate.js';

describe('CallRate', () => {
  it('lets as many calls begin in a second as it may, and the next when the first of them is a second old', () => {
    const rate = new CallRate(2);
    assert.ok(rate.freeAtMs <= 0);
    rate.begin(0);
    assert.ok(rate.freeAtMs <= 400);
    rate.begin(400);
    assert.equal(rate.freeAtMs, 1_000);
    rate.begin(1_000);
    assert.equal(rate.freeAtMs, 1_400);
  });

  it('reads a fraction as one call in so many seconds', () => {
    const rate = new CallRate(0.5);
    rate.begin(0);
    assert.equal(rate.freeAtMs, 2_000);
  });

  it('never lets more begin in any window of a second, whenever they come', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(600), { maxLength: 60 }), (perSecond, pauses) => {
        const rate = new CallRate(perSecond);
        const begun: number[] = [];
        let nowMs = 0;
        for (const pause of pauses) {
          nowMs += pause;
          if (rate.freeAtMs > nowMs) continue;
          rate.begin(nowMs);
          begun.push(nowMs);
        }
        for (const [index, startMs] of begun.entries()) {
          const within = begun.slice(index).filter((otherMs) => otherMs < startMs + 1_000);
          assert.ok(within.length <= perSecond);
        }
      }),
    );
  });
});
