// `simtrunk resume`: the running service, which was draining, takes calls again.
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = 'usage: simtrunk resume [--json] [--config FILE] [--data DIR]';

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = readCommandLine({ args, options: SERVICE_OPTIONS, allowPositionals: true }, USAGE);
  if (positionals.length > 0) throw misused('It takes no arguments.', USAGE);
  const answer = await ask<object>(values, 'resume');
  process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : 'New calls are taken again.\n');
  return 0;
}
