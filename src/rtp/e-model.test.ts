import assert from 'node:assert/strict';
import fc from 'fast-check';
import { impairmentOf, opinionScoreOf, ratingOf, type VoiceConnection } from './e-model.js';

const G711 = impairmentOf('PCMA') ?? assert.fail();
const PERFECT: VoiceConnection = { delayMs: 0, lossRatio: 0, burstRatio: 1, codec: G711 };

const effective = (codecName: string, lossPercent: number) => {
  const codec = impairmentOf(codecName) ?? assert.fail(codecName);
  return ratingOf(PERFECT) - ratingOf({ ...PERFECT, codec, lossRatio: lossPercent / 100 });
};

describe('the E-model', () => {
  it('rates the default connection of G.107 93.2, a score of 4.41', () => {
    assert.equal(ratingOf(PERFECT).toFixed(1), '93.2');
    assert.equal(opinionScoreOf(ratingOf(PERFECT)).toFixed(2), '4.41');
  });

  it('gives the scores of G.107, table B.1, to its ratings', () => {
    const table = [
      [90, 4.34],
      [80, 4.03],
      [70, 3.6],
      [60, 3.1],
      [50, 2.58],
    ] as const;
    // The table rounds up in places.
    for (const [rating, score] of table) assert.ok(Math.abs(opinionScoreOf(rating) - score) < 0.007, `${rating}`);
    assert.deepEqual([opinionScoreOf(0), opinionScoreOf(-5), opinionScoreOf(100)], [1, 1, 4.5]);
  });

  it('takes off for loss what G.113, appendix I, lists for G.729A and G.723.1', () => {
    // Loss in per cent and Ie, of the tables for random loss.
    const g729 = [
      [0, 11],
      [0.5, 13],
      [1, 15],
      [1.5, 17],
      [2, 19],
      [3, 23],
      [4, 26],
      [8, 36],
      [16, 49],
    ] as const;
    for (const [loss, expected] of g729) assert.ok(Math.abs(effective('G729', loss) - expected) < 0.7, `${loss} %`);
    const g723 = [
      [0, 15],
      [0.5, 17],
      [1, 19],
      [1.5, 22],
      [2, 24],
      [3, 27],
      [4, 32],
      [8, 41],
      [16, 55],
    ] as const;
    for (const [loss, expected] of g723) assert.ok(Math.abs(effective('G723', loss) - expected) < 1.2, `${loss} %`);
  });

  it('says nothing of wideband codecs, and of those without figures', () => {
    for (const name of ['opus', 'G722', 'AMR-WB', 'GSM-EFR', 'something']) assert.equal(impairmentOf(name), null);
    assert.deepEqual(impairmentOf('pcmu'), impairmentOf('PCMA'));
  });

  it('hardly minds delay up to 150 ms, minds 300 ms, and does not bear 500 ms', () => {
    const at = (delayMs: number) => ratingOf({ ...PERFECT, delayMs });
    assert.ok(at(150) > 89 && at(300) < 75 && at(500) < 60, `${at(150)} ${at(300)} ${at(500)}`);
    // G.107, equation 7-27: nothing is taken off for the delay itself up to 100 ms.
    assert.ok(at(100) > 90);
  });

  it('never rates a connection better for more loss, longer bursts or more delay, and stays in its range', () => {
    const connection = fc.record({
      delayMs: fc.double({ min: 0, max: 2_000, noNaN: true }),
      lossRatio: fc.double({ min: 0, max: 1, noNaN: true }),
      burstRatio: fc.double({ min: 1, max: 8, noNaN: true }),
      codec: fc.constantFrom(G711, impairmentOf('G729') ?? G711),
    });
    fc.assert(
      fc.property(connection, fc.double({ min: 0, max: 1, noNaN: true }), (base, more) => {
        const rating = ratingOf(base);
        const score = opinionScoreOf(rating);
        assert.ok(rating >= 0 && rating <= 100 && score >= 1 && score <= 4.5);
        const worse = [
          { ...base, lossRatio: Math.min(1, base.lossRatio + more) },
          { ...base, burstRatio: base.burstRatio + more },
          { ...base, delayMs: base.delayMs + 1_000 * more },
        ];
        // Echo and sidetone move by hundredths against the rule at a few milliseconds.
        for (const other of worse) assert.ok(ratingOf(other) <= rating + 0.35, JSON.stringify(other));
      }),
    );
  });
});
