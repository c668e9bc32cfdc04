// The SIPp cases of the SIP server alone, many at once: nearly all of their time is waiting for timers.
import type { CaseResult } from '../run-case.js';
import { runServerCase } from './run-server-case.js';
import type { ServerCase } from './server-case.js';
import { type ExternalDrachtio, type ServerUnderTest, startServerUnderTest, useExternal } from './server-under-test.js';

export interface RunServerCasesOptions {
  readonly cases: readonly ServerCase[];
  readonly sipp: readonly string[];
  readonly jobs: number;
  /** T1 of the embedded server; an external one has its own. */
  readonly t1Ms: number;
  /** An external drachtio-server, in place of the embedded one. */
  readonly drachtio: ExternalDrachtio | null;
  readonly print: (line: string) => void;
}

export const CASES_AT_ONCE = 12;
export const QUICK_T1_MS = 50;
export const REAL_T1_MS = 500;

/** When every transaction should have ended, 64·T1 and T4 after the last case, and how long a slow machine may take. */
const SETTLE_T1 = 80;
const SETTLE_PATIENCE_MS = 10_000;

/** Resolves to the number of failed cases. */
export async function runServerCases(options: RunServerCasesOptions): Promise<number> {
  const { cases, print } = options;
  const { drachtio } = options;
  const server = drachtio === null ? await startServerUnderTest(options.t1Ms) : await useExternal(drachtio);
  const results: CaseResult[] = [];
  try {
    const waiting = [...cases];
    const work = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (server.isExternal && next.drachtio !== undefined) {
          print(`skipped ${next.name}: ${next.drachtio}`);
          continue;
        }
        const result = await runOn(next, server, options);
        results.push(result);
        const seconds = (result.elapsedMs / 1000).toFixed(1);
        print(`${result.isPassed ? 'ok    ' : 'FAILED'} ${result.name} (${seconds} s)`);
        for (const problem of result.problems) print(problem.replace(/^/gm, '       '));
      }
    };
    await Promise.all(Array.from({ length: options.jobs }, work));
    if (!server.isExternal) results.push(await settled(server, print));
  } finally {
    await server.close();
  }
  const failed = results.filter(({ isPassed }) => !isPassed);
  if (results.length > 10) for (const { name } of failed) print(`failed: ${name}`);
  print(`${results.length - failed.length} passed, ${failed.length} failed`);
  return failed.length;
}

/** A case that reads counters has a server to itself. */
async function runOn(
  serverCase: ServerCase,
  shared: ServerUnderTest,
  { sipp, t1Ms }: RunServerCasesOptions,
): Promise<CaseResult> {
  if (Object.keys(serverCase.expect.counters).length === 0) return runServerCase(serverCase, shared, sipp);
  const own = await startServerUnderTest(t1Ms);
  try {
    return await runServerCase(serverCase, own, sipp);
  } finally {
    await own.close();
  }
}

/** After all cases nothing may be left of any. */
async function settled(server: ServerUnderTest, print: (line: string) => void): Promise<CaseResult> {
  const startedMs = performance.now();
  const endMs = startedMs + SETTLE_T1 * server.t1Ms + SETTLE_PATIENCE_MS;
  for (;;) {
    const { transactions, dialogs, timers } = (await server.counters()) as Record<string, number>;
    const isSettled = transactions === 0 && dialogs === 0 && timers === 0;
    if (!isSettled && performance.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      continue;
    }
    const left = `${transactions} transactions, ${dialogs} dialogs and ${timers} timers`;
    print(
      `${isSettled ? 'ok    ' : 'FAILED'} nothing is left in the server after all cases${isSettled ? '' : `: ${left}`}`,
    );
    return { name: 'nothing is left', isPassed: isSettled, elapsedMs: performance.now() - startedMs, problems: [] };
  }
}
