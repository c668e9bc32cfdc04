// Channels, plan and caps of the crash trial, for the process that is killed and for the one that checks what it left.
import type { Rounding } from '../../quota/plan.js';
import { allowanceOf, capsOf, planOf } from '../../quota/plan-defaults.js';
import type { LedgerSettings } from '../ledger-memory.js';

const TEN_AT_LEAST: Rounding = { firstSeconds: 10, thenSeconds: 1, minimumSeconds: 0 };
const PORTS = [1, 2, 3, 4, 5, 6];
const ENDLESS = { counts: 'seconds', window: { kind: 'month', resetDay: 1 }, limit: 1_000_000_000 } as const;

export const CRASH_PAYERS: readonly string[] = ['trunk:pbx', 'agent:pbx/201', 'account:acme'];

const CAPS = capsOf({
  ...{ name: 'watched', timeZone: 'UTC', windowEdge: 'start' },
  allowances: [allowanceOf({ id: 'cap', ...ENDLESS })],
});

export const CRASH_SETUP: LedgerSettings = {
  plans: [
    planOf({
      ...{ name: 'endless', timeZone: 'UTC', classes: ['mobile'], windowEdge: 'start', maxCallSeconds: 3_600 },
      rounding: TEN_AT_LEAST,
      allowances: [allowanceOf({ id: 'seconds-month', ...ENDLESS, rounding: TEN_AT_LEAST })],
    }),
  ],
  sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'endless' })),
  channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 })),
  sliceSeconds: 30,
  capsOf: (payer) => (CRASH_PAYERS.includes(payer) ? CAPS : undefined),
};
