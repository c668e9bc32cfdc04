// Finds a known signal inside a recorded one: normalised cross-correlation over all lags, by FFT.

export interface Correlation {
  /** Where `reference` begins in `recorded`, in samples; negative when its beginning is missing. */
  readonly lagSamples: number;
  /** 1 for the same waveform at any loudness, near 0 for another signal. */
  readonly coefficient: number;
}

/**
 * The lag at which `reference` fits `recorded` best, among those where at least `minOverlapSamples` of both lie over each
 * other, and how well it fits there. Lags at which either side is nearly silent are left out: they would fit anything.
 */
export function correlate(reference: Int16Array, recorded: Int16Array, minOverlapSamples?: number): Correlation {
  const overlapAtLeast = minOverlapSamples ?? Math.ceil(Math.min(reference.length, recorded.length) / 2);
  const size = 2 ** Math.ceil(Math.log2(Math.max(2, reference.length + recorded.length)));
  const products = crossProducts(reference, recorded, size);
  const referenceEnergy = runningEnergy(reference);
  const recordedEnergy = runningEnergy(recorded);
  const referenceFloor = 0.1 * (referenceEnergy.at(-1) ?? 0);
  const recordedFloor = 0.01 * (recordedEnergy.at(-1) ?? 0);

  let best: Correlation = { lagSamples: 0, coefficient: 0 };
  for (let lag = -reference.length + 1; lag < recorded.length; lag++) {
    const from = Math.max(0, lag);
    const to = Math.min(recorded.length, lag + reference.length);
    if (to - from < overlapAtLeast) continue;
    const energyOfReference = (referenceEnergy[to - lag] ?? 0) - (referenceEnergy[from - lag] ?? 0);
    const energyOfRecorded = (recordedEnergy[to] ?? 0) - (recordedEnergy[from] ?? 0);
    if (energyOfReference <= referenceFloor || energyOfRecorded <= recordedFloor) continue;
    const product = products[lag < 0 ? lag + size : lag] ?? 0;
    const coefficient = product / Math.sqrt(energyOfReference * energyOfRecorded);
    if (coefficient > best.coefficient) best = { lagSamples: lag, coefficient };
  }
  return { lagSamples: best.lagSamples, coefficient: Math.min(1, best.coefficient) };
}

/** Element n is the energy of the first n samples. */
function runningEnergy(samples: Int16Array): Float64Array {
  const sums = new Float64Array(samples.length + 1);
  for (let n = 0; n < samples.length; n++) sums[n + 1] = (sums[n] ?? 0) + (samples[n] ?? 0) ** 2;
  return sums;
}

/** Σ recorded[n + lag] · reference[n] for every lag, negative lags wrapped to the end. */
function crossProducts(reference: Int16Array, recorded: Int16Array, size: number): Float64Array {
  // Both are real: one transform carries them as real and imaginary part, and symmetry takes them apart again.
  const real = new Float64Array(size);
  const imaginary = new Float64Array(size);
  real.set(recorded);
  imaginary.set(reference);
  transform(real, imaginary, false);
  const productReal = new Float64Array(size);
  const productImaginary = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const mirror = (size - k) % size;
    const [re, im, mirrorRe, mirrorIm] = [real[k] ?? 0, imaginary[k] ?? 0, real[mirror] ?? 0, imaginary[mirror] ?? 0];
    const recordedRe = (re + mirrorRe) / 2;
    const recordedIm = (im - mirrorIm) / 2;
    const referenceRe = (im + mirrorIm) / 2;
    const referenceIm = (mirrorRe - re) / 2;
    productReal[k] = recordedRe * referenceRe + recordedIm * referenceIm;
    productImaginary[k] = recordedIm * referenceRe - recordedRe * referenceIm;
  }
  transform(productReal, productImaginary, true);
  return productReal;
}

/** In-place FFT of a power-of-two length (Cooley and Tukey), scaled by 1/n when inverse. */
function transform(real: Float64Array, imaginary: Float64Array, inverse: boolean): void {
  const size = real.length;
  for (let n = 1, reversed = 0; n < size; n++) {
    let bit = size >> 1;
    for (; reversed & bit; bit >>= 1) reversed ^= bit;
    reversed ^= bit;
    if (n < reversed) {
      [real[n], real[reversed]] = [real[reversed] ?? 0, real[n] ?? 0];
      [imaginary[n], imaginary[reversed]] = [imaginary[reversed] ?? 0, imaginary[n] ?? 0];
    }
  }
  for (let span = 2; span <= size; span *= 2) {
    const half = span / 2;
    const angle = ((inverse ? 2 : -2) * Math.PI) / span;
    for (let offset = 0; offset < half; offset++) {
      const cosine = Math.cos(angle * offset);
      const sine = Math.sin(angle * offset);
      for (let low = offset; low < size; low += span) {
        const high = low + half;
        const re = (real[high] ?? 0) * cosine - (imaginary[high] ?? 0) * sine;
        const im = (real[high] ?? 0) * sine + (imaginary[high] ?? 0) * cosine;
        real[high] = (real[low] ?? 0) - re;
        imaginary[high] = (imaginary[low] ?? 0) - im;
        real[low] = (real[low] ?? 0) + re;
        imaginary[low] = (imaginary[low] ?? 0) + im;
      }
    }
  }
  if (!inverse) return;
  for (let n = 0; n < size; n++) {
    real[n] = (real[n] ?? 0) / size;
    imaginary[n] = (imaginary[n] ?? 0) / size;
  }
}
