import assert from 'node:assert/strict';
import { Random } from './random.js';

function draw(random: Random, count: number): number[] {
  return Array.from({ length: count }, () => random.next());
}

describe('Random', () => {
  it('gives the same numbers for the same seed and keys, and others for others', () => {
    assert.deepEqual(draw(new Random(7, 1, 2), 20), draw(new Random(7, 1, 2), 20));
    for (const other of [new Random(8, 1, 2), new Random(7, 2, 1), new Random(7, 1), new Random(7 + 2 ** 32, 1, 2)]) {
      assert.notDeepEqual(draw(new Random(7, 1, 2), 20), draw(other, 20));
    }
  });

  it('spreads evenly over 0 to 1, also over the first numbers of neighbouring streams', () => {
    const within = draw(new Random(1), 20_000);
    const across = Array.from({ length: 20_000 }, (_, stream) => new Random(1, stream).next());
    for (const numbers of [within, across]) {
      assert.ok(numbers.every((number) => number >= 0 && number < 1));
      for (let tenth = 0; tenth < 10; tenth++) {
        const inside = numbers.filter((number) => Math.floor(number * 10) === tenth).length;
        assert.ok(Math.abs(inside - 2_000) < 200, `${inside} of 20,000 in tenth ${tenth}`);
      }
    }
  });

  it('gives normal variates of mean 0 and deviation 1', () => {
    const random = new Random(3);
    const numbers = Array.from({ length: 20_000 }, () => random.normal());
    const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
    const variance = numbers.reduce((sum, number) => sum + (number - mean) ** 2, 0) / numbers.length;
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05, `mean ${mean}, variance ${variance}`);
  });
});
