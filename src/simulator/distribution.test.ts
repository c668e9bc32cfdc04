import assert from 'node:assert/strict';
import { type Distribution, drawMs } from './distribution.js';
import { Random } from './random.js';

function sorted(distribution: Distribution): number[] {
  const random = new Random(1);
  return Array.from({ length: 10_000 }, () => drawMs(distribution, random)).sort((a, b) => a - b);
}

function meanOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

describe('drawMs', () => {
  it('always gives a fixed duration', () => {
    assert.deepEqual(new Set(sorted({ kind: 'fixed', seconds: 60 })), new Set([60_000]));
  });

  it('stays within a uniform range and fills it', () => {
    const drawn = sorted({ kind: 'uniform', fromSeconds: 5, toSeconds: 25 });
    assert.ok((drawn[0] ?? 0) >= 5_000 && (drawn.at(-1) ?? 0) <= 25_000);
    assert.ok(Math.abs(meanOf(drawn) - 15_000) < 200);
  });

  it('has the mean of an exponential distribution', () => {
    assert.ok(Math.abs(meanOf(sorted({ kind: 'exponential', meanSeconds: 60 })) - 60_000) < 2_000);
  });

  it('has the median and the ninth tenth of a lognormal distribution', () => {
    const drawn = sorted({ kind: 'lognormal', medianSeconds: 40, p90Seconds: 180 });
    assert.ok(Math.abs((drawn[5_000] ?? 0) - 40_000) < 2_000, `median ${drawn[5_000]}`);
    assert.ok(Math.abs((drawn[9_000] ?? 0) - 180_000) < 12_000, `p90 ${drawn[9_000]}`);
  });

  it('draws listed durations alike often', () => {
    const drawn = sorted({ kind: 'listed', seconds: [1, 2, 3, 4] });
    for (const seconds of [1, 2, 3, 4]) {
      const count = drawn.filter((ms) => ms === seconds * 1000).length;
      assert.ok(Math.abs(count - 2_500) < 200, `${seconds} s: ${count} of 10,000`);
    }
  });

  it('never lasts longer than a day', () => {
    assert.ok(sorted({ kind: 'exponential', meanSeconds: 80_000 }).every((ms) => ms <= 86_400_000));
  });
});
