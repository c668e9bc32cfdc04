// A simulation's result as one page that needs nothing else: style and plots are in it, no script, no network.

import { STYLE } from './html-style.js';
import { escaped, htmlTable } from './html-text.js';
import type { DayOfCalls, PlanCost, SimUse, SimulationResult } from './result.js';
import { barPlot, columnPlot, fieldPlot, legend, type Series, sharePlot } from './svg-plots.js';
import { recordNotes } from './text-report.js';
import { counted, grouped, groupedMoney, percent } from './text-table.js';

/** Days that are drawn one by one; longer periods are drawn by week. */
const MOST_DAYS = 62;
/** SIMs that are drawn; the JSON has all. */
const MOST_SIMS = 200;

export function htmlReport(result: SimulationResult): string {
  const { notice, title, file, seed, period, agents, sims, mainPlan } = result;
  const about = `${period.from} to ${period.to} (${period.timeZone}), ${counted(period.workingDays, 'working day')}; ${counted(agents, 'agent')} on ${counted(sims, 'SIM')}; ${file}, seed ${seed}`;
  const sections = [callsByDay, allowancesByDay, useOfSims, simsAnAgentNeeds, costs, allDays];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(notice === null ? title : `${notice}: ${title}`)}</title>
<style>${STYLE}</style>
</head>
<body>
${notice === null ? '' : `<p class="notice">${escaped(notice)}</p>`}
<h1>${escaped(title)}</h1>
<p class="soft">${escaped(about)}. Plan ${escaped(mainPlan)}.</p>
${keyFigures(result)}
${sections.map((section) => section(result)).join('\n')}
<p class="soft">Simulated by the router and ledger of simtrunk in virtual time, in ${grouped(result.elapsedMs / 1000)} s.</p>
</body>
</html>
`;
}

function keyFigures(result: SimulationResult): string {
  const { calls, period, firstExhaustedWorkingDay, sustainableCalleesPerDay, sustainableMinutesPerDay } = result;
  const orUnlimited = (value: number | null) => (value === null ? 'unlimited' : grouped(value));
  const figures: [string, string, string][] = [
    ['Calls carried', grouped(calls.carried), `${percent(calls.carried, calls.planned)} of ${grouped(calls.planned)}`],
    [
      'Monthly allowances last',
      firstExhaustedWorkingDay === null ? 'to the end' : counted(firstExhaustedWorkingDay, 'day'),
      `of ${counted(period.workingDays, 'working day')}`,
    ],
    ['A SIM sustains', orUnlimited(sustainableCalleesPerDay), 'callees a working day'],
    ['A SIM sustains', orUnlimited(sustainableMinutesPerDay), 'minutes a working day'],
    [
      'An agent needs',
      result.simsPerAgent === null ? '—' : counted(result.simsPerAgent, 'SIM'),
      'to have every call carried',
    ],
  ];
  const tiles = figures.map(
    ([what, value, more]) =>
      `<div><dt>${escaped(what)}</dt><dd>${escaped(value)}<small>${escaped(more)}</small></dd></div>`,
  );
  return `<dl class="figures">${tiles.join('')}</dl>`;
}

/** Days that were worked or used, or weeks of them. */
interface Span {
  readonly name: string;
  readonly days: readonly { readonly day: DayOfCalls; readonly index: number }[];
}

function spansOf({ days }: SimulationResult): Span[] {
  const used = days
    .map((day, index) => ({ day, index }))
    .filter(({ day }) => day.planned > 0 || day.workingDay !== null);
  if (used.length <= MOST_DAYS) return used.map((entry) => ({ name: entry.day.date.slice(5), days: [entry] }));
  const weeks = new Map<number, { day: DayOfCalls; index: number }[]>();
  const offset = new Date(`${days[0]?.date}T00:00:00Z`).getUTCDay() + 6;
  for (const entry of used) {
    const week = Math.floor((entry.index + (offset % 7)) / 7);
    weeks.set(week, [...(weeks.get(week) ?? []), entry]);
  }
  return [...weeks.values()].map((entries) => ({ name: entries[0]?.day.date.slice(5) ?? '', days: entries }));
}

function spanWord(result: SimulationResult): string {
  const spans = spansOf(result);
  return spans.some(({ days }) => days.length > 1) ? 'week' : 'day';
}

function callsByDay(result: SimulationResult): string {
  const spans = spansOf(result);
  const sum = (key: 'answered' | 'unanswered' | 'refused' | 'notDialled') =>
    spans.map(({ days }) => days.reduce((all, { day }) => all + day[key], 0));
  const series: Series[] = [
    { name: 'answered', colour: 'a', values: sum('answered') },
    { name: 'unanswered', colour: 'b', values: sum('unanswered') },
    { name: 'refused', colour: 'c', values: sum('refused') },
    { name: 'not dialled', colour: 'd', values: sum('notDialled') },
  ].filter(({ values }) => values.some((value) => value > 0));
  const { calls } = result;
  const reasons = [
    ...Object.entries(calls.refusedByReason).map(([reason, count]) => [reason, grouped(count)]),
    ...Object.entries(calls.refusedByAllowance).map(([id, count]) => [`by ${id}`, grouped(count)]),
  ];
  return `<h2>Calls by ${spanWord(result)}</h2>
${legend(series)}
${columnPlot(
  `Calls by ${spanWord(result)}`,
  spans.map(({ name }) => name),
  series,
)}
${reasons.length === 0 ? '<p class="soft">No call was refused.</p>' : htmlTable(['refused', 'calls'], reasons)}
${recordNotes(result)
  .map((note) => `<p class="soft">${escaped(note)}</p>`)
  .join('\n')}`;
}

function allowancesByDay(result: SimulationResult): string {
  const spans = spansOf(result);
  const names = spans.map(({ name }) => name);
  const first = result.simUse.find(({ plan }) => plan === result.mainPlan);
  const plots = (first?.allowances ?? []).flatMap(({ allowanceId, limit, counts }) => {
    const shares = result.simUse
      .filter(({ plan }) => plan === result.mainPlan)
      .map((sim) => shareBySpan(sim, allowanceId, spans))
      .sort((a, b) => Math.max(...a) - Math.max(...b));
    const fullest = shares.at(-1) ?? [];
    if (!fullest.some((share) => share > 0)) return [];
    const median = shares[Math.floor((shares.length - 1) / 2)] ?? [];
    const series: Series[] = [
      ...(shares.length > 1 ? [{ name: 'median SIM', colour: 'b', values: median }] : []),
      { name: shares.length > 1 ? 'fullest SIM' : 'the SIM', colour: 'a', values: fullest },
    ];
    const unit = unitOf(result, counts, limit);
    return [
      `<h3>${escaped(allowanceId)} <span class="soft">of ${escaped(unit)}</span></h3>${series.length > 1 ? legend(series) : ''}${sharePlot(`Use of ${allowanceId}`, names, series)}`,
    ];
  });
  const rows = result.exhaustions.map(({ plan, allowanceId, window, days }) => [
    `${plan} ${allowanceId}`,
    window,
    grouped(days.length),
    grouped(new Set(days.flatMap(({ simIds }) => simIds)).size),
    days[0]?.date ?? '',
    days.at(-1)?.date ?? '',
  ]);
  return `<h2>Allowances of ${escaped(result.mainPlan)}</h2>
<p class="soft">What was used at the end of each ${spanWord(result)}, in percent of the limit.</p>
${plots.join('\n')}
<h2>Days on which an allowance ran out</h2>
${rows.length === 0 ? '<p>No allowance ran out.</p>' : htmlTable(['', 'window', 'days', 'SIMs', 'first', 'last'], rows)}`;
}

function unitOf({ costByPlan, mainPlan }: SimulationResult, counts: string, limit: number | string): string {
  if (typeof limit === 'string') return `${groupedMoney(limit)} ${costByPlan[mainPlan]?.currency ?? ''}`;
  return counts === 'seconds' ? `${grouped(limit / 60)} minutes` : `${grouped(limit)} ${counts}`;
}

/** The highest of a span's days. */
function shareBySpan(sim: SimUse, allowanceId: string, spans: readonly Span[]): number[] {
  const allowance = sim.allowances.find((candidate) => candidate.allowanceId === allowanceId);
  const limit = Number(allowance?.limit ?? 0);
  if (allowance === undefined || limit === 0) return spans.map(() => 0);
  return spans.map(({ days }) => {
    const used = Math.max(...days.map(({ index }) => Number(allowance.usedByDay[index] ?? 0)));
    return Math.round((used / limit) * 1000) / 10;
  });
}

function useOfSims(result: SimulationResult): string {
  const spans = spansOf(result);
  const names = spans.map(({ name }) => name);
  const shown = result.simUse.slice(0, MOST_SIMS);
  const rowsOf = (key: 'billedSeconds' | 'calls' | 'callees', unit: number) =>
    shown.map(({ simId, days: used }) => {
      const byDate = new Map(used.map((day) => [day.date, day[key]]));
      const sum = (span: Span) => span.days.reduce((all, { day }) => all + (byDate.get(day.date) ?? 0), 0);
      return { name: simId, values: spans.map((span) => Math.round(sum(span) / unit)) };
    });
  const left = result.simUse.length - shown.length;
  // Callees of several days may be the same: they are drawn by day only.
  const isByDay = spanWord(result) === 'day';
  const [what, key] = isByDay ? (['Callees', 'callees'] as const) : (['Calls', 'calls'] as const);
  const secondField = `<h3>${what}</h3>\n${fieldPlot(`${what} of each SIM`, names, rowsOf(key, 1), key)}`;
  return `<h2>Use of each SIM by ${spanWord(result)}</h2>
<h3>Minutes</h3>
${fieldPlot('Minutes of each SIM', names, rowsOf('billedSeconds', 60), 'minutes')}
${secondField}
${left > 0 ? `<p class="soft">${counted(left, 'more SIM')} not drawn.</p>` : ''}`;
}

function simsAnAgentNeeds({ simsPerAgentByRepeatedCallees, mainPlan }: SimulationResult): string {
  const known = simsPerAgentByRepeatedCallees.filter(({ simsPerAgent }) => simsPerAgent !== null);
  if (known.length === 0) return '';
  const bars = known.map(({ repeatedCallees, simsPerAgent }) => ({
    name: `${grouped(Math.round(repeatedCallees * 1000) / 10)} % repeated callees`,
    value: simsPerAgent ?? 0,
    text: counted(simsPerAgent ?? 0, 'SIM'),
    colour: 'a',
  }));
  return `<h2>SIMs of ${escaped(mainPlan)} that an agent needs</h2>\n${barPlot('SIMs that an agent needs', bars)}`;
}

function costs({ costByPlan, meteredPlan }: SimulationResult): string {
  const entries = Object.entries(costByPlan);
  const whole = entries.filter(([, { allCarried }]) => allCarried !== null);
  const bars = whole.map(([plan, { allCarried, currency }]) => ({
    name: plan,
    value: Number(allCarried?.total ?? 0),
    text: `${groupedMoney(allCarried?.total ?? '0')} ${currency}`,
    colour: plan === meteredPlan ? 'd' : 'a',
  }));
  const head = ['', 'SIMs', 'fees', 'charges', 'total', 'metered', 'currency'];
  const [agents = 1, months = 1] = [whole[0]?.[1].allCarried?.agents, whole[0]?.[1].allCarried?.months];
  const rows = (key: 'allCarried' | 'scenario') =>
    entries.flatMap(([plan, cost]) => (cost[key] === null ? [] : [costRow(plan, cost[key], cost.currency)]));
  const against = meteredPlan === null ? '' : ` “Metered” is what the same calls cost on ${escaped(meteredPlan)}.`;
  return `<h2>Cost by plan</h2>
<p class="soft">With as many SIMs as carry every call: ${counted(agents, 'agent')}, ${counted(months, 'month')}.${against}</p>
${whole.length === 0 ? '<p>No plan carries every call.</p>' : `${barPlot('Cost by plan', bars)}${htmlTable(head, rows('allCarried'))}`}
<h3>This scenario</h3>
${htmlTable(head, rows('scenario'))}`;
}

function costRow(plan: string, amounts: NonNullable<PlanCost['scenario' | 'allCarried']>, currency: string): string[] {
  const { sims, fees, charges, total, metered } = amounts;
  const money = [fees, charges, total].map(groupedMoney);
  return [plan, grouped(sims), ...money, metered === null ? '' : groupedMoney(metered), currency];
}

function allDays({ days }: SimulationResult): string {
  const rows = days
    .filter(({ planned, workingDay }) => planned > 0 || workingDay !== null)
    .map(({ date, workingDay, planned, answered, unanswered, refused, notDialled, talkMinutes }) => [
      date,
      workingDay === null ? '' : String(workingDay),
      ...[planned, answered, unanswered, refused, notDialled, talkMinutes].map(grouped),
    ]);
  const head = ['', 'working day', 'planned', 'answered', 'unanswered', 'refused', 'not dialled', 'minutes'];
  return `<h2>All days</h2>\n<details><summary>${counted(rows.length, 'day')}</summary>${htmlTable(head, rows)}</details>`;
}
