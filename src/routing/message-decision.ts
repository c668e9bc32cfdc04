// What is asked and said of a text message's channel.
import type { MessageLoad } from '../quota/usage.js';
import { type Candidate, Decision } from './decision.js';
import type { CodeCounts } from './refusal-counts.js';
import type { RouteIndex } from './route-index.js';

export interface MessageToRoute {
  /** What it is on each gateway, by name; a gateway that is not there cannot send it. */
  readonly loads: ReadonlyMap<string, MessageLoad>;
  /** Channels that sent a message a moment ago, by id. */
  readonly resting: ReadonlySet<string>;
}

export class MessageDecision extends Decision {
  readonly candidates: readonly Candidate[];

  constructor(best: readonly Candidate[], counts: CodeCounts, index: RouteIndex) {
    super(best[0], counts, index);
    this.candidates = best;
  }
}
