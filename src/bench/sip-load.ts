// SIPp as the callers and the callees of a SIP benchmark, by the scenarios of sip-tests/server-load/.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { casesFolder } from '../lab/sip-tests/case-file.js';
import { freePort, freePortRange } from '../lab/sip-tests/free-ports.js';
import { type RunningSipp, startSipp } from '../lab/sip-tests/sipp.js';

export interface LoadWorld {
  readonly sipp: readonly string[];
  readonly logFolder: string;
}

export interface Callees {
  readonly port: number;
  stop(): Promise<void>;
}

export interface PlacedCalls {
  readonly placed: number;
  readonly failed: number;
  /** Requests that the callers sent again for want of an answer. */
  readonly retransmissions: number;
}

const MOST_CALLS = 100_000_000;
const LONGEST_SECONDS = 100_000;
/** A caller that hears nothing for so long counts as failed: longer than 64·T1, when the server would have given up. */
const RECEIVE_TIMEOUT_MS = 40_000;

let runs = 0;

export async function startCallees(world: LoadWorld): Promise<Callees> {
  const port = await freePort();
  // -nd: SIPp would give up a call whose INVITE comes again between its 180 and its 200, and be deaf to it from then on.
  const run = await start(world, 'uas', { port, calls: MOST_CALLS, timeoutSeconds: LONGEST_SECONDS }, undefined, [
    '-nd',
  ]);
  return {
    port,
    stop: async () => {
      run.child.kill('SIGKILL');
      await run.done;
    },
  };
}

/** Places so many calls, evenly spread over time; resolves when the last one has ended. */
export async function placeCalls(
  world: LoadWorld,
  sipAddress: string,
  calls: number,
  ratePerSecond: number,
  talkMs: number,
): Promise<PlacedCalls> {
  const statistics = join(world.logFolder, `calls-${runs + 1}.csv`);
  const timeoutSeconds = Math.ceil(calls / ratePerSecond) + 90;
  const run = await start(world, 'uac', { port: await freePort(), calls, timeoutSeconds }, sipAddress, [
    ...['-r', String(ratePerSecond), '-l', '100000', '-d', String(talkMs)],
    ...['-trace_stat', '-stf', statistics, '-fd', '3600', '-recv_timeout', String(RECEIVE_TIMEOUT_MS)],
  ]);
  const { exitCode, errors } = await run.done;
  // 1: some calls failed, which the numbers say.
  if (exitCode !== 0 && exitCode !== 1) throw new Error(`SIPp ended with ${exitCode}: ${errors.slice(0, 1000)}`);
  return readStatistics(readFileSync(statistics, 'utf8'));
}

/** The totals of SIPp's `-trace_stat` file: its last row. */
export function readStatistics(csv: string): PlacedCalls {
  const rows = csv.trim().split('\n');
  const names = (rows[0] ?? '').split(';');
  const last = (rows.at(-1) ?? '').split(';');
  const numberOf = (name: string): number => Number(last[names.indexOf(name)]);
  return {
    placed: numberOf('TotalCallCreated'),
    failed: numberOf('FailedCall(C)'),
    retransmissions: numberOf('Retransmissions(C)'),
  };
}

async function start(
  world: LoadWorld,
  side: 'uac' | 'uas',
  run: { port: number; calls: number; timeoutSeconds: number },
  remote?: string,
  extra: readonly string[] = [],
): Promise<RunningSipp> {
  runs++;
  return startSipp(world.sipp, {
    label: `${side}-${runs}`,
    scenarioFile: join(casesFolder(), 'server-load', `${side}.xml`),
    ...(remote !== undefined && { remote }),
    address: '127.0.0.1',
    mediaPort: await freePortRange(4),
    controlPort: await freePort(),
    transport: 'udp',
    logFolder: world.logFolder,
    isTraced: false,
    extra,
    ...run,
  });
}
