import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../lib/clock.js';
import { createPolicy, type PolicyRequest } from './admit-call.js';
import { FREE_LEDGER, listOf, PBX, seoul } from './policy-test-kit.js';
import type { TrunkPolicy } from './trunk-policy.js';

function bench(changes: Partial<TrunkPolicy> = {}, ledger = FREE_LEDGER) {
  const clock = new ManualClock(seoul('2026-11-23T10:00'));
  const lists = [listOf('own', ['+821099999999'], 0)];
  const policy = createPolicy({ trunks: [{ ...PBX, ...changes }], ledger, lists, clock });
  const admit = (dialled: string, more: Partial<PolicyRequest> = {}) =>
    policy.admit({ trunk: { name: 'pbx' }, dialled, ...more });
  const reasonOf = (...ask: Parameters<typeof admit>) => {
    const result = admit(...ask);
    return result.ok ? 'admitted' : result.reason;
  };
  return { policy, clock, admit, reasonOf };
}

/** Every limit there is, all of them reached. */
const CLOSED: Partial<TrunkPolicy> = {
  classes: ['mobile'],
  callingHours: [{ classes: ['mobile', 'emergency'], weekdays: [7], fromMinute: 0, toMinute: 1 }],
  doNotCall: ['own'],
  attemptsPerCalleePerDay: 1,
  maxCalls: 1,
  maxCallsPerSecond: 1,
};

describe('createPolicy', () => {
  it('admits allowed classes with the canonical callee', () => {
    assert.deepEqual(bench().admit('010-1234-5678'), {
      ok: true,
      callee: { e164: '+821012345678', national: '01012345678', numberClass: 'mobile' },
    });
  });

  it('reads a number by the dialling rules of its trunk before anything is counted', () => {
    const asked: string[] = [];
    const ledger = {
      ...FREE_LEDGER,
      attemptsTo: (callee: string) => {
        asked.push(callee);
        return 0;
      },
    };
    const dialling = { country: 'KR', outsidePrefixes: ['9'], internationalPrefixes: ['00'] };
    const { reasonOf } = bench({ dialling, attemptsPerCalleePerDay: 1 }, ledger);
    for (const dialled of ['901012345678', '01012345678', '90082 10 1234 5678', '+8201012345678', '908201012345678']) {
      assert.equal(reasonOf(dialled), 'admitted', dialled);
    }
    assert.deepEqual([...new Set(asked)], ['+821012345678']);
  });

  it('refuses what is no number', () => {
    const { reasonOf, admit } = bench();
    assert.equal(reasonOf('not-a-number'), 'bad-number');
    assert.equal(reasonOf('01012'), 'bad-number');
    assert.equal(admit('01012').callee, null);
  });

  it('tells the callee of a refused call for the record', () => {
    const result = bench().admit('0607001234');
    assert.equal(result.ok, false);
    assert.equal(result.callee?.numberClass, 'premium');
  });

  it('never refuses an emergency number, whatever is exhausted', () => {
    const exhausted = {
      attemptsTo: () => 100,
      fitPayers: () => ({ ok: false, reason: 'cap-exhausted', payer: 'trunk:pbx', allowanceId: 'all' }) as const,
    };
    const { reasonOf } = bench(CLOSED, exhausted);
    for (let call = 0; call < 5; call++) assert.equal(reasonOf('119', { callId: `call-${call}` }), 'admitted');
    assert.equal(reasonOf('02119'), 'admitted');
    assert.equal(reasonOf('01012345678'), 'outside-calling-hours');
  });

  it('refuses a trunk that it does not know', () => {
    assert.equal(bench().reasonOf('01012345678', { trunk: { name: 'other' } }), 'class-not-allowed');
  });

  it('is not made without a list that a trunk names', () => {
    assert.throws(() => bench({ doNotCall: ['registry'] }), RangeError);
  });

  it('counts a call among the trunk’s from its admission until it ends', () => {
    const { policy, reasonOf } = bench({ maxCalls: 1 });
    assert.equal(reasonOf('01012345678', { callId: 'call-1' }), 'admitted');
    assert.equal(reasonOf('01012345679', { callId: 'call-2' }), 'trunk-full');
    policy.placed('call-1');
    assert.equal(reasonOf('01012345679', { callId: 'call-2' }), 'trunk-full');
    policy.ended('call-1');
    policy.ended('call-1');
    assert.equal(reasonOf('01012345679', { callId: 'call-2' }), 'admitted');
  });

  it('counts admitted calls alone against the calls a second', () => {
    const { clock, reasonOf } = bench({ maxCallsPerSecond: 2 });
    assert.equal(reasonOf('01012345678', { callId: 'call-1' }), 'admitted');
    assert.equal(reasonOf('nonsense', { callId: 'call-2' }), 'bad-number');
    assert.equal(reasonOf('0607001234', { callId: 'call-3' }), 'class-not-allowed');
    assert.equal(reasonOf('01012345678', { callId: 'call-4' }), 'admitted');
    assert.equal(reasonOf('01012345678', { callId: 'call-5' }), 'trunk-rate');
    clock.advance(1000);
    assert.equal(reasonOf('01012345678', { callId: 'call-6' }), 'admitted');
  });

  it('lets two calls to one callee at once count as two, and each only once', () => {
    let inLedger = 0;
    const { policy, reasonOf } = bench({ attemptsPerCalleePerDay: 2 }, { ...FREE_LEDGER, attemptsTo: () => inLedger });
    assert.equal(reasonOf('01012345678', { callId: 'call-1' }), 'admitted');
    inLedger = 1;
    policy.placed('call-1');
    assert.equal(reasonOf('01012345678', { callId: 'call-2' }), 'admitted');
    assert.equal(reasonOf('01012345678', { callId: 'call-3' }), 'too-many-attempts');
    inLedger = 2;
    policy.placed('call-2');
    policy.ended('call-2');
    policy.ended('call-1');
    assert.equal(reasonOf('01012345678', { callId: 'call-4' }), 'too-many-attempts');
  });

  it('counts nothing for a question that no call follows', () => {
    const { reasonOf } = bench({ maxCalls: 1, maxCallsPerSecond: 1, attemptsPerCalleePerDay: 1 });
    for (let question = 0; question < 3; question++) assert.equal(reasonOf('01012345678'), 'admitted');
  });

  it('never throws and never counts a call for long, whatever is dialled and in whatever order calls end', () => {
    const step = fc.record({
      callId: fc.constantFrom('call-1', 'call-2', 'call-3'),
      what: fc.constantFrom('admit', 'placed', 'ended'),
      dialled: fc.oneof(fc.constantFrom('01012345678', '119', '+12125550100'), fc.string({ maxLength: 70 })),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { policy, reasonOf } = bench({ maxCalls: 1 });
        for (const { callId, what, dialled } of steps) {
          if (what === 'admit') reasonOf(dialled, { callId });
          else policy[what as 'placed' | 'ended'](callId);
        }
        for (const callId of ['call-1', 'call-2', 'call-3']) policy.ended(callId);
        assert.equal(reasonOf('01012345678', { callId: 'last' }), 'admitted');
      }),
    );
  });

  it('counts on over other rules: a trunk’s calls, and their rate where it stays the same', () => {
    const clock = new ManualClock(seoul('2026-11-20T10:00'));
    const busy = { ...PBX, maxCalls: 2, maxCallsPerSecond: 1 };
    const policy = createPolicy({ trunks: [busy], ledger: FREE_LEDGER, clock });
    const ask = (callId: string) => {
      const admitted = policy.admit({ callId, trunk: { name: 'pbx' }, dialled: '01012345678' });
      return admitted.ok || admitted.reason;
    };
    assert.equal(ask('c1'), true);
    policy.reconfigure([{ ...busy, timeZone: 'Asia/Tokyo' }], []);
    assert.equal(ask('c2'), 'trunk-rate');
    clock.advance(1_000);
    assert.equal(ask('c2'), true);
    clock.advance(1_000);
    assert.equal(ask('c3'), 'trunk-full');
    policy.reconfigure([{ ...busy, maxCalls: 3, maxCallsPerSecond: 9 }], []);
    assert.equal(ask('c3'), true);
    policy.reconfigure([], []);
    assert.equal(ask('c4'), 'class-not-allowed');
    policy.ended('c1');
  });
});
