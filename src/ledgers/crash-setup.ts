// Channels and plan of the crash test, for the victim and for the one who checks what it left.
import type { Rounding } from '../quota/plan.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import type { LedgerSettings } from './ledger-memory.js';

const TEN_AT_LEAST: Rounding = { firstSeconds: 10, thenSeconds: 1, minimumSeconds: 0 };

const PORTS = [1, 2, 3, 4, 5, 6];

export const CRASH_SETUP: LedgerSettings = {
  plans: [
    planOf({
      name: 'endless',
      timeZone: 'UTC',
      classes: ['mobile'],
      rounding: TEN_AT_LEAST,
      windowEdge: 'start',
      maxCallSeconds: 3_600,
      allowances: [
        allowanceOf({
          id: 'seconds-month',
          counts: 'seconds',
          window: { kind: 'month', resetDay: 1 },
          limit: 1_000_000_000,
          rounding: TEN_AT_LEAST,
        }),
      ],
    }),
  ],
  sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'endless' })),
  channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 })),
  sliceSeconds: 30,
};
