import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { GatewayProber, type ProbeResult } from './gateway-prober.js';

const GATEWAY = { name: 'gw1', uri: 'sip:gw1', intervalMs: 30_000, timeoutMs: 4_000, downCodes: [408, 503] };

/** Lets promises that are settled already do what follows. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the prober of gateways', () => {
  let clock: ManualClock;
  let answers: ((status: number | null) => void)[];
  let results: [string, ProbeResult][];
  let prober: GatewayProber;

  beforeEach(() => {
    clock = new ManualClock();
    answers = [];
    results = [];
    prober = new GatewayProber(
      { probe: () => new Promise((resolve) => answers.push(resolve)) },
      clock,
      (gateway, result) => results.push([gateway, result]),
    );
    prober.watch(GATEWAY);
  });

  async function answer(status: number | null): Promise<void> {
    answers.shift()?.(status);
    await turn();
  }

  it('probes at once, then at its interval, counted from the end of a probe', async () => {
    assert.equal(answers.length, 1);
    clock.advance(1_000);
    await answer(200);
    assert.deepEqual(results, [['gw1', 'responded']]);
    clock.advance(29_999);
    assert.equal(answers.length, 0);
    clock.advance(1);
    assert.equal(answers.length, 1);
  });

  it('takes any final response of the gateway itself for life, but not 408 and 503', async () => {
    for (const status of [200, 404, 405, 481, 500, 408, 503, null]) {
      await answer(status);
      clock.advance(GATEWAY.intervalMs);
    }
    const lives = results.map(([, result]) => result === 'responded');
    assert.deepEqual(lives, [true, true, true, true, true, false, false, false]);
  });

  it('takes no answer in time for silence, and a late one for nothing', async () => {
    clock.advance(4_000);
    await turn();
    assert.deepEqual(results, [['gw1', 'silent']]);
    await answer(200);
    assert.equal(results.length, 1);
    clock.advance(GATEWAY.intervalMs);
    assert.equal(answers.length, 1);
  });

  it('tells nothing and probes no more once closed', async () => {
    prober.close();
    await answer(200);
    assert.deepEqual([results, clock.pendingTimers], [[], 0]);
  });

  it('goes on with a gateway that says the same, begins anew with one that changed, and leaves out one that is gone', async () => {
    await answer(200);
    clock.advance(10_000);
    prober.reconfigure([{ ...GATEWAY }, { ...GATEWAY, name: 'gw2' }]);
    assert.equal(answers.length, 1, 'gw2 alone is asked at once');
    await answer(200);
    clock.advance(20_000);
    assert.equal(answers.length, 1, 'gw1 is asked at its interval');
    prober.reconfigure([{ ...GATEWAY, uri: 'sip:elsewhere' }]);
    assert.equal(answers.length, 2);
    // The answer of where it was says nothing of where it is.
    results = [];
    await answer(200);
    assert.deepEqual(results, []);
    await answer(503);
    assert.deepEqual(results, [['gw1', 'silent']]);
    clock.advance(30_000);
    assert.equal(answers.length, 1);
    prober.reconfigure([]);
    assert.equal(clock.pendingTimers, 0);
  });
});
