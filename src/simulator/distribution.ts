// How long calls talk and ring: a distribution of a scenario, drawn from with a seed.
import type { Random } from './random.js';

export type Distribution =
  | { readonly kind: 'fixed'; readonly seconds: number }
  | { readonly kind: 'uniform'; readonly fromSeconds: number; readonly toSeconds: number }
  | { readonly kind: 'exponential'; readonly meanSeconds: number }
  /** Half of the calls last up to the median, nine tenths up to `p90Seconds`. */
  | { readonly kind: 'lognormal'; readonly medianSeconds: number; readonly p90Seconds: number }
  /** Each with the same chance: what was measured. */
  | { readonly kind: 'listed'; readonly seconds: readonly number[] };

/** The 0.9 quantile of the standard normal distribution. */
const Z_90 = 1.2815515655446004;

/** No call lasts longer than a day, whatever is drawn. */
const LONGEST_MS = 86_400_000;

/** A duration in whole milliseconds. */
export function drawMs(distribution: Distribution, random: Random): number {
  return Math.min(LONGEST_MS, Math.max(0, Math.round(drawSeconds(distribution, random) * 1000)));
}

function drawSeconds(distribution: Distribution, random: Random): number {
  switch (distribution.kind) {
    case 'fixed':
      return distribution.seconds;
    case 'uniform':
      return distribution.fromSeconds + random.next() * (distribution.toSeconds - distribution.fromSeconds);
    case 'exponential':
      return -distribution.meanSeconds * Math.log(1 - random.next());
    case 'lognormal': {
      const { medianSeconds, p90Seconds } = distribution;
      return medianSeconds * Math.exp((Math.log(p90Seconds / medianSeconds) / Z_90) * random.normal());
    }
    case 'listed':
      return distribution.seconds[random.below(distribution.seconds.length)] ?? 0;
  }
}
