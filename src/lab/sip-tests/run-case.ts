// One case from start to end: a fresh simtrunk, SIPp on both sides, then the CDRs, counters and usage compared.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { stringify } from 'yaml';
import { drawLadder } from './call-ladder.js';
import { buildConfig, type DrachtioPlace, iccidOf, mergeOver } from './case-config.js';
import type { SipCase, SipCaseCaller, SipCaseGateway, SipCaseOperator } from './case-file.js';
import { differencesFrom, valueAt } from './expectation.js';
import { freePort, freePortRange, isListening } from './free-ports.js';
import { MediaPeers } from './media-peers.js';
import { listenForNothing, type QuietPort } from './quiet-port.js';
import { type CdrLine, readLatestCdrs, readLatestMessages } from './read-cdrs.js';
import { type RtpengineChild, startRtpengineChild } from './rtpengine-child.js';
import { type SimtrunkProcess, startSimtrunk } from './simtrunk-process.js';
import { type RunningSipp, type SippOutcome, startSipp } from './sipp.js';
import { toneWav } from './tone-wav.js';
import { WebAnswers } from './web-answers.js';

export interface CaseResult {
  readonly name: string;
  readonly isPassed: boolean;
  readonly elapsedMs: number;
  /** What differed, as lines for a person; empty when passed. */
  readonly problems: readonly string[];
}

interface Stage {
  readonly simtrunk: SimtrunkProcess;
  readonly gateways: readonly RunningSipp[];
  readonly quiet: readonly QuietPort[];
  /** A drachtio-server counts for itself what it drops. */
  readonly hasSipCounters: boolean;
}

const POLL_MS = 25;
/** How long a CDR may take after the last message: recording is finished and hashed first. */
const CDR_WAIT_MS = 8000;

export interface RunCaseOptions {
  readonly sipp: readonly string[];
  readonly keep: boolean;
  readonly drachtio?: DrachtioPlace | undefined;
  /** With an rtpengine of its own in place of the embedded relay. */
  readonly withRtpengine?: boolean;
}

export async function runCase(sipCase: SipCase, options: RunCaseOptions): Promise<CaseResult> {
  const { keep } = options;
  const startedMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), `simtrunk-${sipCase.name}-`));
  let problems: string[];
  try {
    problems = await perform(sipCase, options, folder);
  } catch (error) {
    problems = [error instanceof Error ? error.message : String(error)];
  }
  if (keep && problems.length > 0) problems = [...problems, `kept: ${folder}`];
  else rmSync(folder, { recursive: true, force: true });
  return { name: sipCase.name, isPassed: problems.length === 0, elapsedMs: performance.now() - startedMs, problems };
}

async function perform(sipCase: SipCase, options: RunCaseOptions, folder: string): Promise<string[]> {
  if (Object.keys(sipCase.web).length === 0) return performWith(sipCase, options, folder, null);
  const web = await WebAnswers.open(sipCase.web);
  try {
    return await performWith(sipCase, options, folder, web);
  } finally {
    await web.close();
  }
}

async function performWith(
  sipCase: SipCase,
  options: RunCaseOptions,
  folder: string,
  web: WebAnswers | null,
): Promise<string[]> {
  const from = await freePortRange(sipCase.mediaPorts);
  const mediaPorts = { from, to: from + sipCase.mediaPorts - 1 };
  let rtpengine: RtpengineChild | null = null;
  let media: MediaPeers | null = null;
  try {
    if (options.withRtpengine === true) rtpengine = await startRtpengineChild(mediaPorts);
    media = await MediaPeers.open(sipCase);
    return await performOn(sipCase, options, { folder, web, media, mediaPorts, rtpengine: rtpengine?.url });
  } finally {
    media?.close();
    await rtpengine?.stop();
  }
}

/** What is there before simtrunk is. */
interface Ground {
  readonly folder: string;
  readonly web: WebAnswers | null;
  readonly media: MediaPeers;
  readonly mediaPorts: { readonly from: number; readonly to: number };
  /** Its control URL. */
  readonly rtpengine: string | undefined;
}

async function performOn(
  sipCase: SipCase,
  { sipp, drachtio }: RunCaseOptions,
  { folder, web, media, mediaPorts, rtpengine }: Ground,
): Promise<string[]> {
  const gatewayPorts = new Map<string, number>();
  if (web !== null) gatewayPorts.set('web', web.port);
  for (const gateway of sipCase.gateways) gatewayPorts.set(gateway.name, await freePort(gateway.address));
  // Whoever is to come back after a crash must be where its peers know it.
  const sipPort = sipCase.killedWhen === undefined ? 0 : await freePort();
  const places = { folder, mediaPorts, gatewayPorts, sipPort, drachtio, rtpengine };
  const configFile = join(folder, 'simtrunk.yaml');
  const rewrite: Rewrite = (over, without) => {
    const config = mergeOver(sipCase.config, over) as SipCase['config'];
    writeFileSync(configFile, stringify(withoutGateways(buildConfig({ ...sipCase, config }, places), without)));
  };
  rewrite({}, []);
  writeFiles(sipCase, folder);
  mkdirSync(join(folder, 'logs'));

  let simtrunk = await startSimtrunk(configFile, folder);
  const gateways: RunningSipp[] = [];
  const quiet: QuietPort[] = [];
  const callers: RunningSipp[] = [];
  try {
    for (const gateway of sipCase.gateways) {
      const port = gatewayPorts.get(gateway.name) ?? 0;
      if (gateway.uas !== undefined) gateways.push(await startGateway(sipCase, gateway, { sipp, port, folder, media }));
      else if (!gateway.isDead) quiet.push(await listenForNothing(gateway.name, port));
    }
    const start = async (caller: SipCaseCaller) => {
      const { startsWhen } = caller;
      const captured =
        startsWhen === undefined ? [] : await waitFor(sipCase, [...gateways, ...callers], web, startsWhen);
      if (caller.operator !== undefined) await operate(simtrunk, caller.operator, rewrite);
      callers.push(await startCaller(sipCase, caller, { sipp, simtrunk, folder, captured, media, gatewayPorts }));
    };
    for (const caller of sipCase.callers) if (!caller.startsAfterRestart) await start(caller);
    if (sipCase.killedWhen !== undefined) {
      await waitForTrace([...gateways, ...callers], sipCase.killedWhen);
      await simtrunk.kill();
      simtrunk = await startSimtrunk(configFile, folder);
      for (const caller of sipCase.callers) if (caller.startsAfterRestart) await start(caller);
    }
    const outcomes = await Promise.all([...callers, ...gateways].map((run) => run.done));
    const problems = [
      ...outcomes.flatMap(describeOutcome),
      ...quiet.flatMap((port) => port.problems()),
      ...media.problems(sipCase, [...callers, ...gateways]),
      ...(await observe(sipCase, folder, { simtrunk, gateways, quiet, hasSipCounters: drachtio === undefined })),
    ];
    if (problems.length === 0) return [];
    const sides = [...callers, ...gateways].map((run) => ({ label: run.label, messages: run.trace() }));
    return [...problems, 'messages:', drawLadder(sides), ...warningsOf(simtrunk.log())];
  } finally {
    for (const run of [...callers, ...gateways]) run.child.kill('SIGKILL');
    for (const port of quiet) port.close();
    await simtrunk.stop();
  }
}

type Rewrite = (over: Readonly<Record<string, unknown>>, withoutGateways: readonly string[]) => void;

function withoutGateways(config: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  if (names.length === 0) return config;
  const [gateways, channels] = [config.gateways as { name: string }[], config.channels as { gateway: string }[]];
  return {
    ...config,
    gateways: gateways.filter(({ name }) => !names.includes(name)),
    channels: channels.filter(({ gateway }) => !names.includes(gateway)),
  };
}

async function operate(simtrunk: SimtrunkProcess, operator: SipCaseOperator, rewrite: Rewrite): Promise<void> {
  if (operator === 'resume') await simtrunk.resume();
  else if ('drain' in operator) await simtrunk.drain(operator.drain.deadlineSeconds);
  else {
    rewrite(operator.reload, operator.without);
    const { outcome, message } = await simtrunk.reload();
    if (outcome !== 'reloaded') throw new Error(`reload: ${outcome}: ${message}`);
  }
}

function writeFiles(sipCase: SipCase, folder: string): void {
  for (const [name, { text, ageDays }] of Object.entries(sipCase.files)) {
    const file = join(folder, name);
    writeFileSync(file, text);
    const writtenSeconds = Date.now() / 1000 - ageDays * 86_400;
    utimesSync(file, writtenSeconds, writtenSeconds);
  }
  for (const [name, { toneHz, milliseconds }] of Object.entries(sipCase.sounds)) {
    writeFileSync(join(folder, name), toneWav(toneHz, milliseconds));
  }
}

async function startGateway(
  sipCase: SipCase,
  gateway: SipCaseGateway,
  given: { sipp: readonly string[]; port: number; folder: string; media: MediaPeers },
): Promise<RunningSipp> {
  const { sipp, port, folder, media } = given;
  const run = startSipp(sipp, {
    label: (gateway.uas ?? '').replace('.xml', ''),
    scenarioFile: join(sipCase.folder, gateway.uas ?? ''),
    address: gateway.address,
    port,
    mediaPort: await freePortRange(4, gateway.address),
    controlPort: await freePort(),
    transport: gateway.transport,
    calls: gateway.dialogs,
    extra: media.keysOf(gateway.uas ?? ''),
    timeoutSeconds: sipCase.timeoutSeconds,
    logFolder: join(folder, 'logs'),
  });
  media.follow(gateway.uas ?? '', run);
  const endMs = performance.now() + 5000;
  while (!(await isListening(gateway.transport, gateway.address, port))) {
    if (performance.now() > endMs || run.child.exitCode !== null) {
      throw new Error(`SIPp did not listen: ${describeOutcome(await run.done).join('\n')}`);
    }
    await delay(POLL_MS);
  }
  return run;
}

/** `[captured]`, `[captured2]`, …: a scenario has them all, be they empty. */
function keysOf(captured: readonly string[]): string[] {
  return ['captured', 'captured2', 'captured3'].flatMap((key, at) => ['-key', key, captured[at] ?? '']);
}

async function startCaller(
  sipCase: SipCase,
  caller: SipCaseCaller,
  given: {
    sipp: readonly string[];
    simtrunk: SimtrunkProcess;
    folder: string;
    captured: readonly string[];
    media: MediaPeers;
    gatewayPorts: ReadonlyMap<string, number>;
  },
): Promise<RunningSipp> {
  const { sipp, simtrunk, folder, captured, media } = given;
  const gatewayKeys = [...given.gatewayPorts].flatMap(([name, port]) => ['-key', `${name}_port`, String(port)]);
  const run = startSipp(sipp, {
    label: caller.uac.replace('.xml', ''),
    scenarioFile: join(sipCase.folder, caller.uac),
    remote: `127.0.0.1:${simtrunk.portOf(caller.transport)}`,
    address: caller.address,
    port: await freePort(caller.address),
    mediaPort: await freePortRange(4, caller.address),
    controlPort: await freePort(),
    transport: caller.transport,
    calls: caller.calls,
    called: caller.called,
    extra: [
      ...keysOf(captured),
      ...(caller.incoming === undefined ? [] : ['-oocsf', join(sipCase.folder, caller.incoming)]),
      ...gatewayKeys,
      ...media.keysOf(caller.uac),
      '-r',
      String(caller.callsPerSecond),
    ],
    timeoutSeconds: sipCase.timeoutSeconds,
    logFolder: join(folder, 'logs'),
  });
  media.follow(caller.uac, run);
  return run;
}

/** Resolves to what the pattern's groups matched. */
async function waitFor(
  { timeoutSeconds }: SipCase,
  runs: readonly RunningSipp[],
  web: WebAnswers | null,
  wanted: NonNullable<SipCaseCaller['startsWhen']>,
): Promise<readonly string[]> {
  if ('scenario' in wanted) return waitForTrace(runs, wanted);
  if (web === null) throw new Error('startsWhen: the case has no web server');
  await web.whenAsked(wanted.asked, wanted.times, timeoutSeconds * 1_000);
  return [];
}

/** Resolves to what the pattern's groups matched. */
async function waitForTrace(
  runs: readonly RunningSipp[],
  wanted: { scenario: string; trace: string },
): Promise<readonly string[]> {
  const run = runs.find((candidate) => `${candidate.label}.xml` === wanted.scenario);
  if (run === undefined) throw new Error(`startsWhen: no scenario ${wanted.scenario} was started before`);
  const pattern = new RegExp(wanted.trace);
  for (;;) {
    const hasEnded = run.child.exitCode !== null;
    const match = pattern.exec(run.traceText());
    if (match !== null) return match.slice(1).map((group = '') => group.trim());
    if (hasEnded) throw new Error(`${wanted.scenario} ended before its messages matched ${wanted.trace}`);
    await delay(POLL_MS);
  }
}

/** Compares CDRs, counters and usage; the CDRs once more after simtrunk has ended, so that none comes late. */
async function observe(sipCase: SipCase, folder: string, stage: Stage): Promise<string[]> {
  const { simtrunk } = stage;
  const cdrProblems = () => [
    ...compareRecords('CDR', sipCase.expect.cdrs, readLatestCdrs(join(folder, 'cdr'))),
    ...compareRecords('message', sipCase.expect.messages, readLatestMessages(join(folder, 'cdr'))),
  ];
  const endMs = performance.now() + CDR_WAIT_MS;
  while (cdrProblems().length > 0 && performance.now() < endMs && simtrunk.ended() === undefined) await delay(POLL_MS);

  const early = simtrunk.ended();
  if (early !== undefined) return [`simtrunk ended by itself: ${early}`, simtrunk.log().slice(-3000)];
  // What is counted with the answer to something of ours comes after the records, too.
  let counters = await simtrunk.counters();
  while (counterProblems(sipCase, stage, counters).length > 0 && performance.now() < endMs) {
    await delay(POLL_MS);
    counters = await simtrunk.counters();
  }
  const usage = await simtrunk.usage(channelSims(sipCase).map((channel) => channel.iccid));
  const exitCode = await simtrunk.stop();
  return [
    ...(exitCode === 0 ? [] : [`simtrunk ended with exit code ${exitCode}`, simtrunk.log().slice(-3000)]),
    ...cdrProblems(),
    ...counterProblems(sipCase, stage, counters),
    ...Object.entries(sipCase.expect.ledger).flatMap(([channelId, expected]) => {
      const sim = channelSims(sipCase).find((channel) => channel.channelId === channelId);
      return differencesFrom(expected, usage[sim?.iccid ?? ''], `usage of ${channelId}`);
    }),
  ];
}

function counterProblems(sipCase: SipCase, { hasSipCounters }: Stage, counters: unknown): string[] {
  return Object.entries(sipCase.expect.counters).flatMap(([path, expected]) =>
    path.startsWith('sip.') && !hasSipCounters
      ? []
      : differencesFrom(expected, valueAt(counters, path), `counter ${path}`),
  );
}

function channelSims(sipCase: SipCase): { channelId: string; iccid: string }[] {
  return sipCase.gateways
    .filter(({ isPbx }) => !isPbx)
    .flatMap((gateway) => Array.from({ length: gateway.channels }, (_, i) => `${gateway.name}/${i + 1}`))
    .map((channelId, i) => ({ channelId, iccid: iccidOf(i + 1) }));
}

function compareRecords(what: 'CDR' | 'message', expected: readonly unknown[], actual: readonly CdrLine[]): string[] {
  const problems = differencesFrom(expected, actual, what.toLowerCase());
  const shown = actual.map((record) => `the ${what} was ${JSON.stringify(record)}`);
  return problems.length === 0 ? [] : [...problems, ...shown];
}

function describeOutcome(outcome: SippOutcome): string[] {
  if (outcome.exitCode === 0) return [];
  const meaning = outcome.exitCode === 1 ? 'its scenario did not match' : 'it could not run';
  return [`SIPp ${outcome.label}: exit code ${outcome.exitCode}, ${meaning}`, outcome.errors.trim().slice(0, 4000)];
}

/** Log lines of level warn and above, the last 20. */
function warningsOf(log: string): string[] {
  const lines = log.split('\n').filter((line) => !/^\{"level":(10|20|30),/.test(line) && line.trim() !== '');
  return lines.length === 0 ? [] : ['simtrunk said:', ...lines.slice(-20)];
}
