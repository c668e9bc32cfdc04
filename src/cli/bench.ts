// `simtrunk bench route`: measures, and prints one line for each number of channels.
import { parseArgs } from 'node:util';
import { benchRoute, CHANNEL_COUNTS } from '../bench/route-bench.js';
import { SimtrunkError } from '../lib/errors.js';

const USAGE = 'usage: simtrunk bench route [--json] [--seconds N]';

export async function run(args: string[]): Promise<number> {
  const { what, json, seconds } = read(args);
  if (what !== 'route') throw new SimtrunkError('USAGE', USAGE);
  if (!json)
    process.stdout.write(
      'channels   decisions/s   p50 µs   p99 µs   (decide and reserve in memory, half of them busy)\n',
    );
  for (const channels of CHANNEL_COUNTS) {
    const result = benchRoute(channels, seconds * 1000);
    const columns = [
      String(channels).padStart(8),
      String(result.decisionsPerSecond).padStart(13),
      result.p50Us.toFixed(2).padStart(8),
      result.p99Us.toFixed(2).padStart(8),
    ];
    process.stdout.write(`${json ? JSON.stringify(result) : columns.join(' ')}\n`);
  }
  return 0;
}

function read(args: string[]): { what: string | undefined; json: boolean; seconds: number } {
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, seconds: { type: 'string', default: '3' } },
    });
    const seconds = Number(values.seconds);
    if (positionals.length !== 1 || !(seconds > 0 && seconds <= 600)) throw new Error(USAGE);
    return { what: positionals[0], json: values.json, seconds };
  } catch (cause) {
    throw new SimtrunkError('USAGE', `${(cause as Error).message}\n${USAGE}`, { cause });
  }
}
