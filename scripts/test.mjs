// `npm test`: installs what is missing, then lint, types, install test, SIPp cases and mocha; sums them in the last line.
// Every part runs even when an earlier one failed, so that one run tells everything. No input, no fixed ports.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { install, root } from './build.mjs';
import { installOptionalPackages, installSystemPackages } from './system-packages.mjs';

const bin = (name) => join(root, 'node_modules', ...name.split('/'));

/** Runs a Node program with its output shown and kept; no standard input. */
function show(program, args = []) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const [from, to] of [
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ]) {
      from.setEncoding('utf8').on('data', (text) => {
        output += text;
        to.write(text);
      });
    }
    child.on('error', reject);
    child.on('close', (status) => resolve({ status: status ?? 1, output }));
  });
}

/** A part that is one test: its exit status. */
async function whole(program, args) {
  const { status } = await show(program, args);
  return status === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
}

/** A part that ends with its own `N passed, N failed`; without that line, or with a status that denies it, it failed. */
async function counted(program, args) {
  const { status, output } = await show(program, args);
  const last = [...output.matchAll(/^(\d+) passed, (\d+) failed\b/gm)].at(-1);
  const [passed, failed] = last === undefined ? [0, 0] : [Number(last[1]), Number(last[2])];
  return { passed, failed: status !== 0 && failed === 0 ? 1 : failed };
}

/** Mocha itself may be installed by this very run. */
async function unitTests() {
  const { runUnitTests } = await import('./unit-tests.mjs');
  return runUnitTests();
}

const PARTS = [
  ['Lint', () => whole(bin('@biomejs/biome/bin/biome'), ['check', '.'])],
  ['Types', () => whole(bin('typescript/bin/tsc'), ['-p', root])],
  ['Install', () => counted(join(root, 'scripts', 'install-test.mjs'))],
  ['SIPp', () => counted(join(root, 'dist', 'main.js'), ['sip-tests', 'all'])],
  ['SIPp, server alone', () => counted(join(root, 'dist', 'main.js'), ['sip-tests', 'server'])],
  ['Unit and contract tests', unitTests],
];

install();
// SIPP names another command for SIPp, such as a container's.
if (!installSystemPackages(process.env.SIPP ? ['redis-server'] : ['sipp', 'redis-server'])) process.exit(1);
installOptionalPackages(['rtpengine', 'nft', 'baresip', 'linphonec', 'sipsak', 'kamailio']);

const rows = [];
for (const [name, run] of PARTS) {
  process.stdout.write(`\n── ${name} ${'─'.repeat(Math.max(0, 76 - name.length))}\n`);
  const startedMs = Date.now();
  const counts = await run();
  rows.push({ name, ...counts, seconds: (Date.now() - startedMs) / 1000 });
}

process.stdout.write('\n');
for (const { name, passed, failed, seconds } of rows) {
  const counts = `${String(passed).padStart(5)} passed ${String(failed).padStart(4)} failed`;
  process.stdout.write(`  ${name.padEnd(26)}${counts} ${seconds.toFixed(1).padStart(7)} s\n`);
}
const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
process.stdout.write(`\n${sum('passed')} passed, ${sum('failed')} failed\n`);
process.exitCode = sum('failed') === 0 ? 0 : 1;
