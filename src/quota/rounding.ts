// How durations become charged seconds, and the longest duration that a number of seconds pays for.
import type { Rounding } from './plan.js';

/** Seconds charged for an answered call: the first step at least, since carriers bill each answer. */
export function chargedSeconds(durationMs: number, rounding: Rounding): number {
  return roundUp(Math.max(1, Math.ceil(durationMs / 1000)), rounding);
}

/** The charge of whole `seconds` (at least 1). */
export function roundUp(seconds: number, { firstSeconds, thenSeconds, minimumSeconds }: Rounding): number {
  const further = seconds <= firstSeconds ? 0 : Math.ceil((seconds - firstSeconds) / thenSeconds) * thenSeconds;
  return Math.max(minimumSeconds, firstSeconds + further);
}

/** The longest whole duration whose charge is at most `availableSeconds`; 0 when not even the first step fits. */
export function longestCharged(
  availableSeconds: number,
  { firstSeconds, thenSeconds, minimumSeconds }: Rounding,
): number {
  if (availableSeconds < firstSeconds || availableSeconds < minimumSeconds) return 0;
  return firstSeconds + Math.floor((availableSeconds - firstSeconds) / thenSeconds) * thenSeconds;
}
