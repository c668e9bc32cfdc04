import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Turns } from './turns.js';

/** One round of so many parts over everybody that `all` says before each part. */
function round(turns: Turns, parts: number, all: (part: number) => Iterable<number>): number[][] {
  return Array.from({ length: parts }, (_, part) => turns.next(parts, all(part)));
}

describe('turns', () => {
  it('are had by everybody exactly once a round, in parts that differ by one at most', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(), { maxLength: 60 }), fc.integer({ min: 1, max: 12 }), (all, parts) => {
        const turns = new Turns();
        for (let rounds = 0; rounds < 3; rounds += 1) {
          const had = round(turns, parts, () => all);
          assert.deepEqual(had.flat(), all);
          const sizes = had.map((part) => part.length);
          assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
        }
      }),
    );
  });

  it('are had from the next round on by who comes meanwhile, and not missed by others when somebody goes', () => {
    const turns = new Turns();
    const there = new Set([1, 2, 3, 4, 5]);
    const first = round(turns, 3, (part) => {
      if (part === 1) {
        there.delete(1);
        there.delete(5);
        there.add(6);
      }
      return there;
    });
    assert.deepEqual(first, [[1, 2], [3, 4], [5]]);
    assert.deepEqual(round(turns, 3, () => there).flat(), [2, 3, 4, 6]);
  });

  it('go on with the parts of a round that has begun, whatever is asked for meanwhile', () => {
    const turns = new Turns();
    assert.deepEqual(turns.next(2, [1, 2]), [1]);
    assert.deepEqual(turns.next(1, [1, 2]), [2]);
    assert.deepEqual(turns.next(1, [1, 2]), [1, 2]);
  });
});
