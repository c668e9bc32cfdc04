// Channels and plan of the crash test, for the victim and for the one who checks what it left.
import type { LedgerSettings } from './ledger-memory.js';

const PORTS = [1, 2, 3, 4, 5, 6];

export const CRASH_SETUP: LedgerSettings = {
  plans: [
    {
      name: 'endless',
      timeZone: 'UTC',
      currency: 'KRW',
      commercialUse: 'allowed',
      classes: ['mobile'],
      rounding: { firstSeconds: 10, thenSeconds: 1 },
      windowEdge: 'start',
      calleesCountOn: 'answer',
      maxCallSeconds: 3_600,
      allowances: [
        {
          id: 'seconds-month',
          counts: 'seconds',
          window: { kind: 'month', resetDay: 1 },
          limit: 1_000_000_000,
          classes: ['mobile'],
          beyond: { kind: 'forbid' },
        },
      ],
    },
  ],
  sims: PORTS.map((port) => ({ simId: `sim${port}`, plan: 'endless' })),
  channels: PORTS.map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 })),
  sliceSeconds: 30,
};
