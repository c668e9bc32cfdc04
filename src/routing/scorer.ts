// Where a channel stands now: asks the ledger what its plan says and costs, and adds up the stored terms.
import type { NumberClass } from '../numbers/number-class.js';
import type { LedgerView } from '../quota/ledger-view.js';
import { parseMoney } from '../quota/money.js';
import type { Plan } from '../quota/plan.js';
import { WindowClock } from '../quota/windows.js';
import { UNKNOWN_HEALTH } from './channel-health.js';
import type { IndexedChannel } from './indexed-channel.js';
import type { RankingSettings } from './ranking.js';
import { codeOfQuota, NOT_REFUSED } from './refusal-counts.js';
import { Standing } from './standing.js';
import { FULL_POINTS } from './weights.js';

export class Scorer {
  readonly #view: LedgerView;
  readonly #ranking: RankingSettings;
  readonly #fullCost: number;
  readonly #days = new Map<Plan, WindowClock>();

  constructor(view: LedgerView, ranking: RankingSettings, plans: readonly Plan[]) {
    this.#view = view;
    this.#ranking = ranking;
    this.#fullCost = Math.max(1, Number(parseMoney(ranking.fullCost)));
    for (const plan of plans) this.#days.set(plan, new WindowClock({ kind: 'day' }, plan.timeZone));
  }

  /** Fills in an idle channel's standings, a class each; returns when time alone may change them. */
  stand(channel: IndexedChannel, classes: readonly NumberClass[], wallMs: number): number {
    const { simId, plan, standings, tie } = channel;
    const { seconds, calls } = this.#view.today(simId, wallMs);
    const health = channel.health?.points ?? UNKNOWN_HEALTH;
    const { weights } = this.#ranking;
    let changesAtWallMs = this.#days.get(plan)?.at(wallMs).endWallMs ?? Number.POSITIVE_INFINITY;
    let last: Standing | undefined;
    for (let index = 0; index < classes.length; index++) {
      const numberClass = classes[index] as NumberClass;
      const quota = this.#view.standing(simId, numberClass, wallMs);
      if (quota.changesAtWallMs < changesAtWallMs) changesAtWallMs = quota.changesAtWallMs;
      const cost = this.#view.quote(simId, numberClass, wallMs, this.#ranking.expectedCallSeconds);
      const costPoints = cost === 0 ? 0 : Math.floor((cost * FULL_POINTS) / this.#fullCost);
      const refusal = codeOfQuota(quota.refusal);
      // Most plans treat most classes alike: what lives as long as the channel stands so is made once.
      if (last === undefined || last.refusal !== refusal || last.cost !== Math.min(FULL_POINTS, costPoints)) {
        last = new Standing(refusal, costPoints, seconds + calls, health, weights, tie);
      }
      standings[index] = last;
    }
    return changesAtWallMs;
  }

  /** Of any channel, to an emergency call: whatever its plan says, at no cost. */
  inEmergency({ simId, health, tie }: IndexedChannel, wallMs: number): Standing {
    const { seconds, calls } = this.#view.today(simId, wallMs);
    return new Standing(NOT_REFUSED, 0, seconds + calls, health?.points ?? UNKNOWN_HEALTH, this.#ranking.weights, tie);
  }
}
