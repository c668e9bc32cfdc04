import assert from 'node:assert/strict';
import { tone } from '../../speech.js';
import { findTone } from './tone-blocks.js';

describe('finding the tone of a call', () => {
  it('tells tones that are 15 Hz apart', () => {
    for (const hz of [300, 1005, 3285]) {
      const audio = tone(hz, 2);
      assert.ok(findTone(audio, hz).share > 0.98);
      assert.ok(findTone(audio, hz + 15).share < 0.01);
      assert.ok(findTone(audio, hz - 15).share < 0.01);
    }
  });

  it('counts only what sounds', () => {
    const audio = new Int16Array(24_000);
    audio.set(tone(600, 1), 8000);
    assert.equal(findTone(audio, 600).seconds, 1);
    assert.ok(findTone(audio, 600).share > 0.98);
    assert.deepEqual(findTone(new Int16Array(8000), 600), { share: 0, seconds: 0 });
  });

  it('loses one block at most to a jump of phase', () => {
    const audio = new Int16Array(16_000);
    audio.set(tone(900, 1), 0);
    audio.set(tone(900, 2).subarray(37, 8037), 8000);
    assert.ok(findTone(audio, 900).share > 0.9);
  });
});
