import assert from 'node:assert/strict';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import type { MessageLoad } from '../quota/usage.js';
import { decideMessage } from './decide-message.js';
import { NOON, REQUEST, type SetUp, setUp } from './routing-test-kit.js';

const SMS: MessageLoad = { kind: 'sms', count: 1 };
const TEXTS = planOf({
  name: 'texts',
  messageRates: { sms: '22', lms: '44', mms: '220' },
  allowances: [
    allowanceOf({ id: 'sms-day', counts: 'sms', limit: 2, beyond: { kind: 'charge', perStep: '22', stepSeconds: 1 } }),
  ],
});

function decide({ index }: SetUp, changes: { load?: MessageLoad; resting?: string[] } & Partial<typeof REQUEST> = {}) {
  const { load = SMS, resting = [], ...request } = changes;
  const loads = new Map([['gw1', load]]);
  return decideMessage({ ...REQUEST, ...request }, { loads, resting: new Set(resting) }, index);
}

function send({ ledger }: SetUp, channelId: string, count = 1): void {
  const book = ledger.books.get(`${channelId} sim`);
  book?.bookMessage({ kind: 'sms', count, callee: 'x', numberClass: 'mobile', wallMs: NOON });
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
});
