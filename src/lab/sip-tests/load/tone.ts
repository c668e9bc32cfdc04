// Pure tones and how to find them in audio (Goertzel's algorithm): how a load run knows whose voice is in a recording.

export const SAMPLE_RATE_HZ = 8000;
/** 200 ms: a resolution of 5 Hz, a third of the distance between two tones of a run. */
const BLOCK_SAMPLES = 1600;

/** `samples` of a sine of half amplitude, from sample `from` of its endless wave. */
export function toneSamples(frequencyHz: number, samples: number, from = 0): Int16Array {
  const step = (2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ;
  return Int16Array.from({ length: samples }, (_, i) => Math.round(16_000 * Math.sin(step * (from + i))));
}

/** Share of the energy at `frequencyHz`, from 0 to 1, over the blocks that are not silent; 0 when all are. */
export function toneShare(audio: Int16Array, frequencyHz: number): number {
  let atTone = 0;
  let total = 0;
  for (let start = 0; start + BLOCK_SAMPLES <= audio.length; start += BLOCK_SAMPLES) {
    const block = audio.subarray(start, start + BLOCK_SAMPLES);
    atTone += energyAt(block, frequencyHz);
    total += block.reduce((sum, sample) => sum + sample * sample, 0);
  }
  return total === 0 ? 0 : atTone / total;
}

/** Samples that belong to a block with sound. */
export function soundingSamples(audio: Int16Array): number {
  let sounding = 0;
  for (let start = 0; start + BLOCK_SAMPLES <= audio.length; start += BLOCK_SAMPLES) {
    if (audio.subarray(start, start + BLOCK_SAMPLES).some((sample) => Math.abs(sample) > 1000))
      sounding += BLOCK_SAMPLES;
  }
  return sounding;
}

/** Energy of the block's component at the frequency; that of a pure tone is its whole energy. */
function energyAt(block: Int16Array, frequencyHz: number): number {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ);
  let last = 0;
  let beforeLast = 0;
  for (const sample of block) {
    const next = sample + coefficient * last - beforeLast;
    beforeLast = last;
    last = next;
  }
  const power = last * last + beforeLast * beforeLast - coefficient * last * beforeLast;
  return (2 * power) / block.length;
}
