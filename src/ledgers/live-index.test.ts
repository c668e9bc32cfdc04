// The router's index, moved by the real ledger's events, by gateways, SIMs, calls and time: after any history a decision
// from its orders must be what a scan of every channel by the rules says, and its stored terms what they would be anew.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ManualClock } from '../lib/clock.js';
import type { NumberClass } from '../numbers/number-class.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { decideRoute } from '../routing/decide-route.js';
import { BEST, type Candidate } from '../routing/decision.js';
import { explainRoute } from '../routing/explain-route.js';
import { RouteIndex, type RoutingSettings } from '../routing/route-index.js';
import type { RoutingRequest } from '../routing/rules.js';
import { PRESETS } from '../routing/weights.js';
import { LedgerMemory } from './ledger-memory.js';
import type { Live } from './live-reservation.js';

const MOBILE = { classes: ['mobile'] } as const;
const CALLEES = allowanceOf({ id: 'callees-day', counts: 'callees', limit: 1, ...MOBILE });
const PLANS = [
  planOf({
    name: 'calendar',
    classes: ['mobile', 'landline', 'special'],
    allowances: [
      CALLEES,
      allowanceOf({ id: 'month', counts: 'seconds', limit: 300, window: { kind: 'month', resetDay: 6 }, ...MOBILE }),
      allowanceOf({
        ...{ id: 'landline', counts: 'seconds', limit: 60, classes: ['landline'] },
        beyond: { kind: 'charge', perStep: '3', stepSeconds: 1 },
      }),
    ],
  }),
  planOf({
    name: 'rolling',
    classes: ['mobile', 'landline'],
    allowances: [
      allowanceOf({ id: 'hour', counts: 'calls', limit: 2, window: { kind: 'rolling', seconds: 3_600 }, ...MOBILE }),
      { ...CALLEES, id: 'tried', window: { kind: 'rolling', seconds: 86_400 }, countsOn: 'attempt' },
    ],
    rates: { landline: { perStep: '1', stepSeconds: 60 } },
  }),
  planOf({
    name: 'paced',
    commercialUse: 'forbidden',
    classes: ['mobile', 'landline'],
    allowances: [
      allowanceOf({
        ...{ id: 'spread', counts: 'seconds', limit: 5_400, window: { kind: 'month', resetDay: 1 }, ...MOBILE },
        pacing: { by: 'hours', weekdays: [1, 2, 3, 4, 5], fromMinute: 540, toMinute: 1_080, holidays: [] },
      }),
      allowanceOf({ id: 'spent', counts: 'spend', limit: 100_000_000, classes: ['landline'] }),
    ],
    rates: { landline: { perStep: '1', stepSeconds: 1 } },
  }),
];
const GATEWAYS = [
  { name: 'gw0', codecs: ['PCMA', 'PCMU'], maxCalls: 2 },
  { name: 'gw1', codecs: ['PCMU'], maxCallsPerSecond: 1 },
  { name: 'gw2', codecs: ['PCMA', 'PCMU'] },
];
const PORTS = Array.from({ length: 12 }, (_, port) => port);
const SIMS = PORTS.map((port) => {
  return { simId: `sim${port}`, number: '+821012340001', plan: PLANS[port % 3]?.name ?? '' };
});
const CHANNELS = PORTS.map((port) => ({
  ...{ channelId: `c${port}`, gateway: `gw${Math.floor(port / 4)}`, port, simId: `sim${port}`, gapMs: 2_000 },
  enabled: port !== 3,
  groups: port % 2 === 0 ? ['even'] : ['odd', 'all'],
  agents: port === 5 || port === 10 ? ['pbx/201'] : [],
}));

const port = fc.nat(PORTS.length - 1);
const gateway = fc.nat(GATEWAYS.length - 1);
const callee = fc.constantFrom('a', 'b', 'c', 'd');
const numberClass = fc.constantFrom(
  'mobile',
  'mobile',
  'landline',
  'special',
  'emergency',
) as fc.Arbitrary<NumberClass>;
/** Calls of the history, by the place among the live ones. */
const pick = fc.nat(7);

const STEP = fc.oneof(
  // A whole attempt of a few seconds, after which its channel is idle again.
  {
    weight: 4,
    arbitrary: fc.record({ what: fc.constant('talk' as const), port, callee, numberClass, answered: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('reserve' as const), port, callee, numberClass }) },
  fc.record({ what: fc.constant('confirm' as const), pick }),
  fc.record({ what: fc.constant('renew' as const), pick }),
  fc.record({ what: fc.constant('settle' as const), pick, seconds: fc.constantFrom(1, 60, 299, 300, 3_000) }),
  fc.record({ what: fc.constant('give up' as const), pick, invited: fc.boolean() }),
  fc.record({ what: fc.constant('undo' as const), pick }),
  fc.record({ what: fc.constant('finish' as const), pick }),
  fc.record({ what: fc.constant('adjust' as const), port, amount: fc.integer({ min: -300, max: 300 }) }),
  fc.record({ what: fc.constant('gateway' as const), gateway, up: fc.boolean() }),
  fc.record({
    what: fc.constant('sim' as const),
    port,
    state: fc.option(fc.record({ present: fc.boolean(), registered: fc.boolean(), isWeak: fc.boolean() })),
  }),
  fc.record({ what: fc.constant('suspend' as const), port, suspended: fc.boolean() }),
  fc.record({
    what: fc.constant('report' as const),
    port,
    outcome: fc.constantFrom('answered' as const, 'callee' as const, 'failed' as const, 'failed' as const),
    postDialDelayMs: fc.option(fc.nat(20_000)),
    coolDown: fc.option(
      fc.record({
        of: fc.constantFrom('channel' as const, 'gateway' as const),
        ms: fc.constantFrom(0, 300, 5_000, 90_000),
      }),
      { nil: undefined },
    ),
  }),
  fc.record({
    what: fc.constant('wait' as const),
    ms: fc.constantFrom(300, 1_000, 2_000, 10_000, 60_000, 3_600_000, 40_000_000, 86_400_000 * 5),
  }),
  fc.record({ what: fc.constant('set back' as const), ms: fc.constantFrom(1_000, 7_200_000) }),
);

const REQUEST = fc.record({
  callee: fc.record({ e164: fc.constantFrom('a', 'b', 'c', 'new'), numberClass }),
  traffic: fc.constantFrom('commercial' as const, 'personal' as const),
  agent: fc.constantFrom(null, '201', '202'),
  channelGroups: fc.constantFrom(null, null, ['even'], ['all']),
  agentChannelGroups: fc.constantFrom(null, null, ['odd', 'even']),
  codecs: fc.constantFrom(['PCMA'], ['PCMA', 'PCMU']),
  excludeChannels: fc.subarray(['c1', 'c5', 'c8'], { maxLength: 2 }),
  excludeGateways: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constant(['gw0']) }),
});

const RANKING = fc.record({
  weights: fc.constantFrom(...Object.values(PRESETS)),
  seed: fc.nat(3),
  expectedCallSeconds: fc.constantFrom(30, 180),
});

/** A ledger and an index over it, with a history to happen to them. */
class History {
  readonly clock = new ManualClock(Date.UTC(2026, 0, 5, 3));
  readonly memory: LedgerMemory;
  readonly index: RouteIndex;
  #count = 0;

  constructor(ranking: NonNullable<RoutingSettings['ranking']>) {
    const settings = { plans: PLANS, sims: SIMS, channels: CHANNELS };
    this.memory = new LedgerMemory({ ...settings, sliceSeconds: 30 }, this.clock, (error) => {
      throw error;
    });
    this.index = new RouteIndex({ ...settings, gateways: GATEWAYS, ranking }, this.memory, this.clock.wallMs());
  }

  take(step: typeof STEP extends fc.Arbitrary<infer T> ? T : never): void {
    const { memory, index, clock } = this;
    if (step.what === 'reserve') this.#reserve(step);
    else if (step.what === 'talk') {
      const live = this.#reserve(step);
      if (live === undefined) return;
      memory.charge(live, step.answered ? clock.wallMs() : null, step.answered ? 3_000 : 0, false);
      memory.finish(live);
      clock.advance(2_000);
    } else if (step.what === 'gateway') index.gatewayChanged(`gw${step.gateway}`, step.up);
    else if (step.what === 'sim') index.simChanged(`c${step.port}`, step.state);
    else if (step.what === 'suspend') index.channelSuspended(`c${step.port}`, step.suspended);
    else if (step.what === 'report') index.attemptReported(`c${step.port}`, step);
    else if (step.what === 'wait') clock.advance(step.ms);
    else if (step.what === 'set back') clock.jumpWallTo(clock.wallMs() - step.ms);
    else if (step.what === 'adjust') {
      const adjustment = { holder: `sim:sim${step.port}`, allowanceId: 'month', amount: step.amount };
      const said = { adjustmentId: `j${++this.#count}`, reason: 'a test', by: 'a test', wallMs: clock.wallMs() };
      memory.adjust({ ...adjustment, ...said });
    } else {
      const live = [...memory.live.values()];
      const chosen = live[step.pick % Math.max(1, live.length)];
      if (chosen !== undefined) this.#goOn(chosen, step);
    }
    index.turnTo(clock.wallMs());
  }

  #reserve({
    port: at,
    callee: called,
    ...rest
  }: {
    port: number;
    callee: string;
    numberClass: NumberClass;
  }): Live | undefined {
    const reservationId = `r${++this.#count}`;
    this.memory.reserve({
      ...{ reservationId, callId: reservationId, trunk: 'pbx', direction: 'out', payers: [] },
      ...{ channelId: `c${at}`, simId: `sim${at}`, callee: called, ...rest, wallMs: this.clock.wallMs() },
    });
    return this.memory.live.get(reservationId);
  }

  #goOn(live: Live, step: { what: string; seconds?: number; invited?: boolean }): void {
    const { memory, clock } = this;
    if (step.what === 'finish') memory.finish(live);
    if (step.what === 'finish' || live.settled) return;
    if (step.what === 'confirm') memory.confirm(live, clock.wallMs());
    if (step.what === 'renew') memory.extend(live, clock.wallMs() + 30_000);
    if (step.what === 'undo') memory.undo(live);
    if (step.what === 'settle') memory.charge(live, clock.wallMs(), (step.seconds ?? 0) * 1000, false);
    if (step.what === 'give up' && step.invited) memory.charge(live, null, 0, false);
    if (step.what === 'give up' && !step.invited) memory.drop(live);
    live.settled = step.what === 'settle' || step.what === 'give up';
  }

  close(): void {
    this.index.close();
    this.memory.close();
  }
}

function described(candidate: Candidate | undefined): unknown {
  return candidate && [candidate.channel.channelId, candidate.score, candidate.terms];
}

function assertSameDecision({ index }: History, request: RoutingRequest): void {
  const decided = decideRoute(request, index);
  const explained = explainRoute(request, index);
  assert.deepEqual(decided.candidates.map(described), explained.ranked.slice(0, BEST).map(described));
  // It is found by itself, not as the first of these.
  assert.deepEqual(described(decided.best), described(explained.ranked[0]));
  assert.deepEqual(decided.refused, explained.refused);
  assert.equal(decided.refusal, explained.refusal);
  assert.equal(explained.ranked.length + explained.refusals.length, CHANNELS.length);
  for (const { score, terms } of decided.candidates) {
    assert.equal(
      Object.values(terms).reduce((sum, term) => sum + term, 0),
      score,
    );
  }
}

/** What the orders keep of idle channels is what the ledger would say now. */
function assertFreshTerms({ index }: History): void {
  for (const channel of index.channels.filter(({ refusal }) => refusal === 0)) {
    const anew = { ...channel, standings: [] };
    index.scorer.stand(anew, channel.pool.classes, index.wallMs);
    assert.deepEqual(channel.standings, anew.standings, channel.channelId);
  }
}

describe('the router’s index over the ledger', () => {
  it('offers no channel whose SIM is still in a call where it was before it moved, unless to help', () => {
    const history = new History({});
    const { memory, clock } = history;
    for (const port of [0, 1, 2]) {
      history.take({ what: 'reserve', port, callee: 'a', numberClass: 'mobile' });
    }
    const at = [4, 5, 6, 3, 0, 1, 2, 7, 8, 9, 10, 11];
    const channels = CHANNELS.map((channel, port) => ({ ...channel, simId: `sim${at[port]}`, agents: [] }));
    const settings = { plans: PLANS, sims: SIMS, channels };
    memory.take(memory.change({ ...settings, sliceSeconds: 30 }));
    const index = new RouteIndex({ ...settings, gateways: GATEWAYS }, memory, clock.wallMs());
    const offered = (numberClass: NumberClass) => {
      const callee = { e164: 'b', national: 'b', numberClass };
      const asked = { trunk: 'pbx', callee, traffic: 'personal', agent: null, channelGroups: null } as const;
      const excluded = { agentChannelGroups: null, excludeChannels: [], excludeGateways: [] };
      const { candidates } = decideRoute({ ...asked, ...excluded, codecs: ['PCMA', 'PCMU'] }, index);
      return candidates.map(({ channel }) => channel.channelId);
    };
    const moved = ['c4', 'c5', 'c6'];
    assert.deepEqual(
      offered('mobile').filter((channelId) => moved.includes(channelId)),
      [],
    );
    assert.ok(offered('mobile').includes('c7'));
    assert.deepEqual(
      moved.filter((channelId) => !offered('emergency').includes(channelId)),
      [],
    );
    for (const live of [...memory.live.values()]) memory.undo(live);
    index.turnTo(clock.wallMs());
    assert.deepEqual(
      moved.filter((channelId) => offered('mobile').includes(channelId)),
      moved,
    );
    index.close();
    history.close();
  });

  it('decides after any history as a scan of every channel does, with the same refusals, scores and terms', () => {
    fc.assert(
      fc.property(
        fc.array(STEP, { maxLength: 60 }),
        fc.array(REQUEST, { minLength: 1, maxLength: 4 }),
        RANKING,
        (steps, requests, ranking) => {
          const history = new History(ranking);
          for (const step of steps) {
            history.take(step);
            for (const { callee: called, ...rest } of requests) {
              assertSameDecision(history, { ...rest, trunk: 'pbx', callee: { ...called, national: called.e164 } });
            }
            assertFreshTerms(history);
          }
          history.close();
        },
      ),
      { numRuns: 200 },
    );
  });
});
