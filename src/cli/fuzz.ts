// `simtrunk fuzz`: damaged messages for the SIP server's parser and for a running server, until the time is over or one of them
// does what it must not.
import { randomInt } from 'node:crypto';
import { SimtrunkError } from '../lib/errors.js';
import type { FuzzOutcome } from '../sip-server/fuzz/fuzz-outcome.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = `usage: simtrunk fuzz [--seconds N] [--seed S] [--only parser | server]
  --seconds N   how long, shared by both (60)
  --seed S      of the first round; without it a random one, which is printed
  --only WHAT   parser: messages and streams in memory; server: datagrams and connections to a running server`;

const TARGETS = ['parser', 'server'] as const;
type Target = (typeof TARGETS)[number];

/** Both take turns, so that neither waits for the other's end. */
const TURN_SECONDS = 20;

export async function run(args: string[]): Promise<number> {
  const { seconds, seed, targets } = read(args);
  process.stdout.write(`seed ${seed}, ${seconds} s: ${targets.join(' and ')}\n`);
  const fuzzers = await loadFuzzers();
  const turns = Math.max(1, Math.ceil(seconds / TURN_SECONDS / targets.length));
  const turnMs = (seconds * 1000) / turns / targets.length;
  const totals = new Map<Target, FuzzOutcome>();
  for (let turn = 0; turn < turns; turn++) {
    for (const target of targets) {
      const before = totals.get(target);
      const outcome = await fuzzers[target]((seed + (before?.rounds ?? 0)) | 0, turnMs);
      if (outcome.failure !== null) {
        const { property, seed: failed, report } = outcome.failure;
        const again = `npm run fuzz -- --seed ${failed} --only ${target}`;
        process.stdout.write(`${target}: "${property}" does not hold\n${report}\nagain: ${again}\n`);
        return 1;
      }
      const runs = outcome.runs + (before?.runs ?? 0);
      totals.set(target, { rounds: outcome.rounds + (before?.rounds ?? 0), runs, failure: null });
    }
    const sums = targets.map((target) => `${target} ${totals.get(target)?.runs} cases`);
    const memory = `${Math.round(process.memoryUsage().rss / 2 ** 20)} MB`;
    process.stdout.write(`${turn + 1}/${turns}  ${sums.join('  ')}  ${memory}\n`);
  }
  process.stdout.write('Nothing found.\n');
  return 0;
}

/** The fuzzer stands on a development dependency, which an installed package lacks. */
async function loadFuzzers(): Promise<Record<Target, (seed: number, forMs: number) => Promise<FuzzOutcome>>> {
  try {
    const { fuzzParser } = await import('../sip-server/fuzz/fuzz-parser.js');
    const { fuzzServer } = await import('../sip-server/fuzz/fuzz-server.js');
    return { parser: fuzzParser, server: fuzzServer };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new SimtrunkError('USAGE', 'simtrunk fuzz needs the development dependencies: run npm ci.', { cause });
  }
}

function read(args: string[]): { seconds: number; seed: number; targets: readonly Target[] } {
  const options = {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string' },
    only: { type: 'string' },
  } as const;
  const { values } = readCommandLine({ args, options }, USAGE);
  const seconds = Number(values.seconds);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  const targets = TARGETS.filter((target) => values.only === undefined || values.only === target);
  if (!(seconds > 0) || !Number.isInteger(seed) || targets.length === 0) throw misused('That cannot be run.', USAGE);
  return { seconds, seed, targets };
}
