import assert from 'node:assert/strict';
import fc from 'fast-check';
import { shareOfTone } from '../../rtp/tone-test-kit.js';
import { isTone, Noise, RecordedSound, SILENCE, type Sound, Tone } from './sound.js';

function samplesOf(sound: Sound, count: number, position = 0): Int16Array {
  const into = new Int32Array(count);
  sound.addTo(into, 0, count, position);
  return Int16Array.from(into);
}

/** Root of the mean square in dB below a square wave at full scale. */
function levelDbov(samples: Int16Array): number {
  const power = samples.reduce((sum, sample) => sum + sample ** 2, 0) / samples.length;
  return -10 * Math.log10(power / 32_768 ** 2);
}

describe('Tone', () => {
  it('is its frequencies together, at its level', () => {
    const dial = samplesOf(new Tone({ frequenciesHz: [350, 440] }), 8_000);
    assert.ok(shareOfTone(dial, 350) > 0.45 && shareOfTone(dial, 440) > 0.45);
    const beep = samplesOf(new Tone({ frequenciesHz: [1_400] }), 8_000);
    assert.ok(shareOfTone(beep, 1_400) > 0.99);
    // A sine at 0 dBm0 is 3.14 dB below full scale, where it is 3.01 dB below a square wave.
    assert.ok(Math.abs(levelDbov(beep) - (10 + 3.14 + 3.01)) < 0.1, `${levelDbov(beep)}`);
    const quiet = samplesOf(new Tone({ frequenciesHz: [1_400], levelDbm0: -30 }), 8_000);
    assert.ok(Math.abs(levelDbov(quiet) - (30 + 3.14 + 3.01)) < 0.1);
  });

  it('goes on and off by its cadence, and ends with it', () => {
    const tone = new Tone({ frequenciesHz: [425], cadenceMs: [200, 100, 200] });
    assert.equal(tone.lengthSamples, 500 * 8);
    const heard = samplesOf(tone, tone.lengthSamples);
    assert.ok(shareOfTone(heard.subarray(0, 1_600), 425) > 0.99);
    assert.ok(heard.subarray(1_600, 2_400).every((sample) => sample === 0));
    assert.ok(shareOfTone(heard.subarray(2_400), 425) > 0.99);
  });

  it('has no end without a cadence', () => {
    assert.equal(new Tone({ frequenciesHz: [425] }).lengthSamples, Number.POSITIVE_INFINITY);
  });

  it('is the same however it is cut, from any position', () => {
    const tone = new Tone({ frequenciesHz: [441, 1_336], cadenceMs: [70, 30] });
    fc.assert(
      fc.property(fc.nat(700), fc.integer({ min: 1, max: 90 }), (position, count) => {
        const whole = samplesOf(tone, 790);
        assert.deepEqual(samplesOf(tone, count, position), whole.subarray(position, position + count));
      }),
    );
  });

  it('is refused when no telephone could carry it', () => {
    assert.ok(isTone({ frequenciesHz: [941, 1_477], cadenceMs: [100, 50] }));
    for (const tone of [
      { frequenciesHz: [] },
      { frequenciesHz: [0] },
      { frequenciesHz: [4_000] },
      { frequenciesHz: [Number.NaN] },
      { frequenciesHz: new Array(9).fill(400) },
      { frequenciesHz: [400], cadenceMs: [0, 0] },
      { frequenciesHz: [400], cadenceMs: [-1, 100] },
      { frequenciesHz: [400], cadenceMs: [Number.POSITIVE_INFINITY] },
      { frequenciesHz: [400], levelDbm0: 4 },
    ]) {
      assert.equal(isTone(tone), false, JSON.stringify(tone));
    }
  });
});

describe('Noise', () => {
  it('has the level that it is told', () => {
    for (const level of [30, 50, 65]) {
      assert.ok(Math.abs(levelDbov(samplesOf(new Noise(level), 40_000)) - level) < 0.5, `${level}`);
    }
  });

  it('is no tone', () => {
    const heard = samplesOf(new Noise(30), 8_000);
    for (const hz of [100, 1_000, 3_000]) assert.ok(shareOfTone(heard, hz) < 0.02);
  });
});

describe('sounds', () => {
  it('add to what is there already', () => {
    const into = Int32Array.of(1, 1, 1, 1);
    new RecordedSound(Int16Array.of(10, 20, 30)).addTo(into, 1, 2, 1);
    SILENCE.addTo(into, 0, 4, 0);
    assert.deepEqual([...into], [1, 21, 31, 1]);
  });
});
