import assert from 'node:assert/strict';
import { SilenceMeter } from './silence-meter.js';

describe('SilenceMeter', () => {
  let told: string[];
  let meter: SilenceMeter;

  beforeEach(() => {
    told = [];
    meter = new SilenceMeter({
      silent: (silentMs) => told.push(`silent ${silentMs}`),
      heard: () => told.push('heard'),
    });
  });

  it('tells a silence once, when it has lasted, and when it is over', () => {
    meter.expect(true, 0);
    meter.watch(5_000, 0);
    for (let nowMs = 0; nowMs <= 4_800; nowMs += 200) meter.tick(nowMs);
    assert.deepEqual(told, []);
    for (let nowMs = 5_000; nowMs <= 9_000; nowMs += 200) meter.tick(nowMs);
    assert.deepEqual(told, ['silent 5000']);
    assert.equal(meter.silentMs(9_000), 9_000);
    meter.heard(9_100);
    assert.deepEqual(told, ['silent 5000', 'heard']);
    assert.equal(meter.silentMs(20_000), 9_100);
  });

  it('adds up silences, and leaves short ones out', () => {
    meter.expect(true, 0);
    meter.watch(1_000, 0);
    for (const [heardMs, tickMs] of [
      [0, 900],
      [900, 2_000],
      [2_000, 2_900],
      [2_900, 5_000],
    ] as const) {
      meter.heard(heardMs);
      meter.tick(tickMs);
    }
    assert.equal(meter.silentMs(5_000), 1_100 + 2_100);
    assert.deepEqual(told, ['silent 1100', 'heard', 'silent 2100']);
  });

  it('tells nothing while nobody watches, and counts from when somebody does', () => {
    meter.expect(true, 0);
    meter.tick(60_000);
    meter.watch(5_000, 60_000);
    meter.tick(64_000);
    assert.deepEqual(told, []);
    meter.tick(65_000);
    assert.deepEqual(told, ['silent 5000']);
    meter.watch(null, 66_000);
    assert.deepEqual(told, ['silent 5000', 'heard']);
    meter.tick(99_000);
    assert.equal(meter.silentMs(99_000), 6_000);
  });

  it('tells nothing of a side that need not send, and ends a silence when it need not any more', () => {
    meter.watch(5_000, 0);
    meter.tick(10_000);
    meter.expect(true, 10_000);
    meter.tick(15_000);
    meter.expect(false, 16_000);
    meter.tick(60_000);
    assert.deepEqual(told, ['silent 5000', 'heard']);
    meter.expect(true, 60_000);
    meter.tick(64_000);
    assert.equal(told.length, 2);
    assert.equal(meter.silentMs(64_000), 6_000);
  });

  it('does not begin anew when the side says again that it sends', () => {
    meter.expect(true, 0);
    meter.watch(5_000, 0);
    meter.expect(true, 3_000);
    meter.tick(5_000);
    assert.deepEqual(told, ['silent 5000']);
  });
});
