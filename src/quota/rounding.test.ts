import assert from 'node:assert/strict';
import fc from 'fast-check';
import { formatMoney, parseMoney } from './money.js';
import { chargedSeconds, longestCharged, roundUp } from './rounding.js';

const steps = fc.record({
  firstSeconds: fc.integer({ min: 1, max: 120 }),
  thenSeconds: fc.integer({ min: 1, max: 120 }),
  minimumSeconds: fc.integer({ min: 0, max: 120 }),
});

describe('chargedSeconds', () => {
  it('bills begun seconds, and an answer of no length as the first step', () => {
    const perSecond = { firstSeconds: 1, thenSeconds: 1, minimumSeconds: 0 };
    assert.equal(chargedSeconds(0, perSecond), 1);
    assert.equal(chargedSeconds(1_000, perSecond), 1);
    assert.equal(chargedSeconds(1_001, perSecond), 2);
    assert.equal(chargedSeconds(0, { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 }), 60);
  });

  it('bills the first step, then further steps', () => {
    const rounding = { firstSeconds: 30, thenSeconds: 6, minimumSeconds: 0 };
    assert.deepEqual(
      [1, 30, 31, 36, 37].map((seconds) => roundUp(seconds, rounding)),
      [30, 30, 36, 36, 42],
    );
  });

  it('charges no answer less than the minimum, whatever its steps', () => {
    const rounding = { firstSeconds: 10, thenSeconds: 10, minimumSeconds: 25 };
    assert.deepEqual(
      [1, 12, 25, 26, 31].map((seconds) => roundUp(seconds, rounding)),
      [25, 25, 30, 30, 40],
    );
  });
});

describe('longestCharged', () => {
  it('is the longest duration whose charge fits, for any steps', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 0, max: 5_000 }), (rounding, available) => {
        const longest = longestCharged(available, rounding);
        if (longest > 0) assert.ok(roundUp(longest, rounding) <= available);
        assert.ok(roundUp(longest + 1, rounding) > available);
      }),
    );
  });
});

describe('money', () => {
  it('survives reading and writing', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (micros) => {
        assert.equal(parseMoney(formatMoney(micros)), micros);
      }),
    );
    assert.equal(formatMoney(parseMoney('1.98') * 100), '198');
    assert.equal(formatMoney(parseMoney('1.980')), '1.98');
  });

  it('refuses what is no amount', () => {
    assert.throws(() => parseMoney('9007199254.740992'), RangeError);
    for (const text of ['', '-1', '1.', '1,5', '1e3', '0.1234567']) assert.throws(() => parseMoney(text), RangeError);
  });
});
