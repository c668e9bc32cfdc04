import assert from 'node:assert/strict';
import { ringback, SAMPLE_RATE_HZ, seededRandom, speak, tone, toneShare } from './speech.js';

const loudness = (samples: Int16Array): number =>
  Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);

describe('speech-like audio', () => {
  it('lasts as long as asked', () => {
    assert.equal(speak(1, 2.5).length, 2.5 * SAMPLE_RATE_HZ);
  });

  it('is the same for the same seed and another for another', () => {
    assert.deepEqual(speak(7, 1), speak(7, 1));
    assert.notDeepEqual(speak(7, 1), speak(8, 1));
  });

  it('is loud enough for G.711, never clips, and has pauses as speech does', () => {
    for (let seed = 0; seed < 20; seed++) {
      const samples = speak(seed, 6);
      assert.ok(loudness(samples) > 800, `seed ${seed} is too quiet: ${loudness(samples)}`);
      assert.ok(samples.every((sample) => Math.abs(sample) <= 16_000));
      const frames = Array.from({ length: 60 }, (_, n) => loudness(samples.subarray(n * 800, n * 800 + 800)));
      const median = frames.toSorted((a, b) => a - b)[30] ?? 0;
      assert.ok(
        frames.some((frame) => frame < median / 5),
        `seed ${seed} never pauses`,
      );
    }
  });
});

describe('tones', () => {
  it('are found by their frequency and not by another', () => {
    for (const frequencyHz of [350, 440, 1000, 1970, 3300]) {
      assert.ok(toneShare(tone(frequencyHz, 1), frequencyHz) > 0.99);
      assert.ok(toneShare(tone(frequencyHz, 1), frequencyHz + 20) < 0.01);
    }
  });

  it('are not found in speech or in silence', () => {
    assert.ok(toneShare(speak(3, 4), 1000) < 0.05);
    assert.equal(toneShare(new Int16Array(800), 1000), 0);
  });

  it('ring back for one second of three', () => {
    const samples = ringback(6);
    assert.ok(loudness(samples.subarray(0, SAMPLE_RATE_HZ)) > 1000);
    assert.equal(loudness(samples.subarray(SAMPLE_RATE_HZ, 3 * SAMPLE_RATE_HZ)), 0);
    assert.ok(loudness(samples.subarray(3 * SAMPLE_RATE_HZ, 4 * SAMPLE_RATE_HZ)) > 1000);
  });
});

describe('the seeded generator', () => {
  it('stays in [0, 1) and spreads', () => {
    const random = seededRandom(42);
    const drawn = Array.from({ length: 10_000 }, random);
    assert.ok(drawn.every((value) => value >= 0 && value < 1));
    const mean = drawn.reduce((sum, value) => sum + value, 0) / drawn.length;
    assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
  });
});
