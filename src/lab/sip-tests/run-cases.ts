// Several cases, a few at once, each isolated: a line for each as it ends, then the count.
import { availableParallelism } from 'node:os';
import { loadCase } from './case-file.js';
import { type CaseResult, runCase } from './run-case.js';

export interface RunCasesOptions {
  readonly folder: string;
  readonly names: readonly string[];
  readonly sipp: readonly string[];
  readonly jobs?: number;
  /** Keeps the folder of a failed case: config, logs, traces, CDRs. */
  readonly keep: boolean;
  readonly print: (line: string) => void;
}

/** Most of a case is waiting for clocks, so a few more than there are processors. */
const CASES_AT_ONCE = Math.min(4, availableParallelism() + 1);

/** Resolves to the number of failed cases. */
export async function runCases(options: RunCasesOptions): Promise<number> {
  const waiting = [...options.names];
  const results: CaseResult[] = [];
  const work = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      const result = await runNamed(name, options);
      results.push(result);
      options.print(lineOf(result));
      for (const problem of result.problems) options.print(indent(problem));
    }
  };
  await Promise.all(Array.from({ length: options.jobs ?? CASES_AT_ONCE }, work));
  const failed = results.filter((result) => !result.isPassed);
  for (const result of failed.length > 0 && results.length > 5 ? failed : []) options.print(`failed: ${result.name}`);
  options.print(`${results.length - failed.length} passed, ${failed.length} failed`);
  return failed.length;
}

async function runNamed(name: string, options: RunCasesOptions): Promise<CaseResult> {
  try {
    return await runCase(loadCase(options.folder, name), options.sipp, options.keep);
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
