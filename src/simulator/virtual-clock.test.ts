import assert from 'node:assert/strict';
import fc from 'fast-check';
import { VirtualClock } from './virtual-clock.js';

describe('VirtualClock', () => {
  it('fires timers in order of their instants, and of their setting when these are equal', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 60 }), (delays) => {
        const clock = new VirtualClock(1_000);
        const fired: [number, number][] = [];
        for (const [index, delay] of delays.entries()) clock.after(delay, () => fired.push([clock.wallMs(), index]));
        clock.run();
        const expected = delays.map((delay, index): [number, number] => [1_000 + delay, index]);
        expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        assert.deepEqual(fired, expected);
      }),
    );
  });

  it('fires timers that were set meanwhile, and none that was cancelled', () => {
    const clock = new VirtualClock(0);
    const seen: string[] = [];
    const cancelled = clock.after(20, () => seen.push('cancelled'));
    clock.after(10, () => {
      cancelled.cancel();
      clock.after(5, () => seen.push(`at ${clock.monotonicMs()}`));
    });
    clock.run();
    assert.deepEqual(seen, ['at 15']);
    cancelled.cancel();
  });

  it('stops before a timer that is due after the end, and goes on from there', () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    for (const due of [5, 10, 15]) clock.at(due, () => seen.push(clock.wallMs()));
    clock.run(10);
    assert.deepEqual(seen, [5, 10]);
    clock.run();
    assert.deepEqual(seen, [5, 10, 15]);
  });

  it('never goes back: an instant that has passed is now', () => {
    const clock = new VirtualClock(100);
    let firedAtMs = 0;
    clock.at(50, () => {
      firedAtMs = clock.wallMs();
    });
    clock.run();
    assert.equal(firedAtMs, 100);
  });
});
