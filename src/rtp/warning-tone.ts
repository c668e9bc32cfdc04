// The tone that warns of the end of a call, as G.711 octets: two beeps of 1,400 Hz and 200 ms, with the callee between them.
// Level and frequency follow ITU-T E.180 for warning tones: 1,400 Hz, -10 dBm0.
import { linearToALaw, linearToMuLaw } from './g711.js';

const SAMPLE_RATE_HZ = 8_000;
const FREQUENCY_HZ = 1_400;
const BEEP_SAMPLES = 1_600;
const GAP_SAMPLES = 1_600;
/** A sine at full scale is +3.14 dBm0 in A-law (ITU-T G.711); this one is 13 dB below it. */
const AMPLITUDE = 7_200;

/** From the first sample of the first beep to the last of the second, in samples at 8 kHz. */
export const WARNING_TONE_SAMPLES = 2 * BEEP_SAMPLES + GAP_SAMPLES;

const BEEP = Float64Array.from({ length: BEEP_SAMPLES }, (_, at) =>
  Math.round(AMPLITUDE * Math.sin((2 * Math.PI * FREQUENCY_HZ * at) / SAMPLE_RATE_HZ)),
);
const OCTETS = { PCMA: Uint8Array.from(BEEP, linearToALaw), PCMU: Uint8Array.from(BEEP, linearToMuLaw) };

/** Writes the tone over G.711 octets of which the first is the tone's sample `position`; the gap is left as it is. */
export function writeWarningTone(octets: Uint8Array, codec: 'PCMA' | 'PCMU', position: number): void {
  const beep = OCTETS[codec];
  for (const start of [0, BEEP_SAMPLES + GAP_SAMPLES]) {
    const from = Math.max(position, start);
    const to = Math.min(position + octets.length, start + BEEP_SAMPLES);
    if (from < to) octets.set(beep.subarray(from - start, to - start), from - position);
  }
}
