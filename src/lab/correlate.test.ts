import assert from 'node:assert/strict';
import { correlate } from './correlate.js';
import { seededRandom, speak } from './speech.js';

/** `samples` placed at `lag` in silence of `length`, at another loudness and under noise. */
function recordedAt(samples: Int16Array, lag: number, length: number, gain: number, noise: number): Int16Array {
  const random = seededRandom(lag + length);
  const recorded = new Int16Array(length);
  for (let n = 0; n < length; n++) recorded[n] = (samples[n - lag] ?? 0) * gain + (random() - 0.5) * noise;
  return recorded;
}

describe('correlate', () => {
  const said = speak(11, 3);

  it('finds a signal where it begins, however loud it is', () => {
    for (const lag of [0, 1, 777, 12_345]) {
      const found = correlate(said, recordedAt(said, lag, 40_000, 0.3, 0));
      assert.equal(found.lagSamples, lag);
      assert.ok(found.coefficient > 0.999, String(found.coefficient));
    }
  });

  it('finds a signal whose beginning or end was cut off', () => {
    assert.equal(correlate(said, said.slice(5000)).lagSamples, -5000);
    assert.ok(correlate(said, said.slice(5000)).coefficient > 0.999);
    assert.equal(correlate(said, recordedAt(said, 3000, 20_000, 1, 0)).lagSamples, 3000);
  });

  it('finds a signal under noise, with a lower coefficient', () => {
    const found = correlate(said, recordedAt(said, 2400, 30_000, 1, 4000));
    assert.equal(found.lagSamples, 2400);
    assert.ok(found.coefficient > 0.8 && found.coefficient < 0.99, String(found.coefficient));
  });

  it('does not take one voice for another', () => {
    for (let seed = 20; seed < 40; seed++) {
      const found = correlate(said, recordedAt(speak(seed, 3), 1000, 30_000, 1, 0));
      assert.ok(found.coefficient < 0.25, `seed ${seed}: ${found.coefficient}`);
    }
  });

  it('does not find an inverted signal, silence or nothing', () => {
    assert.ok(
      correlate(
        said,
        said.map((sample) => -sample),
      ).coefficient < 0.6,
    );
    assert.deepEqual(correlate(said, new Int16Array(8000)), { lagSamples: 0, coefficient: 0 });
    assert.deepEqual(correlate(said, new Int16Array(0)), { lagSamples: 0, coefficient: 0 });
    assert.deepEqual(correlate(new Int16Array(0), said), { lagSamples: 0, coefficient: 0 });
  });
});
