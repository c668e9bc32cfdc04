// The wideband E-model (ITU-T G.107.1, 06/2019 with Corrigendum 1): the same question as in e-model.ts for codecs of 7 kHz, on a
// scale of its own from 0 to 129. Pure. What a codec takes off are the planning values of ITU-T G.113 (09/2024), appendix IV.
import { delayedBy, listenerEchoOf, noiseOf, TELR } from './e-model.js';

/** Ie,wb, and Bpl,wb where there is one: without it nothing can be said of a stream that has lost packets. */
export interface WidebandImpairment {
  readonly impairment: number;
  readonly robustness: number | null;
}

/** The top of the scale: Ro,wb (equation 7-2). */
const RO = 129;
/** What the scale is wider by than the narrowband one (equations 7-13 and A-1). */
const WIDENING = 1.29;
/** Noise floor of a wideband receiver, dBmp (table 1). */
const NFOR = -96;
const RLR = 2;
const ROE = -1.5 * (noiseOf(NFOR) - RLR);

/**
 * AMR-WB by mode (RFC 4867 §8.2): 6.6, 8.85, 12.65, 14.25, 15.85, 18.25, 19.85, 23.05, 23.85 kbit/s. For listening with both ears
 * (tables IV.3 and IV.4), as there are no values of loss for one. That 23.85 kbit/s is worse than 23.05 stands so in the tables.
 */
const AMR_WB: readonly (WidebandImpairment | null)[] = [
  { impairment: 56, robustness: null },
  { impairment: 41, robustness: null },
  { impairment: 20, robustness: 4.3 },
  null,
  { impairment: 17, robustness: null },
  null,
  null,
  { impairment: 8, robustness: 4.6 },
  { impairment: 10, robustness: 4.9 },
];

/** Null for a mode without published figures. */
export function impairmentOfAmrWb(mode: number): WidebandImpairment | null {
  return AMR_WB[mode] ?? null;
}

/** R, from 0 to 129 (equation 7-1); null when packets were lost and the codec has no figure for that. */
export function widebandRatingOf(connection: {
  /** From mouth to ear, one way. */
  readonly delayMs: number;
  /** Share of packets that are lost, 0 to 1; how they are spread has no part in this model (equation 7-15). */
  readonly lossRatio: number;
  readonly codec: WidebandImpairment;
}): number | null {
  const { delayMs, lossRatio, codec } = connection;
  const { impairment, robustness } = codec;
  if (lossRatio > 0 && robustness === null) return null;
  const lossPercent = 100 * lossRatio;
  const lost = lossPercent === 0 ? 0 : ((95 - impairment) * lossPercent) / (lossPercent + (robustness ?? 0));
  const delayed = talkerEcho(delayMs) + listenerEchoOf(2 * delayMs, RO) + WIDENING * delayedBy(delayMs);
  return Math.min(RO, Math.max(0, RO - delayed - impairment - lost));
}

/** A rating on the scale of narrowband, by which Annex A turns it into a score. */
export function narrowed(rating: number): number {
  return rating / WIDENING;
}

/** Idte,wb (equations 7-5 to 7-10). */
function talkerEcho(delayMs: number): number {
  const k = delayMs < 100 ? 0.08 * delayMs + 10 : 18;
  const spread = 40 * Math.log10((1 + delayMs / 10) / (1 + delayMs / 150));
  const terv = TELR + k - spread + 6 * Math.exp(-0.3 * delayMs ** 2);
  const re = 80 + 3 * (terv - 14);
  return ((ROE - re) / 2 + Math.sqrt((ROE - re) ** 2 / 4 + 100) - 1) * (1 - Math.exp(-delayMs));
}
