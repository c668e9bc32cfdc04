// Where a channel stands in an order: what the plan says to a callee never called before, and the stored terms of its score.
// Immutable: a change puts another in its place, so that a decision keeps what it saw.
import type { HealthPoints } from './channel-health.js';
import { FULL_POINTS, MAX_WEIGHT, type TermName, type Weights } from './weights.js';

/** Room for places among equals below a score: 2^20 channels. */
export const TIES = 2 ** 20;

/** Stands against channels that an emergency call tries last: more than all terms together. */
export const LAST_RESORT = FULL_POINTS * MAX_WEIGHT * 10;

export class Standing {
  /** Code of the refusal by its plan; 0 for none. */
  readonly refusal: number;
  /** Sum of the stored terms. */
  readonly score: number;
  /** Orders channels: the score, then the place among equals. A whole number below 2^52. */
  readonly key: number;
  readonly cost: number;
  /** Seconds and calls of the SIM today. */
  readonly used: number;
  readonly health: HealthPoints;

  constructor(refusal: number, costPoints: number, used: number, health: HealthPoints, weights: Weights, tie: number) {
    this.refusal = refusal;
    this.cost = Math.min(FULL_POINTS, costPoints);
    this.used = Math.min(FULL_POINTS, used);
    this.health = health;
    this.score =
      weights.cost * this.cost +
      weights.evenness * this.used +
      weights.fillFirst * (FULL_POINTS - this.used) +
      weights.answerRatio * health.answerRatio +
      weights.postDialDelay * health.postDialDelay +
      weights.failures * health.failures;
    this.key = this.score * TIES + tie;
  }

  /** The stored terms, weighted: their sum is the score. Terms that count nothing are left out. */
  terms(weights: Weights): Partial<Record<TermName, number>> {
    const { cost, used, health } = this;
    const points = { cost, evenness: used, fillFirst: FULL_POINTS - used, ...health };
    const terms: Partial<Record<TermName, number>> = {};
    for (const [name, value] of Object.entries(points) as [keyof typeof points, number][]) {
      if (weights[name] * value !== 0) terms[name] = weights[name] * value;
    }
    return terms;
  }
}
