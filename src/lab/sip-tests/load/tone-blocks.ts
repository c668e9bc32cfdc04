// How much of a recording is a given tone, block by block: silence before and after does not count, and a jump of phase,
// as a lost packet makes, spoils one block only.
import { SAMPLE_RATE_HZ, toneShare } from '../../speech.js';

/** 200 ms: a resolution of 5 Hz, a third of the distance between two tones of a run. */
const BLOCK_SAMPLES = SAMPLE_RATE_HZ / 5;
/** Louder than anything that G.711 makes of silence. */
const SOUND_LEVEL = 1000;

export interface ToneFinding {
  /** Mean share of the tone, from 0 to 1, over the blocks that sound. */
  readonly share: number;
  /** How long the audio sounds. */
  readonly seconds: number;
}

export function findTone(audio: Int16Array, frequencyHz: number): ToneFinding {
  let sounding = 0;
  let sum = 0;
  for (let start = 0; start + BLOCK_SAMPLES <= audio.length; start += BLOCK_SAMPLES) {
    const block = audio.subarray(start, start + BLOCK_SAMPLES);
    if (!block.some((sample) => Math.abs(sample) > SOUND_LEVEL)) continue;
    sounding += 1;
    sum += toneShare(block, frequencyHz);
  }
  return { share: sounding === 0 ? 0 : sum / sounding, seconds: (sounding * BLOCK_SAMPLES) / SAMPLE_RATE_HZ };
}
