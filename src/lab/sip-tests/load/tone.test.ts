import assert from 'node:assert/strict';
import { soundingSamples, toneSamples, toneShare } from './tone.js';

describe('finding a tone', () => {
  it('finds nearly all of a tone’s energy at its frequency and hardly any beside it', () => {
    for (const hz of [300, 1005, 3285]) {
      const audio = toneSamples(hz, 8000);
      assert.ok(toneShare(audio, hz) > 0.98);
      assert.ok(toneShare(audio, hz + 15) < 0.05);
      assert.ok(toneShare(audio, hz - 15) < 0.05);
    }
  });

  it('is not confused by silence before and after', () => {
    const audio = new Int16Array(24_000);
    audio.set(toneSamples(600, 8000), 8000);
    assert.ok(toneShare(audio, 600) > 0.98);
    assert.equal(soundingSamples(audio), 8000);
  });

  it('finds nothing in silence', () => {
    assert.equal(toneShare(new Int16Array(8000), 600), 0);
    assert.equal(soundingSamples(new Int16Array(8000)), 0);
  });

  it('is not moved by a jump of phase, as a lost packet makes', () => {
    const audio = new Int16Array(16_000);
    audio.set(toneSamples(900, 8000), 0);
    audio.set(toneSamples(900, 8000, 8037), 8000);
    assert.ok(toneShare(audio, 900) > 0.95);
  });
});
