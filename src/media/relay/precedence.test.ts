import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { isInstalled } from '../../lib/end-with-us.js';
import { NICENESS_SHIFT, type Precedence } from './precedence.js';
import { nicenessRefusal, realTimeRefusal, refusalByLimit } from './precedence-kit.js';

const MODULE = new URL('./precedence.js', import.meta.url).href;

interface Taken {
  readonly precedence: Precedence;
  /** Of the thread, from the kernel. */
  readonly niceness: number;
  readonly policy: number;
}

/** What a thread of ours gets, and what the kernel says of it. */
async function takenBy(sockets: 'auto' | 'dgram', threads = 1, module = MODULE): Promise<Taken> {
  const worker = new Worker(codeFor(sockets, threads, module), { eval: true });
  const [taken] = await once(worker, 'message');
  await worker.terminate();
  return taken;
}

function codeFor(sockets: 'auto' | 'dgram', threads: number, module = MODULE): string {
  return `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(module)}).then(({ takePrecedence }) => {
      const precedence = takePrecedence('${sockets}', ${threads});
      // proc(5), /proc/pid/stat: fields 19 and 41, counted behind the name.
      const fields = require('node:fs').readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ');
      parentPort.postMessage({ precedence, niceness: Number(fields[16]), policy: Number(fields[38]) });
    });`;
}

function skipFor(test: Mocha.Context, reason: string | null): void {
  if (reason === null) return;
  process.stdout.write(`      skipped: ${reason}\n`);
  test.skip();
}

/** With one core nothing goes before others. */
function refusalOf(ofKernel: string | null): string | null {
  return availableParallelism() > 1 ? ofKernel : 'the machine has one core';
}

describe('the precedence of a relay thread', () => {
  before(function () {
    skipFor(this, process.platform === 'linux' ? null : 'only Linux has priorities of threads');
  });

  it('is what the kernel says of the thread, and of no other', async () => {
    const before = readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
    for (const sockets of ['auto', 'dgram'] as const) {
      const { precedence, niceness, policy } = await takenBy(sockets);
      assert.equal(policy === 2, precedence === 'real-time');
      if (precedence === 'niceness') assert.ok(niceness < Number(before[16]));
      if (sockets === 'dgram') assert.notEqual(precedence, 'real-time');
    }
    const after = readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
    assert.deepEqual([after[16], after[38]], [before[16], before[38]]);
  });

  it('is a lower niceness with sockets of node:dgram, where the process may have one', async function () {
    skipFor(this, refusalOf(nicenessRefusal(NICENESS_SHIFT)));
    assert.equal((await takenBy('dgram')).precedence, 'niceness');
  });

  it('is a lower niceness where the limit allows the whole of it, not a part', () => {
    // Of 20, 29 and 30: no less than 0, -9 and -10.
    const isRefused = (limit: number, now = 0) => refusalByLimit(limit, now, NICENESS_SHIFT) !== null;
    assert.deepEqual(
      [0, 20, 21, 29, 30, 40, Number.POSITIVE_INFINITY].map((limit) => isRefused(limit)),
      [true, true, true, true, false, false, false],
    );
    assert.deepEqual([isRefused(10, 19), isRefused(11, 19)], [true, false]);
    assert.deepEqual([isRefused(39, -15), isRefused(40, -15)], [true, false], 'ends where niceness ends');
    assert.ok(isRefused(40, -20), 'it is there');
  });

  it('is a lower niceness with those limits with which the kit of these tests says so, and no others', function () {
    const isMissing = ['setpriv', 'prlimit'].some((command) => !isInstalled(command));
    skipFor(this, refusalOf(isMissing ? 'setpriv or prlimit is not installed (util-linux)' : null));
    const kit = new URL('./precedence-kit.js', import.meta.url).href;
    const code = `
      const { Worker } = require('node:worker_threads');
      import(${JSON.stringify(kit)}).then(({ nicenessRefusal }) => {
        const expected = nicenessRefusal(${NICENESS_SHIFT}) === null ? 'niceness' : 'none';
        new Worker(${JSON.stringify(codeFor('dgram', 1))}, { eval: true }).once('message', ({ precedence }) => {
          process.stdout.write(precedence + ' where ' + expected + ' is expected');
          process.exit();
        });
      });`;
    const drop = ['setpriv', '--bounding-set=-sys_nice', '--inh-caps=-sys_nice'];
    const least = 20 - Math.max(-20, getPriority() + NICENESS_SHIFT);
    for (const limit of [0, least - 1, least]) {
      const limited = [`--nice=${limit}:${limit}`, ...drop];
      if (spawnSync('prlimit', [...limited, 'true']).status !== 0) {
        process.stdout.write(`      skipped: RLIMIT_NICE ${limit} without CAP_SYS_NICE cannot be set here\n`);
        continue;
      }
      const { stdout, stderr } = spawnSync('prlimit', [...limited, process.execPath, '-e', code], { encoding: 'utf8' });
      assert.match(stdout, /^(niceness|none) where \1 is expected$/, `RLIMIT_NICE ${limit}: ${stdout} ${stderr}`);
      if (limit < least) assert.match(stdout, /^none/, `RLIMIT_NICE ${limit}`);
    }
  });

  it('is real-time with the native part, where the process may have that', async function () {
    skipFor(this, refusalOf(realTimeRefusal()));
    const folder = mkdtempSync(join(tmpdir(), 'simtrunk-precedence-'));
    try {
      // The same modules beside a native part: whether one was built here is not for a test to change.
      const script = fileURLToPath(new URL('../../../scripts/build-native.mjs', import.meta.url));
      const file = join(folder, 'native', 'media-sockets.node');
      const { status, stderr, error } = spawnSync(process.execPath, [script, file], { encoding: 'utf8' });
      skipFor(this, status === 0 ? null : `not compiled here: ${error?.message ?? stderr.trim()}`);
      writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
      for (const part of ['lib', 'media/relay']) {
        cpSync(fileURLToPath(new URL(`../../${part}`, import.meta.url)), join(folder, part), { recursive: true });
      }
      const module = pathToFileURL(join(folder, 'media', 'relay', 'precedence.js')).href;
      const { precedence, policy } = await takenBy('auto', 1, module);
      assert.deepEqual([precedence, policy], ['real-time', 2]);
      assert.notEqual((await takenBy('dgram', 1, module)).precedence, 'real-time');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is none where relay threads could have every core, so that a flood at their ports leaves one for calls', async () => {
    const { niceness } = await takenBy('dgram', 10_000);
    for (const sockets of ['auto', 'dgram'] as const) {
      assert.deepEqual(await takenBy(sockets, availableParallelism()), { precedence: 'none', niceness, policy: 0 });
    }
  });

  it('is none on a machine with one core', async function () {
    skipFor(this, isInstalled('taskset') ? null : 'taskset is not installed (util-linux)');
    const code = `
      const { Worker } = require('node:worker_threads');
      new Worker(${JSON.stringify(codeFor('auto', 1))}, { eval: true }).once('message', ({ precedence, policy }) => {
        process.stdout.write(precedence + ' ' + policy);
        process.exit();
      });`;
    const cores = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
    const child = spawnSync('taskset', ['-c', cores, process.execPath, '-e', code], { encoding: 'utf8' });
    assert.equal(child.stdout, 'none 0', child.stderr);
  });
});
