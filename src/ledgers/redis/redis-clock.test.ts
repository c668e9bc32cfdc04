import assert from 'node:assert/strict';
import { ManualClock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import { RedisClock } from './redis-clock.js';

const HOUR_MS = 3_600_000;

describe('the clock of the shared ledger', () => {
  let own: ManualClock;
  let clock: RedisClock;
  let alarms: number;
  let moved: number;
  /** What Redis would say now, were it asked. */
  let redisMs: () => number;

  function open(redisAheadMs: number, knownAheadMs = 0): void {
    own = new ManualClock();
    alarms = 0;
    moved = 0;
    const log = { error: () => alarms++, info: () => undefined } as unknown as Logger;
    clock = new RedisClock(own, log, knownAheadMs);
    clock.onMoved(() => moved++);
    const originMs = own.wallMs() + redisAheadMs - own.monotonicMs();
    redisMs = () => Math.floor(originMs + own.monotonicMs());
  }

  /** Asks Redis, which answers after one time and is heard after another. */
  function ask(thereMs: number, backMs: number): void {
    const sentMs = own.monotonicMs();
    own.advance(thereMs);
    const answer = redisMs();
    own.advance(backMs);
    clock.observe(sentMs, answer);
  }

  it('is that of this machine until Redis has told its time, or as far from it as it was known to be', () => {
    open(HOUR_MS);
    assert.equal(clock.wallMs(), own.wallMs());
    open(HOUR_MS, HOUR_MS - 5);
    assert.equal(clock.wallMs(), own.wallMs() + HOUR_MS - 5);
    assert.equal(clock.fromNode(own.wallMs()), clock.wallMs());
  });

  it('is off by no more than the way to Redis or back, and less the oftener it was asked', () => {
    open(5 * HOUR_MS);
    ask(0, 80);
    assert.ok(Math.abs(clock.wallMs() - redisMs()) <= 80);
    ask(80, 0);
    assert.ok(Math.abs(clock.wallMs() - redisMs()) <= 1, `${clock.wallMs() - redisMs()} ms off`);
  });

  it('translates both ways, whatever this machine’s clock shows', () => {
    open(-7 * HOUR_MS);
    ask(1, 1);
    const redisWallMs = clock.fromNode(own.wallMs());
    assert.ok(Math.abs(redisWallMs - redisMs()) <= 2);
    assert.equal(clock.toNode(redisWallMs), own.wallMs());
  });

  it('goes on without Redis by the monotonic clock, when this machine’s clock is set', () => {
    open(0);
    ask(1, 1);
    own.jumpWallTo(own.wallMs() + 3 * HOUR_MS);
    own.advance(60_000);
    assert.ok(Math.abs(clock.wallMs() - redisMs()) <= 2);
    assert.ok(Math.abs(clock.fromNode(own.wallMs()) - redisMs()) <= 2);
  });

  it('keeps up with clocks that drift apart', () => {
    open(0);
    ask(1, 1);
    let extraMs = 0;
    const steady = redisMs;
    redisMs = () => steady() + Math.floor(extraMs);
    for (let minute = 0; minute < 600; minute++) {
      own.advance(60_000);
      extraMs += 60_000 * 0.0002;
      ask(1, 1);
      assert.ok(Math.abs(clock.wallMs() - redisMs()) <= 40, `${clock.wallMs() - redisMs()} ms off`);
    }
    assert.equal(moved, Math.floor(extraMs / 1_012));
  });

  it('follows a Redis whose clock was set at the next answer, with an alarm', () => {
    open(0);
    ask(1, 1);
    assert.deepEqual([alarms, moved], [0, 0]);
    const before = redisMs;
    redisMs = () => before() - 2 * HOUR_MS;
    ask(1, 1);
    assert.ok(Math.abs(clock.wallMs() - redisMs()) <= 2);
    // Once for the clock that was set, once for the one that differs from it now.
    assert.deepEqual([alarms, moved], [2, 1]);
    ask(1, 1);
    assert.deepEqual([alarms, moved], [2, 1]);
  });

  it('is not moved by an answer that took long', () => {
    open(0);
    ask(1, 1);
    const at = clock.wallMs() - redisMs();
    ask(20_000, 0);
    ask(0, 20_000);
    assert.ok(Math.abs(clock.wallMs() - redisMs() - at) <= 21);
    assert.equal(alarms, 0);
  });
});
