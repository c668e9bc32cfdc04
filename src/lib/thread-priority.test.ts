import assert from 'node:assert/strict';
import { once } from 'node:events';
import { getPriority } from 'node:os';
import { Worker } from 'node:worker_threads';

const MODULE = new URL('./thread-priority.js', import.meta.url).href;

/** Of a thread that shifts its own. */
async function nicenessAfter(by: number): Promise<{ told: number; is: number }> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(MODULE)}).then(({ shiftNiceness }) =>
      parentPort.postMessage({ told: shiftNiceness(${by}), is: require('node:os').getPriority() }));`;
  const worker = new Worker(code, { eval: true });
  const [after] = await once(worker, 'message');
  await worker.terminate();
  return after;
}

describe('the niceness of a thread', () => {
  before(function () {
    if (process.platform === 'linux') return;
    console.log(`      skipped: threads of ${process.platform} have no niceness of their own`);
    this.skip();
  });

  it('is shifted for it alone', async () => {
    const before = getPriority();
    // A run that is nice itself may be near the end.
    const shifted = Math.min(19, before + 3);
    assert.deepEqual(await nicenessAfter(3), { told: shifted, is: shifted });
    assert.equal(getPriority(), before);
  });

  it('goes below where the process may, and stays where it may not', async () => {
    const before = getPriority();
    const { told, is } = await nicenessAfter(-2);
    assert.equal(told, is);
    assert.ok(is === before || is === Math.max(-20, before - 2));
  });

  it('ends where niceness ends', async () => {
    const { told, is } = await nicenessAfter(100);
    assert.deepEqual([told, is], [19, 19]);
  });
});
