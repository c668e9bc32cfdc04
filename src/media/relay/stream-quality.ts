// How good one direction was to talk over: what was received of it, put into the E-model.
import { type CodecImpairment, impairmentOf, opinionScoreOf, ratingOf } from '../../rtp/e-model.js';
import type { ReceptionStatistics } from '../../rtp/reception-statistics.js';
import { impairmentOfAmrWb, narrowed, type WidebandImpairment, widebandRatingOf } from '../../rtp/wideband-e-model.js';

/** A playout buffer holds about as much as twice the jitter. */
const PLAYOUT_JITTERS = 2;
/** Beyond, the E-model was not tried. */
const MAX_BURST_RATIO = 8;

/**
 * The mean opinion score, two decimals; null without packets, or for a codec without published figures. Delay is what half of both
 * round trips, the packet time and a playout buffer make, as far as they are known.
 */
export function scoreOf(
  statistics: Pick<ReceptionStatistics, 'packets' | 'duplicates' | 'lost' | 'gaps' | 'jitterMs'>,
  way: {
    readonly codecName: string;
    /** Of AMR-WB; null when it is not known, or was not one. */
    readonly mode?: number | null;
    readonly packetMs: number;
    readonly roundTripsMs: readonly (number | null)[];
  },
): number | null {
  const { packets, duplicates, lost, gaps, jitterMs } = statistics;
  if (packets === 0) return null;
  const { mode = null } = way;
  const lossRatio = lost / (lost + packets - duplicates);
  const roundTripMs = way.roundTripsMs.reduce<number>((sum, each) => sum + (each ?? 0), 0);
  const delayMs = roundTripMs / 2 + way.packetMs + PLAYOUT_JITTERS * jitterMs;
  const wideband = mode === null ? null : impairmentOfAmrWb(mode);
  const rating =
    wideband === null
      ? narrowbandRating(impairmentOf(way.codecName), { delayMs, lossRatio, lost, gaps })
      : widebandRating(wideband, { delayMs, lossRatio });
  return rating === null ? null : Math.round(opinionScoreOf(rating) * 100) / 100;
}

function narrowbandRating(
  codec: CodecImpairment | null,
  heard: { readonly delayMs: number; readonly lossRatio: number; readonly lost: number; readonly gaps: number },
): number | null {
  if (codec === null) return null;
  const { delayMs, lossRatio, lost, gaps } = heard;
  // Independent losses come in gaps of 1 / (1 - ratio) packets.
  const burstRatio = gaps === 0 ? 1 : Math.min(MAX_BURST_RATIO, Math.max(1, (lost / gaps) * (1 - lossRatio)));
  return ratingOf({ delayMs, lossRatio, burstRatio, codec });
}

function widebandRating(
  codec: WidebandImpairment,
  heard: { readonly delayMs: number; readonly lossRatio: number },
): number | null {
  const rating = widebandRatingOf({ delayMs: heard.delayMs, lossRatio: heard.lossRatio, codec });
  return rating === null ? null : narrowed(rating);
}
