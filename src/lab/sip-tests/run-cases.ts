// Several cases, a few at once, each isolated: a line for each as it ends, then the count.
import { availableParallelism } from 'node:os';
import type { DrachtioPlace } from './case-config.js';
import { loadCase } from './case-file.js';
import { type CaseResult, runCase } from './run-case.js';

export interface RunCasesOptions {
  readonly folder: string;
  readonly names: readonly string[];
  readonly sipp: readonly string[];
  readonly jobs?: number;
  /** Keeps the folder of a failed case: config, logs, traces, CDRs. */
  readonly keep: boolean;
  /** A drachtio-server in place of the embedded SIP server: it serves one case at a time. */
  readonly drachtio?: DrachtioPlace | undefined;
  /** Each case with an rtpengine of its own in place of the embedded relay. */
  readonly withRtpengine?: boolean;
  readonly print: (line: string) => void;
}

/** Most of a case is waiting for clocks, so a few more than there are processors. */
const CASES_AT_ONCE = Math.min(5, availableParallelism() + 2);

/** Resolves to the number of failed cases. */
export async function runCases(options: RunCasesOptions): Promise<number> {
  const { print, drachtio } = options;
  const waiting = [...options.names];
  const results: CaseResult[] = [];
  let skipped = 0;
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const outcome = await runNamed(name, options);
      if ('skipped' in outcome) {
        skipped += 1;
        print(`skipped ${name}: ${outcome.skipped}`);
        continue;
      }
      results.push(outcome);
      print(lineOf(outcome));
      for (const problem of outcome.problems) print(indent(problem));
    }
  };
  const jobs = drachtio === undefined ? (options.jobs ?? CASES_AT_ONCE) : 1;
  await Promise.all(Array.from({ length: jobs }, work));
  const failed = results.filter((result) => !result.isPassed);
  for (const result of failed.length > 0 && results.length > 5 ? failed : []) print(`failed: ${result.name}`);
  const others = skipped === 0 ? '' : `, ${skipped} skipped`;
  print(`${results.length - failed.length} passed, ${failed.length} failed${others}`);
  return failed.length;
}

async function runNamed(name: string, options: RunCasesOptions): Promise<CaseResult | { readonly skipped: string }> {
  try {
    const sipCase = loadCase(options.folder, name);
    if (options.drachtio !== undefined && sipCase.embeddedOnly !== undefined) return { skipped: sipCase.embeddedOnly };
    if (options.withRtpengine && sipCase.relayOnly !== undefined) return { skipped: sipCase.relayOnly };
    return await runCase(sipCase, options);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { name, isPassed: false, elapsedMs: 0, problems: [problem] };
  }
}

function lineOf(result: CaseResult): string {
  return `${result.isPassed ? 'ok    ' : 'FAILED'} ${result.name} (${(result.elapsedMs / 1000).toFixed(1)} s)`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => `       ${line}`)
    .join('\n');
}
