import assert from 'node:assert/strict';
import fc from 'fast-check';
import { TypedEmitter } from '../lib/typed-events.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { ChannelState, LedgerView, LedgerViewEvents } from '../quota/ledger-view.js';
import type { Allowance, Plan } from '../quota/plan.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { type FitRequest, UsageBook } from '../quota/usage-book.js';
import { UsageTerms } from '../quota/usage-terms.js';
import { decideRoute } from './decide-route.js';
import { BEST } from './decision.js';
import { explainRoute } from './explain-route.js';
import type { RoutingGateway } from './indexed-channel.js';
import { RouteIndex } from './route-index.js';
import type { RoutingRequest } from './rules.js';

const DAY_MS = 86_400_000;
/** Noon in Seoul. */
const NOON = Date.UTC(2026, 0, 5, 3);

const CALLEES = allowanceOf({ id: 'callees-day', counts: 'callees', limit: 2, classes: ['mobile'] });
const SECONDS: Allowance = { ...CALLEES, id: 'seconds-day', counts: 'seconds', limit: 600 };
const LANDLINE: Allowance = {
  ...SECONDS,
  id: 'landline-month',
  window: { kind: 'month', resetDay: 6 },
  classes: ['landline'],
};

const OFFICE = planOf({
  name: 'office',
  classes: ['mobile', 'landline'],
  maxCallSeconds: 3_600,
  allowances: [SECONDS, CALLEES, LANDLINE],
});
const CONSUMER: Plan = { ...OFFICE, name: 'consumer', commercialUse: 'forbidden' };

const CALLEE = '+821011112222';
const REQUEST: RoutingRequest = {
  callee: { e164: CALLEE, national: '01011112222', numberClass: 'mobile' },
  trunk: 'pbx',
  traffic: 'commercial',
  agent: null,
  channelGroups: null,
  agentChannelGroups: null,
  codecs: ['PCMA', 'PCMU'],
  excludeChannels: [],
  excludeGateways: [],
};

function calling(e164: string, numberClass: RoutingRequest['callee']['numberClass'] = 'mobile'): RoutingRequest {
  return { ...REQUEST, callee: { e164, national: e164, numberClass } };
}

/** A ledger's reading side, moved by hand. */
class HandLedger implements LedgerView {
  readonly events = new TypedEmitter<LedgerViewEvents>((error) => {
    throw error;
  });
  readonly books = new Map<string, UsageBook>();
  readonly states = new Map<string, ChannelState>();
  readonly sims = new Map<string, string[]>();

  channelState(channelId: string) {
    return this.states.get(channelId) ?? 'idle';
  }
  fit(simId: string, request: FitRequest) {
    return this.#book(simId).fit(request);
  }
  standing(simId: string, numberClass: NumberClass, wallMs: number) {
    return this.#book(simId).standing(numberClass, wallMs);
  }
  quote() {
    return 0;
  }
  today(simId: string, wallMs: number) {
    return this.#book(simId).today(wallMs);
  }
  simsOf(callee: string) {
    return this.sims.get(callee) ?? [];
  }
  move(channelId: string, state: ChannelState): void {
    this.states.set(channelId, state);
    this.events.emit('channel:changed', channelId, state);
  }
  talk(
    simId: string,
    seconds: number,
    callee: string,
    answeredWallMs = NOON,
    numberClass: NumberClass = 'mobile',
  ): void {
    const record = { callee, numberClass, reservedWallMs: answeredWallMs, answeredWallMs };
    this.#book(simId).book({ ...record, durationMs: seconds * 1000 });
    this.sims.set(callee, [...this.simsOf(callee).filter((id) => id !== simId), simId]);
    this.events.emit('usage:changed', simId);
  }
  #book(simId: string): UsageBook {
    const book = this.books.get(simId);
    assert.ok(book !== undefined);
    return book;
  }
}

interface SetupOptions {
  readonly plans?: readonly Plan[];
  readonly gateways?: readonly Partial<RoutingGateway>[];
  readonly channelsEach?: number;
  readonly disabled?: readonly string[];
}

/** Channels `gw1/1`… with SIMs `gw1/1 sim`…; a gateway's channels take the plans in turn. */
function setUp({ plans = [OFFICE], gateways = [{}], channelsEach = 3, disabled = [] }: SetupOptions = {}) {
  const ledger = new HandLedger();
  const terms = plans.map((plan) => new UsageTerms(plan));
  const named = gateways.map((gateway, index) => ({ name: `gw${index + 1}`, codecs: ['PCMA'], ...gateway }));
  const sims: { simId: string; number: string; plan: string }[] = [];
  const channels = named.flatMap((gateway) =>
    Array.from({ length: channelsEach }, (_, index) => {
      const channelId = `${gateway.name}/${index + 1}`;
      const simId = `${channelId} sim`;
      const plan = terms[index % terms.length] as UsageTerms;
      ledger.books.set(simId, new UsageBook(plan));
      sims.push({ simId, number: '+821000000000', plan: plan.terms.name });
      return { channelId, gateway: gateway.name, port: index + 1, simId, enabled: !disabled.includes(channelId) };
    }),
  );
  const index = new RouteIndex({ gateways: named, plans, sims, channels }, ledger, NOON);
  return { ledger, index };
}

type SetUp = ReturnType<typeof setUp>;

function winnerOf({ index }: SetUp, request = REQUEST, nowWallMs = NOON): string | undefined {
  index.turnTo(nowWallMs);
  return decideRoute(request, index).candidates[0]?.channel.channelId;
}

/** Reasons by channel, from the scan. */
function refusalsOf({ index }: SetUp, request = REQUEST): Record<string, string> {
  index.turnTo(NOON);
  return Object.fromEntries(
    explainRoute(request, index).refusals.map(({ channel, refusal }) => [
      channel.channelId,
      refusal.allowanceId === undefined ? refusal.reason : `${refusal.reason} ${refusal.allowanceId}`,
    ]),
  );
}

function decisionOf({ index }: SetUp, request = REQUEST) {
  index.turnTo(NOON);
  return decideRoute(request, index);
}

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
    assert.deepEqual(refusalsOf(setUp({ disabled: ['gw1/2'] })), { 'gw1/2': 'channel-disabled' });
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
});

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

  it('carries the score terms of each candidate', () => {
    const set = setUp();
    set.ledger.talk('gw1/3 sim', 30, CALLEE);
    const [best] = decisionOf(set).candidates;
    assert.deepEqual(best?.terms, {
      sameCallee: -90_000_000,
      evenness: 31_000,
      answerRatio: 2_500_000,
      postDialDelay: 600_000,
    });
    assert.equal(best?.score, -90_000_000 + 31_000 + 2_500_000 + 600_000);
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
    assert.equal(decisionOf(setUp({ channelsEach: 1, disabled: ['gw1/1'] })).refusal, 'no-channel');
  });

  it('names the version of what it saw', () => {
    const set = setUp();
    const before = decisionOf(set).version;
    assert.equal(decisionOf(set).version, before);
    set.ledger.move('gw1/1', 'busy');
    assert.notEqual(decisionOf(set).version, before);
  });

  it('gives the same winners as the scan of every channel, and the same refusals when there is none', () => {
    const simIds = [
      'gw1/1 sim',
      'gw1/2 sim',
      'gw1/3 sim',
      'gw1/4 sim',
      'gw2/1 sim',
      'gw2/2 sim',
      'gw2/3 sim',
      'gw2/4 sim',
    ];
    const channelIds = simIds.map((simId) => simId.replace(' sim', ''));
    const event = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('state' as const),
          id: fc.constantFrom(...channelIds),
          state: fc.constantFrom('idle', 'busy', 'resting' as const),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('talk' as const),
          id: fc.constantFrom(...simIds),
          seconds: fc.constantFrom(1, 30, 300, 599, 600),
          callee: fc.constantFrom('a', 'b', 'c', CALLEE),
          numberClass: fc.constantFrom('mobile', 'mobile', 'landline'),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('gateway' as const),
          id: fc.constantFrom('gw1', 'gw2'),
          up: fc.boolean(),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1_000, DAY_MS / 2, DAY_MS) }),
      },
    );
    const request = fc.record({
      callee: fc.oneof(
        { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'c', CALLEE).map((e164) => calling(e164).callee) },
        { weight: 2, arbitrary: fc.constantFrom('a', 'l').map((e164) => calling(e164, 'landline').callee) },
        { weight: 1, arbitrary: fc.constant(calling('p', 'premium').callee) },
        { weight: 1, arbitrary: fc.constant(calling('119', 'emergency').callee) },
      ),
      trunk: fc.constant('pbx'),
      agent: fc.constant(null),
      channelGroups: fc.constant(null),
      agentChannelGroups: fc.constant(null),
      traffic: fc.constantFrom('commercial' as const, 'personal' as const),
      codecs: fc.constantFrom(['PCMA'], ['PCMU'], ['PCMA', 'PCMU']),
      excludeChannels: fc.subarray(channelIds, { maxLength: 2 }),
      excludeGateways: fc.subarray(['gw1', 'gw2'], { maxLength: 1 }),
    });
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 40 }),
        fc.array(request, { minLength: 1, maxLength: 6 }),
        (events, requests) => {
          const set = setUp({
            plans: [OFFICE, CONSUMER],
            gateways: [{ maxCalls: 3 }, { codecs: ['PCMU'] }],
            channelsEach: 4,
            disabled: ['gw2/3'],
          });
          let nowWallMs = NOON;
          for (const step of events) {
            if (step.kind === 'state') set.ledger.move(step.id, step.state as ChannelState);
            else if (step.kind === 'talk')
              set.ledger.talk(step.id, step.seconds, step.callee, nowWallMs, step.numberClass as NumberClass);
            else if (step.kind === 'gateway') set.index.gatewayChanged(step.id, step.up);
            else nowWallMs += step.ms;
          }
          set.index.turnTo(nowWallMs);
          for (const asked of requests) {
            const decided = decideRoute(asked, set.index);
            const explained = explainRoute(asked, set.index);
            assert.deepEqual(
              decided.candidates.map(({ channel, terms }) => [channel.channelId, terms]),
              explained.ranked.slice(0, BEST).map(({ channel, terms }) => [channel.channelId, terms]),
            );
            assert.equal(explained.ranked.length + explained.refusals.length, set.index.channels.length);
            assert.deepEqual(decided.refused, explained.refused);
            assert.equal(decided.refusal, explained.refusal);
            assert.equal(decided.considered, set.index.channels.length);
          }
        },
      ),
      { numRuns: 600 },
    );
  });
});
