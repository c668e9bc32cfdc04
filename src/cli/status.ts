// `simtrunk status`: what the running service is, has and has done.
import type { StatusReport } from '../control/status-report.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { readCommandLine } from './command-line.js';
import { statusText } from './status-text.js';

export const USAGE = 'usage: simtrunk status [--json] [--config FILE] [--data DIR]';

/** Status 0 when a service runs and has said it; 1 otherwise. */
export async function run(args: string[]): Promise<number> {
  const { values } = readCommandLine({ args, options: SERVICE_OPTIONS }, USAGE);
  const report = await ask<StatusReport>(values, 'status');
  process.stdout.write(`${values.json ? JSON.stringify(report) : statusText(report)}\n`);
  return 0;
}
