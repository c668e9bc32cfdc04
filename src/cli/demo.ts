// `simtrunk demo`: the whole of simtrunk on this machine, with a simulated gateway and a softphone.
import { runDemo } from '../lab/demo.js';
import { inkFor } from '../lab/terminal.js';
import { readCommandLine } from './command-line.js';
import { CONFIG_OPTIONS, DEFAULT_CONFIG } from './config-argument.js';

export const USAGE = `usage: simtrunk demo [--json] [--keep] [--config FILE] [--data DIR]

  Places four calls through simtrunk and tells what became of them; exit status 0 only if all went as they should.

  --json         one JSON object a call instead of text
  --keep         stays up and places a call every few seconds, for a softphone or SIPp of yours to join
  --config FILE  default: config/simtrunk.yaml of this package
  --data DIR     where the journal, recordings and CDRs go; default: a new folder below var/
`;

/** A person who presses Ctrl-C again after this long wants the end at once. */
const SECOND_CTRL_C_AFTER_MS = 1500;

export async function run(args: string[]): Promise<number> {
  const flag = { type: 'boolean', default: false } as const;
  const { values } = readCommandLine({ args, options: { ...CONFIG_OPTIONS, json: flag, keep: flag } }, USAGE);
  const stop = new AbortController();
  let stoppedMs = Number.POSITIVE_INFINITY;
  // A terminal sends Ctrl-C to every process of the group, and npm and our own launcher pass it on again.
  const onSignal = (): void => {
    if (performance.now() - stoppedMs > SECOND_CTRL_C_AFTER_MS) process.exit(130);
    if (!stop.signal.aborted) stoppedMs = performance.now();
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const isTerminal = process.stdout.isTTY === true && !values.json;
  try {
    const isGood = await runDemo({
      configFile: values.config ?? DEFAULT_CONFIG,
      dataDir: values.data,
      json: values.json,
      keep: values.keep,
      print: (text) => process.stdout.write(text),
      progress: (text) => {
        if (isTerminal) process.stdout.write(`\r\x1b[K${text}`);
      },
      ink: inkFor(process.stdout, process.env),
      columns: Math.min(100, Math.max(72, process.stdout.columns ?? 80)),
      stop: stop.signal,
    });
    return isGood ? 0 : 1;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
  }
}
