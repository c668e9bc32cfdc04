// What a ledger is made from, the running one and one that is read from its file: plans, SIMs, channels, caps.
import { isSameValue } from '../lib/same-value.js';
import type { Plan } from '../quota/plan.js';
import type { ChannelConfig, Config, SimConfig } from './config.js';
import type { CapsOf } from './resolve-plan.js';

export interface LedgerParts {
  readonly plans: readonly Plan[];
  readonly sims: readonly SimConfig[];
  readonly channels: readonly ChannelConfig[];
  readonly sliceSeconds: number;
  readonly minCallSeconds: number;
  readonly capsOf: CapsOf;
}

/** `capsOf`: in place of the config's own, which says the same. */
export function ledgerParts(
  { plans, sims, channels, ledger, call, ...config }: Config,
  capsOf = config.capsOf,
): LedgerParts {
  return { plans, sims, channels, sliceSeconds: ledger.sliceSeconds, minCallSeconds: call.minCallSeconds, capsOf };
}

/** Whether nobody who pays is bounded otherwise. */
export function hasSameCaps(one: Config, other: Config): boolean {
  return isSameValue(capsIn(one), capsIn(other));
}

function capsIn({ written: { trunks, agents, accounts } }: Config) {
  const ofTrunks = trunks.map(({ name, timeZone, spendCap, caps }) => ({ name, timeZone, spendCap, caps }));
  return { trunks: ofTrunks, agents, accounts };
}
