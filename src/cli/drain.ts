// `simtrunk drain`: takes the running service out of use without cutting a call; `simtrunk resume` undoes it.
import { setTimeout as delay } from 'node:timers/promises';
import type { DrainReport } from '../control/service-report.js';
import { SimtrunkError } from '../lib/errors.js';
import { ask, SERVICE_OPTIONS, type ServiceAddress } from './ask-service.js';
import { misused, readCommandLine, wholeNumber } from './command-line.js';
import { instant } from './text-table.js';

export const USAGE = `usage: simtrunk drain [--deadline SECONDS] [--stop] [--wait] [--json] [--config FILE] [--data DIR]
New calls and OPTIONS get 503, emergency calls are taken all the same. It is over when the last call is.
  --deadline SECONDS   calls that are live then get BYE, but for emergency calls; left out: as long as they last
  --stop               the service ends when it is over
  --wait               return when it is over
\`simtrunk resume\` takes calls again. Said again, the deadline and --stop are those of the last one.`;

const POLL_MS = 250;

export async function run(args: string[]): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const options = { ...SERVICE_OPTIONS, stop: flag, wait: flag, deadline: { type: 'string' } } as const;
  const { values, positionals } = readCommandLine({ args, options, allowPositionals: true }, USAGE);
  if (positionals.length > 0) throw misused('It takes no arguments.', USAGE);
  const deadlineSeconds = wholeNumber(values.deadline, 'deadline', USAGE) ?? null;
  const begun = await ask<DrainReport>(values, 'drain', { deadlineSeconds, stops: values.stop });
  const report = values.wait ? await whenOver(values, begun) : begun;
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : `${drainText(report)}\n`);
  return report === null ? 1 : 0;
}

/** Null: it was taken back meanwhile. */
async function whenOver(address: ServiceAddress, begun: DrainReport): Promise<DrainReport | null> {
  for (let report: DrainReport | null = begun; report !== null; ) {
    if (report.state === 'drained' && !report.stops) return report;
    await delay(POLL_MS);
    try {
      report = await ask<DrainReport | null>(address, 'drain state');
    } catch (error) {
      const isGone = error instanceof SimtrunkError && ['SERVICE_NOT_RUNNING', 'CONTROL_FAILED'].includes(error.code);
      // It ended, as it was to.
      if (isGone && begun.stops) return { ...begun, state: 'drained', liveCalls: 0 };
      throw error;
    }
  }
  return null;
}

function drainText(report: DrainReport | null): string {
  if (report === null) return 'The drain was taken back: the service takes calls again.';
  const { state, liveCalls, deadlineAtMs, stops } = report;
  if (state === 'drained') return `Drained: no call is live.${stops ? ' The service ends.' : ''}`;
  const calls = liveCalls === 1 ? '1 call is live' : `${liveCalls} calls are live`;
  const until = deadlineAtMs === null ? 'until their end' : `until ${instant(deadlineAtMs)} at the latest`;
  return `Draining: ${calls}, ${until}; no new ones.${stops ? ' The service ends then.' : ''}`;
}
