// `simtrunk sip-tests NAME… | all | list | load | server`: the SIPp cases of sip-tests/, the load test, the SIP server alone.
import { casesFolder, listCaseNames, loadCase } from '../lab/sip-tests/case-file.js';
import { loadLine, loadProblems, loadTable } from '../lab/sip-tests/load/load-report.js';
import { runLoad } from '../lab/sip-tests/load/load-run.js';
import { hasRtpengine, RTPENGINE_MISSING } from '../lab/sip-tests/rtpengine-child.js';
import { runCases } from '../lab/sip-tests/run-cases.js';
import { CASES_AT_ONCE, QUICK_T1_MS, REAL_T1_MS, runServerCases } from '../lab/sip-tests/server/run-server-cases.js';
import { loadServerCases, SERVER_CASE_GROUPS, type ServerCase } from '../lab/sip-tests/server/server-case.js';
import { findExternalDrachtio } from '../lab/sip-tests/server/server-under-test.js';
import { findSipp, SIPP_MISSING } from '../lab/sip-tests/sipp.js';
import { SimtrunkError } from '../lib/errors.js';
import { misused, readCommandLine } from './command-line.js';

export const USAGE = `usage: simtrunk sip-tests NAME…            runs these cases
       simtrunk sip-tests all              runs every case
       simtrunk sip-tests list             prints the cases and what each shows
       simtrunk sip-tests load             places calls by a seeded plan and checks every side's record
       simtrunk sip-tests server           runs the cases of the SIP server alone; also: timers, losses, crossing, tcp,
                                           or server/NAME
options: --jobs N       cases at once
         --keep         keeps the folder of a failed case or of the load run (config, logs, traces, CDRs)
         --folder D     cases of another folder
         --drachtio HOST:PORT:SECRET    on this drachtio-server (its admin port) in place of the embedded SIP server
         --media rtpengine              each with an rtpengine of its own in place of the embedded relay
of server: --real      with T1 of 500 ms instead of 50
of load: --rate N       calls a second (50)
         --seconds N    how long (20)
         --channels N   SIM channels (1000)
         --seed N       of the plan (1)
         --redis        by two simtrunk nodes that share one Redis; --nodes N by so many
         --reloads      the config is read again and again meanwhile: a gateway removed, added, all SIMs re-planned
         --json         one line of JSON instead of a table`;

type Values = ReturnType<typeof read>['values'];
type Sipp = NonNullable<ReturnType<typeof findSipp>>;

/** Resolves to the exit code: 0 when every case passed. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = read(args);
  const [what] = positionals;
  if (what === undefined) throw new SimtrunkError('USAGE', USAGE);
  const folder = values.folder ?? casesFolder();
  if (what === 'list') {
    for (const name of listCaseNames(folder)) printLine(`${name}\n    ${loadCase(folder, name).shows}`);
    for (const { name, shows } of loadServerCases()) printLine(`server/${name}\n    ${shows}`);
    return 0;
  }
  // An exit ends the children too; a signal alone would not.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
  const sipp = findSipp();
  if (sipp === undefined) {
    process.stderr.write(`${SIPP_MISSING}\n`);
    return 1;
  }
  if (what === 'load') return placeLoad(values, sipp);
  const serverCases = chooseServerCases(positionals);
  if (serverCases.length > 0) return tryServer(serverCases, values, sipp);
  return tryCases(folder, positionals, values, sipp);
}

async function placeLoad(values: Values, sipp: Sipp): Promise<number> {
  const numbers = [values.rate, values.seconds, values.channels, values.seed, values.nodes].map(Number);
  const [ratePerSecond = 0, seconds = 0, channels = 0, seed = 0, count = 0] = numbers;
  if (!numbers.every(Number.isFinite) || ratePerSecond <= 0 || seconds <= 0 || channels < 1 || count < 1) {
    throw misused('--rate, --seconds, --channels, --seed and --nodes want numbers', USAGE);
  }
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const nodes = values.redis ? count : 0;
  const { keep, reloads } = values;
  if (reloads && (nodes > 0 || channels < 88)) {
    throw misused('--reloads wants one node, and two gateways: 88 channels', USAGE);
  }
  const result = await runLoad({ ratePerSecond, seconds, channels, seed, nodes, reloads, sipp, keep, say });
  for (const problem of loadProblems(result)) say(problem);
  if (result.folder !== null) say(`kept: ${result.folder}`);
  printLine(values.json ? loadLine(result) : loadTable(result));
  return result.failed.length + result.violations.length === 0 ? 0 : 1;
}

async function tryServer(cases: readonly ServerCase[], values: Values, sipp: Sipp): Promise<number> {
  const failed = await runServerCases({
    cases,
    sipp,
    drachtio: values.drachtio === undefined ? findExternalDrachtio() : readDrachtio(values.drachtio),
    jobs: values.jobs === undefined ? CASES_AT_ONCE : Number(values.jobs),
    t1Ms: values.real ? REAL_T1_MS : QUICK_T1_MS,
    print: printLine,
  });
  return failed === 0 ? 0 : 1;
}

async function tryCases(folder: string, words: readonly string[], values: Values, sipp: Sipp): Promise<number> {
  const known = listCaseNames(folder);
  const names = words.includes('all') ? known : words;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new SimtrunkError('USAGE', `no such case: ${unknown.join(', ')}\nknown: ${known.join(', ')}`);
  }
  const drachtio = values.drachtio === undefined ? undefined : readDrachtio(values.drachtio);
  if (drachtio === null) throw misused('--drachtio wants HOST:PORT:SECRET', USAGE);
  const withRtpengine = values.media === 'rtpengine';
  if (!withRtpengine && values.media !== 'relay') throw misused('--media wants relay or rtpengine', USAGE);
  if (withRtpengine && !hasRtpengine()) {
    process.stderr.write(`${RTPENGINE_MISSING}\n`);
    return 1;
  }
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs);
  const failed = await runCases({
    folder,
    names,
    sipp,
    ...(jobs !== undefined && { jobs }),
    keep: values.keep,
    drachtio,
    withRtpengine,
    print: printLine,
  });
  return failed === 0 ? 0 : 1;
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

function readDrachtio(text: string): { host: string; port: number; secret: string } | null {
  const [, host, port, secret] = /^(.+?):(\d+):(.+)$/.exec(text) ?? [];
  return host === undefined || secret === undefined ? null : { host, port: Number(port), secret };
}

/** Those of `server`, of a group, or of a folder `server/NAME`; none when the arguments mean the application's cases. */
function chooseServerCases(words: readonly string[]): ServerCase[] {
  const isServers = (word: string): boolean =>
    word === 'server' || word.startsWith('server/') || SERVER_CASE_GROUPS.some((group) => group === word);
  if (!words.every(isServers)) return [];
  return loadServerCases().filter(({ name, group }) =>
    words.some((word) => word === 'server' || word === group || `server/${name}/`.startsWith(`${word}/`)),
  );
}

function read(args: string[]) {
  const options = {
    jobs: { type: 'string' },
    keep: { type: 'boolean', default: false },
    folder: { type: 'string' },
    drachtio: { type: 'string' },
    media: { type: 'string', default: 'relay' },
    rate: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '20' },
    channels: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'boolean', default: false },
    redis: { type: 'boolean', default: false },
    nodes: { type: 'string', default: '2' },
    reloads: { type: 'boolean', default: false },
    real: { type: 'boolean', default: false },
  } as const;
  return readCommandLine({ args, options, allowPositionals: true }, USAGE);
}
