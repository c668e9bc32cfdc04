import assert from 'node:assert/strict';
import { playableOf } from './play-audio.js';

describe('what rtpengine plays', () => {
  it('is a key as its tones, for as long as it is pressed', async () => {
    const playable = await playableOf({ kind: 'digit', digit: '5', durationMs: 120 });
    assert.deepEqual([playable?.durationMs, playable?.isEndless, playable?.wav.length], [120, false, 44 + 2 * 960]);
    assert.equal(await playableOf({ kind: 'digit', digit: 'x', durationMs: 120 }), null);
  });

  it('is a tone, and one without an end until it is stopped', async () => {
    const tone = { kind: 'tone', frequenciesHz: [440] } as const;
    assert.equal((await playableOf({ ...tone, cadenceMs: [100, 50] }))?.durationMs, 150);
    assert.equal((await playableOf(tone))?.isEndless, true);
  });

  it('is nothing that does not fit into a request, and no file that is not there', async () => {
    assert.equal(await playableOf({ kind: 'tone', frequenciesHz: [440], cadenceMs: [60_000] }), null);
    assert.equal(await playableOf({ kind: 'file', path: '/nowhere/at-all.wav' }), null);
  });
});
