// What a ledger is made from, the running one and one that is read from its file: plans, SIMs, channels, caps.
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

export function ledgerParts({ plans, sims, channels, ledger, call, capsOf }: Config): LedgerParts {
  return { plans, sims, channels, sliceSeconds: ledger.sliceSeconds, minCallSeconds: call.minCallSeconds, capsOf };
}
