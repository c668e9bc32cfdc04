// For tests that listen: how much of a signal is one frequency.

const SAMPLE_RATE_HZ = 8_000;

/** Share of the signal's energy that is a sine of this frequency: 1 for nothing else, 0 for none of it or silence. */
export function shareOfTone(samples: Int16Array, frequencyHz: number): number {
  const step = (2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ;
  let [sine, cosine, energy] = [0, 0, 0];
  samples.forEach((sample, at) => {
    sine += sample * Math.sin(step * at);
    cosine += sample * Math.cos(step * at);
    energy += sample ** 2;
  });
  return energy === 0 ? 0 : (2 * (sine ** 2 + cosine ** 2)) / (samples.length * energy);
}

/** Times, in samples, at which windows of 20 ms begin that are mostly this frequency. */
export function windowsWithTone(samples: Int16Array, frequencyHz: number): number[] {
  const starts = Array.from({ length: Math.floor(samples.length / 160) }, (_, index) => index * 160);
  return starts.filter((start) => shareOfTone(samples.subarray(start, start + 160), frequencyHz) > 0.8);
}
