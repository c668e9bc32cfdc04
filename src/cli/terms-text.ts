// Plans and caps in a line, for people.
import { formatMoney } from '../quota/money.js';
import type { Allowance, Plan, Rate, Terms, Window } from '../quota/plan.js';

/** What a plan costs and allows. */
export function planText(plan: Plan): string {
  const { currency, monthlyFee, commercialUse } = plan;
  const fee = monthlyFee === '0' ? [] : [`${monthlyFee} ${currency} a month`];
  const rates = Object.entries(plan.rates).map(([numberClass, rate]) => `${numberClass} ${rateText(rate, currency)}`);
  return [...fee, `commercial use ${commercialUse}; ${[...rates, allowancesText(plan)].join('; ')}`].join(', ');
}

export function allowancesText({ allowances, currency }: Terms): string {
  return allowances.map((allowance) => allowanceText(allowance, currency)).join('; ') || 'no limits';
}

function allowanceText({ id, counts, limit, window, beyond, daysOver, pacing }: Allowance, currency: string): string {
  const amount =
    counts === 'spend' ? `${formatMoney(limit)} ${currency}` : `${limit.toLocaleString('en')} ${unitText(counts)}`;
  const over = daysOver === null ? '' : ` over ${daysOver.threshold} ${daysOver.counts}`;
  const paced = pacing === null ? '' : `, spread over working ${pacing.by}`;
  const then = beyond.kind === 'forbid' ? '' : `, then ${chargeText(beyond, daysOver?.counts ?? counts, currency)}`;
  return `${id} ${amount}${over} ${windowText(window)}${paced}${then}`;
}

function unitText(counts: Allowance['counts']): string {
  return counts === 'days-over' ? 'days' : counts;
}

function chargeText(rate: Rate, counts: Allowance['counts'], currency: string): string {
  return counts === 'seconds' ? rateText(rate, currency) : `${rate.perStep} ${currency} each`;
}

function rateText({ perStep, stepSeconds }: Rate, currency: string): string {
  return `${perStep} ${currency} ${stepSeconds === 1 ? 'a second' : `for ${stepSeconds} s`}`;
}

function windowText(window: Window): string {
  if (window.kind !== 'rolling') return `a ${window.kind}`;
  const minutes = window.seconds / 60;
  if (minutes % 1_440 === 0) return `in ${minutes / 1_440} days`;
  return minutes % 60 === 0 ? `in ${minutes / 60} h` : `in ${minutes} min`;
}
