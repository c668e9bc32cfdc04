// What a ledger is made from, the running one and one that is read from its file: plans, SIMs, channels and their rests.
import type { Plan } from '../quota/plan.js';
import type { Config, SimConfig } from './config.js';

export interface LedgerParts {
  readonly plans: readonly Plan[];
  readonly sims: readonly SimConfig[];
  readonly channels: readonly { readonly channelId: string; readonly simId: string; readonly gapMs: number }[];
  readonly sliceSeconds: number;
}

export function ledgerParts({ plans, sims, channels, gateways, ledger }: Config): LedgerParts {
  const gapOf = new Map(gateways.map(({ name, gapMs }) => [name, gapMs]));
  return {
    plans,
    sims,
    channels: channels.map(({ channelId, simId, gateway }) => {
      return { channelId, simId, gapMs: gapOf.get(gateway) ?? 0 };
    }),
    sliceSeconds: ledger.sliceSeconds,
  };
}
