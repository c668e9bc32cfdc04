import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = fileURLToPath(new URL('../testing/drop-a-million.js', import.meta.url));

interface Report {
  readonly packets: number;
  readonly warmUp: number;
  readonly results: Readonly<Record<string, { dropped: number; heapBytes: number }>>;
  readonly dropped: Readonly<Record<string, number>>;
}

describe('a dropped packet', () => {
  it('allocates nothing, whatever it is dropped for: a million leave the heap as it was', async function () {
    this.timeout(60_000);
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--expose-gc',
      '--min-semi-space-size=64',
      '--max-semi-space-size=64',
      PROGRAM,
    ]);
    const { packets, warmUp, results, dropped } = JSON.parse(stdout) as Report;
    assert.deepEqual(Object.keys(results).sort(), [
      'banned',
      'denied-source',
      'rate-limited',
      'scanner',
      'unknown-source',
    ]);
    for (const [cause, { dropped: inCourse, heapBytes }] of Object.entries(results)) {
      if (cause !== 'rate-limited') assert.equal(inCourse, packets, cause);
      else assert.ok(inCourse > packets - 5_000, cause);
      assert.ok((dropped[cause] ?? 0) >= packets + warmUp - 5_000, `${cause} was counted ${dropped[cause]} times`);
      // The smallest object takes 16 bytes; less than one byte is what the compiler needs meanwhile.
      assert.ok(heapBytes < packets, `${cause} left ${heapBytes} bytes`);
    }
  });
});
