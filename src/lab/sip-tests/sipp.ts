// SIPp as a child process: where it is, one run of a scenario, and its trace as a list of messages.
// SIPp 3.6 or later; Debian and Ubuntu have it as `sip-tester`. The SIPP environment variable names another command.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { boundToUs, endWithUs } from '../../lib/end-with-us.js';

export const SIPP_MISSING = `SIPp is not installed. On Debian and Ubuntu:
  apt-get install --yes sip-tester
Elsewhere set SIPP to the command that runs it, such as a container on the host's network with /tmp and this folder mounted:
  SIPP="docker run --rm --network host -v /tmp:/tmp -v $PWD:$PWD IMAGE sipp"`;

/** The command and its leading arguments, or undefined when SIPp cannot be run. */
export function findSipp(): readonly string[] | undefined {
  const command = (process.env.SIPP ?? 'sipp').split(' ').filter((word) => word !== '');
  const [program, ...leading] = command;
  if (program === undefined) return undefined;
  const probe = spawnSync(program, [...leading, '-v'], { stdio: 'ignore' });
  // SIPp's exit status for -v differs between versions: that it ran is what matters.
  return probe.error === undefined && probe.status !== 127 ? command : undefined;
}

export interface SippRun {
  readonly label: string;
  readonly scenarioFile: string;
  /** Where to send; left out for the side that waits. */
  readonly remote?: string;
  readonly address: string;
  readonly port: number;
  readonly mediaPort: number;
  readonly controlPort: number;
  readonly transport: 'udp' | 'tcp';
  readonly calls: number;
  readonly called?: string;
  readonly timeoutSeconds: number;
  readonly logFolder: string;
  /** Further arguments, for the load test. */
  readonly extra?: readonly string[];
  /** False keeps no message trace (load). */
  readonly isTraced?: boolean;
}

export interface SippOutcome {
  readonly label: string;
  readonly exitCode: number | null;
  readonly errors: string;
}

export interface RunningSipp {
  readonly label: string;
  readonly child: ChildProcess;
  /** Always resolves. */
  readonly done: Promise<SippOutcome>;
  trace(): TracedMessage[];
  /** The same as SIPp wrote it. */
  traceText(): string;
}

export function startSipp(command: readonly string[], run: SippRun): RunningSipp {
  const traceFile = join(run.logFolder, `${run.label}.messages.log`);
  const errorFile = join(run.logFolder, `${run.label}.errors.log`);
  const [program = 'sipp', ...leading] = command;
  const [bound, args] = boundToUs(program, [
    ...leading,
    ...(run.remote === undefined ? [] : [run.remote]),
    ...[
      '-sf',
      run.scenarioFile,
      '-i',
      run.address,
      '-p',
      String(run.port),
      '-t',
      run.transport === 'tcp' ? 't1' : 'u1',
    ],
    ...['-mi', run.address, '-mp', String(run.mediaPort), '-cp', String(run.controlPort), '-nostdin'],
    ...['-m', String(run.calls), '-timeout', `${run.timeoutSeconds}s`, '-timeout_error'],
    ...['-trace_err', '-error_file', errorFile],
    ...(run.isTraced === false ? [] : ['-trace_msg', '-message_file', traceFile]),
    ...(run.called === undefined ? [] : ['-s', run.called]),
    ...(run.extra ?? []),
  ]);
  const child = endWithUs(spawn(bound, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: run.logFolder }));
  let standardError = '';
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    if (standardError.length < 20_000) standardError += chunk;
  });
  // SIPp keeps its own time limit; this is for a SIPp that hangs.
  const force = setTimeout(() => child.kill('SIGKILL'), (run.timeoutSeconds + 5) * 1000);
  const done = new Promise<SippOutcome>((resolve) => {
    const settle = (exitCode: number | null) => {
      clearTimeout(force);
      const logged = existsSync(errorFile) ? readFileSync(errorFile, 'utf8') : '';
      resolve({ label: run.label, exitCode, errors: logged === '' ? standardError : logged });
    };
    child.once('error', (error) => {
      standardError += String(error);
      settle(null);
    });
    child.once('close', settle);
  });
  const read = () => (existsSync(traceFile) ? readFileSync(traceFile, 'utf8') : '');
  return { label: run.label, child, done, trace: () => parseTrace(read()), traceText: read };
}

export interface TracedMessage {
  /** Time of day with microseconds, as SIPp prints it; sorts as text. */
  readonly time: string;
  readonly direction: 'sent' | 'received';
  readonly text: string;
}

const TRACE_ENTRY = /^-{40,} (\S+ \S+)\n\S+ message (sent|received)[^\n]*\n\n/gm;

/** Splits SIPp's -trace_msg file into its messages. */
export function parseTrace(log: string): TracedMessage[] {
  const heads = [...log.matchAll(TRACE_ENTRY)];
  return heads.map((head, i) => ({
    time: head[1]?.split(' ')[1] ?? '',
    direction: head[2] as 'sent' | 'received',
    text: log.slice(head.index + head[0].length, heads[i + 1]?.index ?? log.length).trimEnd(),
  }));
}
