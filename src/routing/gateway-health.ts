// Whether a gateway takes calls, from its OPTIONS probes. Pure.
//
//            failAfter × silent
//      up ────────────────────────► down
//       ▲                             │
//       └─────────────────────────────┘
//          succeedAfter × responded
//
// Each state counts the results that speak against it, in a row; any other result starts the count anew.

export interface HealthThresholds {
  readonly failAfter: number;
  readonly succeedAfter: number;
}

export interface GatewayHealth {
  readonly state: 'up' | 'down';
  /** Results against the state, in a row. */
  readonly against: number;
}

export type ProbeResult = 'responded' | 'silent';

/** A gateway is up until its probes say otherwise: a start must not wait for them. */
export const INITIAL_HEALTH: GatewayHealth = { state: 'up', against: 0 };

interface Row {
  /** What speaks against the state. */
  readonly against: ProbeResult;
  readonly limit: keyof HealthThresholds;
  readonly next: GatewayHealth['state'];
}

const TABLE: Readonly<Record<GatewayHealth['state'], Row>> = {
  up: { against: 'silent', limit: 'failAfter', next: 'down' },
  down: { against: 'responded', limit: 'succeedAfter', next: 'up' },
};

export function nextHealth(health: GatewayHealth, result: ProbeResult, thresholds: HealthThresholds): GatewayHealth {
  const row = TABLE[health.state];
  if (result !== row.against) return { state: health.state, against: 0 };
  const against = health.against + 1;
  if (against < thresholds[row.limit]) return { state: health.state, against };
  return { state: row.next, against: 0 };
}
