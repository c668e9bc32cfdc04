// What a decision says: the best channels with their scores, and how many others were refused for which reason.
import type { PooledChannel } from './pool.js';
import type { RankingSettings } from './ranking.js';
import { type CodeCounts, type PackedCounts, packCounts, refusalOfCounts, refusedByReason } from './refusal-counts.js';
import type { Refusal, RefusalReason } from './rules.js';
import { LAST_RESORT, type Standing, TIES } from './standing.js';
import { FULL_POINTS, type TermName, type Weights } from './weights.js';

/** How many candidates a live decision returns. */
export const BEST = 8;

/** Terms of a score by name; an emergency call tries last what has `lastResort`. */
export type ScoreTerms = Readonly<Partial<Record<TermName | 'lastResort', number>>>;

/** What speaks for or against a channel in this call alone. */
export interface CallTerms {
  /** Its SIM talked to the callee last. */
  readonly sameCallee: boolean;
  readonly ownChannel: boolean;
  readonly lastResort: boolean;
}

/** Of most candidates. */
export const ORDINARY: CallTerms = { sameCallee: false, ownChannel: false, lastResort: false };

/** An eligible channel, as it stood when it was decided on. What few ask for is computed when it is asked for. */
export class Candidate {
  readonly channel: PooledChannel;
  readonly standing: Standing;
  readonly call: CallTerms;
  readonly weights: Weights;

  constructor(channel: PooledChannel, standing: Standing, call: CallTerms, weights: Weights) {
    this.channel = channel;
    this.standing = standing;
    this.call = call;
    this.weights = weights;
  }

  /** The sum of its terms: the lowest wins. */
  get score(): number {
    return this.standing.score + scoreOf(this.call, this.weights);
  }

  /** Each is weighted; those that count nothing are left out. */
  get terms(): ScoreTerms {
    const { sameCallee, ownChannel } = this.weights;
    return {
      ...(this.call.sameCallee && sameCallee > 0 && { sameCallee: -sameCallee * FULL_POINTS }),
      ...(this.call.ownChannel && ownChannel > 0 && { ownChannel: -ownChannel * FULL_POINTS }),
      ...this.standing.terms(this.weights),
      ...(this.call.lastResort && { lastResort: LAST_RESORT }),
    };
  }
}

/** The sum of the terms of this call alone. */
export function scoreOf({ sameCallee, ownChannel, lastResort }: CallTerms, weights: Weights): number {
  const speaksFor = (sameCallee ? weights.sameCallee : 0) + (ownChannel ? weights.ownChannel : 0);
  return (lastResort ? LAST_RESORT : 0) - speaksFor * FULL_POINTS;
}

/** Orders candidates: the lowest score, then the place among equals. */
export function keyOf({ channel, score }: Candidate): number {
  return score * TIES + channel.tie;
}

export abstract class Decision {
  /** The one to take, as it stood when it was decided on. */
  readonly best: Candidate | undefined;
  /** Version of the index that this was read from. */
  readonly version: number;
  /** What ties were broken by. */
  readonly seed: number;
  /** Channels that were ranked or refused. */
  readonly considered: number;
  readonly #refused: PackedCounts;

  constructor(best: Candidate | undefined, counts: CodeCounts, { version, ranking, channels }: DecidedFrom) {
    this.best = best;
    this.version = version;
    this.seed = ranking.seed;
    this.considered = channels.length;
    this.#refused = packCounts(counts);
  }

  /** Best first, at most {@link BEST}. To be asked for before anything changes: most calls need the best one alone. */
  abstract get candidates(): readonly Candidate[];

  get refused(): Readonly<Partial<Record<RefusalReason, number>>> {
    return refusedByReason(this.#refused);
  }

  /** Without a candidate: whether another call would have found a channel. */
  get refusal(): 'no-channel' | 'refused-for-this-call' {
    return refusalOfCounts(this.#refused);
  }
}

interface DecidedFrom {
  readonly version: number;
  readonly ranking: RankingSettings;
  readonly channels: readonly PooledChannel[];
}

/** A decision with every channel in it. */
export class Explanation extends Decision {
  /** Every eligible channel, best first. */
  readonly ranked: readonly Candidate[];
  readonly refusals: readonly { readonly channel: PooledChannel; readonly refusal: Refusal }[];

  constructor(ranked: readonly Candidate[], refusals: Explanation['refusals'], counts: CodeCounts, index: DecidedFrom) {
    super(ranked[0], counts, index);
    this.ranked = ranked;
    this.refusals = refusals;
  }

  override get candidates(): readonly Candidate[] {
    return this.ranked.slice(0, BEST);
  }
}
