// `simtrunk bans …`: sources that the running service's SIP server shuts out.
import type { BanReport } from '../control/control-ports.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { misused, runAction, type ValuesOf, wholeNumber } from './command-line.js';
import { clockTime, textTable } from './text-table.js';

export const USAGE = `usage: simtrunk bans [list]
       simtrunk bans add ADDRESS [--for SECONDS]
       simtrunk bans remove ADDRESS
each with [--json] [--config FILE] [--data DIR]
Without --for a ban lasts as long as the service; what must last longer goes into sip.defence.deny.`;

const OPTIONS = { ...SERVICE_OPTIONS, for: { type: 'string' } } as const;

type Values = ValuesOf<typeof OPTIONS>;

export function run(args: string[]): Promise<number> {
  return runAction(args, { options: OPTIONS, usage: USAGE }, perform);
}

function perform(values: Values, [action = 'list', source, more]: readonly string[]): Promise<string> {
  if (action === 'list' && source === undefined) return list(values);
  if (source === undefined || more !== undefined) throw misused('Say whom: one address.', USAGE);
  if (action === 'add') return add(values, source);
  if (action === 'remove') return remove(values, source);
  throw misused(`There is no "bans ${action}".`, USAGE);
}

async function list(values: Values): Promise<string> {
  const bans = await ask<readonly BanReport[]>(values, 'bans list');
  if (values.json) return JSON.stringify(bans);
  if (bans.length === 0) return 'Nobody is banned.';
  const rows = bans.map(({ source, by, remainingSeconds }) => [
    source,
    by === 'operator' ? 'an operator' : 'what it sent',
    remainingSeconds === null ? 'no end' : clockTime(remainingSeconds),
  ]);
  return textTable([['source', 'banned for', 'ends in'], ...rows]).join('\n');
}

async function add(values: Values, source: string): Promise<string> {
  const seconds = wholeNumber(values.for, 'for', USAGE) ?? null;
  const added = await ask<{ source: string }>(values, 'bans add', { source, seconds });
  return values.json ? JSON.stringify(added) : `${source} is banned${seconds === null ? '' : ` for ${seconds} s`}.`;
}

async function remove(values: Values, source: string): Promise<string> {
  const removed = await ask<{ source: string }>(values, 'bans remove', { source });
  return values.json ? JSON.stringify(removed) : `${source} is banned no longer.`;
}
