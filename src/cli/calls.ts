// `simtrunk calls`: the live calls of the running service.
import type { LiveCallReport } from '../control/live-call-report.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { readCommandLine } from './command-line.js';
import { clockTime, textTable } from './text-table.js';

export const USAGE = 'usage: simtrunk calls [--json] [--config FILE] [--data DIR]';

export async function run(args: string[]): Promise<number> {
  const { values } = readCommandLine({ args, options: SERVICE_OPTIONS }, USAGE);
  const calls = await ask<readonly LiveCallReport[]>(values, 'calls');
  process.stdout.write(`${values.json ? JSON.stringify(calls) : callsText(calls)}\n`);
  return 0;
}

export function callsText(calls: readonly LiveCallReport[]): string {
  if (calls.length === 0) return 'No call is live.';
  const head = ['call', 'trunk', 'from', 'to', 'class', 'channel', 'phase', 'talked', 'may last', 'attempts'];
  const rows = calls.map((call) => [
    call.callId,
    call.trunk,
    call.agent ?? call.calling,
    call.callee ?? call.dialled,
    call.numberClass ?? '',
    call.inboundChannelId ?? call.attempts.at(-1)?.channelId ?? '',
    call.phase,
    call.talkedSeconds === null ? '' : clockTime(call.talkedSeconds),
    call.maxCallSeconds === null ? '' : `${clockTime(call.maxCallSeconds)}${call.isMaxFinal ? '' : ' or more'}`,
    String(call.attempts.length),
  ]);
  return [`${calls.length} live call${calls.length === 1 ? '' : 's'}`, ...textTable([head, ...rows])].join('\n');
}
