// The keys of a telephone as tones (ITU-T Q.23), for a leg that has no telephone-events.
import type { PlaySource } from '../../call/ports.js';

const ROWS_HZ = [697, 770, 852, 941] as const;
const COLUMNS_HZ = [1_209, 1_336, 1_477, 1_633] as const;
const KEYS = ['123A', '456B', '789C', '*0#D'] as const;
/** ITU-T Q.24: what is received may be as loud, and each of the two is half of it. */
const LEVEL_DBM0 = -6;

/** Null for what is no key. */
export function keyTone(digit: string, durationMs: number): Extract<PlaySource, { kind: 'tone' }> | null {
  const row = KEYS.findIndex((keys) => digit.length === 1 && keys.includes(digit));
  const [low, high] = [ROWS_HZ[row], COLUMNS_HZ[KEYS[row]?.indexOf(digit) ?? -1]];
  if (low === undefined || high === undefined) return null;
  return { kind: 'tone', frequenciesHz: [low, high], cadenceMs: [durationMs], levelDbm0: LEVEL_DBM0 };
}
