import assert from 'node:assert/strict';
import { levelsOf, type MemorySample, problemsOf } from './sip-soak.js';

const NOTHING = { transactions: 0, dialogs: 0, timers: 0 };

/** A sawtooth, as a collector makes one, over a level that grows by so much a second. */
function samples(growthMbPerSecond: number): MemorySample[] {
  return Array.from({ length: 800 }, (_, second) => ({
    atMs: second * 1000,
    rssMb: 100 + growthMbPerSecond * second,
    heapMb: 20 + (second % 7) * 5 + growthMbPerSecond * second,
  }));
}

describe('the verdict of a soak', () => {
  it('passes when memory only goes up and down', () => {
    const levels = levelsOf(samples(0));
    assert.deepEqual(levels, { warm: { rssMb: 100, heapMb: 20 }, end: { rssMb: 100, heapMb: 20 } });
    assert.deepEqual(problemsOf(0, levels, NOTHING), []);
  });

  it('passes when a collection was lucky once', () => {
    const lucky = samples(0).map((sample) => (sample.atMs === 50_000 ? { ...sample, heapMb: 5 } : sample));
    assert.deepEqual(levelsOf(lucky).warm, { rssMb: 100, heapMb: 20 });
  });

  it('names what has grown, and what was left', () => {
    assert.deepEqual(problemsOf(2, levelsOf(samples(0.25)), { transactions: 0, dialogs: 1, timers: 3 }), [
      '2 calls failed',
      'resident memory grew from 204.8 to 299.8 MiB',
      'the heap grew from 64.6 to 159.1 MiB',
      '1 dialogs left',
      '3 timers left',
    ]);
  });

  it('does not pass a run that is too short to tell', () => {
    const [problem] = problemsOf(0, levelsOf(samples(0).slice(0, 120)), NOTHING);
    assert.match(problem ?? '', /too short/);
  });
});
