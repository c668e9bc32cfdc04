// `simtrunk simulate FILE`: runs a scenario, or recorded calls, through the real router and ledger in virtual time, and
// says what was carried, what ran out, what it costs and how many SIMs an agent needs.
import { writeFile } from 'node:fs/promises';
import { SimtrunkError } from '../lib/errors.js';
import { htmlReport } from '../simulator/html-report.js';
import { loadScenario } from '../simulator/scenario.js';
import { simulate } from '../simulator/simulate.js';
import { textReport } from '../simulator/text-report.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = 'usage: simtrunk simulate FILE [--json] [--html OUT] [--seed N]';

/** Status 0 when the scenario was run, whatever came of its calls. */
export async function run(args: string[]): Promise<number> {
  const { file, json, html, seed } = read(args);
  const result = await simulate(await loadScenario(file, { seed }));
  if (html !== undefined) await write(html, htmlReport(result));
  process.stdout.write(`${json ? JSON.stringify(result) : textReport(result)}\n`);
  if (html !== undefined) process.stderr.write(`The page is in ${html}\n`);
  return 0;
}

function read(args: string[]) {
  const options = {
    json: { type: 'boolean', default: false },
    html: { type: 'string' },
    seed: { type: 'string' },
  } as const;
  const { values, positionals } = readCommandLine({ args, options, allowPositionals: true }, USAGE);
  const [file, more] = positionals;
  if (file === undefined || more !== undefined) throw misused('one scenario is needed', USAGE);
  return { ...values, file, seed: values.seed === undefined ? undefined : readSeed(values.seed) };
}

function readSeed(text: string): number {
  const seed = /^\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (seed === undefined) throw misused('--seed wants a whole number', USAGE);
  return seed;
}

async function write(file: string, page: string): Promise<void> {
  try {
    await writeFile(file, page);
  } catch (cause) {
    throw new SimtrunkError('USAGE', `Cannot write ${file}: ${(cause as Error).message}`, { cause });
  }
}
