import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { Precedence } from './precedence.js';

const MODULE = new URL('./precedence.js', import.meta.url).href;

interface Taken {
  readonly precedence: Precedence;
  /** Of the thread, from the kernel. */
  readonly niceness: number;
  readonly policy: number;
}

/** What a thread of ours gets, and what the kernel says of it. */
async function takenBy(sockets: 'auto' | 'dgram'): Promise<Taken> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(MODULE)}).then(({ takePrecedence }) => {
      const precedence = takePrecedence('${sockets}');
      // proc(5), /proc/pid/stat: fields 19 and 41, counted behind the name.
      const fields = require('node:fs').readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1].split(' ');
      parentPort.postMessage({ precedence, niceness: Number(fields[16]), policy: Number(fields[38]) });
    });`;
  const worker = new Worker(code, { eval: true });
  const [taken] = await once(worker, 'message');
  await worker.terminate();
  return taken;
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
      if (precedence === 'niceness') assert.ok(niceness < 0);
      if (sockets === 'dgram') assert.notEqual(precedence, 'real-time');
    }
    const after = readFileSync('/proc/thread-self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
    assert.deepEqual([after[16], after[38]], [before[16], before[38]]);
  });
});
