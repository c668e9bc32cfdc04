// What a channel's score is made of. Each term has 0 to 100,000 points, times its weight; the lowest sum wins.

/** Points of a term at its worst (or, of those that speak for a channel, at their best). */
export const FULL_POINTS = 100_000;

/** Weights are whole numbers from 0 (the term counts nothing) to 1,000. */
export const MAX_WEIGHT = 1_000;

/** Names are those of the terms. */
export interface Weights {
  /** What a call of the expected duration would cost now; full points at `fullCost`. */
  readonly cost: number;
  /** Speaks for the SIM that last talked to the callee. */
  readonly sameCallee: number;
  /** Speaks for the agent's own channels. */
  readonly ownChannel: number;
  /** Seconds that the SIM was used today, and one for each call: the least used first. */
  readonly evenness: number;
  /** The reverse: the most used first, until its plan has nothing left. */
  readonly fillFirst: number;
  /** Attempts lately that were not answered, of all. */
  readonly answerRatio: number;
  /** Mean time to ringing lately; full points at ten seconds. */
  readonly postDialDelay: number;
  /** Attempts lately that failed; full points at ten. */
  readonly failures: number;
}

export type TermName = keyof Weights;

export const PRESETS = {
  /** Keeps callees and agents on their channels, then avoids cost, then spreads use. */
  balanced: {
    ...{ cost: 500, sameCallee: 900, ownChannel: 950, evenness: 1000, fillFirst: 0 },
    ...{ answerRatio: 20, postDialDelay: 10, failures: 200 },
  },
  /** The cheapest SIM for the expected duration; the rest only among equals. */
  cheapest: {
    ...{ cost: 1000, sameCallee: 20, ownChannel: 20, evenness: 10, fillFirst: 0 },
    ...{ answerRatio: 5, postDialDelay: 2, failures: 20 },
  },
  /** Every SIM the same use. */
  even: {
    ...{ cost: 10, sameCallee: 0, ownChannel: 0, evenness: 1000, fillFirst: 0 },
    ...{ answerRatio: 0, postDialDelay: 0, failures: 200 },
  },
  /** One SIM after the other, so that few are used up and the others stay whole. */
  'fill-first': {
    ...{ cost: 500, sameCallee: 900, ownChannel: 950, evenness: 0, fillFirst: 1000 },
    ...{ answerRatio: 20, postDialDelay: 10, failures: 200 },
  },
  /** The channels that connect best and fastest. */
  quality: {
    ...{ cost: 50, sameCallee: 200, ownChannel: 200, evenness: 50, fillFirst: 0 },
    ...{ answerRatio: 500, postDialDelay: 300, failures: 1000 },
  },
} as const satisfies Readonly<Record<string, Weights>>;

export type Preset = keyof typeof PRESETS;

/** A preset's weights, with some of them replaced. */
export function weightsOf(preset: Preset, replaced: { readonly [K in TermName]?: number | undefined } = {}): Weights {
  const given = Object.entries(replaced).filter(([, weight]) => weight !== undefined);
  return { ...PRESETS[preset], ...Object.fromEntries(given) };
}
