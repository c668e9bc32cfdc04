// What can be played into a leg, as linear samples at 8 kHz: a recorded sound, a tone by frequencies and cadence, noise.
import type { PlaySource } from '../../call/ports.js';
import { keyTone } from './key-tones.js';

export const SAMPLE_RATE_HZ = 8_000;
/** A sine at full scale is +3.14 dBm0 in A-law (ITU-T G.711). */
const FULL_SCALE = 32_768;
const FULL_SCALE_DBM0 = 3.14;
/** ITU-T E.180: tones are sent between -5 and -15 dBm0. */
const DEFAULT_LEVEL_DBM0 = -10;
const MAX_FREQUENCIES = 8;
const MAX_CADENCE_MS = 3_600_000;
const SAMPLES_PER_MS = SAMPLE_RATE_HZ / 1_000;

export interface Sound {
  /** Samples until its end; Infinity where it has none. */
  readonly lengthSamples: number;
  /** Adds the first `count` samples from `position` on to what is in `into`. The position is below the length. */
  addTo(into: Int32Array, at: number, count: number, position: number): void;
}

/** Samples in memory. */
export class RecordedSound implements Sound {
  readonly #samples: Int16Array;

  constructor(samples: Int16Array) {
    this.#samples = samples;
  }

  get lengthSamples(): number {
    return this.#samples.length;
  }

  addTo(into: Int32Array, at: number, count: number, position: number): void {
    const samples = this.#samples;
    for (let index = 0; index < count; index += 1) {
      into[at + index] = (into[at + index] ?? 0) + (samples[position + index] ?? 0);
    }
  }
}

type ToneSource = Omit<Extract<PlaySource, { kind: 'tone' }>, 'kind'>;

/** Whether the numbers make a tone that G.711 can carry. */
export function isTone({ frequenciesHz, cadenceMs = [], levelDbm0 = DEFAULT_LEVEL_DBM0 }: ToneSource): boolean {
  return (
    frequenciesHz.length > 0 &&
    frequenciesHz.length <= MAX_FREQUENCIES &&
    frequenciesHz.every((hz) => hz >= 1 && hz < SAMPLE_RATE_HZ / 2) &&
    cadenceMs.every((ms) => ms >= 0 && ms <= MAX_CADENCE_MS) &&
    (cadenceMs.length === 0 || cadenceMs.some((ms) => ms >= 1)) &&
    levelDbm0 <= FULL_SCALE_DBM0
  );
}

/** Sines that sound together, on and off by a cadence. Without a cadence it has no end. */
export class Tone implements Sound {
  readonly lengthSamples: number;
  /** Where each part of the cadence ends, in samples; on first. */
  readonly #ends: readonly number[];
  /** A second of the tone, which is whole periods of every whole frequency. */
  readonly #second: Int16Array;

  constructor({ frequenciesHz, cadenceMs = [], levelDbm0 = DEFAULT_LEVEL_DBM0 }: ToneSource) {
    let end = 0;
    const ends = cadenceMs.map((ms) => {
      end += Math.round(ms * SAMPLES_PER_MS);
      return end;
    });
    this.#ends = ends.length === 0 ? [Number.POSITIVE_INFINITY] : ends;
    this.lengthSamples = ends.length === 0 ? Number.POSITIVE_INFINITY : end;
    this.#second = secondOf(
      frequenciesHz.map((hz) => Math.round(hz)),
      levelDbm0,
    );
  }

  addTo(into: Int32Array, at: number, count: number, position: number): void {
    const last = position + count;
    let start = 0;
    for (let part = 0; part < this.#ends.length && start < last; part += 1) {
      const end = this.#ends[part] ?? 0;
      if (part % 2 === 0) this.#addSines(into, at - position, Math.max(position, start), Math.min(last, end));
      start = end;
    }
  }

  /** Adds the samples from one position to before another. */
  #addSines(into: Int32Array, offset: number, from: number, to: number): void {
    const second = this.#second;
    for (let sample = from; sample < to; sample += 1) {
      into[offset + sample] = (into[offset + sample] ?? 0) + (second[sample % SAMPLE_RATE_HZ] ?? 0);
    }
  }
}

/** Seconds of tones that were made; a few kinds of tone are played over and over. */
const seconds = new Map<string, Int16Array>();
const MAX_SECONDS = 32;

function secondOf(frequenciesHz: readonly number[], levelDbm0: number): Int16Array {
  const key = `${frequenciesHz.join(' ')} at ${levelDbm0}`;
  const made = seconds.get(key);
  if (made !== undefined) return made;
  const amplitude = (FULL_SCALE * 10 ** ((levelDbm0 - FULL_SCALE_DBM0) / 20)) / Math.max(1, frequenciesHz.length);
  const steps = frequenciesHz.map((hz) => (2 * Math.PI * hz) / SAMPLE_RATE_HZ);
  const second = Int16Array.from({ length: SAMPLE_RATE_HZ }, (_, sample) => {
    const sum = steps.reduce((sines, step) => sines + Math.sin(step * sample), 0);
    return Math.max(-FULL_SCALE, Math.min(FULL_SCALE - 1, Math.round(amplitude * sum)));
  });
  if (seconds.size >= MAX_SECONDS) seconds.clear();
  seconds.set(key, second);
  return second;
}

/** White noise of a level that RFC 3389 §3.1 writes in one octet: 0 to 127, in dB below overload. */
export class Noise implements Sound {
  readonly lengthSamples = Number.POSITIVE_INFINITY;
  readonly #peak: number;

  constructor(levelDbov: number) {
    // Overload is a square wave at full scale (RFC 3389 §3.1); evenly spread samples have 1/√3 of their peak.
    this.#peak = Math.sqrt(3) * FULL_SCALE * 10 ** (-levelDbov / 20);
  }

  addTo(into: Int32Array, at: number, count: number, _position: number): void {
    for (let index = 0; index < count; index += 1) {
      into[at + index] = (into[at + index] ?? 0) + Math.round((2 * Math.random() - 1) * this.#peak);
    }
  }
}

/** What is played, as threads tell each other: samples in shared memory, a tone or a key. */
export type SoundSource =
  | { readonly kind: 'samples'; readonly samples: Int16Array }
  | Exclude<PlaySource, { kind: 'file' }>;

/** Null for a tone that none could hear, and what is no key. */
export function soundOf(source: SoundSource): Sound | null {
  if (source.kind === 'samples') return new RecordedSound(source.samples);
  const tone = source.kind === 'digit' ? keyTone(source.digit, source.durationMs) : source;
  return tone !== null && isTone(tone) ? new Tone(tone) : null;
}

/** Nothing to hear. */
export const SILENCE: Sound = { lengthSamples: Number.POSITIVE_INFINITY, addTo: () => undefined };
