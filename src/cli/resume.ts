// `simtrunk resume`: the running service, which was draining, takes calls again.
import { ask } from './ask-service.js';
import { misused, readCommandLine } from './command-line.js';
import { CONFIG_OPTIONS } from './config-argument.js';

export const USAGE = 'usage: simtrunk resume [--json] [--config FILE] [--data DIR]';

export async function run(args: string[]): Promise<number> {
  const options = { ...CONFIG_OPTIONS, json: { type: 'boolean', default: false } } as const;
  const { values, positionals } = readCommandLine({ args, options, allowPositionals: true }, USAGE);
  if (positionals.length > 0) throw misused('It takes no arguments.', USAGE);
  const answer = await ask<object>(values, 'resume');
  process.stdout.write(values.json ? `${JSON.stringify(answer)}\n` : 'New calls are taken again.\n');
  return 0;
}
