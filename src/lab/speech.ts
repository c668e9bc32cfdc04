// Speech-like audio made by code: a voice (pitch, vocal tract) that utters syllables of three formants in phrases with
// pauses. 8 kHz, 16 bit, deterministic by seed, and different enough between seeds to be told apart by correlation.

export const SAMPLE_RATE_HZ = 8000;

/** Peak of what this file makes, well below clipping and far above the quantisation noise of G.711. */
const PEAK = 16_000;

/** First three formants in Hz, of an average vocal tract. */
const VOWELS: readonly (readonly [number, number, number])[] = [
  [730, 1090, 2440],
  [530, 1840, 2480],
  [270, 2290, 3010],
  [570, 840, 2410],
  [300, 870, 2240],
  [490, 1350, 1690],
];

/** A small deterministic generator (mulberry32): the same seed always gives the same sequence in [0, 1). */
export function seededRandom(seed: number): () => number {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One band-pass of a vocal tract: a two-pole resonator whose centre glides from vowel to vowel. */
class Resonator {
  #previous = 0;
  #beforePrevious = 0;

  step(input: number, centreHz: number, bandwidthHz: number): number {
    const radius = Math.exp((-Math.PI * bandwidthHz) / SAMPLE_RATE_HZ);
    const turn = 2 * radius * Math.cos((2 * Math.PI * centreHz) / SAMPLE_RATE_HZ);
    const output = (1 - radius) * input + turn * this.#previous - radius * radius * this.#beforePrevious;
    this.#beforePrevious = this.#previous;
    this.#previous = output;
    return output;
  }
}

interface Voice {
  readonly pitchHz: number;
  /** Length of the vocal tract: scales the formants. */
  readonly tract: number;
  readonly breath: number;
}

interface Syllable {
  readonly samples: number;
  readonly pauseSamples: number;
  readonly consonantSamples: number;
  readonly from: readonly [number, number, number];
  readonly to: readonly [number, number, number];
  readonly pitchHz: number;
  readonly loudness: number;
}

const formantsOf = (random: () => number, voice: Voice): [number, number, number] => {
  const vowel = VOWELS[Math.floor(random() * VOWELS.length)] ?? [500, 1500, 2500];
  return [vowel[0] * voice.tract, vowel[1] * voice.tract, Math.min(3500, vowel[2] * voice.tract)];
};

function nextSyllable(random: () => number, voice: Voice, from: readonly [number, number, number]): Syllable {
  const endsPhrase = random() < 0.15;
  return {
    samples: Math.round(SAMPLE_RATE_HZ * (0.11 + 0.13 * random())),
    pauseSamples: Math.round(SAMPLE_RATE_HZ * (endsPhrase ? 0.2 + 0.35 * random() : 0.02 * random())),
    consonantSamples: Math.round(SAMPLE_RATE_HZ * (random() < 0.6 ? 0.02 + 0.04 * random() : 0)),
    from,
    to: formantsOf(random, voice),
    pitchHz: voice.pitchHz * (endsPhrase ? 0.82 : 0.9 + 0.3 * random()),
    loudness: 0.55 + 0.45 * random(),
  };
}

/** Speaks for `seconds`, in the voice and with the words of `seed`. */
export function speak(seed: number, seconds: number): Int16Array {
  const random = seededRandom(seed);
  const voice: Voice = { pitchHz: 85 + 140 * random(), tract: 0.88 + 0.3 * random(), breath: 0.02 + 0.05 * random() };
  const signal = new Float64Array(Math.round(seconds * SAMPLE_RATE_HZ));
  const tract = [new Resonator(), new Resonator(), new Resonator()];
  let formants: readonly [number, number, number] = formantsOf(random, voice);
  let pitchHz = voice.pitchHz;
  let phase = 0;
  let at = 0;
  while (at < signal.length) {
    const syllable = nextSyllable(random, voice, formants);
    for (let n = 0; n < syllable.samples && at < signal.length; n++, at++) {
      const progress = n / syllable.samples;
      pitchHz += (syllable.pitchHz - pitchHz) * 0.002;
      phase += pitchHz / SAMPLE_RATE_HZ;
      let source = (random() - 0.5) * voice.breath;
      if (n < syllable.consonantSamples) source = (random() - 0.5) * 0.5;
      else if (phase >= 1) source += 1;
      if (phase >= 1) phase -= 1;
      const envelope = Math.sin(Math.PI * Math.min(1, progress * 0.95 + 0.05)) ** 0.6 * syllable.loudness;
      let sample = 0;
      tract.forEach((resonator, index) => {
        const centreHz =
          (syllable.from[index] ?? 0) + ((syllable.to[index] ?? 0) - (syllable.from[index] ?? 0)) * progress;
        sample += resonator.step(source * envelope, centreHz, 60 + 50 * index) * (index === 0 ? 1 : 0.7);
      });
      signal[at] = sample;
    }
    formants = syllable.to;
    at += syllable.pauseSamples;
  }
  return normalise(signal);
}

/** A pure tone: the mark of one call among many. */
export function tone(frequencyHz: number, seconds: number): Int16Array {
  const samples = new Int16Array(Math.round(seconds * SAMPLE_RATE_HZ));
  const step = (2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ;
  return samples.map((_, n) => Math.round((PEAK / 2) * Math.sin(step * n)));
}

/** The Korean ringback: 440 and 480 Hz together, one second on, two off. */
export function ringback(seconds: number): Int16Array {
  const low = tone(440, seconds);
  const high = tone(480, seconds);
  return low.map((sample, n) => (n % (3 * SAMPLE_RATE_HZ) < SAMPLE_RATE_HZ ? (sample + (high[n] ?? 0)) / 2 : 0));
}

/**
 * How much of `samples` is a tone of this frequency: 0 for none, 1 for nothing else (Goertzel's algorithm, normalised by
 * the energy of the whole).
 */
export function toneShare(samples: Int16Array, frequencyHz: number): number {
  const turn = 2 * Math.cos((2 * Math.PI * frequencyHz) / SAMPLE_RATE_HZ);
  let previous = 0;
  let beforePrevious = 0;
  let energy = 0;
  for (const sample of samples) {
    const next = sample + turn * previous - beforePrevious;
    beforePrevious = previous;
    previous = next;
    energy += sample * sample;
  }
  if (energy === 0) return 0;
  const power = previous * previous + beforePrevious * beforePrevious - turn * previous * beforePrevious;
  return Math.min(1, (2 * power) / (samples.length * energy));
}

function normalise(signal: Float64Array): Int16Array {
  let peak = 0;
  for (const sample of signal) peak = Math.max(peak, Math.abs(sample));
  return Int16Array.from(signal, (sample) => (peak === 0 ? 0 : Math.round((sample / peak) * PEAK)));
}
