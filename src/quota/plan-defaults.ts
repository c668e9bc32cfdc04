// Plans and allowances from the few keys that matter; what is left out is what the config's schema assumes.
import type { Allowance, Caps, Plan, Rounding } from './plan.js';

export const BY_THE_SECOND: Rounding = { firstSeconds: 1, thenSeconds: 1, minimumSeconds: 0 };

/** An allowance for mobile and landline numbers, of outgoing calls, forbidding beyond its limit. */
export function allowanceOf(keys: Partial<Allowance> & Pick<Allowance, 'id' | 'counts' | 'limit'>): Allowance {
  return {
    window: { kind: 'day' },
    classes: ['mobile', 'landline'],
    directions: ['out'],
    countsOn: 'answer',
    rounding: BY_THE_SECOND,
    beyond: { kind: 'forbid' },
    credits: null,
    daysOver: null,
    pacing: null,
    ...keys,
  };
}

/** A commercial plan in Korea for ordinary numbers, without allowances. */
export function planOf(keys: Partial<Plan> & Pick<Plan, 'name'>): Plan {
  return {
    ...capsOf(keys),
    commercialUse: 'allowed',
    classes: ['mobile', 'landline', 'internet', 'representative', 'special', 'emergency'],
    rounding: BY_THE_SECOND,
    maxCallSeconds: 7_200,
    gapMs: null,
    monthlyFee: '0',
    rates: {},
    messageRates: null,
    ...keys,
  };
}

/** Caps in Korea, without limits. */
export function capsOf(keys: Partial<Caps> & Pick<Caps, 'name'>): Caps {
  return { timeZone: 'Asia/Seoul', currency: 'KRW', windowEdge: 'split', allowances: [], ...keys };
}
