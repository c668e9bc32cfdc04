// A simulation's result as tables for a terminal.
import type { DayOfCalls, PlanCost, SimUse, SimulationResult } from './result.js';
import { counted, grouped, groupedMoney, percent, textTable } from './text-table.js';

/** SIMs whose use is printed; all of them stand in the JSON and on the page. */
const SHOWN_SIMS = 12;
/** Days whose use is printed one by one; longer periods are printed by month. */
const SHOWN_DAYS = 31;

/** Opens with the notice, when terms were ignored. */
export function textReport(result: SimulationResult): string {
  const { notice, title, file, seed, period, agents, sims } = result;
  return [
    ...(notice === null ? [] : [notice, '']),
    title,
    ...textTable(
      [
        ['scenario', `${file}, seed ${seed}`],
        [
          'period',
          `${period.from} to ${period.to} (${period.timeZone}), ${counted(period.workingDays, 'working day')}`,
        ],
        ['on', `${counted(agents, 'agent')}, ${counted(sims, 'SIM')}, ${result.mainPlan}`],
      ].map(([what = '', text = '']) => [`${what.padEnd(9)} ${text}`]),
    ),
    '',
    ...callLines(result),
    '',
    ...exhaustionLines(result),
    '',
    ...sustainedLines(result),
    '',
    ...costLines(result),
    '',
    ...useLines(result),
    '',
    `Simulated in ${grouped(result.elapsedMs / 1000)} s.`,
  ].join('\n');
}

function callLines(result: SimulationResult): string[] {
  const { calls } = result;
  const rows = [
    ['planned', grouped(calls.planned), ''],
    ['carried', grouped(calls.carried), percent(calls.carried, calls.planned)],
    ['  answered', grouped(calls.answered), `${grouped(calls.talkMinutes)} minutes`],
    ['  unanswered', grouped(calls.unanswered), ''],
    ['refused', grouped(calls.refused), percent(calls.refused, calls.planned)],
    ...Object.entries(calls.refusedByReason).map(([reason, count]) => [`  ${reason}`, grouped(count), '']),
    ...Object.entries(calls.refusedByAllowance).map(([id, count]) => [`    by ${id}`, grouped(count), '']),
    ['not dialled', grouped(calls.notDialled), 'the day was over'],
    ['cut short', grouped(calls.cutShort), 'by what the plan still allowed'],
  ];
  const kept = rows.filter(([what, count]) => count !== '0' || what === 'carried' || what === 'refused');
  return ['Calls', ...textTable(kept), ...recordNotes(result).map((note) => `  ${note}`)];
}

/** What a reader of a simulation of recorded calls has to know of them. */
export function recordNotes({ drawnOutcomes, leftOut }: SimulationResult): string[] {
  return [
    ...(drawnOutcomes === 0
      ? []
      : [`Of ${counted(drawnOutcomes, 'recorded call')} without a channel the outcome was drawn from the others.`]),
    ...(leftOut === 0 ? [] : [`${counted(leftOut, 'recorded call')} from mobiles, or of probes, left out.`]),
  ];
}

function exhaustionLines({ exhaustions, firstExhaustedWorkingDay, period }: SimulationResult): string[] {
  if (exhaustions.length === 0) return ['No allowance ran out.'];
  const rows = exhaustions.map(({ plan, allowanceId, window, days }) => {
    const first = days[0];
    const sims = new Set(days.flatMap(({ simIds }) => simIds)).size;
    return [`${plan} ${allowanceId}`, window, counted(days.length, 'day'), counted(sims, 'SIM'), first?.date ?? ''];
  });
  const day =
    firstExhaustedWorkingDay === null
      ? 'No allowance of a month was used up.'
      : `An allowance of a month was used up after ${firstExhaustedWorkingDay} of ${counted(period.workingDays, 'working day')}.`;
  return ['Allowances that ran out', ...textTable([['', 'window', 'on', 'of', 'first'], ...rows]), `  ${day}`];
}

function sustainedLines(result: SimulationResult): string[] {
  const { mainPlan, sustainableCalleesPerDay, sustainableMinutesPerDay, simsPerAgent } = result;
  const orUnlimited = (value: number | null) => (value === null ? 'unlimited' : grouped(value));
  const others = result.simsPerAgentByRepeatedCallees.map(
    ({ repeatedCallees, simsPerAgent: sims }) =>
      `${orNone(sims)} at ${grouped(Math.round(repeatedCallees * 1000) / 10)} % repeated callees`,
  );
  return [
    `A SIM of ${mainPlan} sustains, each working day to the end of a month`,
    ...textTable([
      ['callees', orUnlimited(sustainableCalleesPerDay)],
      ['minutes', orUnlimited(sustainableMinutesPerDay)],
    ]),
    simsPerAgent === null ? noSims(result) : `An agent needs ${counted(simsPerAgent, 'SIM')}.`,
    ...(others.length === 0 ? [] : [`  ${others.join(', ')}`]),
  ];
}

function noSims({ calls }: SimulationResult): string {
  const isForbidden = calls.refusedByReason['commercial-use-forbidden'] !== undefined;
  return `No number of SIMs carries an agent's calls${isForbidden ? ": the plan's terms forbid commercial use" : ''}.`;
}

function orNone(sims: number | null): string {
  return sims === null ? 'none' : grouped(sims);
}

function costLines({ costByPlan, meteredPlan }: SimulationResult): string[] {
  const against = meteredPlan === null ? '' : `, against ${meteredPlan}`;
  const entries = Object.entries(costByPlan);
  const whole = entries.flatMap(([plan, { allCarried, currency }]) =>
    allCarried === null ? [] : [costRow(plan, allCarried, currency)],
  );
  const [example] = entries.flatMap(([, { allCarried }]) => allCarried ?? []);
  const of = example === undefined ? '' : ` (${counted(example.agents, 'agent')}, ${counted(example.months, 'month')})`;
  const own = entries.flatMap(([plan, { scenario, currency }]) =>
    scenario === null ? [] : [costRow(plan, scenario, currency)],
  );
  const head = ['', 'SIMs', 'fees', 'charges', 'total', 'metered', ''];
  return [
    `Cost by plan with every call carried${of}${against}`,
    ...(whole.length === 0 ? ['  no plan carries every call'] : textTable([head, ...whole])),
    `Cost of this scenario${against}`,
    ...textTable([head, ...own]),
  ];
}

function costRow(plan: string, amounts: NonNullable<PlanCost['scenario' | 'allCarried']>, currency: string): string[] {
  const { sims, fees, charges, total, metered } = amounts;
  return [
    plan,
    grouped(sims),
    ...[fees, charges, total].map(groupedMoney),
    metered === null ? '' : groupedMoney(metered),
    currency,
  ];
}

function useLines({ simUse, days, period }: SimulationResult): string[] {
  const shown = simUse.slice(0, SHOWN_SIMS);
  const isByMonth = days.length > SHOWN_DAYS;
  const spans = isByMonth ? monthsOf(days) : daysOf(days, shown);
  const rows = shown.flatMap(({ simId, days: used }) => [
    [`${simId} minutes`, ...spans.map(({ has }) => grouped(Math.round(sumOf(used, has, 'billedSeconds') / 60)))],
    // Callees of several days may be the same.
    isByMonth
      ? [`${''.padEnd(simId.length)} calls`, ...spans.map(({ has }) => grouped(sumOf(used, has, 'calls')))]
      : [`${''.padEnd(simId.length)} callees`, ...spans.map(({ has }) => grouped(sumOf(used, has, 'callees')))],
  ]);
  const left = simUse.length - shown.length;
  const more = left > 0 ? [`  … and ${counted(left, 'more SIM')}: --json or --html shows all.`] : [];
  const what = isByMonth ? 'month' : `working day of ${period.from.slice(0, 7)}`;
  return [`Use of each SIM by ${what}`, ...textTable([['', ...spans.map(({ name }) => name)], ...rows]), ...more];
}

interface Span {
  readonly name: string;
  readonly has: (date: string) => boolean;
}

/** Working days, and others on which a SIM was used. */
function daysOf(days: readonly DayOfCalls[], sims: readonly SimUse[]): Span[] {
  const used = new Set(sims.flatMap((sim) => sim.days.map(({ date }) => date)));
  return days
    .filter(({ date, workingDay }) => workingDay !== null || used.has(date))
    .map(({ date }) => ({ name: date.slice(8), has: (other) => other === date }));
}

function monthsOf(days: readonly DayOfCalls[]): Span[] {
  const months = [...new Set(days.map(({ date }) => date.slice(0, 7)))];
  return months.map((month) => ({ name: month.slice(2), has: (date) => date.startsWith(month) }));
}

function sumOf(used: SimUse['days'], has: Span['has'], key: 'billedSeconds' | 'calls' | 'callees'): number {
  return used.reduce((sum, day) => sum + (has(day.date) ? day[key] : 0), 0);
}
