// Whether a call may be placed at all: one function a rule, one reason a rule. Emergency calls are never asked about.
import { zonesOfCountry, zonesOfNumber } from '../numbers/callee-zones.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { Ledger } from '../quota/ledger.js';
import { payersOf } from '../quota/payers.js';
import type { WindowClock } from '../quota/windows.js';
import type { CallLoad, CallRate } from './call-load.js';
import { closedZone, type ZoneClocks } from './calling-hours.js';
import { type DoNotCallList, isStale } from './do-not-call.js';
import type { CalleeZone, TrunkPolicy } from './trunk-policy.js';

export type PolicyReason =
  | 'class-not-allowed'
  | 'outside-calling-hours'
  | 'do-not-call'
  | 'do-not-call-list-stale'
  | 'too-many-attempts'
  | 'cap-exhausted'
  | 'trunk-full'
  | 'trunk-rate';

export interface PolicyRefusal {
  readonly reason: PolicyReason;
  /** Which zone, list, payer or limit it is, for people. */
  readonly detail: string;
  /** Of an exhausted cap. */
  readonly limit?: { readonly holder: string; readonly allowanceId: string };
}

/** The trunk, with what is kept of it. */
export interface TrunkState {
  readonly policy: TrunkPolicy;
  readonly days: WindowClock;
  readonly lists: readonly DoNotCallList[];
  readonly rate: CallRate | null;
  readonly messageRate?: CallRate | null;
}

export interface PolicyQuestion {
  readonly trunk: TrunkState;
  readonly agent: string | null;
  readonly account: string | null;
  readonly callee: { readonly e164: string; readonly numberClass: NumberClass };
  readonly wallMs: number;
  readonly monotonicMs: number;
}

/** What the rules look at besides the question. */
export interface PolicySight {
  readonly ledger: Pick<Ledger, 'fitPayers' | 'attemptsTo'>;
  readonly load: CallLoad;
  readonly clocks: ZoneClocks;
}

export type PolicyRule = (question: PolicyQuestion, sight: PolicySight) => PolicyRefusal | null;

/** In the order in which they are asked; the first refusal is the call's. */
export const POLICY_RULES: readonly PolicyRule[] = [
  refuseClass,
  refuseHours,
  refuseListed,
  refuseStaleList,
  refuseAttempts,
  refuseCaps,
  refuseFullTrunk,
  refuseRate,
];

export function refuseClass({ trunk, callee }: PolicyQuestion): PolicyRefusal | null {
  if (trunk.policy.classes.includes(callee.numberClass)) return null;
  return { reason: 'class-not-allowed', detail: callee.numberClass };
}

/** Wherever the callee may be, it must be within the hours. */
export function refuseHours({ trunk, callee, wallMs }: PolicyQuestion, { clocks }: PolicySight): PolicyRefusal | null {
  const { callingHours } = trunk.policy;
  if (callingHours.length === 0) return null;
  const zone = closedZone(callingHours, callee.numberClass, zonesOfCallee(trunk.policy, callee), clocks, wallMs);
  if (zone === undefined) return null;
  const { minute } = clocks.at(zone, wallMs);
  const time = [Math.floor(minute / 60), minute % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return { reason: 'outside-calling-hours', detail: `${time} in ${zone}` };
}

export function refuseListed({ trunk, callee }: PolicyQuestion): PolicyRefusal | null {
  const list = trunk.lists.find((candidate) => candidate.has(callee.e164));
  return list === undefined ? null : { reason: 'do-not-call', detail: `list ${list.name}` };
}

export function refuseStaleList({ trunk, wallMs }: PolicyQuestion): PolicyRefusal | null {
  const list = trunk.lists.find((candidate) => isStale(candidate, wallMs));
  if (list === undefined) return null;
  const asOfWallMs = list.asOfWallMs();
  const age = asOfWallMs === null ? 'never read' : `as of ${new Date(asOfWallMs).toISOString()}`;
  return { reason: 'do-not-call-list-stale', detail: `list ${list.name}, ${age}` };
}

/** Counted from the trunk's midnight, calls that have no channel yet included. */
export function refuseAttempts(
  { trunk, callee, wallMs }: PolicyQuestion,
  { ledger, load }: PolicySight,
): PolicyRefusal | null {
  const limit = trunk.policy.attemptsPerCalleePerDay;
  if (limit === null) return null;
  const made = ledger.attemptsTo(callee.e164, trunk.days.at(wallMs).startWallMs) + load.waitingFor(callee.e164);
  return made < limit ? null : { reason: 'too-many-attempts', detail: `${made} of ${limit} today` };
}

export function refuseCaps(
  { trunk, agent, account, callee, wallMs }: PolicyQuestion,
  { ledger }: PolicySight,
): PolicyRefusal | null {
  const payers = payersOf({ trunk: trunk.policy, agent, account });
  const fit = ledger.fitPayers(payers, {
    callee: callee.e164,
    numberClass: callee.numberClass,
    direction: 'out',
    wallMs,
  });
  if (fit.ok) return null;
  const { payer: holder, allowanceId } = fit;
  return { reason: 'cap-exhausted', detail: `${allowanceId} of ${holder}`, limit: { holder, allowanceId } };
}

export function refuseFullTrunk({ trunk }: PolicyQuestion, { load }: PolicySight): PolicyRefusal | null {
  const { maxCalls, name } = trunk.policy;
  if (maxCalls === null || load.liveOf(name) < maxCalls) return null;
  return { reason: 'trunk-full', detail: `${maxCalls} calls` };
}

export function refuseRate({ trunk, monotonicMs }: PolicyQuestion): PolicyRefusal | null {
  if (trunk.rate === null || !trunk.rate.isExceeded(monotonicMs)) return null;
  return { reason: 'trunk-rate', detail: `${trunk.policy.maxCallsPerSecond} calls a second` };
}

/** Short codes, and numbers of no country, are taken to be where the trunk is. */
function zonesOfCallee(policy: TrunkPolicy, { e164, numberClass }: PolicyQuestion['callee']): readonly string[] {
  let named: CalleeZone | undefined;
  for (const zone of policy.calleeZones) {
    if (e164.startsWith(zone.prefix) && zone.prefix.length > (named?.prefix.length ?? 0)) named = zone;
  }
  if (named !== undefined) return [named.timeZone];
  const isShortCode = !e164.startsWith('+');
  if (isShortCode) return [policy.timeZone];
  const zones = numberClass === 'international' ? zonesOfNumber(e164) : zonesOfCountry(policy.dialling.country);
  return zones.length === 0 ? [policy.timeZone] : zones;
}
