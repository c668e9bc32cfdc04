import { strict as assert } from 'node:assert';
import { randomInt } from 'node:crypto';
import type { FuzzOutcome } from './fuzz-outcome.js';
import { fuzzParser } from './fuzz-parser.js';
import { fuzzServer } from './fuzz-server.js';

/** A short look each time, at something new each time; `npm run fuzz` looks longer. */
const FOR_MS = 2_500;

function expectNothing(target: string, { failure, runs }: FuzzOutcome): void {
  if (failure !== null) {
    const { property, seed, report } = failure;
    assert.fail(`"${property}" does not hold; again: npm run fuzz -- --seed ${seed} --only ${target}\n${report}`);
  }
  assert.ok(runs > 0);
}

describe('the fuzzer', function () {
  this.timeout(180_000);

  it('finds no message that breaks, hangs or fills the parser or the framing of streams', async () => {
    expectNothing('parser', await fuzzParser(randomInt(2 ** 31), FOR_MS));
  });

  it('finds no messages that break, hang or fill a running server', async () => {
    expectNothing('server', await fuzzServer(randomInt(2 ** 31), FOR_MS));
  });
});
