// `simtrunk reload`: the running service reads its config again, and says what is different.
import type { ChangeReport, ReloadReport } from '../control/service-report.js';
import { ask, SERVICE_OPTIONS } from './ask-service.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = `usage: simtrunk reload [--dry-run] [--json] [--config FILE] [--data DIR]
The service reads the file that it was started with. Live calls keep what they began with. What needs a restart is named, and
then nothing is changed; the exit status is 1.
  --dry-run   only say what is different`;

/** Long enough to count a month of usage anew. */
const TIMEOUT_MS = 300_000;

export async function run(args: string[]): Promise<number> {
  const options = {
    ...SERVICE_OPTIONS,
    'dry-run': { type: 'boolean', default: false },
  } as const;
  const { values, positionals } = readCommandLine({ args, options, allowPositionals: true }, USAGE);
  if (positionals.length > 0) throw misused('It takes no arguments.', USAGE);
  const report = await ask<ReloadReport>(values, 'reload', { dryRun: values['dry-run'] }, TIMEOUT_MS);
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : reloadText(report));
  return report.outcome === 'needs-restart' || report.certificateTrouble !== null ? 1 : 0;
}

const SAID: Readonly<Record<ReloadReport['outcome'], string>> = {
  unchanged: 'The config says what it said: nothing has changed.',
  reloaded: 'Taken over. Live calls keep what they began with.',
  'would-reload': 'Could be taken over; nothing has been changed yet.',
  'needs-restart': 'NOT taken over: what is marked needs a restart, and nothing has been changed.',
};

export function reloadText({ outcome, changes, certificateTrouble }: ReloadReport): string {
  const lines = [...changes.map((change) => changeText(change, outcome)), SAID[outcome]];
  if (certificateTrouble !== null) lines.push(`Certificates stay as they were: ${certificateTrouble}`);
  return `${lines.join('\n')}\n`;
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

function changeText(
  { path, kind, before, after, isReloadable }: ChangeReport,
  outcome: ReloadReport['outcome'],
): string {
  const mark = isReloadable || outcome === 'unchanged' ? '' : '   NEEDS A RESTART';
  return `${SIGNS[kind]} ${path}${valuesText(kind, before, after)}${mark}`;
}

function valuesText(kind: ChangeReport['kind'], before: string | null, after: string | null): string {
  if (kind === 'removed') return '';
  if (kind === 'added') return after === null ? '' : `: ${after}`;
  return before === null && after === null ? ': another one' : `: ${before ?? '-'} → ${after ?? '-'}`;
}
