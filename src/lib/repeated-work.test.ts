import assert from 'node:assert/strict';
import { ManualClock } from './clock.js';
import { jittered, RepeatedWork } from './repeated-work.js';

describe('RepeatedWork', () => {
  it('is done again after the pause that it asks for, never twice at a time', async () => {
    const clock = new ManualClock();
    let done = 0;
    let finish = () => {};
    const work = new RepeatedWork(clock, () => {
      done += 1;
      return new Promise((resolve) => {
        finish = () => resolve(50);
      });
    });
    work.startIn(10);
    assert.equal(done, 0);
    clock.advance(10);
    assert.equal(done, 1);
    clock.advance(1_000);
    assert.equal(done, 1);
    finish();
    await work.whenIdle();
    clock.advance(49);
    assert.equal(done, 1);
    clock.advance(1);
    assert.equal(done, 2);
    finish();
    await work.close();
  });

  it('is told when it is closed, waits for what is under way, and is not done again', async () => {
    const clock = new ManualClock();
    let done = 0;
    const work = new RepeatedWork(clock, async (signal) => {
      done += 1;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return 1;
    });
    work.startIn(0);
    clock.advance(0);
    await work.close();
    clock.advance(1_000);
    assert.equal(done, 1);
    await work.close();
  });

  it('never begins when it is closed before', async () => {
    const clock = new ManualClock();
    const work = new RepeatedWork(clock, () => assert.fail());
    work.startIn(10);
    await work.close();
    clock.advance(10);
  });
});

describe('jittered', () => {
  it('is a tenth shorter or longer at most', () => {
    assert.deepEqual(
      [0, 0.5, 1].map((chance) => Math.round(jittered(100, chance))),
      [90, 100, 110],
    );
  });
});
