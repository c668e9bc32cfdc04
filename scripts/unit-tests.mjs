// Mocha over all tests, in a few processes at once: most of a test is waiting. Each runs a batch of files one after another
// and must end by itself. The output comes in the order of the files, as that of one mocha, with one summary of all.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import Mocha from 'mocha';
import { root } from './build.mjs';

/** What a batch that has said how its tests went still may need to end. */
const LAST_WORD_MS = 60_000;
/** Few enough that no process is left without work long before the others, enough that starting them costs little. */
const FILES_IN_A_BATCH = 20;
/** More would let the tests that watch clocks wait for a processor. */
const BATCHES_AT_ONCE = Math.min(4, availableParallelism());

/** Resolves to the number of passed and of failed tests. */
export async function runUnitTests(files = testFiles()) {
  const startedMs = Date.now();
  const batches = batchesOf(files);
  const outputs = batches.map(() => new HeldOutput());
  outputs[0]?.show();
  const reports = [];
  let next = 0;
  const work = async () => {
    while (next < batches.length) {
      const number = next++;
      reports[number] = await runBatch(batches[number], outputs[number]);
      outputs[number].hasEnded = true;
      for (let shown = 0; outputs[shown]?.hasEnded; shown++) outputs[shown + 1]?.show();
    }
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, work));
  const sum = (key) => reports.reduce((total, report) => total + report[key], 0);
  const failures = reports.flatMap((report) => report.failures);
  const stats = { passes: sum('passes'), pending: sum('pending'), failures: failures.length };
  Mocha.reporters.Base.prototype.epilogue.call({
    stats: { ...stats, duration: Date.now() - startedMs },
    failures: failures.map(({ titlePath, err }) => ({ titlePath: () => titlePath, err })),
  });
  return { passed: stats.passes, failed: stats.failures };
}

/** What a process prints, kept until it is its turn. */
class HeldOutput {
  hasEnded = false;
  #isShown = false;
  #held = [];

  take(stream, text) {
    if (this.#isShown) stream.write(text);
    else this.#held.push([stream, text]);
  }

  show() {
    this.#isShown = true;
    for (const [stream, text] of this.#held.splice(0)) stream.write(text);
  }
}

function testFiles() {
  const files = readdirSync(join(root, 'dist'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => file.endsWith('.test.js')).sort();
}

function batchesOf(files) {
  const starts = files.flatMap((_, index) => (index % FILES_IN_A_BATCH === 0 ? [index] : []));
  return starts.map((start) => files.slice(start, start + FILES_IN_A_BATCH));
}

/** Those of .mocharc.json but the files: Node's, and mocha's. */
function readOptions() {
  const { spec, 'node-option': nodeOptions, ...rest } = JSON.parse(readFileSync(join(root, '.mocharc.json'), 'utf8'));
  const options = Object.entries(rest).filter(([, value]) => value !== false);
  return {
    node: nodeOptions.map((option) => `--${option}`),
    mocha: options.flatMap(([name, value]) => (value === true ? [`--${name}`] : [`--${name}`, String(value)])),
  };
}

/** Resolves to its report; what is wrong with the process itself is a failure of it. */
function runBatch(files, output) {
  const { node, mocha } = readOptions();
  const args = [
    ...node,
    join(root, 'node_modules', 'mocha', 'bin', 'mocha.js'),
    ...['--no-config', ...mocha, '--reporter', './scripts/batch-reporter.mjs'],
    process.stdout.isTTY ? '--color' : '--no-color',
    ...files.map((file) => join('dist', file)),
  ];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
    const [, stdout, stderr, reported] = child.stdio;
    for (const [from, to] of [
      [stdout, process.stdout],
      [stderr, process.stderr],
    ])
      from.setEncoding('utf8').on('data', (text) => output.take(to, text));
    let said = '';
    let overdue;
    let isEnded = false;
    reported.setEncoding('utf8').on('data', (text) => {
      said += text;
      overdue ??= setTimeout(() => {
        isEnded = true;
        child.kill('SIGKILL');
      }, LAST_WORD_MS);
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(overdue);
      const report = readReport(said);
      const fault = faultOf(report, { isEnded, ended: signal ?? `status ${status}`, status });
      const titlePath = [`${files[0]} … ${files.at(-1)}`, 'the process of these tests'];
      const { passes = 0, pending = 0, failures = [] } = report ?? {};
      if (fault !== null) failures.push({ titlePath, err: { message: fault } });
      resolve({ passes, pending, failures });
    });
  });
}

/** Null when the process ended before it was whole. */
function readReport(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function faultOf(report, { isEnded, ended, status }) {
  if (report === null) return `ended with ${ended} before all had run`;
  if (isEnded) return 'does not end: a test has left something open';
  return status !== 0 && report.failures.length === 0 ? `ended with ${ended}, though no test failed` : null;
}
