import { strict as assert } from 'node:assert';
import fc from 'fast-check';
import { type Clock, ManualClock } from '../lib/clock.js';
import { TimerWheel } from './timer-wheel.js';

function wheelOn(clock: ManualClock): TimerWheel {
  return new TimerWheel(clock, (error) => {
    throw error;
  });
}

/** Its methods alone, to be mixed with others. */
function clockOf(clock: ManualClock): Clock {
  return {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, action) => clock.after(delayMs, action),
  };
}

describe('TimerWheel', () => {
  it('fires each timer once, never early and at most a tick late, in any mixture of delays', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ startMs: fc.nat(50_000), delayMs: fc.nat(100_000), cancelled: fc.boolean() })),
        (plans) => {
          const clock = new ManualClock();
          const wheel = wheelOn(clock);
          const fired = new Map<number, number>();
          plans.forEach((plan, index) => {
            clock.after(plan.startMs, () => {
              const timer = wheel.after(plan.delayMs, { onTimer: () => fired.set(index, clock.monotonicMs()) }, 'x');
              if (plan.cancelled) timer.cancel();
            });
          });
          clock.advance(160_000);
          plans.forEach((plan, index) => {
            const atMs = fired.get(index);
            if (plan.cancelled) assert.equal(atMs, undefined);
            else {
              const dueMs = plan.startMs + plan.delayMs;
              assert.ok(atMs !== undefined && atMs >= dueMs && atMs <= dueMs + 11, `due ${dueMs}, fired ${atMs}`);
            }
          });
          assert.equal(wheel.pending, 0);
          assert.equal(clock.pendingTimers, 0);
        },
      ),
    );
  });

  it('lets a timer cancel its neighbours and set others while it fires', () => {
    const clock = new ManualClock();
    const wheel = wheelOn(clock);
    const fired: string[] = [];
    const owner = { onTimer: (name: string) => fired.push(name) };
    const neighbours = [wheel.after(100, owner, 'neighbour')];
    wheel.after(
      100,
      {
        onTimer: () => {
          fired.push('first');
          for (const neighbour of neighbours) neighbour.cancel();
          wheel.after(0, owner, 'again');
        },
      },
      'x',
    );
    neighbours.push(wheel.after(100, owner, 'neighbour'));
    clock.advance(200);
    // Those of one slot fire newest first; the one that fired before the cancelling could not be cancelled.
    assert.deepEqual(fired, ['neighbour', 'first', 'again']);
    assert.equal(wheel.pending, 0);
  });

  it('keeps a row of timers from drifting', () => {
    const clock = new ManualClock();
    const wheel = wheelOn(clock);
    let timer = wheel.after(7, { onTimer: () => undefined }, 'row');
    let count = 1;
    const owner = {
      onTimer: () => {
        count++;
        timer = wheel.next(timer, 7, owner, 'row');
      },
    };
    timer = wheel.next(timer, 7, owner, 'row');
    clock.advance(7_000);
    assert.ok(count >= 999 && count <= 1_000, String(count));
  });

  it('reports what an owner throws and fires the rest', () => {
    const clock = new ManualClock();
    const errors: unknown[] = [];
    const wheel = new TimerWheel(clock, (error) => errors.push(error));
    let fired = 0;
    for (const delayMs of [10, 10, 20]) {
      wheel.after(
        delayMs,
        {
          onTimer: () => {
            fired++;
            throw new Error('owner');
          },
        },
        'x',
      );
    }
    clock.advance(100);
    assert.equal(fired, 3);
    assert.equal(errors.length, 3);
  });

  it('lets what has come in while it stood still be read before it fires', () => {
    const clock = new ManualClock();
    const afterInput: (() => void)[] = [];
    const fired: string[] = [];
    let stoodStillMs = 0;
    const wheel = new TimerWheel(
      { ...clockOf(clock), monotonicMs: () => clock.monotonicMs() + stoodStillMs },
      (error) => assert.fail(String(error)),
      (run) => afterInput.push(run),
    );
    const owner = { onTimer: (name: string) => fired.push(name) };
    wheel.after(100, owner, 'in time');
    clock.advance(110);
    assert.deepEqual([fired, afterInput.length], [['in time'], 0]);
    const answered = wheel.after(100, owner, 'answered meanwhile');
    wheel.after(100, owner, 'silent');
    stoodStillMs = 5_000;
    clock.advance(110);
    assert.deepEqual(fired, ['in time']);
    answered.cancel();
    wheel.after(0, owner, 'set meanwhile');
    for (const run of afterInput) run();
    assert.deepEqual(fired, ['in time', 'silent', 'set meanwhile']);
    clock.advance(20);
    assert.equal(wheel.pending, 0);
  });

  it('fires what was due during a long pause', () => {
    const clock = new ManualClock();
    const wheel = wheelOn(clock);
    let fired = 0;
    wheel.after(200_000, { onTimer: () => fired++ }, 'x');
    wheel.after(5, { onTimer: () => fired++ }, 'x');
    clock.advance(1_000_000);
    assert.equal(fired, 2);
  });
});
