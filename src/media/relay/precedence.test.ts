import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { isInstalled } from '../../lib/end-with-us.js';
import type { Precedence } from './precedence.js';

const MODULE = new URL('./precedence.js', import.meta.url).href;

interface Taken {
  readonly precedence: Precedence;
  /** Of the thread, from the kernel. */
  readonly niceness: number;
  readonly policy: number;
}

/** What a thread of ours gets, and what the kernel says of it. */
async function takenBy(sockets: 'auto' | 'dgram', threads = 1): Promise<Taken> {
  const worker = new Worker(codeFor(sockets, threads), { eval: true });
  const [taken] = await once(worker, 'message');
  await worker.terminate();
  return taken;
}

function codeFor(sockets: 'auto' | 'dgram', threads: number): string {
  return `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(MODULE)}).then(({ takePrecedence }) => {
      const precedence = takePrecedence('${sockets}', ${threads});
      // proc(5), /proc/pid/stat: fields 19 and 41, counted behind the name.
      const fields = require('node:fs').readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ');
      parentPort.postMessage({ precedence, niceness: Number(fields[16]), policy: Number(fields[38]) });
    });`;
}

describe('the precedence of a relay thread', () => {
  before(function () {
    if (process.platform === 'linux') return;
    process.stdout.write('      only Linux has priorities of threads\n');
    this.skip();
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

  it('is none where relay threads could have every core, so that a flood at their ports leaves one for calls', async () => {
    const { niceness } = await takenBy('dgram', 10_000);
    for (const sockets of ['auto', 'dgram'] as const) {
      assert.deepEqual(await takenBy(sockets, availableParallelism()), { precedence: 'none', niceness, policy: 0 });
    }
  });

  it('is none on a machine with one core', async function () {
    if (!isInstalled('taskset')) {
      process.stdout.write('      skipped: taskset is not installed (util-linux)\n');
      this.skip();
    }
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
