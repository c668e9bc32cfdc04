import assert from 'node:assert/strict';
import fc from 'fast-check';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import type { MessageLoad } from '../quota/usage.js';
import type { AttemptReport } from './channel-health.js';
import { decideMessage } from './decide-message.js';
import type { Decision } from './decision.js';
import { explainMessage } from './explain-message.js';
import { CALLEE, NOON, REQUEST, type SetUp, setUp } from './routing-test-kit.js';

const SMS: MessageLoad = { kind: 'sms', count: 1 };
const TEXTS = planOf({
  name: 'texts',
  messageRates: { sms: '22', lms: '44', mms: '220' },
  allowances: [
    allowanceOf({ id: 'sms-day', counts: 'sms', limit: 2, beyond: { kind: 'charge', perStep: '22', stepSeconds: 1 } }),
  ],
});

const FORBID = { kind: 'forbid' } as const;
/** Windows that turn, roll, count days and are spread. */
const PLANS = [
  TEXTS,
  planOf({
    name: 'rolling',
    messageRates: { sms: '9', lms: '40', mms: '220' },
    allowances: [
      allowanceOf({ id: 'hour', counts: 'sms', limit: 3, window: { kind: 'rolling', seconds: 3_600 }, beyond: FORBID }),
      allowanceOf({ id: 'spend', counts: 'spend', limit: 100_000_000, beyond: FORBID }),
    ],
  }),
  planOf({
    name: 'days',
    allowances: [
      allowanceOf({ id: 'lms', counts: 'lms', limit: 4, window: { kind: 'month', resetDay: 6 }, beyond: FORBID }),
      allowanceOf({
        ...{ id: 'days', counts: 'days-over', limit: 1, window: { kind: 'month', resetDay: 1 } },
        daysOver: { counts: 'sms', threshold: 4 },
        beyond: { kind: 'charge', perStep: '30', stepSeconds: 1 },
      }),
      allowanceOf({
        ...{ id: 'paced', counts: 'sms', limit: 40, window: { kind: 'month', resetDay: 1 }, beyond: FORBID },
        pacing: { by: 'hours', weekdays: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1_080, holidays: [] },
      }),
    ],
  }),
];
const LOADS: (MessageLoad | null)[] = [SMS, { kind: 'sms', count: 3 }, { kind: 'lms', count: 1 }, null];
const ASK = { what: 'ask' as const, loads: [SMS, SMS], numberClass: 'mobile', agent: null, groups: null };

function failed(ms: number): AttemptReport {
  return { outcome: 'failed', postDialDelayMs: null, coolDown: { of: ms > 60_000 ? 'gateway' : 'channel', ms } };
}

function decide({ index }: SetUp, changes: { load?: MessageLoad; resting?: string[] } & Partial<typeof REQUEST> = {}) {
  const { load = SMS, resting = [], ...request } = changes;
  const loads = new Map([['gw1', load]]);
  return decideMessage({ ...REQUEST, ...request }, { loads, resting: new Set(resting) }, index);
}

function send({ ledger }: SetUp, channelId: string, count = 1): void {
  ledger.write(`${channelId} sim`, 'sms', count);
}

describe('the channel of a text message', () => {
  it('is the SIM that has sent least today, and one that sends free before one that pays', () => {
    const set = setUp({ plans: [TEXTS] });
    assert.equal(decide(set).best?.channel.channelId, 'gw1/1');
    send(set, 'gw1/1');
    assert.equal(decide(set).best?.channel.channelId, 'gw1/2');
    for (const channelId of ['gw1/1', 'gw1/2', 'gw1/2']) send(set, channelId);
    send(set, 'gw1/3');
    assert.deepEqual(
      decide(set).candidates.map(({ channel }) => channel.channelId),
      ['gw1/3', 'gw1/1', 'gw1/2'],
    );
  });

  it('is the one that the callee knows', () => {
    const set = setUp({ plans: [TEXTS] });
    set.ledger.sims.set(REQUEST.callee.e164, ['gw1/3 sim']);
    assert.equal(decide(set).best?.channel.channelId, 'gw1/3');
  });

  it('is none that is busy, excluded, sent one a moment ago, or has no such messages left', () => {
    const forbidding = planOf({ name: 'few', allowances: [allowanceOf({ id: 'sms-day', counts: 'sms', limit: 1 })] });
    const set = setUp({ plans: [forbidding], channelsEach: 5 });
    set.ledger.move('gw1/1', 'busy');
    send(set, 'gw1/4');
    const decision = decide(set, { excludeChannels: ['gw1/2'], resting: ['gw1/3'] });
    assert.equal(decision.best?.channel.channelId, 'gw1/5');
    assert.deepEqual(
      { ...decision.refused },
      { 'channel-busy': 1, 'already-tried': 1, 'message-gap': 1, 'quota-exhausted': 1 },
    );
    assert.equal(decide(set, { load: { kind: 'lms', count: 1 } }).refused['class-not-covered'], 4);
  });

  it('is none of a gateway that cannot send it, and needs no codec', () => {
    const set = setUp({ plans: [TEXTS], gateways: [{ codecs: [] }, {}] });
    const decision = decide(set, { codecs: [] });
    assert.equal(decision.best?.channel.channelId, 'gw1/1');
    assert.deepEqual({ ...decision.refused }, { 'no-messages': 3 });
  });

  it('is none whose plan forbids commercial use, nor one outside of the trunk’s groups', () => {
    const personal = planOf({ name: 'personal', commercialUse: 'forbidden' });
    const set = setUp({ plans: [personal, TEXTS], channels: { 'gw1/2': { groups: ['sales'] } } });
    const decision = decide(set, { channelGroups: ['support'] });
    assert.deepEqual({ ...decision.refused }, { 'commercial-use-forbidden': 2, 'outside-trunk-groups': 1 });
    assert.equal(decision.refusal, 'refused-for-this-call');
  });

  it('is among the best few in the order of all, however many there are', () => {
    const set = setUp({ plans: [TEXTS], gateways: [{}, {}], channelsEach: 30 });
    const sent = (n: number) => (n * 7) % 31;
    for (let n = 1; n <= 30; n++) send(set, `gw1/${n}`, sent(n));
    set.ledger.sims.set(REQUEST.callee.e164, ['gw1/30 sim']);
    const { candidates } = decide(set);
    assert.equal(candidates.length, 8);
    const scores = candidates.map(({ score }) => score);
    assert.deepEqual(
      scores,
      [...scores].sort((a, b) => a - b),
    );
    assert.equal(candidates[0]?.channel.channelId, 'gw1/30');
    const least = Array.from({ length: 29 }, (_, n) => n + 1).sort((a, b) => sent(a) - sent(b));
    const free = least.filter((n) => sent(n) < 2).map((n) => `gw1/${n}`);
    for (const channelId of free) assert.ok(candidates.some(({ channel }) => channel.channelId === channelId));
  });

  it('is the scan’s, whatever has happened, for every load that gateways make of it', () => {
    const step = fc.oneof(
      fc.record({
        what: fc.constant('write' as const),
        kind: fc.constantFrom('sms', 'lms'),
        count: fc.integer({ min: 1, max: 3 }),
      }),
      fc.record({ what: fc.constant('talk' as const), callee: fc.constantFrom(CALLEE, '+821055550000') }),
      fc.record({ what: fc.constant('move' as const), state: fc.constantFrom('idle', 'busy', 'resting') }),
      fc.record({ what: fc.constant('sim' as const), present: fc.boolean() }),
      fc.record({ what: fc.constant('suspend' as const), suspended: fc.boolean() }),
      fc.record({ what: fc.constant('fail' as const), ms: fc.constantFrom(0, 60_000, 90_000) }),
      fc.record({ what: fc.constant('gateway' as const), up: fc.boolean() }),
      fc.record({
        what: fc.constant('time' as const),
        ms: fc.constantFrom(1_000, 600_000, 5_000_000, 40_000_000, -70_000),
      }),
      fc.record({
        what: fc.constant('ask' as const),
        loads: fc.array(fc.constantFrom<(MessageLoad | null)[]>(...LOADS), { minLength: 2, maxLength: 2 }),
        resting: fc.boolean(),
        excluded: fc.boolean(),
        numberClass: fc.constantFrom('mobile', 'landline'),
        agent: fc.constantFrom(null, 'anna'),
        groups: fc.constantFrom(null, ['sales']),
      }),
    );
    const property = fc.property(fc.array(fc.tuple(step, fc.nat()), { minLength: 1, maxLength: 60 }), (steps) => {
      const set = setUp({
        ...{ plans: PLANS, gateways: [{ maxCalls: 4 }, {}], channelsEach: 6 },
        channels: { 'gw1/1': { groups: ['sales'], agents: ['pbx/anna'] }, 'gw2/5': { agents: ['pbx/anna'] } },
      });
      const { index, ledger } = set;
      let wallMs = NOON;
      for (const [act, pick] of [...steps, [{ ...ASK, resting: false, excluded: false }, 0] as const]) {
        const channel = index.channels[pick % index.channels.length] as (typeof index.channels)[number];
        const { channelId, simId } = channel;
        if (act.what === 'write') ledger.write(simId, act.kind as 'sms', act.count, wallMs);
        if (act.what === 'talk') ledger.talk(simId, 20, act.callee, wallMs);
        if (act.what === 'move') ledger.move(channelId, act.state as 'idle');
        if (act.what === 'sim') index.simChanged(channelId, { present: act.present, registered: true });
        if (act.what === 'suspend') index.channelSuspended(channelId, act.suspended);
        if (act.what === 'fail') index.attemptReported(channelId, failed(act.ms));
        if (act.what === 'gateway') index.gatewayChanged(channel.gateway.name, act.up);
        if (act.what === 'time') wallMs += act.ms;
        if (act.what !== 'ask') continue;
        index.turnTo(wallMs);
        const loads = new Map(act.loads.flatMap((load, at) => (load === null ? [] : [[`gw${at + 1}`, load] as const])));
        const near = index.channels.filter(({ number }) => number % 3 === pick % 3).map((one) => one.channelId);
        const request = {
          ...REQUEST,
          ...{ callee: { ...REQUEST.callee, numberClass: act.numberClass as 'mobile' }, agent: act.agent },
          ...{ channelGroups: act.groups, excludeChannels: act.excluded ? [channelId] : [] },
          excludeGateways: act.excluded && pick % 5 === 0 ? ['gw2'] : [],
        };
        const message = { loads, resting: new Set(act.resting ? near : []) };
        const told = ({ candidates, refused, refusal, considered }: Decision) => ({
          ...{ refused: { ...refused }, refusal, considered },
          best: candidates.map((one) => [one.channel.channelId, one.score, one.terms]),
        });
        assert.deepEqual(told(decideMessage(request, message, index)), told(explainMessage(request, message, index)));
      }
    });
    fc.assert(property, { numRuns: 150 });
  }).timeout(20_000);

  it('costs a look at what has changed, not at every channel', () => {
    const set = setUp({ plans: [TEXTS], gateways: [{}, {}], channelsEach: 400 });
    decide(set);
    let asked = 0;
    const { fitMessage } = set.ledger;
    set.ledger.fitMessage = function (...args) {
      asked += 1;
      return fitMessage.apply(this, args);
    };
    for (let n = 1; n <= 50; n++) {
      send(set, `gw1/${n}`);
      set.ledger.move(`gw2/${n}`, 'busy');
      assert.equal(decide(set).candidates.length, 8);
    }
    assert.ok(asked <= 50 * 10, `asked ${asked} times`);
  });
});
