import assert from 'node:assert/strict';
import { CallBench, settled } from './call-test-kit.js';

describe('a call and the sessions of its legs', () => {
  let bench: CallBench;

  beforeEach(() => {
    bench = new CallBench();
  });

  afterEach(() => bench.assertQuiet());

  for (const side of ['caller', 'callee'] as const) {
    it(`ends on both legs when its ${side} is gone without a BYE, and is charged until then`, async () => {
      const caller = await bench.talk();
      await bench.advance(20_000);
      (side === 'caller' ? caller : bench.leg).listener.sessionOver();
      await settled();
      assert.deepEqual([caller.state, bench.leg.state], ['over', 'hanging-up']);
      bench.leg.clear();
      await settled();
      const { endReason, endedBy, q850, attempts } = bench.record;
      assert.deepEqual([endReason, endedBy, q850], ['session-expired', 'simtrunk', 102]);
      assert.equal(attempts[0]?.billedSeconds, 20);
    });
  }

  it('goes on when it is an emergency call, which nothing ends but its two sides', async () => {
    bench.numberClass = 'emergency';
    const caller = await bench.talk();
    caller.listener.sessionOver();
    bench.leg.listener.sessionOver();
    await settled();
    assert.deepEqual([caller.state, bench.leg.state], ['talking', 'talking']);
    bench.leg.hangsUp();
    await settled();
  });

  it('is kept for the next start as its legs are now', async () => {
    const caller = await bench.talk();
    const kept = () => bench.journal.live.get(caller.callId)?.caller?.remoteTarget;
    assert.ok(caller.identity);
    caller.identity = { ...caller.identity, remoteTarget: 'sip:moved' };
    caller.listener.identityChanged?.();
    await settled();
    assert.equal(kept(), 'sip:moved');
    bench.leg.hangsUp();
    await settled();
    caller.listener.identityChanged?.();
    await settled();
    assert.equal(kept(), undefined);
  });

  it('is refreshed by a re-INVITE of each leg for itself', async () => {
    const caller = await bench.talk();
    caller.listener.refreshDue();
    assert.equal(bench.trace.filter((line) => line.includes('re-INVITE')).length, 1);
    bench.leg.listener.refreshDue();
    assert.equal(bench.trace.filter((line) => line.includes('re-INVITE')).length, 2);
    bench.leg.hangsUp();
    await settled();
    // Nobody is there to ask any more.
    caller.listener.refreshDue();
    assert.equal(bench.trace.filter((line) => line.includes('re-INVITE')).length, 2);
  });
});
