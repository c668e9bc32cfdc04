import assert from 'node:assert/strict';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { BEST } from './decision.js';
import {
  CALLEE,
  CONSUMER,
  calling,
  DAY_MS,
  decisionOf,
  NOON,
  REQUEST,
  refusalsOf,
  setUp,
  winnerOf,
} from './routing-test-kit.js';
import { PRESETS } from './weights.js';

describe('the ranking', () => {
  it('prefers the SIM that last talked to the callee, however much it was used', () => {
    const set = setUp();
    set.ledger.talk('gw1/2 sim', 500, CALLEE);
    assert.equal(winnerOf(set), 'gw1/2');
    assert.equal(winnerOf(set, calling('b')), 'gw1/1');
    set.ledger.move('gw1/2', 'busy');
    assert.equal(winnerOf(set), 'gw1/1');
  });

  it('then the least used today, by seconds, then by calls, then by place in the config', () => {
    const set = setUp();
    assert.equal(winnerOf(set), 'gw1/1');
    set.ledger.talk('gw1/1 sim', 30, 'a');
    set.ledger.talk('gw1/2 sim', 20, 'b');
    set.ledger.talk('gw1/3 sim', 30, 'c');
    assert.equal(winnerOf(set), 'gw1/2');
    set.ledger.talk('gw1/2 sim', 10, 'b');
    assert.equal(winnerOf(set), 'gw1/1');
  });

  it('forgets yesterday’s use when the plan’s day turns', () => {
    const set = setUp({ channelsEach: 2 });
    set.ledger.talk('gw1/1 sim', 100, 'a');
    assert.equal(winnerOf(set), 'gw1/2');
    assert.equal(winnerOf(set, REQUEST, NOON + DAY_MS / 2), 'gw1/1');
  });

  it('prefers the agent’s own channels, even to the one that talked to the callee last', () => {
    const set = setUp({ channels: { 'gw1/2': { agents: ['pbx/201'] }, 'gw1/3': { agents: ['pbx/201', 'pbx/202'] } } });
    const mine = { ...REQUEST, agent: '201' };
    assert.equal(winnerOf(set, mine), 'gw1/2');
    set.ledger.talk('gw1/2 sim', 30, 'a');
    assert.equal(winnerOf(set, mine), 'gw1/3');
    assert.equal(winnerOf(set, { ...REQUEST, agent: '202' }), 'gw1/3');
    assert.equal(winnerOf(set, { ...mine, trunk: 'other' }), 'gw1/1');
    assert.equal(winnerOf(set), 'gw1/1');
    const [best] = decisionOf(set, mine).candidates;
    assert.equal(best?.terms.ownChannel, -95_000_000);
    set.ledger.talk('gw1/1 sim', 30, CALLEE);
    assert.deepEqual(
      decisionOf(set, mine).candidates.map(({ channel }) => channel.channelId),
      ['gw1/3', 'gw1/2', 'gw1/1'],
    );
  });

  it('avoids SIMs on which a call of the expected duration would cost', () => {
    const seconds = allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: 100, classes: ['mobile'] });
    const beyond = { kind: 'charge', perStep: '2', stepSeconds: 1 } as const;
    const plans = [planOf({ name: 'metered', allowances: [{ ...seconds, beyond }] })];
    const set = setUp({ plans, channelsEach: 2, ranking: { expectedCallSeconds: 60 } });
    set.ledger.talk('gw1/1 sim', 100, 'a');
    set.ledger.talk('gw1/2 sim', 40, 'b');
    const { candidates } = decisionOf(set, calling('c'));
    // 60 seconds would fit in what is left of the second; on the first they cost 120, of a full cost of 1,000.
    assert.deepEqual(
      candidates.map(({ channel, terms }) => [channel.channelId, terms.cost ?? 0]),
      [
        ['gw1/2', 0],
        ['gw1/1', 500 * 12_000],
      ],
    );
  });

  it('fills one SIM after the other where that is wanted', () => {
    const set = setUp({ ranking: { weights: PRESETS['fill-first'] } });
    set.ledger.talk('gw1/2 sim', 30, 'a');
    assert.equal(winnerOf(set), 'gw1/2');
    set.ledger.talk('gw1/2 sim', 570, 'a');
    assert.equal(winnerOf(set), 'gw1/1');
  });

  it('prefers channels that are answered, ring soon and do not fail', () => {
    const set = setUp({ ranking: { weights: PRESETS.quality } });
    for (let attempt = 0; attempt < 5; attempt++) {
      set.index.attemptReported('gw1/1', { outcome: 'callee', postDialDelayMs: 2_000 });
      set.index.attemptReported('gw1/2', { outcome: 'answered', postDialDelayMs: 9_000 });
      set.index.attemptReported('gw1/3', { outcome: 'answered', postDialDelayMs: 2_000 });
    }
    assert.deepEqual(
      decisionOf(set).candidates.map(({ channel }) => channel.channelId),
      ['gw1/3', 'gw1/2', 'gw1/1'],
    );
    set.index.attemptReported('gw1/3', { outcome: 'failed', postDialDelayMs: null });
    set.index.attemptReported('gw1/3', { outcome: 'failed', postDialDelayMs: null });
    assert.equal(winnerOf(set), 'gw1/2');
    // Long after, nothing is known of any.
    assert.equal(winnerOf(set, REQUEST, NOON + 10 * 3_300_000), 'gw1/1');
  });

  it('breaks ties by the seed: the same again with the same, another order with another', () => {
    const orderOf = (seed: number) =>
      decisionOf(setUp({ channelsEach: 20, ranking: { seed } })).candidates.map(({ channel }) => channel.port);
    assert.deepEqual(orderOf(0), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert.deepEqual(orderOf(7), orderOf(7));
    assert.notDeepEqual(orderOf(7), orderOf(8));
  });

  it('carries the score terms of each candidate', () => {
    const set = setUp();
    set.ledger.talk('gw1/3 sim', 30, CALLEE);
    const [best] = decisionOf(set).candidates;
    assert.deepEqual(best?.terms, {
      sameCallee: -90_000_000,
      evenness: 31_000,
      answerRatio: 1_000_000,
      postDialDelay: 300_000,
    });
    assert.equal(best?.score, -90_000_000 + 31_000 + 1_000_000 + 300_000);
  });
});

describe('decideRoute', () => {
  it('returns the best few of many', () => {
    const { candidates } = decisionOf(setUp({ channelsEach: 50 }));
    assert.equal(candidates.length, BEST);
  });

  it('says whether another call would have found a channel', () => {
    const busy = setUp({ channelsEach: 1 });
    busy.ledger.move('gw1/1', 'busy');
    assert.equal(decisionOf(busy).refusal, 'no-channel');
    const noSeconds = setUp({ channelsEach: 1 });
    noSeconds.ledger.talk('gw1/1 sim', 600, 'a');
    assert.equal(decisionOf(noSeconds).refusal, 'no-channel');
    const noCallees = setUp({ channelsEach: 1 });
    noCallees.ledger.talk('gw1/1 sim', 1, 'a');
    noCallees.ledger.talk('gw1/1 sim', 1, 'b');
    assert.equal(decisionOf(noCallees).refusal, 'refused-for-this-call');
    assert.equal(decisionOf(setUp({ plans: [CONSUMER] })).refusal, 'refused-for-this-call');
    assert.equal(decisionOf(setUp(), calling('x', 'premium')).refusal, 'refused-for-this-call');
    assert.equal(decisionOf(setUp({ channelsEach: 0 })).refusal, 'no-channel');
    assert.equal(
      decisionOf(setUp({ channelsEach: 1, channels: { 'gw1/1': { enabled: false } } })).refusal,
      'no-channel',
    );
  });

  it('counts every channel as ranked or refused, also where there is a winner', () => {
    const set = setUp({ channelsEach: 20 });
    for (let port = 1; port <= 5; port++) set.ledger.move(`gw1/${port}`, 'busy');
    set.ledger.talk('gw1/6 sim', 600, 'a');
    const { considered, refused, seed } = decisionOf(set);
    assert.equal(considered, 20);
    assert.deepEqual(refused, { 'channel-busy': 5, 'quota-exhausted': 1 });
    assert.equal(seed, 0);
  });

  it('follows wall time that somebody set back, and not the little that calls wait for each other', () => {
    const set = setUp({ channelsEach: 1 });
    set.ledger.talk('gw1/1 sim', 600, 'a');
    assert.equal(winnerOf(set, REQUEST, NOON + DAY_MS), 'gw1/1');
    assert.equal(winnerOf(set, REQUEST, NOON + DAY_MS - 1_000), 'gw1/1');
    assert.equal(set.index.wallMs, NOON + DAY_MS);
    assert.deepEqual(refusalsOf(set, REQUEST, NOON), { 'gw1/1': 'quota-exhausted seconds-day' });
  });

  it('names the version of what it saw', () => {
    const set = setUp();
    const before = decisionOf(set).version;
    assert.equal(decisionOf(set).version, before);
    set.ledger.move('gw1/1', 'busy');
    assert.notEqual(decisionOf(set).version, before);
  });
});
