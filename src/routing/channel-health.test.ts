import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  type AttemptReport,
  ChannelHealth,
  DEFAULT_CHANNEL_HEALTH,
  HEALTH_STEP_MS,
  UNKNOWN_HEALTH,
} from './channel-health.js';
import { HealthBook } from './health-book.js';
import { FULL_POINTS } from './weights.js';

const ANSWERED: AttemptReport = { outcome: 'answered', postDialDelayMs: 2_000 };
const BUSY: AttemptReport = { outcome: 'callee', postDialDelayMs: null };
const FAILED: AttemptReport = { outcome: 'failed', postDialDelayMs: null };

function failedFor(ms: number): AttemptReport {
  return { ...FAILED, coolDown: { of: 'channel', ms } };
}

function reported(...reports: readonly AttemptReport[]): ChannelHealth {
  const health = new ChannelHealth(DEFAULT_CHANNEL_HEALTH);
  for (const report of reports) health.report(report, 0);
  return health;
}

describe('a channel’s health', () => {
  it('cools down after failures in a row, and only in a row', () => {
    assert.equal(reported(FAILED, FAILED).state, 'sound');
    assert.equal(reported(FAILED, FAILED, FAILED).state, 'cooling');
    assert.equal(reported(FAILED, FAILED, ANSWERED, FAILED, FAILED).state, 'sound');
    // The callee's own answer shows that the channel works.
    assert.equal(reported(FAILED, FAILED, BUSY, FAILED, FAILED).state, 'sound');
  });

  it('is tried again after its cool-down, and sound again when that call reaches somebody', () => {
    const health = reported(FAILED, FAILED, FAILED);
    assert.equal(health.coolsUntilMs, 60_000);
    health.cooled();
    assert.equal(health.state, 'retrying');
    health.report(BUSY, 61_000);
    assert.equal(health.state, 'sound');
  });

  it('cools twice as long after each retry that fails, up to the longest cool-down', () => {
    const health = reported(FAILED, FAILED, FAILED);
    const lasted: number[] = [];
    for (let retry = 0; retry < 6; retry++) {
      health.cooled();
      health.report(FAILED, 0);
      lasted.push(health.coolsUntilMs / 1000);
    }
    assert.deepEqual(lasted, [120, 240, 480, 900, 900, 900]);
    health.cooled();
    health.report(ANSWERED, 0);
    for (const report of [FAILED, FAILED, FAILED]) health.report(report, 0);
    assert.equal(health.coolsUntilMs, 60_000);
  });

  it('is excused for a failure of a moment ago when a mobile was ringing its SIM, with the cool-down that it brought', () => {
    const health = reported(FAILED);
    health.report(failedFor(300_000), 1_000);
    assert.equal(health.state, 'resting');
    assert.equal(health.excuse(3_000), true);
    assert.deepEqual([health.state, health.isAway], ['sound', false]);
    assert.equal(health.excuse(3_000), false);
    health.report(FAILED, 4_000);
    assert.equal(health.state, 'sound');
    // The third in a row.
    health.report(FAILED, 4_000);
    assert.equal(health.state, 'cooling');
    assert.equal(health.excuse(14_001), false);
    assert.equal(health.state, 'cooling');
  });

  it('is not excused for what it has made good since', () => {
    const health = reported(FAILED, ANSWERED);
    const { points } = health;
    assert.equal(health.excuse(0), false);
    assert.equal(health.points, points);
  });

  it('is left alone as long as a response asks for, and is then as sound as before', () => {
    const health = reported();
    health.report(failedFor(10_000), 5_000);
    assert.deepEqual([health.state, health.isAway, health.coolsUntilMs], ['resting', true, 15_000]);
    // The longer of two ends holds.
    health.report(failedFor(2_000), 6_000);
    assert.equal(health.coolsUntilMs, 15_000);
    health.cooled();
    assert.deepEqual([health.state, health.isAway], ['sound', false]);
    // It still counts as one of the failures in a row.
    health.report(FAILED, 20_000);
    assert.deepEqual([health.state, health.coolsUntilMs], ['cooling', 80_000]);
  });

  it('has one cool-down when failures in a row and a response ask for one: the longer', () => {
    const row = reported(FAILED, FAILED, failedFor(90_000));
    assert.deepEqual([row.state, row.coolsUntilMs], ['cooling', 90_000]);
    const short = reported(FAILED, FAILED, failedFor(1_000));
    assert.deepEqual([short.state, short.coolsUntilMs], ['cooling', 60_000]);
    const resting = reported(failedFor(100_000), FAILED, FAILED);
    assert.deepEqual([resting.state, resting.coolsUntilMs], ['cooling', 100_000]);
    short.cooled();
    short.report(failedFor(500_000), 60_000);
    assert.deepEqual([short.state, short.coolsUntilMs], ['cooling', 560_000]);
  });

  it('is not moved in its cool-down by attempts that began before', () => {
    const health = reported(FAILED, FAILED, FAILED);
    health.report(FAILED, 30_000);
    health.report(ANSWERED, 30_000);
    assert.equal(health.state, 'cooling');
    assert.equal(health.coolsUntilMs, 60_000);
  });

  it('gives points for unanswered attempts, slow ringing and failures', () => {
    assert.deepEqual(reported().points, UNKNOWN_HEALTH);
    const good = reported(...Array.from({ length: 50 }, () => ANSWERED)).points;
    assert.ok(good.answerRatio < 10_000 && good.postDialDelay === 22_000 && good.failures === 0);
    const bad = reported(...Array.from({ length: 50 }, () => FAILED)).points;
    assert.ok(bad.answerRatio > 90_000 && bad.failures === FULL_POINTS);
    const slow = reported(...Array.from({ length: 50 }, () => ({ ...ANSWERED, postDialDelayMs: 60_000 }))).points;
    assert.equal(slow.postDialDelay, FULL_POINTS);
  });

  it('forgets by half in each half-life, until nothing is known any more', () => {
    const health = reported(...Array.from({ length: 8 }, () => FAILED), ANSWERED);
    assert.equal(health.points.failures, 80_000);
    health.fade(DEFAULT_CHANNEL_HEALTH.halfLifeMs / HEALTH_STEP_MS);
    assert.equal(health.points.failures, 40_000);
    assert.ok(!health.isForgotten);
    health.cooled();
    health.report(ANSWERED, 0);
    health.fade((20 * DEFAULT_CHANNEL_HEALTH.halfLifeMs) / HEALTH_STEP_MS);
    assert.ok(health.isForgotten);
    assert.deepEqual(health.points, UNKNOWN_HEALTH);
  });

  it('has whole points from none to full, whatever is reported', () => {
    const report = fc.record({
      outcome: fc.constantFrom('answered' as const, 'callee' as const, 'failed' as const),
      postDialDelayMs: fc.oneof(fc.constant(null), fc.integer({ min: -1_000, max: 10_000_000 })),
    });
    fc.assert(
      fc.property(fc.array(fc.oneof(report, fc.nat(100)), { maxLength: 60 }), (steps) => {
        const health = new ChannelHealth(DEFAULT_CHANNEL_HEALTH);
        for (const step of steps) {
          if (typeof step === 'number') health.fade(step);
          else health.report(step, 0);
          for (const points of Object.values(health.points)) {
            assert.ok(Number.isInteger(points) && points >= 0 && points <= FULL_POINTS);
          }
        }
      }),
    );
  });
});

describe('the health of all channels', () => {
  function book() {
    const told: [number, string][] = [];
    const health = new HealthBook(DEFAULT_CHANNEL_HEALTH, 100, (channel, of) =>
      told.push([channel, of === null ? 'unknown' : of.state]),
    );
    return { health, told };
  }

  it('ends a cool-down when its time has come', () => {
    const { health, told } = book();
    for (const report of [FAILED, FAILED, FAILED]) health.report(7, report, 5_000);
    assert.deepEqual(told.at(-1), [7, 'cooling']);
    health.turnTo(64_999);
    assert.deepEqual(told.at(-1)?.[1], 'cooling');
    assert.ok(health.nextMs <= 65_000);
    health.turnTo(65_000);
    assert.deepEqual(told.at(-1), [7, 'retrying']);
  });

  it('fades in steps, however seldom time is told', () => {
    const often = book();
    const seldom = book();
    for (const { health } of [often, seldom]) health.report(3, FAILED, 0);
    for (let elapsedMs = 100; elapsedMs <= 7_200_000; elapsedMs += 100) often.health.turnTo(elapsedMs);
    seldom.health.turnTo(7_200_000);
    for (const { told, health } of [often, seldom]) {
      assert.deepEqual(told.at(-1), [3, 'unknown']);
      assert.equal(health.nextMs, Number.POSITIVE_INFINITY);
    }
  });
});
