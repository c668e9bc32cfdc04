import assert from 'node:assert/strict';
import fc from 'fast-check';
import { leastThatWorks, mostThatWorks } from './search.js';

describe('a search over whole numbers', () => {
  it('finds the highest that works, asking about as often as it must', () => {
    fc.assert(
      fc.property(fc.nat(5_000), fc.nat(5_000), fc.nat(6_000), (most, limit, guess) => {
        let asked = 0;
        const works = (value: number) => {
          asked += 1;
          assert.ok(value >= 1 && value <= limit);
          return value <= most;
        };
        const found = mostThatWorks(limit, works, guess);
        assert.equal(found, Math.min(most, limit));
        assert.ok(asked <= 2 * Math.ceil(Math.log2(limit + 1)) + 2, `${asked} questions up to ${limit}`);
      }),
    );
  });

  it('asks twice when the guess is right', () => {
    let asked = 0;
    const upTo = (most: number) => (value: number) => {
      asked += 1;
      return value <= most;
    };
    assert.equal(mostThatWorks(10_000, upTo(1_000), 1_000), 1_000);
    assert.equal(asked, 2);
  });

  it('finds the lowest that works, and nothing when none does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 5_000 }), (least, limit) => {
        const found = leastThatWorks(limit, (value) => value >= least);
        assert.equal(found, least > limit ? undefined : least);
      }),
    );
  });
});
