import assert from 'node:assert/strict';
import fc from 'fast-check';
import { opinionScoreOf } from './e-model.js';
import { impairmentOfAmrWb, narrowed, widebandRatingOf } from './wideband-e-model.js';

const scoreOf = (mode: number, lossPercent = 0, delayMs = 0) => {
  const codec = impairmentOfAmrWb(mode) ?? assert.fail(`${mode}`);
  const rating = widebandRatingOf({ delayMs, lossRatio: lossPercent / 100, codec });
  return rating === null ? null : opinionScoreOf(narrowed(rating));
};

describe('the wideband E-model', () => {
  it('scores the modes of AMR-WB as the tables of G.113 have them for both ears', () => {
    // By hand: R = 129 - Ie, then equations; without delay the echoes take off some tenths of R.
    const expected = { 0: 2.92, 1: 3.51, 2: 4.18, 4: 4.25, 7: 4.42, 8: 4.39 };
    for (const [mode, score] of Object.entries(expected)) {
      assert.ok(Math.abs((scoreOf(Number(mode)) ?? 0) - score) < 0.01, `${mode}: ${scoreOf(Number(mode))}`);
    }
    assert.deepEqual([3, 5, 6, 9, -1].map(impairmentOfAmrWb), [null, null, null, null, null]);
  });

  it('takes off for loss by equation 7-15, and says nothing where no figure is published', () => {
    // Ie,eff of 12.65 kbit/s at 2 %: 20 + 75 · 2 / (2 + 4.3).
    assert.ok(Math.abs((scoreOf(2, 2) ?? 0) - 3.41) < 0.01, `${scoreOf(2, 2)}`);
    assert.deepEqual([scoreOf(0, 1), scoreOf(1, 0.1), scoreOf(4, 5)], [null, null, null]);
  });

  it('minds delay as the narrowband model does: hardly up to 150 ms, much at 500 ms', () => {
    const at = (delayMs: number) => scoreOf(7, 0, delayMs) ?? assert.fail();
    assert.ok(at(100) > 4.4 && at(150) > 4.35, `${at(100)} ${at(150)}`);
    assert.ok(at(300) < at(150) - 0.2 && at(500) < 3.5, `${at(300)} ${at(500)}`);
  });

  it('stays in its range, and rates nothing better for more loss or delay', () => {
    const input = fc.tuple(
      fc.constantFrom(2, 7, 8),
      fc.double({ min: 0, max: 100, noNaN: true }),
      fc.integer({ max: 2_000, min: 0 }),
    );
    fc.assert(
      fc.property(input, fc.double({ min: 0, max: 1, noNaN: true }), ([mode, loss, delayMs], more) => {
        const score = scoreOf(mode, loss, delayMs) ?? assert.fail();
        assert.ok(score >= 1 && score <= 4.5);
        assert.ok((scoreOf(mode, Math.min(100, loss + more), delayMs) ?? 5) <= score + 0.01);
        assert.ok((scoreOf(mode, loss, delayMs + 1_000 * more) ?? 5) <= score + 0.01);
      }),
    );
  });
});
