import assert from 'node:assert/strict';
import { ManualClock } from '../../lib/clock.js';
import { type Paced, Pacer } from './pacer.js';

class Steady implements Paced {
  dueMs: number;
  readonly ticks: number[] = [];
  readonly #everyMs: number;
  readonly #endMs: number;

  constructor(dueMs: number, everyMs: number, endMs = Number.POSITIVE_INFINITY) {
    this.dueMs = dueMs;
    this.#everyMs = everyMs;
    this.#endMs = endMs;
  }

  tick(nowMs: number): void {
    this.ticks.push(nowMs);
    this.dueMs += this.#everyMs;
    if (this.dueMs >= this.#endMs) this.dueMs = Number.POSITIVE_INFINITY;
  }
}

function advance(clock: ManualClock, ms: number): void {
  for (let passed = 0; passed < ms; passed += 1) clock.advance(1);
}

describe('Pacer', () => {
  it('serves each at its own times, and nobody when nothing is due', () => {
    const clock = new ManualClock();
    const pacer = new Pacer(clock);
    const [a, b] = [new Steady(5, 20, 60), new Steady(12, 20, 60)];
    pacer.watch(a);
    pacer.watch(b);
    advance(clock, 100);
    assert.deepEqual(a.ticks, [5, 25, 45]);
    assert.deepEqual(b.ticks, [12, 32, 52]);
    assert.equal(pacer.count, 0);
    assert.equal(clock.pendingTimers, 0);
  });

  it('wakes up sooner for one who comes later and is due before the others', () => {
    const clock = new ManualClock();
    const pacer = new Pacer(clock);
    const late = new Steady(500, 20, 510);
    pacer.watch(late);
    advance(clock, 10);
    const soon = new Steady(12, 20, 20);
    pacer.watch(soon);
    advance(clock, 600);
    assert.deepEqual([soon.ticks, late.ticks], [[12], [500]]);
  });

  it('turns to the sockets between many who are due at once, and leaves nobody out', () => {
    const clock = new ManualClock();
    let rounds = 0;
    const counting = {
      monotonicMs: () => clock.monotonicMs(),
      after: (delayMs: number, action: () => void) =>
        clock.after(delayMs, () => {
          rounds += 1;
          action();
        }),
    };
    const pacer = new Pacer(counting);
    const all = Array.from({ length: 100 }, () => new Steady(20, 20, 30));
    for (const each of all) pacer.watch(each);
    advance(clock, 21);
    assert.ok(rounds >= 4, `${rounds}`);
    assert.ok(all.every(({ ticks }) => ticks.length === 1));
  });

  it('forgets who is gone, and all when it is closed', () => {
    const clock = new ManualClock();
    const pacer = new Pacer(clock);
    const [gone, there] = [new Steady(5, 20), new Steady(5, 20)];
    pacer.watch(gone);
    pacer.watch(there);
    pacer.forget(gone);
    advance(clock, 30);
    pacer.close();
    advance(clock, 100);
    assert.deepEqual([gone.ticks, there.ticks], [[], [5, 25]]);
    assert.equal(clock.pendingTimers, 0);
  });
});
