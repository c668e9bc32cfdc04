// What audited calls cost, and how much of it there is: plans that differ in how they round, and the caps of one payer.
import type { Plan, Rounding } from '../../quota/plan.js';
import { allowanceOf, capsOf, planOf } from '../../quota/plan-defaults.js';

export const AGENT = '201';
export const PAYER = `agent:pbx/${AGENT}`;
export const CHANNELS = ['gw1/1', 'gw1/2', 'gw2/1'];
export const SECONDS_A_DAY = 300;
/** What the payer may use a day: at first, and by other terms. */
export const PAYER_SECONDS = [90, 80, 40] as const;
export const ROUNDINGS: readonly [Rounding, Rounding] = [
  { firstSeconds: 10, thenSeconds: 5, minimumSeconds: 0 },
  { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 },
];

const BOTH_WAYS = { directions: ['out', 'in'] } as const;

/** With an allowance that forbids, one that charges, and one of attempts. */
export function planWith(rounding: Rounding): Plan {
  const charge = { kind: 'charge', perStep: '7.5', stepSeconds: 1 } as const;
  return planOf({
    name: 'audited',
    rounding,
    maxCallSeconds: 200,
    allowances: [
      allowanceOf({ ...BOTH_WAYS, id: 'seconds-day', counts: 'seconds', limit: SECONDS_A_DAY, rounding }),
      allowanceOf({
        ...{ id: 'seconds-month', counts: 'seconds', limit: 250, rounding, beyond: { ...charge, perStep: '1.98' } },
        ...BOTH_WAYS,
        window: { kind: 'month', resetDay: 1 },
      }),
      allowanceOf({ id: 'calls-day', counts: 'calls', countsOn: 'attempt', limit: 2, beyond: charge }),
    ],
  });
}

/** Of the payer, by its seconds a day. */
export const CAPS = new Map(
  PAYER_SECONDS.map((limit) => [
    limit,
    capsOf({
      name: 'agents',
      allowances: [
        allowanceOf({ ...BOTH_WAYS, id: 'seconds-day', counts: 'seconds', limit }),
        allowanceOf({ id: 'spend-day', counts: 'spend', limit: 2_000_000_000 }),
      ],
    }),
  ]),
);
