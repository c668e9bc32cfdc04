import assert from 'node:assert/strict';
import { SimtrunkError } from '../lib/errors.js';
import { PRESETS } from '../routing/weights.js';
import { parseConfig } from './load-config.js';

/** A sound config, with further keys for its parts and a routing section. */
function parse({ trunk = '', gateway = '', channel = '', routing = '{}', ledger = '{}' }) {
  const text = `
networks: [ { name: lan, bind: 127.0.0.1 } ]
trunks: [ { name: pbx, network: lan, sources: [ 10.0.0.5 ]${trunk} } ]
gateways: [ { name: gw1, network: lan, address: "10.0.0.20"${gateway} } ]
plans: [ { name: office, commercialUse: allowed } ]
sims: [ { number: "+821012340001", plan: office } ]
channels: [ { gateway: gw1, port: 1, sim: "+821012340001"${channel} } ]
routing: ${routing}
ledger: ${ledger}
`;
  return parseConfig(text, '/etc/simtrunk/config.yaml', { env: {} }, 'config.yaml');
}

function problemOf(parts: Parameters<typeof parse>[0]): string {
  try {
    parse(parts);
  } catch (error) {
    assert.ok(error instanceof SimtrunkError);
    return error.message.split('\n').slice(1).join('\n');
  }
  return 'none';
}

describe('the routing section', () => {
  it('has the preset balanced unless it says another', () => {
    assert.deepEqual(parse({}).routing, {
      ranking: {
        weights: PRESETS.balanced,
        seed: 0,
        expectedCallSeconds: 180,
        fullCost: '1000',
        health: { failAfter: 3, coolDownMs: 60_000, maxCoolDownMs: 900_000, halfLifeMs: 900_000 },
      },
      streaks: {
        fastFailures: { count: 10, withinMs: 1_000 },
        noAlerting: { count: 15, afterMs: 10_000 },
        shortAnswers: { count: 20, underMs: 3_000 },
        answersWithout18x: { count: 20 },
        mostPercent: 50,
        probe: null,
      },
      agents: [],
    });
    assert.deepEqual(parse({ routing: '{ preset: quality }' }).routing.ranking.weights, PRESETS.quality);
  });

  it('looks for no streak that is false', () => {
    const off = '{ fastFailures: false, noAlerting: false, shortAnswers: false, answersWithout18x: false }';
    const { streaks } = parse({ routing: `{ streaks: ${off} }` }).routing;
    assert.deepEqual(Object.values(streaks), [null, null, null, null, 50, null]);
    assert.match(
      problemOf({ routing: '{ streaks: { fastFailures: { count: 1 } } }' }),
      /routing\.streaks\.fastFailures/,
    );
  });

  it('has a telephone of the operator’s own for probe calls, and never an emergency number', () => {
    const problem = (probe: string) => problemOf({ routing: `{ streaks: { probe: ${probe} } }` });
    const { probe } = parse({
      routing: '{ streaks: { probe: { trunk: pbx, number: "01012345678", afterSeconds: 60 } } }',
    }).routing.streaks;
    assert.deepEqual(probe, { trunk: 'pbx', number: '01012345678', afterMs: 60_000, maxAfterMs: 14_400_000 });
    assert.match(problem('{ trunk: pxb, number: "01012345678" }'), /probe\.trunk: there is no trunk "pxb"/);
    assert.match(problem('{ trunk: pbx, number: "119" }'), /probe\.number: is an emergency number/);
    assert.match(
      problem('{ trunk: pbx, number: "0012025550100" }'),
      /is international, which trunk "pbx" may not call/,
    );
  });

  it('gives nodes that share a ledger seeds of their own, always the same for a name, unless one is set', () => {
    const seedOf = (node: string, routing = '{}') => {
      const redis = `{ url: "redis://127.0.0.1:6379", node: ${node} }`;
      return parse({ routing, ledger: `{ kind: redis, redis: ${redis} }` }).routing.ranking.seed;
    };
    assert.equal(seedOf('a'), seedOf('a'));
    assert.equal(new Set([0, seedOf('a'), seedOf('b'), seedOf('c')]).size, 4);
    assert.equal(seedOf('a', '{ seed: 7 }'), 7);
  });

  it('replaces single weights of a preset', () => {
    const { weights } = parse({ routing: '{ preset: cheapest, weights: { sameCallee: 700, failures: 0 } }' }).routing
      .ranking;
    assert.deepEqual(weights, { ...PRESETS.cheapest, sameCallee: 700, failures: 0 });
  });

  it('reads channel groups, own channels and the rate of a gateway', () => {
    const config = parse({
      trunk: ', agentFrom: from-user, channelGroups: [ sales ]',
      gateway: ', maxCallsPerSecond: 0.5',
      channel: ', groups: [ sales, day ], agents: [ pbx/201 ]',
      routing: '{ agents: [ { agent: pbx/202, channelGroups: [ day ] } ] }',
    });
    assert.deepEqual(config.trunks[0]?.channelGroups, ['sales']);
    assert.equal(config.gateways[0]?.maxCallsPerSecond, 0.5);
    assert.deepEqual(config.channels[0]?.groups, ['sales', 'day']);
    assert.deepEqual(config.channels[0]?.agents, ['pbx/201']);
    assert.deepEqual(config.routing.agents, [{ name: 'pbx/202', channelGroups: ['day'] }]);
  });

  it('refuses channel groups that no channel is in', () => {
    const channel = ', groups: [ sales ]';
    assert.match(
      problemOf({ channel, routing: '{ agents: [ { agent: pbx/1, channelGroups: [ sale ] } ] }' }),
      /routing\.agents\[0\]\.channelGroups\[0\].*no channel is in the group "sale"; did you mean "sales"\?/,
    );
  });

  it('refuses agents of no trunk, and what is no agent', () => {
    const channel = ', groups: [ day ]';
    const named = (agent: string) =>
      problemOf({ channel, routing: `{ agents: [ { agent: ${agent}, channelGroups: [ day ] } ] }` });
    assert.match(named('other/201'), /routing\.agents\[0\]\.agent.*there is no "other"/);
    assert.match(named('"201"'), /must be trunk\/agent/);
  });

  it('refuses weights that undo each other, or are none', () => {
    assert.match(problemOf({ routing: '{ weights: { fillFirst: 10 } }' }), /routing\.weights.*set evenness/);
    assert.equal(problemOf({ routing: '{ weights: { fillFirst: 10, evenness: 0 } }' }), 'none');
    assert.match(problemOf({ routing: '{ weights: { cost: 1001 } }' }), /routing\.weights\.cost/);
    assert.match(problemOf({ routing: '{ weights: { price: 1 } }' }), /price/);
    assert.match(problemOf({ routing: '{ fullCost: "0" }' }), /must be more than 0/);
  });
});
