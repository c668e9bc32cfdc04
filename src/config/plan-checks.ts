// Plans and caps: allowances that can count what they say, rates that apply, one currency for what is spent.
import { SPEND_CAP_ID } from '../quota/payers.js';
import type { ConfigPath, ConfigProblem } from './config-problem.js';
import { nearestName } from './nearest-name.js';
import { agents as agentsSchema } from './plan-schema.js';
import type { ConfigFile } from './schema.js';
import { duplicates, type Entry, type SoundParts } from './sound-parts.js';

type PlanEntry = Partial<ConfigFile['plans'][number]>;
type AllowanceEntry = ConfigFile['plans'][number]['allowances'][number];
type CapsEntry = NonNullable<ConfigFile['trunks'][number]['caps']>;

export function findPlanProblems(parts: SoundParts): ConfigProblem[] {
  const plans = parts
    .entries('plans')
    .flatMap((plan) => [...allowanceProblems(plan), ...uncoveredProblems(plan), ...rateProblems(plan)]);
  return [...plans, ...allCaps(parts).flatMap(capsProblems), ...currencyProblems(parts), ...agentProblems(parts)];
}

function allowancesOf({ path, value: { allowances = [] } }: Entry<Pick<PlanEntry, 'allowances'>>) {
  return allowances.map((value, index): Entry<AllowanceEntry> => ({ path: [...path, 'allowances', index], value }));
}

/** What any allowance can have wrong in itself or beside others. */
function allowanceProblems(terms: Entry<Pick<PlanEntry, 'allowances' | 'workingTime'>>): ConfigProblem[] {
  const entries = allowancesOf(terms);
  const twice = (id: string, first: string): string => `"${id}" is already the id of ${first}`;
  return [
    ...duplicates(entries, ({ id }) => id, 'id', twice),
    ...entries.flatMap(({ path, value }) => {
      const problems = [...kindProblems(value), ...windowProblems(value), ...countsOnProblems(value)];
      return problems.map(([key, message]): ConfigProblem => ({ path: [...path, ...key], message }));
    }),
    ...workingTimeProblems(terms),
  ];
}

type KeyProblem = readonly [key: ConfigPath, message: string];

function kindProblems({ counts, credits, daysOver, limit, classes, beyond, window }: AllowanceEntry): KeyProblem[] {
  const problems: KeyProblem[] = [];
  if (counts === 'credits') {
    const unpriced = classes.filter((numberClass) => credits?.perStep[numberClass] === undefined);
    if (credits === undefined) problems.push([['credits'], 'is missing; must say how many credits a step takes']);
    else if (unpriced.length > 0)
      problems.push([['credits', 'perStep'], `does not say what a step to ${unpriced.join(', ')} takes`]);
    for (const priced of Object.keys(credits?.perStep ?? {})) {
      if (classes.some((numberClass) => numberClass === priced)) continue;
      problems.push([['credits', 'perStep', priced], 'never applies: calls of this class do not draw on it (classes)']);
    }
  } else if (credits !== undefined) problems.push([['credits'], `is for counts: credits, not for ${counts}`]);
  if (counts === 'days-over') {
    if (daysOver === undefined) problems.push([['daysOver'], 'is missing; must say what is counted on a day']);
    if (window.kind === 'day')
      problems.push([['window'], 'holds one day; days-over counts the days of a longer window']);
  } else if (daysOver !== undefined) problems.push([['daysOver'], `is for counts: days-over, not for ${counts}`]);
  if (counts === 'spend') {
    if (beyond.kind === 'charge')
      problems.push([['beyond'], 'must be { kind: forbid }: nothing is spent beyond a limit of spend']);
  } else if (typeof limit === 'string')
    problems.push([['limit'], `is "${limit}"; must be a whole number, without quotes`]);
  return problems;
}

function windowProblems({ counts, window, pacing }: AllowanceEntry): KeyProblem[] {
  const problems: KeyProblem[] = [];
  if (window.kind === 'rolling') {
    const given = [window.minutes, window.hours, window.days].filter((length) => length !== undefined);
    if (given.length !== 1) problems.push([['window'], 'must have one of minutes, hours and days']);
  }
  if (pacing !== 'none' && (window.kind === 'rolling' || counts === 'days-over')) {
    const what = counts === 'days-over' ? 'days-over' : 'a rolling window';
    problems.push([['pacing'], `must be none: ${what} is not spread over working time`]);
  }
  return problems;
}

function countsOnProblems({ counts, countsOn, daysOver }: AllowanceEntry): KeyProblem[] {
  const counted = daysOver?.counts ?? counts;
  if (countsOn === 'answer' || counted === 'calls' || counted === 'callees') return [];
  return [[['countsOn'], 'must be answer: an attempt counts calls and callees only']];
}

function workingTimeProblems({ path, value: { workingTime } }: Entry<Pick<PlanEntry, 'workingTime'>>): ConfigProblem[] {
  if (workingTime === undefined || workingTime.from < workingTime.to) return [];
  return [{ path: [...path, 'workingTime', 'to'], message: `must be later than from, which is "${workingTime.from}"` }];
}

function uncoveredProblems(plan: Entry<PlanEntry>): ConfigProblem[] {
  const { path, value } = plan;
  const { classes, rates = {} } = value;
  const isUnknown = (numberClass: string) => classes?.some((each) => each === numberClass) === false;
  const rated = Object.keys(rates)
    .filter(isUnknown)
    .map((numberClass) => ({
      path: [...path, 'rates', numberClass],
      message: `the plan cannot call ${numberClass} at all`,
    }));
  const allowed = allowancesOf(plan).flatMap(({ path: at, value: { classes: drawn, directions } }) => {
    const missing = drawn.filter(isUnknown);
    if (missing.length === 0 || !directions.includes('out')) return [];
    return [{ path: [...at, 'classes'], message: `the plan cannot call ${missing.join(', ')} at all` }];
  });
  return [...rated, ...allowed];
}

/** A rate is for time that no allowance counts: one that never applies would make calls look free. */
function rateProblems(plan: Entry<PlanEntry>): ConfigProblem[] {
  const timed = allowancesOf(plan).filter(
    ({ value: { counts, directions } }) => (counts === 'seconds' || counts === 'credits') && directions.includes('out'),
  );
  return Object.keys(plan.value.rates ?? {}).flatMap((numberClass) => {
    const covering = timed.find(({ value: { classes } }) => classes.some((each) => each === numberClass));
    if (covering === undefined) return [];
    const message = `never applies: allowance "${covering.value.id}" counts the time of ${numberClass} calls; say what they cost in its beyond`;
    return [{ path: [...plan.path, 'rates', numberClass], message }];
  });
}

// ---- caps ------------------------------------------------------------------------------------------------------------

interface CapsOfSomebody extends Entry<CapsEntry> {
  /** Whether the trunk's `spendCap` is one of its caps. */
  readonly hasSpendCap: boolean;
}

function allCaps(parts: SoundParts): CapsOfSomebody[] {
  const trunks = parts
    .entries('trunks')
    .flatMap(({ path, value: { caps, spendCap } }) =>
      caps === undefined ? [] : [{ path: [...path, 'caps'], value: caps, hasSpendCap: spendCap !== false }],
    );
  const accounts = parts
    .entries('accounts')
    .flatMap(({ path, value: { caps } }) =>
      caps === undefined ? [] : [{ path: [...path, 'caps'], value: caps, hasSpendCap: false }],
    );
  const { caps, named } = soundAgents(parts);
  const agents = [
    ...(caps === undefined ? [] : [{ path: ['agents', 'caps'], value: caps, hasSpendCap: false }]),
    ...named.map(({ path, value }) => ({ path: [...path, 'caps'], value: value.caps, hasSpendCap: false })),
  ];
  return [...trunks, ...agents, ...accounts];
}

function capsProblems(caps: CapsOfSomebody): ConfigProblem[] {
  return [
    ...allowanceProblems(caps),
    ...allowancesOf(caps).flatMap(({ path, value: { id, beyond } }): ConfigProblem[] => {
      const problems: ConfigProblem[] = [];
      if (beyond.kind === 'charge')
        problems.push({ path: [...path, 'beyond'], message: 'must be { kind: forbid }: a cap charges nobody' });
      if (caps.hasSpendCap && id === SPEND_CAP_ID)
        problems.push({
          path: [...path, 'id'],
          message: `"${id}" is the id of the trunk's spendCap; set that to false`,
        });
      return problems;
    }),
  ];
}

/** What is spent is what calls cost by their plans: a limit in another currency would count nothing that is like it. */
function currencyProblems(parts: SoundParts): ConfigProblem[] {
  const plans = parts.entries('plans').filter(({ value }) => value.currency !== undefined);
  const problem = (path: ConfigPath, currency: string): ConfigProblem[] => {
    const other = plans.find(({ value }) => value.currency !== currency)?.value;
    if (other === undefined) return [];
    const message = `is ${currency}, but plan "${other.name}" costs ${other.currency}; a cap counts one currency`;
    return [{ path: [...path, 'currency'], message }];
  };
  const spendCaps = parts.entries('trunks').flatMap(({ path, value: { spendCap } }) => {
    return spendCap === undefined || spendCap === false ? [] : problem([...path, 'spendCap'], spendCap.currency);
  });
  const caps = allCaps(parts).filter(({ value }) => value.allowances.some(({ counts }) => counts === 'spend'));
  return [...spendCaps, ...caps.flatMap(({ path, value }) => problem(path, value.currency))];
}

type NamedAgent = ConfigFile['agents']['named'][number];

function soundAgents(parts: SoundParts): { caps?: CapsEntry | undefined; named: readonly Entry<NamedAgent>[] } {
  const found = agentsSchema.safeParse(parts.rawAt('agents'));
  if (!found.success) return { named: [] };
  const { caps, named } = found.data;
  return { caps, named: named.map((value, index) => ({ path: ['agents', 'named', index], value })) };
}

function agentProblems(parts: SoundParts): ConfigProblem[] {
  const { named } = soundAgents(parts);
  const trunks = parts.entries('trunks').map(({ value }) => value);
  const twice = (key: string, first: string): string => `agent ${key} is already described at ${first}`;
  return [
    ...duplicates(named, ({ trunk, agent }) => `${trunk}/${agent}`, 'agent', twice),
    ...named.flatMap(({ path, value }) => {
      const trunk = trunks.find(({ name }) => name === value.trunk);
      const at = [...path, 'trunk'];
      if (trunk?.agentFrom === 'none')
        return [{ path: at, message: `trunk "${value.trunk}" has no agents; set its agentFrom` }];
      if (trunk !== undefined || trunks.some(({ name }) => name === undefined)) return [];
      const guess = nearestName(
        value.trunk,
        trunks.flatMap(({ name }) => name ?? []),
      );
      const hint = guess === undefined ? '' : `; did you mean "${guess}"?`;
      return [{ path: at, message: `no such trunk: "${value.trunk}"${hint}` }];
    }),
  ];
}
