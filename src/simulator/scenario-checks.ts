// What no single key of a scenario can show: names, ranges that end before they begin, and what excludes each other.
import type { ConfigPath, ConfigProblem } from '../config/config-problem.js';
import { nearestName } from '../config/nearest-name.js';
import { planProblems } from '../config/plan-file.js';
import { minuteOf, timeOfDay } from '../config/scalars.js';
import type { Plan } from '../quota/plan.js';
import { isDate, type ScenarioFile } from './scenario-schema.js';

/** As long as a simulation may be. */
const MAX_DAYS = 3_660;

/** `raw` is the file as parsed from YAML; `knownPlans` are those of its plan files, or null when one cannot be read. */
export function findScenarioProblems(raw: unknown, knownPlans: readonly string[] | null): ConfigProblem[] {
  if (!isRecord(raw)) return [];
  return [
    ...planProblems(raw),
    ...demandProblems(raw),
    ...periodProblems(raw),
    ...hoursProblems(raw),
    ...distributionProblems(raw),
    ...numberClassProblems(raw),
    ...planNameProblems(raw, knownPlans),
    ...gatewayProblems(raw),
  ];
}

type Raw = Readonly<Record<string, unknown>>;

function demandProblems(raw: Raw): ConfigProblem[] {
  const { agents, recorded, period } = raw;
  if (agents !== undefined && recorded !== undefined) {
    const message = 'stands beside agents; one of the two says which calls are placed';
    return [{ path: ['recorded'], message, atKey: true }];
  }
  if (agents === undefined && recorded === undefined) {
    return [{ path: [], message: 'must have agents (calls to be made up) or recorded (CDRs to be replayed)' }];
  }
  if (agents !== undefined && period === undefined) {
    return [{ path: ['period'], message: 'is missing; must be { from, to }, the first and the last date' }];
  }
  return [];
}

function periodProblems({ period }: Raw): ConfigProblem[] {
  if (!isRecord(period)) return [];
  const { from, to } = period;
  if (typeof from !== 'string' || typeof to !== 'string' || !isDate(from) || !isDate(to)) return [];
  const days = (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1;
  if (days < 1) return [{ path: ['period', 'to'], message: `is ${to}; must not be before ${from}` }];
  if (days > MAX_DAYS) return [{ path: ['period', 'to'], message: `is ${days} days after from; at most ${MAX_DAYS}` }];
  return [];
}

function hoursProblems({ calendar }: Raw): ConfigProblem[] {
  const hours = isRecord(calendar) && Array.isArray(calendar.hours) ? calendar.hours : [];
  let lastTo = 0;
  return hours.flatMap((range, index) => {
    const [from, to] = isRecord(range) ? [readTime(range.from), readTime(range.to)] : [];
    if (from === undefined || to === undefined) return [];
    const path = ['calendar', 'hours', index];
    if (to <= from) return [{ path: [...path, 'to'], message: 'must be later than from, on the same day' }];
    const overlaps = from < lastTo;
    lastTo = Math.max(lastTo, to);
    return overlaps ? [{ path: [...path, 'from'], message: 'must not be before the hours above have ended' }] : [];
  });
}

function readTime(value: unknown): number | undefined {
  const time = timeOfDay.safeParse(value);
  return time.success ? minuteOf(time.data) : undefined;
}

function distributionProblems({ agents }: Raw): ConfigProblem[] {
  if (!isRecord(agents)) return [];
  return ['talk', 'ring'].flatMap((key) => {
    const value = agents[key];
    if (!isRecord(value)) return [];
    return [
      ...notBelow(value, ['agents', key], 'toSeconds', 'fromSeconds'),
      ...notBelow(value, ['agents', key], 'p90Seconds', 'medianSeconds'),
    ];
  });
}

function notBelow(value: Raw, path: ConfigPath, high: string, low: string): ConfigProblem[] {
  const [highest, lowest] = [value[high], value[low]];
  if (typeof highest !== 'number' || typeof lowest !== 'number' || highest >= lowest) return [];
  return [{ path: [...path, high], message: `is ${highest}; must not be below ${low}` }];
}

function numberClassProblems({ agents }: Raw): ConfigProblem[] {
  const shares = isRecord(agents) ? agents.numberClasses : undefined;
  if (!isRecord(shares)) return [];
  const sum = Object.values(shares).reduce<number>((all, part) => all + (typeof part === 'number' ? part : 1), 0);
  return sum > 0 ? [] : [{ path: ['agents', 'numberClasses'], message: 'must have a share above 0' }];
}

function planNameProblems(raw: Raw, knownPlans: readonly string[] | null): ConfigProblem[] {
  if (knownPlans === null) return [];
  const own = asList(raw.plans).flatMap((plan) => (isRecord(plan) && typeof plan.name === 'string' ? [plan.name] : []));
  const twice = asList(raw.plans).flatMap((plan, index) =>
    isRecord(plan) && typeof plan.name === 'string' && knownPlans.includes(plan.name)
      ? [{ path: ['plans', index, 'name'], message: `"${plan.name}" is already the name of a plan in a plan file` }]
      : [],
  );
  const known = [...knownPlans, ...own];
  const compare = isRecord(raw.compare) ? asList(raw.compare.plans) : [];
  const named: { path: ConfigPath; value: unknown }[] = [
    ...asList(raw.sims).map((sim, index) => ({
      path: ['sims', index, 'plan'],
      value: isRecord(sim) ? sim.plan : undefined,
    })),
    { path: ['meteredPlan'], value: raw.meteredPlan },
    ...compare.map((value, index) => ({ path: ['compare', 'plans', index], value })),
  ];
  const repeated = knownPlans.find((plan, index) => knownPlans.indexOf(plan) !== index);
  const shared = `the plan "${repeated}" stands in two plan files, or twice in one`;
  return [
    ...(repeated === undefined ? [] : [{ path: ['planFiles'], message: shared }]),
    ...twice,
    ...named.flatMap(({ path, value }) => {
      if (typeof value !== 'string' || known.includes(value)) return [];
      const guess = nearestName(value, known);
      const hint = guess === undefined ? `known: ${known.join(', ') || 'none'}` : `did you mean "${guess}"?`;
      return [{ path, message: `no such plan: "${value}"; ${hint}` }];
    }),
  ];
}

/** Of a scenario without other problems: costs are compared with the metered plan's. */
export function findCurrencyProblems(
  { sims, compare, meteredPlan }: Pick<ScenarioFile, 'sims' | 'compare' | 'meteredPlan'>,
  plans: readonly Pick<Plan, 'name' | 'currency'>[],
): ConfigProblem[] {
  const currencies = new Map(plans.map(({ name, currency }) => [name, currency]));
  const metered = currencies.get(meteredPlan ?? '');
  if (metered === undefined) return [];
  const other = [...sims.map(({ plan }) => plan), ...compare.plans].find((plan) => currencies.get(plan) !== metered);
  if (other === undefined) return [];
  const message = `charges in ${metered}, but "${other}" in ${currencies.get(other)}; costs are compared in one currency`;
  return [{ path: ['meteredPlan'], message }];
}

function gatewayProblems({ gateways, sims }: Raw): ConfigProblem[] {
  if (!Array.isArray(gateways)) return [];
  const seen = new Set<string>();
  const twice = gateways.flatMap((gateway, index) => {
    const name = isRecord(gateway) && typeof gateway.name === 'string' ? gateway.name : undefined;
    if (name === undefined || !seen.has(name)) {
      if (name !== undefined) seen.add(name);
      return [];
    }
    return [{ path: ['gateways', index, 'name'], message: `"${name}" is already the name of another gateway` }];
  });
  const channels = sumOf(gateways, 'channels');
  const cards = sumOf(asList(sims), 'count');
  if (channels === null || cards === null || cards <= channels) return twice;
  const message = `have ${channels} channels in all, too few for ${cards} SIMs`;
  return [...twice, { path: ['gateways'], message }];
}

/** Null when an element does not say a number. */
function sumOf(elements: readonly unknown[], key: string): number | null {
  return elements.reduce<number | null>((sum, element) => {
    const value = isRecord(element) ? element[key] : undefined;
    return sum === null || typeof value !== 'number' ? null : sum + value;
  }, 0);
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
