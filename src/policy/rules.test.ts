import assert from 'node:assert/strict';
import type { CallingHours } from './calling-hours.js';
import { listOf, question, seoul, sightWith, stateWith } from './policy-test-kit.js';
import {
  POLICY_RULES,
  refuseAttempts,
  refuseCaps,
  refuseClass,
  refuseFullTrunk,
  refuseHours,
  refuseListed,
  refuseRate,
  refuseStaleList,
} from './rules.js';

const EVERY_DAY = [1, 2, 3, 4, 5, 6, 7];
const DAYTIME: CallingHours = {
  classes: ['mobile', 'landline', 'international'],
  weekdays: EVERY_DAY,
  fromMinute: 8 * 60,
  toMinute: 21 * 60,
};
const NEW_YORK = { e164: '+12125550100', numberClass: 'international' } as const;

describe('policy rules', () => {
  it('refuse nothing to a trunk without limits', () => {
    const asked = question(stateWith({}));
    for (const rule of POLICY_RULES) assert.equal(rule(asked, sightWith()), null, rule.name);
  });

  it('refuse classes that the trunk does not list', () => {
    const trunk = stateWith({ classes: ['mobile'] });
    assert.equal(refuseClass(question(trunk)), null);
    const premium = question(trunk, { callee: { e164: '+82607001234', numberClass: 'premium' } });
    assert.deepEqual(refuseClass(premium), { reason: 'class-not-allowed', detail: 'premium' });
  });

  it('refuse calls outside of the hours of the callee’s class', () => {
    const trunk = stateWith({ callingHours: [DAYTIME] });
    const at = (local: string) => refuseHours(question(trunk, { wallMs: seoul(local) }), sightWith());
    assert.deepEqual(at('2026-11-23T07:59'), { reason: 'outside-calling-hours', detail: '07:59 in Asia/Seoul' });
    assert.equal(at('2026-11-23T08:00'), null);
    assert.equal(at('2026-11-23T20:59'), null);
    assert.equal(at('2026-11-23T21:00')?.reason, 'outside-calling-hours');
    const special = question(trunk, {
      callee: { e164: '120', numberClass: 'special' },
      wallMs: seoul('2026-11-23T03:00'),
    });
    assert.equal(refuseHours(special, sightWith()), null, 'a class without hours');
  });

  it('refuse a foreign callee for whom it is night somewhere in the country', () => {
    const trunk = stateWith({ callingHours: [DAYTIME] });
    // 10:00 in Seoul is 20:00 of the day before in New York (winter), 15:00 in Honolulu.
    const evening = question(trunk, { callee: NEW_YORK, wallMs: seoul('2026-11-23T10:00') });
    assert.equal(refuseHours(evening, sightWith()), null);
    // 22:00 in Seoul is 08:00 in New York, and night in all zones to its west.
    const morning = question(trunk, { callee: NEW_YORK, wallMs: seoul('2026-11-23T22:00') });
    assert.equal(refuseHours(morning, sightWith())?.reason, 'outside-calling-hours');
  });

  it('take the callee to be where a prefix of the config says, the longest first', () => {
    const calleeZones = [
      { prefix: '+1', timeZone: 'Pacific/Honolulu' },
      { prefix: '+1212', timeZone: 'America/New_York' },
    ];
    const trunk = stateWith({ callingHours: [DAYTIME], calleeZones });
    const morning = { callee: NEW_YORK, wallMs: seoul('2026-11-23T22:00') };
    assert.equal(refuseHours(question(trunk, morning), sightWith()), null);
    const elsewhere = { ...morning, callee: { ...NEW_YORK, e164: '+14155550100' } };
    assert.deepEqual(refuseHours(question(trunk, elsewhere), sightWith()), {
      reason: 'outside-calling-hours',
      detail: '03:00 in Pacific/Honolulu',
    });
  });

  it('take a callee whose country is unknown to be where the trunk is', () => {
    const hours = { ...DAYTIME, classes: ['special', 'international'] as const };
    const trunk = stateWith({ callingHours: [hours], timeZone: 'Europe/Berlin' });
    const night = { wallMs: seoul('2026-11-23T10:00') };
    for (const callee of [
      { e164: '120', numberClass: 'special' },
      { e164: '+80012345678', numberClass: 'international' },
    ] as const) {
      assert.equal(refuseHours(question(trunk, { ...night, callee }), sightWith())?.detail, '02:00 in Europe/Berlin');
    }
  });

  it('refuse callees on a do-not-call list', () => {
    const trunk = stateWith({}, [listOf('own', ['+821099999999'], 0), listOf('registry', ['+821012345678', '119'], 0)]);
    assert.deepEqual(refuseListed(question(trunk)), { reason: 'do-not-call', detail: 'list registry' });
    const other = question(trunk, { callee: { e164: '+821012345679', numberClass: 'mobile' } });
    assert.equal(refuseListed(other), null);
  });

  it('refuse everybody while a do-not-call list is older than it may be, or was never read', () => {
    const asOf = seoul('2026-10-23T10:00');
    const monthMs = 31 * 86_400_000;
    const trunk = stateWith({}, [listOf('registry', [], asOf, monthMs)]);
    assert.equal(refuseStaleList(question(trunk, { wallMs: asOf + monthMs })), null);
    assert.deepEqual(refuseStaleList(question(trunk, { wallMs: asOf + monthMs + 1 })), {
      reason: 'do-not-call-list-stale',
      detail: 'list registry, as of 2026-10-23T01:00:00.000Z',
    });
    const ageless = stateWith({}, [listOf('own', [], asOf, null)]);
    assert.equal(refuseStaleList(question(ageless, { wallMs: asOf + 100 * monthMs })), null);
    const unread = stateWith({}, [listOf('own', [], null, null)]);
    assert.equal(refuseStaleList(question(unread))?.detail, 'list own, never read');
  });

  it('refuse a callee who was called as often as allowed since the trunk’s midnight', () => {
    const trunk = stateWith({ attemptsPerCalleePerDay: 3 });
    const asked: unknown[] = [];
    const sightOf = (made: number) =>
      sightWith({
        attemptsTo: (...what) => {
          asked.push(what);
          return made;
        },
      });
    assert.equal(refuseAttempts(question(trunk), sightOf(2)), null);
    assert.deepEqual(refuseAttempts(question(trunk), sightOf(3)), {
      reason: 'too-many-attempts',
      detail: '3 of 3 today',
    });
    assert.deepEqual(asked[0], ['+821012345678', seoul('2026-11-23T00:00')]);
  });

  it('count calls to a callee that have no channel yet among the attempts', () => {
    const trunk = stateWith({ attemptsPerCalleePerDay: 2 });
    const sight = sightWith({ attemptsTo: () => 1 });
    sight.load.admitted('call-1', 'pbx', '+821012345678');
    assert.equal(refuseAttempts(question(trunk), sight)?.reason, 'too-many-attempts');
    sight.load.ended('call-1');
    assert.equal(refuseAttempts(question(trunk), sight), null);
  });

  it('refuse a call when the trunk, its agent or its account has used up a cap', () => {
    const asked: unknown[] = [];
    const sight = sightWith({
      fitPayers: (...what) => {
        asked.push(what);
        return { ok: false, reason: 'cap-exhausted', payer: 'agent:pbx/201', allowanceId: 'credits-month' };
      },
    });
    const byAgent = question(stateWith({}), { agent: '201', account: 'acme' });
    assert.deepEqual(refuseCaps(byAgent, sight), {
      reason: 'cap-exhausted',
      detail: 'credits-month of agent:pbx/201',
      limit: { holder: 'agent:pbx/201', allowanceId: 'credits-month' },
    });
    const { wallMs } = byAgent;
    assert.deepEqual(asked, [
      [
        ['trunk:pbx', 'agent:pbx/201', 'account:acme'],
        { callee: '+821012345678', numberClass: 'mobile', direction: 'out', wallMs },
      ],
    ]);
  });

  it('refuse a call beyond the trunk’s calls at once', () => {
    const trunk = stateWith({ maxCalls: 2 });
    const sight = sightWith();
    sight.load.admitted('call-1', 'pbx', '+821000000001');
    sight.load.admitted('call-2', 'other', '+821000000002');
    assert.equal(refuseFullTrunk(question(trunk), sight), null);
    sight.load.admitted('call-3', 'pbx', '+821000000003');
    assert.deepEqual(refuseFullTrunk(question(trunk), sight), { reason: 'trunk-full', detail: '2 calls' });
    sight.load.ended('call-1');
    assert.equal(refuseFullTrunk(question(trunk), sight), null);
  });

  it('refuse a call beyond the trunk’s calls a second', () => {
    const trunk = stateWith({ maxCallsPerSecond: 2 });
    trunk.rate?.note(0);
    trunk.rate?.note(400);
    assert.deepEqual(refuseRate(question(trunk, { monotonicMs: 999 })), {
      reason: 'trunk-rate',
      detail: '2 calls a second',
    });
    assert.equal(refuseRate(question(trunk, { monotonicMs: 1000 })), null);
  });
});
