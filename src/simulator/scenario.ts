// A loaded scenario: the file with defaults filled in, its plans read, hours as minutes, paths absolute.
import { dirname, resolve } from 'node:path';
import { loadPlanFile } from '../config/plan-file.js';
import { resolvePlan } from '../config/resolve-plan.js';
import { minuteOf, WEEKDAYS } from '../config/scalars.js';
import { findSchemaProblems } from '../config/schema-problems.js';
import { parseYamlFile, readYamlText } from '../config/yaml-file.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { Plan } from '../quota/plan.js';
import type { WorkingCalendar } from './calendar.js';
import type { Distribution } from './distribution.js';
import { findCurrencyProblems, findScenarioProblems } from './scenario-checks.js';
import { type ScenarioFile, scenarioFileSchema } from './scenario-schema.js';

export interface AgentDemand {
  readonly count: number;
  readonly callsPerDay: number;
  readonly talk: Distribution;
  readonly repeatedCallees: number;
  readonly numberClasses: Readonly<Partial<Record<NumberClass, number>>>;
  readonly answerRate: number;
  readonly ring: Distribution;
  readonly pauseSeconds: number;
}

export interface ScenarioGateway {
  readonly name: string;
  readonly channels: number;
  readonly gapMs: number;
  readonly maxCalls?: number | undefined;
}

export interface Scenario {
  readonly title: string;
  /** As it was named. */
  readonly file: string;
  readonly seed: number;
  /** Dates, both included; null: as long as what was recorded. */
  readonly period: { readonly from: string; readonly to: string } | null;
  readonly calendar: WorkingCalendar;
  readonly traffic: 'commercial' | 'personal';
  readonly ignoreTerms: boolean;
  /** Null: `recordedFiles` are replayed. */
  readonly agents: AgentDemand | null;
  /** Absolute paths of files or folders. */
  readonly recordedFiles: readonly string[];
  readonly plans: readonly Plan[];
  readonly sims: readonly { readonly plan: string; readonly count: number }[];
  /** Null: one, with as many channels as there are SIMs. */
  readonly gateways: readonly ScenarioGateway[] | null;
  readonly meteredPlan: Plan | null;
  readonly compare: { readonly repeatedCallees: readonly number[]; readonly plans: readonly string[] };
}

export interface LoadScenarioOptions {
  /** Takes the place of the file's seed. */
  readonly seed?: number | undefined;
}

/** @throws SimtrunkError CONFIG_UNREADABLE, or CONFIG_INVALID whose message has one line for each problem */
export async function loadScenario(file: string, options: LoadScenarioOptions = {}): Promise<Scenario> {
  return parseScenario(await readYamlText(resolve(file), 'scenario', file), file, options);
}

/** Of a scenario's text; what it names is looked for beside `file`. */
export async function parseScenario(text: string, file: string, options: LoadScenarioOptions = {}): Promise<Scenario> {
  // First by itself: which plan files it names is known only when it is well formed.
  const own = parseYamlFile(text, file, {
    what: 'scenario',
    requiredKeys: ['title', 'sims', 'agents or recorded'],
    findProblems: (raw) => [...findSchemaProblems(raw, scenarioFileSchema), ...findScenarioProblems(raw, null)],
  });
  const parsed = scenarioFileSchema.parse(own);
  const folder = dirname(resolve(file));
  const shared = (await Promise.all(parsed.planFiles.map((path) => loadPlanFile(resolve(folder, path), path)))).flat();
  const names = shared.map((plan) => plan.name);
  parseYamlFile(text, file, {
    what: 'scenario',
    requiredKeys: [],
    findProblems: (raw) => findScenarioProblems(raw, names),
  });
  parseYamlFile(text, file, {
    what: 'scenario',
    requiredKeys: [],
    findProblems: () => findCurrencyProblems(parsed, [...shared, ...parsed.plans]),
  });
  return resolveScenario(parsed, file, folder, shared, options);
}

function resolveScenario(
  parsed: ScenarioFile,
  file: string,
  folder: string,
  shared: readonly Plan[],
  { seed }: LoadScenarioOptions,
): Scenario {
  const { title, period, traffic, ignoreTerms, agents, sims, gateways, compare, meteredPlan } = parsed;
  const plans = [...shared, ...parsed.plans.map(resolvePlan)];
  const { timeZone, days, hours, holidays } = parsed.calendar;
  return {
    ...{ title, file, traffic, ignoreTerms, sims, compare, plans },
    seed: seed ?? parsed.seed,
    period: period ?? null,
    calendar: {
      ...{ timeZone, holidays },
      weekdays: days.map((day) => WEEKDAYS.indexOf(day) + 1),
      hours: hours.map(({ from, to }) => ({ fromMinute: minuteOf(from), toMinute: minuteOf(to) })),
    },
    agents: agents ?? null,
    recordedFiles: (parsed.recorded?.files ?? []).map((path) => resolve(folder, path)),
    gateways: gateways ?? null,
    meteredPlan: plans.find(({ name }) => name === meteredPlan) ?? null,
  };
}

export function planNamed(scenario: Pick<Scenario, 'plans'>, name: string): Plan {
  const plan = scenario.plans.find((candidate) => candidate.name === name);
  if (plan === undefined) throw new RangeError(`No plan ${name}`);
  return plan;
}
