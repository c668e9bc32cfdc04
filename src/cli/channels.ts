// `simtrunk channels …`: what is known of each channel and its SIM, and those that are suspended.
import type { ChannelReport, ComparisonReport } from '../control/channel-report.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { channelLines, comparisonLines } from './channels-text.js';
import { misused, runAction, type ValuesOf, wholeNumber } from './command-line.js';

export const USAGE = `usage: simtrunk channels [list] [GATEWAY | CHANNEL] [--suspended]
       simtrunk channels resume CHANNEL
       simtrunk channels probe CHANNEL
       simtrunk channels comparisons [GATEWAY | CHANNEL] [--days DAYS]
       simtrunk channels compare GATEWAY
each with [--json] [--config FILE] [--data DIR]
A channel is written as gateway and port: gw1/3.`;

const OPTIONS = {
  ...SERVICE_OPTIONS,
  suspended: { type: 'boolean', default: false },
  days: { type: 'string' },
} as const;

type Values = ValuesOf<typeof OPTIONS>;

export function run(args: string[]): Promise<number> {
  return runAction(args, { options: OPTIONS, usage: USAGE }, perform);
}

function perform(values: Values, [action = 'list', which, more]: readonly string[]): Promise<string> {
  if (more !== undefined) throw misused('Say one channel.', USAGE);
  if (action === 'list') return list(values, which);
  if (action === 'comparisons') return comparisons(values, which);
  if (action === 'compare' && which !== undefined) return compare(values, which);
  if (which === undefined) throw misused('Say which channel, such as gw1/3.', USAGE);
  if (action === 'resume') return resume(values, which);
  if (action === 'probe') return probe(values, which);
  throw misused(`There is no "channels ${action}".`, USAGE);
}

async function list(values: Values, which: string | undefined): Promise<string> {
  const channels = (await ask<readonly ChannelReport[]>(values, 'channels list')).filter(
    ({ channelId, suspension }) => isNamed(channelId, which) && (!values.suspended || suspension !== null),
  );
  return values.json ? JSON.stringify(channels) : channelLines(channels).join('\n');
}

async function resume(values: Values, channelId: string): Promise<string> {
  const resumed = await ask<{ streak: string; count: number }>(values, 'channels resume', { channelId });
  if (values.json) return JSON.stringify(resumed);
  return `${channelId} takes calls again; it was suspended for ${resumed.count} × ${resumed.streak}.`;
}

async function probe(values: Values, channelId: string): Promise<string> {
  const placed = await ask<{ channelId: string }>(values, 'channels probe', { channelId });
  if (values.json) return JSON.stringify(placed);
  return `${channelId} is probed by a call; if that goes well, it takes calls again. The log says what came of it.`;
}

async function comparisons(values: Values, which: string | undefined): Promise<string> {
  const days = wholeNumber(values.days, 'days', USAGE) ?? 7;
  const found = await ask<readonly ComparisonReport[]>(values, 'channels comparisons', { days });
  return said(
    values,
    found.filter(({ channelId }) => isNamed(channelId, which)),
  );
}

async function compare(values: Values, gateway: string): Promise<string> {
  return said(values, await ask<readonly ComparisonReport[]>(values, 'channels compare', { gateway }));
}

function said(values: Values, found: readonly ComparisonReport[]): string {
  return values.json ? JSON.stringify(found) : comparisonLines(found).join('\n');
}

function isNamed(channelId: string, which: string | undefined): boolean {
  return which === undefined || channelId === which || channelId.startsWith(`${which}/`);
}
