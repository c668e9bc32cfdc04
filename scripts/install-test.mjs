// Shows that installing needs Node, npm, a shell and the npm registry, and nothing else: `npm ci` from the lockfile in an
// empty folder, with an empty npm configuration and a PATH that has no compiler, make or Python.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './build.mjs';

const folder = mkdtempSync(join(tmpdir(), 'simtrunk-install-'));
const project = join(folder, 'project');
const tools = join(folder, 'bin');
const locate = (command) => spawnSync('/bin/sh', ['-c', `command -v ${command}`], { encoding: 'utf8' }).stdout.trim();

const REGISTRY = 'https://registry.npmjs.org/';

/** Registry certificates and proxies belong to the machine, not to the npm configuration. */
const PASSED_ON = /^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|https?_proxy|no_proxy|npm_config_registry)$/i;

function run(command, args) {
  const machine = Object.entries(process.env).filter(([name]) => PASSED_ON.test(name));
  const result = spawnSync(command, args, {
    cwd: project,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...Object.fromEntries(machine),
      PATH: tools,
      HOME: folder,
      npm_config_userconfig: join(folder, 'empty-npmrc'),
      npm_config_globalconfig: join(folder, 'empty-global-npmrc'),
      npm_config_cache: join(folder, 'cache'),
    },
  });
  assert.equal(result.status, 0, `${command} ${args.join(' ')}: ${result.stdout}${result.stderr}${result.error ?? ''}`);
  return result.stdout;
}

const TESTS = {
  'no package of the lockfile has an install script': () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const withScript = Object.entries(packages).filter(([, entry]) => entry.hasInstallScript);
    assert.deepEqual(
      withScript.map(([path]) => path),
      [],
    );
  },
  'no package of the lockfile comes from anywhere but the npm registry': () => {
    const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const elsewhere = Object.entries(packages).filter(
      ([path, entry]) => path !== '' && !(entry.resolved ?? REGISTRY).startsWith(REGISTRY),
    );
    assert.deepEqual(
      elsewhere.map(([path]) => path),
      [],
    );
  },
  'npm ci succeeds with an empty npm configuration and no compiler on the PATH': () => {
    for (const absent of ['cc', 'gcc', 'c++', 'make', 'python3', 'node-gyp']) {
      const { error } = spawnSync(absent, ['--version'], { env: { PATH: tools } });
      assert.equal(error?.code, 'ENOENT', `${absent} is on the PATH of this test`);
    }
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  },
  'libsql opens a database from that installation': () => {
    const script =
      "const D = require('libsql'); const db = new D('x.db'); db.exec('CREATE TABLE t (n)');" +
      "db.prepare('INSERT INTO t VALUES (?)').run(7); console.log(db.prepare('SELECT n FROM t').get().n);";
    assert.equal(run('node', ['-e', script]).trim(), '7');
  },
  'tsc and biome run from that installation': () => {
    assert.match(run('node', ['node_modules/typescript/bin/tsc', '--version']), /\d+\.\d+/);
    assert.match(run('node', ['node_modules/@biomejs/biome/bin/biome', '--version']), /\d+\.\d+/);
  },
};

mkdirSync(project);
mkdirSync(tools);
for (const file of ['package.json', 'package-lock.json']) copyFileSync(join(root, file), join(project, file));
for (const file of ['empty-npmrc', 'empty-global-npmrc']) writeFileSync(join(folder, file), '');
symlinkSync(process.execPath, join(tools, 'node'));
for (const command of ['npm', 'sh']) symlinkSync(locate(command), join(tools, command));

let failed = 0;
try {
  for (const [title, test] of Object.entries(TESTS)) {
    try {
      test();
      process.stdout.write(`  ✔ ${title}\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`  ✘ ${title}\n${error.message}\n`);
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${Object.keys(TESTS).length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
