import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { createPolicy } from './admit-call.js';
import { FREE_LEDGER, listOf, PBX, seoul } from './policy-test-kit.js';
import type { TrunkPolicy } from './trunk-policy.js';

const MOBILE = '010-1234-5678';

function bench(changes: Partial<TrunkPolicy> = {}, at = '2026-11-23T10:00') {
  const clock = new ManualClock(seoul(at));
  const lists = [listOf('own', ['+821099999999'], 0), listOf('old', [], null, 1)];
  const policy = createPolicy({ trunks: [{ ...PBX, ...changes }], ledger: FREE_LEDGER, lists, clock });
  const reasonOf = (dialled: string, trunk = 'pbx') => {
    const admitted = policy.admitMessage({ trunk: { name: trunk }, dialled });
    return admitted.ok ? 'admitted' : admitted.reason;
  };
  return { clock, policy, reasonOf };
}

describe('the policy of text messages', () => {
  it('admits allowed classes with the canonical callee', () => {
    assert.deepEqual(bench().policy.admitMessage({ trunk: { name: 'pbx' }, dialled: MOBILE }), {
      ok: true,
      callee: { e164: '+821012345678', national: '01012345678', numberClass: 'mobile' },
    });
  });

  it('refuses what is no number, another class, a listed number, an old list and a trunk that is not there', () => {
    const { reasonOf } = bench({ doNotCall: ['own'] });
    assert.equal(reasonOf('sales'), 'bad-number');
    assert.equal(reasonOf('0601234567'), 'class-not-allowed');
    assert.equal(reasonOf('010-9999-9999'), 'do-not-call');
    assert.equal(reasonOf(MOBILE, 'other'), 'class-not-allowed');
    assert.equal(bench({ doNotCall: ['old'] }).reasonOf(MOBILE), 'do-not-call-list-stale');
  });

  it('keeps to the hours of calls', () => {
    const callingHours = [{ classes: ['mobile' as const], weekdays: [1], fromMinute: 480, toMinute: 1_260 }];
    assert.equal(bench({ callingHours }).reasonOf(MOBILE), 'admitted');
    assert.equal(bench({ callingHours }, '2026-11-23T22:00').reasonOf(MOBILE), 'outside-calling-hours');
  });

  it('has a rate of its own, in any second, and none of the limits of calls', () => {
    const { clock, reasonOf } = bench({ maxMessagesPerSecond: 2, maxCalls: 0, attemptsPerCalleePerDay: 0 });
    assert.deepEqual([reasonOf(MOBILE), reasonOf(MOBILE), reasonOf(MOBILE)], ['admitted', 'admitted', 'message-rate']);
    clock.advance(1_000);
    assert.equal(reasonOf(MOBILE), 'admitted');
  });

  it('lets messages to emergency numbers pass everything', () => {
    const closed = { classes: ['mobile' as const], doNotCall: ['old'], maxMessagesPerSecond: 1 };
    const { reasonOf } = bench(closed);
    assert.deepEqual([reasonOf('112'), reasonOf('112')], ['admitted', 'admitted']);
  });
});
