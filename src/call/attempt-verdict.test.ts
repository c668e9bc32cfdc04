import assert from 'node:assert/strict';
import type { GatewayTerms } from './call-request.js';
import { DECISION, MachineBench } from './machine-test-kit.js';
import type { ResponseRule } from './response-meaning.js';

function ruled(change: Partial<ResponseRule>, gateway: Partial<GatewayTerms> = {}): MachineBench {
  const rule: ResponseRule = { statuses: [], causes: [], means: 'channel', coolDownMs: 0, ...change };
  return new MachineBench({}, { responses: [rule], ...gateway });
}

function selected(bench: MachineBench) {
  return bench.all.filter((effect) => effect.type === 'select-channel').at(-1);
}

function reported(bench: MachineBench) {
  return bench.all.flatMap((effect) => (effect.type === 'report-attempt' ? [effect.report] : []));
}

describe('what a refusal does to its call', () => {
  it('tries the next channel, of this gateway too, when it means the channel, which then cools down', () => {
    const bench = ruled({ statuses: [486], means: 'channel', coolDownMs: 9_000 }).dial();
    assert.ok(bench.fail('a', 486).includes('select-channel'));
    assert.deepEqual(selected(bench)?.excludeGateways, []);
    assert.deepEqual(reported(bench)[0]?.coolDown, { of: 'channel', ms: 9_000 });
    bench.feed({ type: 'channel:none', reason: 'no-channel', decision: DECISION, limit: null });
    assert.deepEqual(bench.refusal, { status: 503, q850: 34 });
  });

  it('tries another gateway alone when it means the gateway, and remembers it for all later attempts', () => {
    const bench = ruled({ statuses: [503], means: 'gateway', coolDownMs: 30_000 }).dial();
    bench.fail('a', 503);
    assert.deepEqual(selected(bench)?.excludeGateways, ['gw1']);
    assert.deepEqual(reported(bench)[0]?.coolDown, { of: 'gateway', ms: 30_000 });
    bench.dial('b');
    bench.fail('b', 404);
    assert.deepEqual(selected(bench)?.excludeGateways, ['gw1']);
  });

  it('lets an emergency call come back to such a gateway, and fail over whatever it means', () => {
    const bench = ruled({ statuses: [503], means: 'gateway' });
    bench.feed({ type: 'call:admitted', emergency: true });
    bench.dial();
    bench.fail('a', 503);
    assert.deepEqual([selected(bench)?.excludeGateways, selected(bench)?.avoidGateways], [[], ['gw1']]);
    for (const [attemptId, status] of [
      ['b', 486],
      ['c', 403],
      ['d', 603],
    ] as const) {
      bench.dial(attemptId);
      assert.ok(bench.fail(attemptId, status).includes('select-channel'), String(status));
    }
  });

  it('ends the call when it means the callee, by a setting too, and does not blame the channel', () => {
    const bench = ruled({ statuses: [503], means: 'callee' }).dial();
    bench.fail('a', 503, false, ['Q.850;cause=19;text="no answer"']);
    assert.deepEqual(bench.refusal, { status: 480, q850: 19 });
    assert.equal(bench.state.record.endReason, 'no-answer');
    assert.equal(reported(bench)[0]?.outcome, 'callee');
  });

  it('ends the call as a failure of the gateway when it means to give up', () => {
    const bench = ruled({ statuses: [480], means: 'give-up', coolDownMs: 5_000 }).dial();
    bench.fail('a', 480);
    assert.deepEqual(bench.refusal, { status: 503, q850: 41 });
    assert.deepEqual(
      reported(bench).map(({ outcome, coolDown }) => [outcome, coolDown]),
      [['failed', { of: 'channel', ms: 5_000 }]],
    );
  });

  it('never dials a callee again whom the network says to be busy, whatever the status', () => {
    const bench = new MachineBench().dial();
    bench.fail('a', 503, false, ['GSM;cause=17;text="user busy"']);
    assert.deepEqual(bench.refusal, { status: 486, q850: 17 });
  });

  it('takes a busy answer for the channel’s within busyProbeMs of the INVITE, until something rings', () => {
    const early = new MachineBench({}, { busyProbeMs: 1_000 }).dial();
    assert.ok(early.after(999).fail('a', 486).includes('select-channel'));
    const late = new MachineBench({}, { busyProbeMs: 1_000 }).dial();
    assert.ok(late.after(1_000).fail('a', 486).includes('refuse-caller'));
    const rang = new MachineBench({}, { busyProbeMs: 1_000 }).dial();
    rang.after(300).feed({ type: 'attempt:progressed', attemptId: 'a', status: 180, media: false });
    assert.ok(rang.fail('a', 486).includes('refuse-caller'));
    assert.deepEqual(rang.refusal, { status: 486, q850: 17 });
  });

  it('is kept with its reasons as they came, the cause that they tell, and what it was taken for', () => {
    const bench = new MachineBench().dial();
    const reasons = ['GSM;cause=0;text="Radio link fail"', 'Q.850;cause=38'];
    bench.fail('a', 503, false, reasons);
    const { record } = bench.state.attempts[0] ?? {};
    assert.deepEqual([record?.reasons, record?.cause, record?.means], [reasons, 38, 'channel']);
  });

  it('means nothing when no response came: another gateway is tried', () => {
    const bench = ruled({ statuses: [408, 503], means: 'callee' }).dial();
    assert.ok(bench.fail('a', 408, true).includes('select-channel'));
    assert.deepEqual([bench.state.attempts[0]?.record.means, bench.state.attempts[0]?.record.cause], [null, null]);
  });
});
