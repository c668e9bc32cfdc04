// What the policy's tests ask with: a trunk without limits, a ledger without usage, and Seoul's clock.
import { DateTime } from 'luxon';
import { WindowClock } from '../quota/windows.js';
import { CallLoad, CallRate } from './call-load.js';
import { ZoneClocks } from './calling-hours.js';
import { type DoNotCallList, NumberSet, numberKey } from './do-not-call.js';
import type { PolicyQuestion, PolicySight, TrunkState } from './rules.js';
import { OPEN_POLICY, type TrunkPolicy } from './trunk-policy.js';

/** An instant by the clocks of Seoul, such as 2026-11-20T21:00. */
export function seoul(local: string): number {
  return DateTime.fromISO(local, { zone: 'Asia/Seoul' }).toMillis();
}

export const PBX: TrunkPolicy = {
  ...OPEN_POLICY,
  name: 'pbx',
  dialling: { country: 'KR' },
  classes: ['mobile', 'landline', 'special', 'emergency'],
  timeZone: 'Asia/Seoul',
};

export const FREE_LEDGER: PolicySight['ledger'] = {
  fitPayers: () => ({ ok: true, maxCallSeconds: 7_200 }),
  attemptsTo: () => 0,
};

export function listOf(
  name: string,
  numbers: readonly string[],
  asOfWallMs: number | null,
  maxAgeMs: number | null = null,
): DoNotCallList {
  const set = new NumberSet(Float64Array.from(numbers, numberKey));
  return { name, has: (e164) => set.has(e164), asOfWallMs: () => asOfWallMs, maxAgeMs };
}

export function stateWith(changes: Partial<TrunkPolicy>, lists: readonly DoNotCallList[] = []): TrunkState {
  const policy = { ...PBX, ...changes };
  const { maxCallsPerSecond } = policy;
  return {
    policy,
    days: new WindowClock({ kind: 'day' }, policy.timeZone),
    lists,
    rate: maxCallsPerSecond === null ? null : new CallRate(maxCallsPerSecond),
  };
}

/** A call of trunk pbx to a Korean mobile, on a Monday at ten. */
export function question(trunk: TrunkState, changes: Partial<PolicyQuestion> = {}): PolicyQuestion {
  return {
    trunk,
    agent: null,
    account: null,
    callee: { e164: '+821012345678', numberClass: 'mobile' },
    wallMs: seoul('2026-11-23T10:00'),
    monotonicMs: 0,
    ...changes,
  };
}

export function sightWith(ledger: Partial<PolicySight['ledger']> = {}): PolicySight {
  return { ledger: { ...FREE_LEDGER, ...ledger }, load: new CallLoad(), clocks: new ZoneClocks() };
}
