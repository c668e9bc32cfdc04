import assert from 'node:assert/strict';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import {
  CALLEE,
  CONSUMER,
  calling,
  decisionOf,
  NOON,
  REQUEST,
  refusalsOf,
  setUp,
  winnerOf,
} from './routing-test-kit.js';

describe('the rules for a channel', () => {
  it('refuse channels of a gateway that is down, until it is up again', () => {
    const set = setUp({ gateways: [{}, {}], channelsEach: 1 });
    set.index.gatewayChanged('gw1', false);
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'gateway-down' });
    assert.equal(winnerOf(set), 'gw2/1');
    set.index.gatewayChanged('gw1', true);
    assert.equal(winnerOf(set), 'gw1/1');
  });

  it('refuse disabled channels', () => {
    assert.deepEqual(refusalsOf(setUp({ channels: { 'gw1/2': { enabled: false } } })), { 'gw1/2': 'channel-disabled' });
  });

  it('refuse busy channels', () => {
    const set = setUp();
    set.ledger.move('gw1/1', 'busy');
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'channel-busy' });
  });

  it('refuse resting channels', () => {
    const set = setUp();
    set.ledger.move('gw1/1', 'busy');
    set.ledger.move('gw1/1', 'resting');
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'channel-resting' });
    set.ledger.move('gw1/1', 'idle');
    assert.deepEqual(refusalsOf(set), {});
  });

  it('refuse classes that the plan does not cover', () => {
    assert.deepEqual(refusalsOf(setUp({ channelsEach: 1 }), calling('+82607001234', 'premium')), {
      'gw1/1': 'class-not-covered',
    });
  });

  it('refuse commercial traffic on plans that forbid it, and let personal traffic pass', () => {
    const set = setUp({ plans: [CONSUMER], channelsEach: 1 });
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'commercial-use-forbidden' });
    assert.deepEqual(refusalsOf(set, { ...REQUEST, traffic: 'personal' }), {});
  });

  it('refuse an exhausted allowance, naming it', () => {
    const set = setUp({ channelsEach: 2 });
    set.ledger.talk('gw1/1 sim', 600, 'a');
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'quota-exhausted seconds-day' });
  });

  it('let a callee who was counted already pass a full allowance of callees', () => {
    const set = setUp({ channelsEach: 1 });
    set.ledger.talk('gw1/1 sim', 1, 'a');
    set.ledger.talk('gw1/1 sim', 1, 'b');
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'quota-exhausted callees-day' });
    assert.deepEqual(refusalsOf(set, calling('a')), {});
  });

  it('refuse a SIM with too few seconds left for a call', () => {
    const set = setUp({ channelsEach: 1 });
    set.ledger.talk('gw1/1 sim', 599, CALLEE);
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'too-few-seconds seconds-day' });
  });

  it('refuse a gateway without a codec in common', () => {
    const set = setUp({ gateways: [{ codecs: ['PCMU'] }], channelsEach: 1 });
    assert.deepEqual(refusalsOf(set, { ...REQUEST, codecs: ['PCMA'] }), { 'gw1/1': 'no-common-codec' });
    assert.deepEqual(refusalsOf(set), {});
  });

  it('ask a channel’s own codecs where it has some, and whether it takes SRTP where that passes as it is', () => {
    const gateways = [{ codecs: ['PCMA', 'PCMU'] }, { codecs: ['PCMA'], takesSrtp: true }];
    const set = setUp({ gateways, channelsEach: 2, channels: { 'gw1/2': { codecs: ['PCMU'] } } });
    const request = { ...REQUEST, codecs: ['PCMA'] };
    assert.deepEqual(refusalsOf(set, request), { 'gw1/2': 'no-common-codec' });
    const secret = { ...request, passesSrtp: true };
    assert.deepEqual(refusalsOf(set, secret), { 'gw1/1': 'no-common-codec', 'gw1/2': 'no-common-codec' });
    // One kind of request is not taken for the other.
    assert.deepEqual(refusalsOf(set, request), { 'gw1/2': 'no-common-codec' });
  });

  it('refuse a gateway that has as many calls as it may', () => {
    const set = setUp({ gateways: [{ maxCalls: 1 }], channelsEach: 2 });
    set.ledger.move('gw1/1', 'busy');
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'gateway-full', 'gw1/2': 'gateway-full' });
    set.ledger.move('gw1/1', 'resting');
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'channel-resting' });
  });

  it('refuse what this call has tried already', () => {
    const set = setUp({ gateways: [{}, {}], channelsEach: 2 });
    const request = { ...REQUEST, excludeChannels: ['gw1/1'], excludeGateways: ['gw2'] };
    assert.deepEqual(refusalsOf(set, request), {
      'gw1/1': 'already-tried',
      'gw2/1': 'already-tried',
      'gw2/2': 'already-tried',
    });
    assert.equal(winnerOf(set, request), 'gw1/2');
  });

  it('refuse channels outside the trunk’s channel groups', () => {
    const set = setUp({ channels: { 'gw1/2': { groups: ['sales', 'day'] }, 'gw1/3': { groups: ['day'] } } });
    assert.deepEqual(refusalsOf(set, { ...REQUEST, channelGroups: ['sales', 'night'] }), {
      'gw1/1': 'outside-trunk-groups',
      'gw1/3': 'outside-trunk-groups',
    });
    assert.deepEqual(refusalsOf(set), {});
  });

  it('refuse channels outside the agent’s channel groups, however the trunk’s are', () => {
    const set = setUp({ channels: { 'gw1/2': { groups: ['sales', 'day'] }, 'gw1/3': { groups: ['day'] } } });
    assert.deepEqual(refusalsOf(set, { ...REQUEST, channelGroups: ['day'], agentChannelGroups: ['sales'] }), {
      'gw1/1': 'outside-trunk-groups',
      'gw1/3': 'outside-agent-groups',
    });
  });

  it('refuse a gateway that has begun as many calls as it may in a second, until the first of them is a second old', () => {
    const set = setUp({ gateways: [{ maxCallsPerSecond: 2 }], channelsEach: 3 });
    set.ledger.move('gw1/1', 'busy');
    set.index.turnTo(NOON + 400);
    set.ledger.move('gw1/2', 'busy');
    const all = { 'gw1/1': 'gateway-rate', 'gw1/2': 'gateway-rate', 'gw1/3': 'gateway-rate' };
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 999), all);
    assert.equal(winnerOf(set, REQUEST, NOON + 1_000), 'gw1/3');
  });

  it('refuse a channel whose SIM is absent or not registered, while a status port says so', () => {
    const set = setUp();
    set.index.simChanged('gw1/1', { present: false, registered: false });
    set.index.simChanged('gw1/2', { present: true, registered: false });
    set.index.simChanged('gw1/3', { present: true, registered: true });
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'sim-absent', 'gw1/2': 'not-registered' });
    set.index.simChanged('gw1/1', null);
    set.index.simChanged('gw1/2', { present: true, registered: true });
    assert.deepEqual(refusalsOf(set), {});
  });

  it('refuse a weak signal while a status port says so', () => {
    const set = setUp({ channelsEach: 2 });
    set.index.simChanged('gw1/1', { present: true, registered: true, isWeak: true });
    set.index.simChanged('gw1/2', { present: true, registered: true, isWeak: false });
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'weak-signal' });
    set.index.simChanged('gw1/1', null);
    assert.deepEqual(refusalsOf(set), {});
  });

  it('refuse a suspended channel until it is resumed', () => {
    const set = setUp({ channelsEach: 1 });
    set.index.channelSuspended('gw1/1', true);
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'channel-suspended' });
    assert.equal(decisionOf(set, REQUEST).refusal, 'no-channel');
    set.index.channelSuspended('gw1/1', false);
    assert.equal(winnerOf(set), 'gw1/1');
  });

  it('let a probe call have the channel that it names, suspended or cooling, and no other', () => {
    const set = setUp({ channelsEach: 3, channels: { 'gw1/2': { groups: ['sales'] } } });
    const probe = { ...REQUEST, onlyChannel: 'gw1/2', channelGroups: ['support'] };
    set.index.channelSuspended('gw1/2', true);
    for (let failure = 0; failure < 3; failure++) {
      set.index.attemptReported('gw1/2', { outcome: 'failed', postDialDelayMs: null });
    }
    assert.deepEqual([winnerOf(set, probe), decisionOf(set, probe).considered], ['gw1/2', 1]);
    set.ledger.move('gw1/2', 'busy');
    const refused = decisionOf(set, probe);
    assert.deepEqual(
      [refused.best, refused.refused, refused.refusal],
      [undefined, { 'channel-busy': 1 }, 'no-channel'],
    );
    assert.equal(decisionOf(set, { ...probe, onlyChannel: 'gw1/9' }).best, undefined);
  });

  it('refuse a channel in its cool-down after failures in a row, then let one call try it', () => {
    const set = setUp({ channelsEach: 1 });
    const failed = { outcome: 'failed', postDialDelayMs: null } as const;
    for (let failure = 0; failure < 3; failure++) set.index.attemptReported('gw1/1', failed);
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'channel-cooling' });
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 59_999), { 'gw1/1': 'channel-cooling' });
    assert.equal(winnerOf(set, REQUEST, NOON + 60_000), 'gw1/1');
    set.index.attemptReported('gw1/1', failed);
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 179_999), { 'gw1/1': 'channel-cooling' });
    assert.equal(winnerOf(set, REQUEST, NOON + 180_000), 'gw1/1');
  });

  it('refuse a channel as long as its gateway’s response asks for, and no other', () => {
    const set = setUp({ channelsEach: 2 });
    const coolDown = { of: 'channel', ms: 10_000 } as const;
    set.index.attemptReported('gw1/1', { outcome: 'failed', postDialDelayMs: null, coolDown });
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 9_999), { 'gw1/1': 'channel-cooling' });
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 10_000), {});
  });

  it('refuse a gateway as long as its response asks for, whatever its probes say, but not to an emergency call', () => {
    const set = setUp({ channelsEach: 2, gateways: [{}, {}] });
    const report = (ms: number) =>
      set.index.attemptReported('gw1/1', {
        ...{ outcome: 'failed', postDialDelayMs: null },
        coolDown: { of: 'gateway', ms },
      });
    report(10_000);
    report(2_000);
    set.index.gatewayChanged('gw1', true);
    const cooling = { 'gw1/1': 'gateway-cooling', 'gw1/2': 'gateway-cooling' };
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 9_999), cooling);
    assert.deepEqual(refusalsOf(set, calling('112', 'emergency'), NOON + 9_999), {});
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 10_000), {});
  });

  it('keep a gateway’s cool-down and its rate of calls apart', () => {
    const set = setUp({ gateways: [{ maxCallsPerSecond: 1 }], channelsEach: 3 });
    set.ledger.move('gw1/1', 'busy');
    const coolDown = { of: 'gateway', ms: 3_000 } as const;
    set.index.attemptReported('gw1/1', { outcome: 'failed', postDialDelayMs: null, coolDown });
    assert.equal(refusalsOf(set, REQUEST, NOON + 2_999)['gw1/2'], 'gateway-cooling');
    assert.equal(winnerOf(set, REQUEST, NOON + 3_000), 'gw1/2');
  });

  it('refuse what pacing has not given out yet, and open when it does', () => {
    const pacing = { by: 'hours', weekdays: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1_080, holidays: [] } as const;
    const seconds = allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 900, classes: ['mobile'], pacing });
    const set = setUp({ plans: [planOf({ name: 'paced', allowances: [seconds] })], channelsEach: 1 });
    // Noon is in the fourth of nine hours: 400 of 900 seconds are given out.
    set.ledger.talk('gw1/1 sim', 400, 'a');
    assert.deepEqual(refusalsOf(set), { 'gw1/1': 'paced seconds-day' });
    assert.equal(winnerOf(set, REQUEST, NOON + 3_600_000), 'gw1/1');
  });

  it('open a rolling window when enough has left it', () => {
    const calls = allowanceOf({ id: 'calls-hour', counts: 'calls', limit: 1, classes: ['mobile'] });
    const rolling = { ...calls, window: { kind: 'rolling', seconds: 3_600 } } as const;
    const set = setUp({ plans: [planOf({ name: 'rolling', allowances: [rolling] })], channelsEach: 1 });
    set.ledger.talk('gw1/1 sim', 10, 'a');
    assert.deepEqual(refusalsOf(set, REQUEST, NOON + 3_599_999), { 'gw1/1': 'quota-exhausted calls-hour' });
    assert.equal(winnerOf(set, REQUEST, NOON + 3_600_000), 'gw1/1');
  });

  it('let emergency calls pass terms, class, quota, gap, caps and a gateway that seems down', () => {
    const set = setUp({ plans: [CONSUMER], gateways: [{ maxCalls: 1 }], channelsEach: 3 });
    const emergency = { ...calling('119', 'emergency') };
    set.ledger.talk('gw1/2 sim', 600, 'a');
    set.ledger.move('gw1/1', 'busy');
    set.ledger.move('gw1/3', 'resting');
    set.index.gatewayChanged('gw1', false);
    assert.deepEqual(refusalsOf(set, emergency), { 'gw1/1': 'channel-busy' });
    assert.equal(winnerOf(set, emergency), 'gw1/3');
  });

  it('let emergency calls pass groups, cool-down and what a status port says, but try sound channels first', () => {
    const set = setUp({ gateways: [{}, {}], channelsEach: 2 });
    set.index.simChanged('gw1/1', { present: false, registered: false });
    set.index.channelSuspended('gw1/2', true);
    for (let failure = 0; failure < 3; failure++) {
      set.index.attemptReported('gw1/2', { outcome: 'failed', postDialDelayMs: null });
    }
    set.index.gatewayChanged('gw2', false);
    const { candidates } = decisionOf(set, { ...calling('119', 'emergency'), channelGroups: ['sales'] });
    assert.equal(candidates.length, 4);
    assert.ok(candidates.every(({ terms }) => (terms.lastResort ?? 0) > 0));
    set.index.gatewayChanged('gw2', true);
    assert.deepEqual(
      decisionOf(set, calling('119', 'emergency')).candidates.map(({ channel }) => channel.channelId),
      ['gw2/1', 'gw2/2', 'gw1/1', 'gw1/2'],
    );
  });
});
