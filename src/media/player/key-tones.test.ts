import assert from 'node:assert/strict';
import { keyTone } from './key-tones.js';

describe('keyTone', () => {
  it('gives each key its two tones, as long as it is pressed', () => {
    assert.deepEqual(keyTone('1', 100)?.frequenciesHz, [697, 1_209]);
    assert.deepEqual(keyTone('#', 100)?.frequenciesHz, [941, 1_477]);
    assert.deepEqual(keyTone('D', 250), { kind: 'tone', frequenciesHz: [941, 1_633], cadenceMs: [250], levelDbm0: -6 });
    const tones = new Set([...'0123456789*#ABCD'].map((key) => keyTone(key, 100)?.frequenciesHz.join('+')));
    assert.equal(tones.size, 16);
  });

  it('knows no other keys', () => {
    for (const key of ['', 'E', '12', ' ']) assert.equal(keyTone(key, 100), null);
  });
});
