import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { monotonicNowMs } from './clock.js';

const MODULE = new URL('./clock.js', import.meta.url).href;
/** Between two readings a thread may wait for its turn: one reading of many has none in between. */
const READINGS = 200;
const MOST_APART_MS = 0.1;

/** By how much the clock differs from hrtime, which all threads share. */
const APART = `Math.min(...Array.from({ length: ${READINGS} }, () => {
  const beforeMs = Number(process.hrtime.bigint()) / 1e6;
  const nowMs = monotonicNowMs();
  const afterMs = Number(process.hrtime.bigint()) / 1e6;
  return Math.abs(nowMs - (beforeMs + afterMs) / 2);
}))`;

describe('the monotonic clock', () => {
  it('is the same in all threads', async () => {
    const here = new Function('monotonicNowMs', `return ${APART}`)(monotonicNowMs);
    const code = `import(${JSON.stringify(MODULE)}).then(({ monotonicNowMs }) =>
      require('node:worker_threads').parentPort.postMessage(${APART}));`;
    const worker = new Worker(code, { eval: true });
    const [there] = await once(worker, 'message');
    await worker.terminate();
    assert.ok(here < MOST_APART_MS && there < MOST_APART_MS, `${here} ms and ${there} ms apart`);
  });

  it('never goes back, and has a fraction', () => {
    let last = monotonicNowMs();
    let fractions = 0;
    for (let reading = 0; reading < 1_000; reading += 1) {
      const nowMs = monotonicNowMs();
      assert.ok(nowMs >= last);
      if (!Number.isInteger(nowMs)) fractions += 1;
      last = nowMs;
    }
    assert.ok(fractions > 0);
  });
});
