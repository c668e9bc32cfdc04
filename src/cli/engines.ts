// `simtrunk engines …`: the rtpengines that carry the running service's media.
import type { EngineReport } from '../control/control-ports.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { misused, runAction, type ValuesOf } from './command-line.js';
import { textTable } from './text-table.js';

export const USAGE = `usage: simtrunk engines [list]
       simtrunk engines drain URL      it gets no new calls, and keeps those that it has
       simtrunk engines resume URL
each with [--json] [--config FILE] [--data DIR]
Until the service is started again; what must last longer is media.rtpengine.engines[].drain.`;

type Values = ValuesOf<typeof SERVICE_OPTIONS>;

export function run(args: string[]): Promise<number> {
  return runAction(args, { options: SERVICE_OPTIONS, usage: USAGE }, perform);
}

async function perform(values: Values, [action = 'list', url, more]: readonly string[]): Promise<string> {
  if (action === 'list' && url === undefined) return list(values);
  if (url === undefined || more !== undefined) throw misused('Say which: one URL of media.rtpengine.engines.', USAGE);
  if (action !== 'drain' && action !== 'resume') throw misused(`There is no "engines ${action}".`, USAGE);
  const answer = await ask<object>(values, `engines ${action}`, { url });
  if (values.json) return JSON.stringify(answer);
  return action === 'drain' ? `${url} gets no new calls.` : `${url} gets new calls again.`;
}

async function list(values: Values): Promise<string> {
  const engines = await ask<readonly EngineReport[]>(values, 'engines list');
  if (values.json) return JSON.stringify(engines);
  const rows = engines.map(({ url, state, isDraining, sessions }) => [
    url,
    isDraining ? `${state}, drained` : state,
    String(sessions),
  ]);
  return textTable([['engine', 'state', 'calls'], ...rows]).join('\n');
}
