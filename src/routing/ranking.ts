// How channels are ranked: the settings of the index's terms.
import { type ChannelHealthSettings, DEFAULT_CHANNEL_HEALTH } from './channel-health.js';
import { PRESETS, type Weights } from './weights.js';

export interface RankingSettings {
  readonly weights: Weights;
  /** Decides who is first among equals; 0: the first in the config. */
  readonly seed: number;
  /** Talk time that the cost term is computed for. */
  readonly expectedCallSeconds: number;
  /** Decimal string in the plans' currency: a call that costs so much has all points of the cost term. */
  readonly fullCost: string;
  readonly health: ChannelHealthSettings;
}

export const DEFAULT_RANKING: RankingSettings = {
  weights: PRESETS.balanced,
  seed: 0,
  expectedCallSeconds: 180,
  fullCost: '1000',
  health: DEFAULT_CHANNEL_HEALTH,
};
