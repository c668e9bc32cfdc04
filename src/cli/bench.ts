// `simtrunk bench route | messages | ledger | sip | media`: measures, and prints a line for each result as soon as it is known.
import { benchLedger, JOURNALLED_LEDGERS } from '../bench/ledger-bench.js';
import { benchMedia, mediaLineOf } from '../bench/media-bench.js';
import { benchMessages } from '../bench/message-bench.js';
import { REDIS_LEDGER } from '../bench/redis-ledger-bench.js';
import { benchRoute, CHANNEL_COUNTS } from '../bench/route-bench.js';
import { benchSip, lineOf, SIP_BENCH_PARTS, type SipBenchPart } from '../bench/sip-bench.js';
import type { DrachtioAddress } from '../bench/sip-parts.js';
import { soakSip } from '../bench/sip-soak.js';
import { findSipp, SIPP_MISSING } from '../lab/sip-tests/sipp.js';
import type { SocketsSetting } from '../media/relay/open-sockets.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = `usage: simtrunk bench route [--json] [--seconds N]   decide and reserve, by number of channels
       simtrunk bench messages [--json] [--seconds N]  the same of text messages, and by a scan of all channels
       simtrunk bench ledger [--json] [--seconds N]  committed records, and how long a commit takes
       simtrunk bench sip [--json]                 messages, transactions, CPU of a B2BUA's call on the SIP server
       simtrunk bench sip --soak --calls N         memory of the SIP server through N calls; fails when it grows
       simtrunk bench media [--calls N] [--record] [--rtpengine] [--json]   CPU and delay of a relayed packet
options of sip: --rate N        calls a second (100; of a soak 300)
                --rounds N      bursts of calls that are measured (3)
                --part P        messages, transactions or b2bua alone
                --profile DIR   writes V8's CPU profiles of the SIP server
                --drachtio HOST:PORT[:SECRET]   the same application and load on this drachtio-server too, in turn
                --pid N         of that drachtio-server, when it is not to be found by its admin port
options of media: --calls N     two-way G.711 calls of 20 ms packets (100)
                --record        each is recorded
                --seconds N     of load that is measured, after 10 s of warming up (10)
                --rounds N      (1)
                --rtpengine     the same load through rtpengine in userspace too, in turn, and the ratio
                --direct        the same load without anything between, in turn: what the generator has of the delay
                --threads N     relay threads (1)
                --sockets KIND  of the relay: auto, dgram or batched (auto)
                --profile DIR   writes V8's CPU profiles, one for each thread`;

export async function run(args: string[]): Promise<number> {
  const options = read(args);
  if (options.what === 'route') return runRoute(options.json, options.seconds);
  if (options.what === 'messages') return runMessages(options.json, options.seconds);
  if (options.what === 'ledger') return runLedger(options.json, options.seconds);
  if (options.what === 'media') return runMedia(options);
  return runSip(options);
}

async function runLedger(json: boolean, seconds: number): Promise<number> {
  if (!json) process.stdout.write('ledger  durability  calls at once   records/s    p50 ms    p99 ms    max ms\n');
  for (const ledger of [...JOURNALLED_LEDGERS, REDIS_LEDGER]) {
    await benchLedger(ledger, seconds * 1000, (result) => {
      const columns = [
        result.ledger.padEnd(7),
        (result.durability ?? '').padEnd(10),
        String(result.callsAtOnce).padStart(14),
        String(result.recordsPerSecond).padStart(11),
        ...[result.p50Ms, result.p99Ms, result.maxMs].map((ms) => ms.toFixed(2).padStart(9)),
      ];
      process.stdout.write(`${json ? JSON.stringify(result) : columns.join(' ')}\n`);
    });
  }
  return 0;
}

function runRoute(json: boolean, seconds: number): number {
  return printByChannels(json, '   bytes/channel   (decide, reserve and its record; half of them busy)', (channels) => {
    const result = benchRoute(channels, seconds * 1000);
    return { result, last: String(result.bytesPerChannel).padStart(15) };
  });
}

function runMessages(json: boolean, seconds: number): number {
  return printByChannels(json, '   scan µs   (decide and reserve; without it by a scan)', (channels) => {
    const result = benchMessages(channels, seconds * 1000);
    return { result, last: String(result.scanUs).padStart(9) };
  });
}

interface DecisionsMeasured {
  readonly channels: number;
  readonly decisionsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** A line for each number of channels; `last` is what stands under `lastHead`. */
function printByChannels(
  json: boolean,
  lastHead: string,
  measure: (channels: number) => { readonly result: DecisionsMeasured; readonly last: string },
): number {
  if (!json) process.stdout.write(`channels   decisions/s   p50 µs   p99 µs${lastHead}\n`);
  for (const channels of CHANNEL_COUNTS) {
    const { result, last } = measure(channels);
    const columns = [
      String(channels).padStart(8),
      String(result.decisionsPerSecond).padStart(13),
      result.p50Us.toFixed(2).padStart(8),
      result.p99Us.toFixed(2).padStart(8),
      last,
    ];
    process.stdout.write(`${json ? JSON.stringify(result) : columns.join(' ')}\n`);
  }
  return 0;
}

async function runSip(options: Options): Promise<number> {
  const needsSipp = options.soak || options.parts.includes('b2bua');
  const sipp = needsSipp ? findSipp() : [];
  if (sipp === undefined) {
    process.stderr.write(`${SIPP_MISSING}\n`);
    return 1;
  }
  // An exit ends the children too; a signal alone would not.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const say = (line: string) => process.stderr.write(`${line}\n`);
  if (options.soak) {
    const result = await soakSip({ sipp, calls: options.calls, callsPerSecond: options.rate ?? 300, say });
    for (const problem of result.problems) say(problem);
    process.stdout.write(`${options.json ? JSON.stringify(result) : JSON.stringify(result, null, 2)}\n`);
    return result.problems.length === 0 ? 0 : 1;
  }
  const { rounds, drachtio, profileFolder } = options;
  await benchSip(
    options.parts,
    { sipp, callsPerSecond: options.rate ?? 100, rounds, drachtio, profileFolder, say },
    (result) => process.stdout.write(`${options.json ? JSON.stringify(result) : lineOf(result)}\n`),
  );
  return 0;
}

async function runMedia(options: Options): Promise<number> {
  // An exit ends the children too; a signal alone would not.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  await benchMedia(options, (result) =>
    process.stdout.write(`${options.json ? JSON.stringify(result) : mediaLineOf(result)}\n`),
  );
  return 0;
}

const MEASURED = ['route', 'messages', 'ledger', 'sip', 'media'] as const;

type Options = ReturnType<typeof read>;

function read(args: string[]) {
  const flag = { type: 'boolean', default: false } as const;
  const text = { type: 'string' } as const;
  const options = {
    json: flag,
    seconds: text,
    rate: text,
    rounds: text,
    part: text,
    soak: flag,
    calls: text,
    record: flag,
    rtpengine: flag,
    direct: flag,
    sockets: { type: 'string', default: 'auto' },
    threads: { type: 'string', default: '1' },
    drachtio: text,
    pid: text,
    profile: text,
  } as const;
  const { values, positionals } = readCommandLine({ args, options, allowPositionals: true }, USAGE);
  const what = MEASURED.find((one) => one === positionals[0]);
  if (positionals.length !== 1 || what === undefined) {
    throw misused('bench wants route, messages, ledger, sip or media', USAGE);
  }
  const isMedia = what === 'media';
  return {
    what,
    json: values.json,
    seconds: readNumber('--seconds', values.seconds ?? (isMedia ? '10' : '3'), 600),
    parts: values.part === undefined ? SIP_BENCH_PARTS : [readPart(values.part)],
    rate: values.rate === undefined ? undefined : readNumber('--rate', values.rate, 10_000),
    rounds: readNumber('--rounds', values.rounds ?? (isMedia ? '1' : '3'), 1_000),
    calls: readNumber('--calls', values.calls ?? (isMedia ? '100' : '100000'), 1_000_000_000),
    soak: values.soak,
    drachtio: values.drachtio === undefined ? null : readDrachtio(values.drachtio, values.pid),
    profileFolder: values.profile,
    isRecorded: values.record,
    sockets: readSockets(values.sockets),
    threads: readNumber('--threads', values.threads, 64),
    withRtpengine: values.rtpengine,
    isDirectToo: values.direct,
  };
}

function readNumber(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!(value > 0 && value <= most)) throw misused(`${name} wants a number up to ${most}`, USAGE);
  return value;
}

function readPart(text: string): SipBenchPart {
  const part = SIP_BENCH_PARTS.find((candidate) => candidate === text);
  if (part === undefined) throw misused(`--part wants ${SIP_BENCH_PARTS.join(', ')}`, USAGE);
  return part;
}

function readSockets(text: string): SocketsSetting {
  if (text !== 'auto' && text !== 'dgram' && text !== 'batched')
    throw misused('--sockets wants auto, dgram or batched', USAGE);
  return text;
}

/** HOST:PORT[:SECRET]; an IPv6 host stands in brackets. */
function readDrachtio(text: string, pidText: string | undefined): DrachtioAddress {
  const match = /^(\[[^\]]+\]|[^:]+):(\d{1,5})(?::(.*))?$/.exec(text);
  if (match === null) throw misused('--drachtio wants HOST:PORT or HOST:PORT:SECRET', USAGE);
  return {
    host: (match[1] as string).replace(/^\[|\]$/g, ''),
    port: Number(match[2]),
    secret: match[3] ?? 'cymru',
    pid: pidText === undefined ? undefined : readNumber('--pid', pidText, 2 ** 22),
  };
}
