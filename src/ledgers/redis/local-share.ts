// What a node goes on with while Redis is away, if its setting says so: the channels that only it may use, so that no SIM is
// ever in two calls or counted twice, and of each payer's caps a part of what was left when it first asked for some of it then.
import type { AllowanceUsage, Grant, GrantLimit, ReserveRequest, ReserveResult } from '../../quota/ledger.js';

/** What is asked of a replica about payers. */
export interface PayerUsage {
  usageOfPayer(payer: string, wallMs: number): readonly AllowanceUsage[] | undefined;
}

interface UsedUp extends GrantLimit {
  readonly allowanceId: string;
}

/** Of one payer's allowance in one window: what may be used and held in all. */
type Bounds = Map<string, number>;

export class LocalShare {
  readonly #channels: ReadonlySet<string>;
  readonly #percent: number;
  readonly #bounds = new Map<string, Bounds>();

  constructor(channels: readonly string[], percent: number) {
    this.#channels = new Set(channels);
    this.#percent = percent;
  }

  has(channelId: string): boolean {
    return this.#channels.has(channelId);
  }

  /** Redis has come back, or goes away after it has granted again: what is left then is counted anew. */
  forget(): void {
    this.#bounds.clear();
  }

  /** Refuses a call of a payer of whose caps this node's part is used up. */
  refusalOf(request: ReserveRequest, usage: PayerUsage): Extract<ReserveResult, { ok: false }> | undefined {
    const limit = this.usedUp(request, usage);
    return limit && { ok: false, reason: 'cap-exhausted', payer: limit.holder, allowanceId: limit.allowanceId };
  }

  /** A grant that goes no further than what is held, once the part of a payer is used up. */
  bounded(
    grant: Grant,
    request: ReserveRequest,
    answeredWallMs: number,
    untilWallMs: number,
    usage: PayerUsage,
  ): Grant {
    const limit = this.usedUp(request, usage);
    const heldSeconds = Math.max(0, Math.floor((untilWallMs - answeredWallMs) / 1000) - 1);
    if (limit === undefined || (grant.isFinal && grant.maxCallSeconds <= heldSeconds)) return grant;
    return { maxCallSeconds: Math.min(grant.maxCallSeconds, heldSeconds), isFinal: true, limit };
  }

  /** The cap of which nothing is left for this node: for calls of this payer nothing more is held. */
  usedUp({ payers, wallMs }: ReserveRequest, usage: PayerUsage): UsedUp | undefined {
    for (const payer of payers) {
      const allowanceId = this.#exhausted(payer, wallMs, usage);
      if (allowanceId !== undefined) return { holder: payer, allowanceId };
    }
    return undefined;
  }

  #exhausted(payer: string, wallMs: number, usage: PayerUsage): string | undefined {
    const rows = usage.usageOfPayer(payer, wallMs);
    if (rows === undefined) return undefined;
    const bounds = this.#bounds.get(payer) ?? new Map<string, number>();
    this.#bounds.set(payer, bounds);
    for (const { allowanceId, window, windowStartWallMs, used, held, limit } of rows) {
      // A rolling window starts anew at each instant, and is one and the same.
      const key = window === 'rolling' ? allowanceId : `${allowanceId} ${windowStartWallMs}`;
      const taken = used + held;
      const bound = bounds.get(key) ?? taken + Math.floor((Math.max(0, limit - taken) * this.#percent) / 100);
      bounds.set(key, bound);
      if (taken >= bound) return allowanceId;
    }
    return undefined;
  }
}
