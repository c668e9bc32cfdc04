// One load run: the world around, a fresh simtrunk, SIPp as the PBX; then, when all has settled, the judgement.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { RedisProcess } from '../../redis-process.js';
import { casesFolder } from '../case-file.js';
import { valueAt } from '../expectation.js';
import { freePort, freePortRange } from '../free-ports.js';
import { readCdrLines } from '../read-cdrs.js';
import { type SimtrunkProcess, startSimtrunk } from '../simtrunk-process.js';
import { startSipp } from '../sipp.js';
import { judgeLoad, type LoadJudgement } from './load-checks.js';
import { buildLoadConfig, gatewaysFor, type LoadPlaces, limitsFor } from './load-config.js';
import { type CallerSight, type LoadCdr, type LoadEvidence, readCallerLog } from './load-evidence.js';
import { planLoad } from './load-plan.js';
import { type ReloadTally, reloadWhile } from './load-reloads.js';
import type { WorldOrder, WorldReady, WorldReport } from './load-world.js';
import { costOf } from './process-cost.js';
import { listenToRecordings } from './recorded-tones.js';

export interface LoadSettings {
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly channels: number;
  readonly seed: number;
  /** So many simtrunk nodes share the channels through a Redis of their own; 0: one, with the default ledger. */
  readonly nodes: number;
  readonly sipp: readonly string[];
  /** The config is read again and again while calls are placed; of one node by itself. */
  readonly reloads: boolean;
  /** Keeps the folder with logs, CDRs and recordings. */
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

export interface LoadResult extends LoadJudgement {
  readonly offered: number;
  /** Calls a second that SIPp reached. */
  readonly rate: number;
  /** Post-dial delay added by simtrunk: from the INVITE's leaving SIPp to its arrival at the first gateway. */
  readonly pddMs: { readonly p50: number; readonly p99: number };
  readonly cpuMsPerCall: number;
  readonly memoryMb: number;
  /** INVITEs that SIPp sent again for want of an answer, and the like. */
  readonly retransmissions: number;
  /** Of reservations in Redis, how many of a thousand found that another node had been first; null without Redis. */
  readonly lostRacesPerThousand: number | null;
  /** Null when the config stayed what it was. */
  readonly reloads: ReloadTally | null;
  readonly folder: string | null;
}

/** 64·T1 of the default timers and a little: by then every transaction is over. */
const SETTLE_MS = 40_000;
const POLL_MS = 250;

export async function runLoad(settings: LoadSettings): Promise<LoadResult> {
  const folder = mkdtempSync(join(tmpdir(), 'simtrunk-load-'));
  const calls = Math.round(settings.ratePerSecond * settings.seconds);
  const plan = planLoad(calls, settings.seed);
  const gateways = gatewaysFor(settings.channels);
  const limits = limitsFor(settings.channels, calls);
  const world = await startWorld({ gateways, calls: plan }, folder);
  const redis = settings.nodes === 0 ? null : await RedisProcess.start();
  const nodes: RunningNode[] = [];
  try {
    const { gatewayPorts } = world.ready;
    for (let index = 0; index < Math.max(1, settings.nodes); index++) {
      const node = redis === null ? null : { index, count: settings.nodes, redisUrl: redis.url };
      nodes.push(await startNode(folder, { gateways, gatewayPorts, node }, limits));
    }
    const over = nodes.length === 1 ? '' : ` by ${nodes.length} nodes`;
    settings.say(`placing ${calls} calls at ${settings.ratePerSecond}/s over ${settings.channels} channels${over} …`);
    const placing = Promise.all(
      nodes.map((node, index) => {
        const own = plan.filter((_, place) => place % nodes.length === index);
        return placeCalls(settings, settings.ratePerSecond / nodes.length, own, world.ready, node);
      }),
    );
    const [first] = nodes;
    const reloading =
      settings.reloads && first !== undefined
        ? reloadWhile(placing, first.configFile, first.config, first.simtrunk)
        : Promise.resolve(null);
    const [sights, reloads] = await Promise.all([placing, reloading]);
    const callers = sights.flat();
    settings.say('waiting for every transaction to end …');
    const counters = await Promise.all(nodes.map(({ simtrunk }) => settle(simtrunk)));
    const costs = nodes.map(({ simtrunk, before }) => ({ before, after: costOf(simtrunk.pid) }));

    const usages = await Promise.all(nodes.map(({ simtrunk }) => simtrunk.usage(Object.keys(limits))));
    const report = await world.report();
    const exitCodes = await Promise.all(nodes.map(({ simtrunk }) => simtrunk.stop()));
    const cdrs = nodes.flatMap(({ folder: own }) => readCdrLines(join(own, 'cdr')) as unknown as LoadCdr[]);
    const sumOf = (path: string) =>
      counters.reduce<number>((sum, of) => sum + Number(valueAt(of, path) ?? Number.NaN), 0);
    const judgement = judgeLoad({
      plan,
      callers,
      cdrs,
      gateways: report.calls,
      gatewayViolations: report.violations.map(({ gateway, kind, user }) => `${gateway} was asked ${user}: ${kind}`),
      usage: usages[0] ?? {},
      limits,
      tones: listenToRecordings(plan, cdrs, report.callers),
      leakedPorts: sumOf('media.portsLent'),
    });
    const cpuMs = costs.reduce(
      (sum, { before, after }) => sum + (after?.cpuMs ?? Number.NaN) - (before?.cpuMs ?? 0),
      0,
    );
    return {
      ...judgement,
      violations: [
        ...judgement.violations,
        ...disagreements(usages),
        ...exitCodes.flatMap((code) => (code === 0 ? [] : [`simtrunk ended with ${code}`])),
      ],
      offered: callers.length,
      rate: rateOf(callers),
      pddMs: postDialDelays(callers, report.invitedAtMs),
      cpuMsPerCall: cpuMs / Math.max(1, callers.length),
      memoryMb: costs.reduce((sum, { after }) => sum + (after?.peakMemoryMb ?? Number.NaN), 0),
      retransmissions: sumOf('sip.sentRetransmissions'),
      lostRacesPerThousand:
        redis === null ? null : (sumOf('ledger.lostRaces') * 1_000) / Math.max(1, sumOf('ledger.reservations')),
      reloads,
      folder: settings.keep ? folder : null,
    };
  } finally {
    await Promise.all(nodes.map(({ simtrunk }) => simtrunk.stop()));
    world.stop();
    await redis?.stop();
    if (!settings.keep) rmSync(folder, { recursive: true, force: true });
  }
}

interface RunningNode {
  readonly folder: string;
  readonly configFile: string;
  readonly config: Record<string, unknown>;
  readonly simtrunk: SimtrunkProcess;
  readonly before: ReturnType<typeof costOf>;
}

/** One node of several has a folder of its own. */
async function startNode(
  folder: string,
  places: Omit<LoadPlaces, 'folder'>,
  limits: ReturnType<typeof limitsFor>,
): Promise<RunningNode> {
  const own = places.node === null ? folder : join(folder, `node${places.node.index + 1}`);
  mkdirSync(join(own, 'logs'), { recursive: true });
  const configFile = join(own, 'simtrunk.yaml');
  const config = buildLoadConfig({ ...places, folder: own }, limits);
  writeFileSync(configFile, stringify(config));
  const simtrunk = await startSimtrunk(configFile, own);
  return { folder: own, configFile, config, simtrunk, before: costOf(simtrunk.pid) };
}

/** Nodes that share a ledger name the same use. */
function disagreements(usages: readonly LoadEvidence['usage'][]): string[] {
  const [first = {}, ...others] = usages;
  return others.flatMap((usage, index) =>
    Object.keys(first).flatMap((sim) => {
      const [here, there] = [JSON.stringify(first[sim]), JSON.stringify(usage[sim])];
      return here === there ? [] : [`SIM ${sim}: ${here} by the first node, ${there} by node ${index + 2}`];
    }),
  );
}

async function placeCalls(
  settings: LoadSettings,
  ratePerSecond: number,
  plan: ReturnType<typeof planLoad>,
  ready: WorldReady,
  { simtrunk, folder }: RunningNode,
): Promise<CallerSight[]> {
  const rows = plan.map(({ number, kind, talkMs }) => {
    const holdMs = kind === 'callee-hangs-up' ? 0 : talkMs;
    return `${number};${holdMs};${ready.callerPorts[number] ?? ready.sinkPort};`;
  });
  writeFileSync(join(folder, 'calls.csv'), `SEQUENTIAL\n${rows.join('\n')}\n`);
  const logFile = join(folder, 'logs', 'calls.log');
  const run = startSipp(settings.sipp, {
    label: 'load',
    scenarioFile: join(casesFolder(), 'load', 'uac.xml'),
    remote: `127.0.0.1:${simtrunk.portOf('udp')}`,
    address: '127.0.0.1',
    port: await freePort(),
    mediaPort: await freePortRange(4),
    controlPort: await freePort(),
    transport: 'udp',
    calls: plan.length,
    timeoutSeconds: Math.ceil(settings.seconds) + 60,
    logFolder: join(folder, 'logs'),
    isTraced: false,
    extra: [
      ...[...sippRate(ratePerSecond), '-l', '100000', '-inf', join(folder, 'calls.csv')],
      ...['-trace_logs', '-log_file', logFile],
    ],
  });
  const outcome = await run.done;
  if (outcome.exitCode !== 0) settings.say(`SIPp: exit code ${outcome.exitCode}\n${outcome.errors.slice(0, 2000)}`);
  return readCallerLog(readFileSync(logFile, 'utf8'));
}

/** SIPp takes whole calls, in so many milliseconds. */
function sippRate(callsPerSecond: number): string[] {
  return Number.isInteger(callsPerSecond)
    ? ['-r', String(callsPerSecond)]
    : ['-r', String(Math.round(callsPerSecond * 10)), '-rp', '10000'];
}

/** Waits until the service holds no transaction and no media port any more, or for longer than either may live. */
async function settle(simtrunk: SimtrunkProcess): Promise<unknown> {
  const endMs = performance.now() + SETTLE_MS;
  for (;;) {
    const counters = await simtrunk.counters();
    const open = ['sip.transactions', 'sip.dialogs', 'media.portsLent'].map((path) => Number(valueAt(counters, path)));
    if (open.every((count) => count === 0) || performance.now() > endMs) return counters;
    await delay(POLL_MS);
  }
}

interface World {
  readonly ready: WorldReady;
  report(): Promise<WorldReport>;
  stop(): void;
}

async function startWorld(order: WorldOrder, folder: string): Promise<World> {
  const orderFile = join(folder, 'world.json');
  writeFileSync(orderFile, JSON.stringify(order));
  const child: ChildProcess = fork(fileURLToPath(new URL('./load-world.js', import.meta.url)), [orderFile], {
    execArgv: ['--enable-source-maps'],
  });
  const nextMessage = async (): Promise<WorldReady | WorldReport> => {
    const [message] = (await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the lab's gateways ended: ${code}`))),
    ])) as [WorldReady | WorldReport];
    return message;
  };
  const ready = await nextMessage();
  if (ready.kind !== 'ready') throw new Error('the gateways of the lab are not ready');
  return {
    ready,
    report: async () => {
      child.send('report');
      const report = await nextMessage();
      if (report.kind !== 'report') throw new Error('the gateways of the lab gave no report');
      return report;
    },
    stop: () => {
      if (child.connected) child.send('stop');
      setTimeout(() => child.kill('SIGKILL'), 2000).unref();
    },
  };
}

function rateOf(callers: readonly CallerSight[]): number {
  const times = callers.map((caller) => caller.invitedAtMs);
  const first = times.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  const last = times.reduce((most, time) => Math.max(most, time), 0);
  return times.length < 2 ? 0 : ((times.length - 1) * 1000) / (last - first);
}

function postDialDelays(
  callers: readonly CallerSight[],
  arrivedAtMs: Readonly<Record<string, number>>,
): LoadResult['pddMs'] {
  const delays = callers
    .flatMap(({ number, invitedAtMs }) => {
      const arrivedMs = arrivedAtMs[number];
      return arrivedMs === undefined ? [] : [arrivedMs - invitedAtMs];
    })
    .sort((a, b) => a - b);
  return { p50: percentile(delays, 0.5), p99: percentile(delays, 0.99) };
}

/** Nearest rank of sorted values; NaN when there are none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
