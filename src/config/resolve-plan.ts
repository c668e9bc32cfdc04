// Plans and caps as the ledger counts by them: defaults of one part for another filled in, amounts in micros.
import { NUMBER_CLASSES } from '../numbers/number-class.js';
import { MICROS_PER_UNIT, parseMoney } from '../quota/money.js';
import { SPEND_CAP_ID } from '../quota/payers.js';
import type { Allowance, Caps, Pacing, Plan, Rounding, Window } from '../quota/plan.js';
import { allowanceOf } from '../quota/plan-defaults.js';
import { minuteOf, WEEKDAYS } from './scalars.js';
import type { ConfigFile } from './schema.js';

type PlanEntry = ConfigFile['plans'][number];
type AllowanceEntry = PlanEntry['allowances'][number];
type TermsEntry = Pick<PlanEntry, 'currency' | 'rounding' | 'windowEdge' | 'workingTime' | 'allowances'>;

/** An emergency call is never capped, and costs whoever pays nothing. */
const CAPPED_CLASSES = NUMBER_CLASSES.filter((numberClass) => numberClass !== 'emergency');

export function resolvePlan(entry: PlanEntry): Plan {
  const { workingTime: _, gapMs = null, messageRates = null, rates, ...plan } = entry;
  return { ...plan, gapMs, messageRates, rates: withoutGaps(rates), allowances: resolveAllowances(entry) };
}

/** Who has caps, and which. Asked for a payer: `trunk:NAME`, `agent:TRUNK/AGENT`, `account:NAME`. */
export type CapsOf = (payer: string) => Caps | undefined;

export function resolveCaps({ trunks, agents, accounts }: Pick<ConfigFile, 'trunks' | 'agents' | 'accounts'>): CapsOf {
  const caps = new Map<string, Caps>();
  for (const trunk of trunks) {
    const payer = `trunk:${trunk.name}`;
    const resolved = trunkCaps(payer, trunk);
    if (resolved.allowances.length > 0) caps.set(payer, resolved);
  }
  for (const { trunk, agent, caps: own } of agents.named) {
    const payer = `agent:${trunk}/${agent}`;
    caps.set(payer, capsNamed(payer, own));
  }
  for (const account of accounts) {
    const payer = `account:${account.name}`;
    caps.set(payer, capsNamed(payer, account.caps));
  }
  const everyAgent = agents.caps && capsNamed('agent', agents.caps);
  return (payer) => caps.get(payer) ?? (payer.startsWith('agent:') ? everyAgent : undefined);
}

function trunkCaps(name: string, trunk: ConfigFile['trunks'][number]): Caps {
  const { timeZone, spendCap } = trunk;
  const own = trunk.caps && capsNamed(name, { timeZone, ...trunk.caps });
  if (spendCap === false) return own ?? { name, timeZone, currency: 'KRW', windowEdge: 'split', allowances: [] };
  const perDay = allowanceOf({
    id: SPEND_CAP_ID,
    counts: 'spend',
    limit: parseMoney(spendCap.perDay),
    classes: CAPPED_CLASSES,
    directions: ['out', 'in'],
  });
  const { windowEdge = 'split', allowances = [] } = own ?? {};
  return { name, timeZone, currency: spendCap.currency, windowEdge, allowances: [perDay, ...allowances] };
}

function capsNamed(name: string, entry: TermsEntry & { readonly timeZone: string }): Caps {
  const { timeZone, currency, windowEdge } = entry;
  return { name, timeZone, currency, windowEdge, allowances: resolveAllowances(entry) };
}

function resolveAllowances({ rounding, workingTime, allowances }: TermsEntry): Allowance[] {
  return allowances.map((entry) => resolveAllowance(entry, rounding, workingTime));
}

function resolveAllowance(
  entry: AllowanceEntry,
  rounding: Rounding,
  workingTime: TermsEntry['workingTime'],
): Allowance {
  const { window, limit, pacing, credits, daysOver = null, ...allowance } = entry;
  return {
    ...allowance,
    window: resolveWindow(window),
    limit: limitOf(entry.counts, limit),
    rounding: allowance.rounding ?? rounding,
    credits: credits === undefined ? null : { ...credits, perStep: withoutGaps(credits.perStep) },
    daysOver,
    pacing: pacing === 'none' ? null : resolvePacing(pacing, workingTime),
  };
}

function limitOf(counts: Allowance['counts'], limit: number | string): number {
  if (counts !== 'spend') return Number(limit);
  return typeof limit === 'string' ? parseMoney(limit) : limit * MICROS_PER_UNIT;
}

function resolveWindow(window: AllowanceEntry['window']): Window {
  if (window.kind !== 'rolling') return window;
  const { minutes = 0, hours = 0, days = 0 } = window;
  return { kind: 'rolling', seconds: ((days * 24 + hours) * 60 + minutes) * 60 };
}

function resolvePacing(by: Pacing['by'], { days, from, to, holidays }: TermsEntry['workingTime']): Pacing {
  const weekdays = days.map((day) => WEEKDAYS.indexOf(day) + 1);
  return { by, weekdays, fromMinute: minuteOf(from), toMinute: minuteOf(to), holidays };
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** A key that may be left out, and is, is not there at all. */
function withoutGaps<T extends object>(record: T): Present<T> {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Present<T>;
}
