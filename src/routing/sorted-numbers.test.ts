import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SortedNumbers } from './sorted-numbers.js';

describe('SortedNumbers', () => {
  it('holds what a set holds, in order, over any additions and removals', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(600)), { maxLength: 1_500 }), (steps) => {
        const sorted = new SortedNumbers();
        const model = new Set<number>();
        for (const [adds, value] of steps) {
          if (adds && !model.has(value)) {
            sorted.add(value);
            model.add(value);
          } else if (!adds) assert.equal(sorted.delete(value), model.delete(value));
        }
        assert.equal(sorted.size, model.size);
        assert.deepEqual(
          [...sorted],
          [...model].sort((a, b) => a - b),
        );
      }),
      { numRuns: 60 },
    );
  });

  it('splits and empties its chunks', () => {
    const sorted = new SortedNumbers();
    for (let value = 0; value < 5_000; value++) sorted.add((value * 7_919) % 5_003);
    assert.equal([...sorted].length, 5_000);
    for (const value of [...sorted]) assert.equal(sorted.delete(value), true);
    assert.deepEqual([...sorted], []);
    assert.equal(sorted.delete(1), false);
  });
});
