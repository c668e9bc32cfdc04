// How good one direction was to listen to: what was received of it, put into the E-model.
import { impairmentOf, opinionScoreOf, ratingOf } from '../../rtp/e-model.js';
import type { ReceptionStatistics } from '../../rtp/reception-statistics.js';

/** A playout buffer holds about as much as twice the jitter. */
const PLAYOUT_JITTERS = 2;
/** Beyond, the E-model was not tried. */
const MAX_BURST_RATIO = 8;

/**
 * The mean opinion score, two decimals; null without packets, or for a codec without published figures. Delay is what half of both
 * round trips, the packet time and a playout buffer make, as far as they are known.
 */
export function scoreOf(
  statistics: ReceptionStatistics,
  way: {
    readonly codecName: string;
    readonly packetMs: number;
    readonly roundTripsMs: readonly (number | null)[];
  },
): number | null {
  const { packets, duplicates, lost, gaps, jitterMs } = statistics;
  const codec = impairmentOf(way.codecName);
  if (codec === null || packets === 0) return null;
  const lossRatio = lost / (lost + packets - duplicates);
  // Independent losses come in gaps of 1 / (1 - ratio) packets.
  const burstRatio = gaps === 0 ? 1 : Math.min(MAX_BURST_RATIO, Math.max(1, (lost / gaps) * (1 - lossRatio)));
  const roundTripMs = way.roundTripsMs.reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const delayMs = roundTripMs / 2 + way.packetMs + PLAYOUT_JITTERS * jitterMs;
  return Math.round(opinionScoreOf(ratingOf({ delayMs, lossRatio, burstRatio, codec })) * 100) / 100;
}
