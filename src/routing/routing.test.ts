// Routing on the service's clock: what a jump of wall time does to what only waits for time to pass.
import assert from 'node:assert/strict';
import { ManualClock } from '../lib/clock.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { createRouting } from './routing.js';
import { OFFICE, REQUEST, setUp } from './routing-test-kit.js';

describe('routing', () => {
  it('lets a gateway at its rate take calls again after a second, though wall time was set back', () => {
    const clock = new ManualClock();
    const { ledger } = setUp();
    const ids = ['gw1/1', 'gw1/2', 'gw1/3'];
    const routing = createRouting({
      gateways: [
        {
          ...{ name: 'gw1', codecs: ['PCMA'], maxCallsPerSecond: 1, terms: null, probe: false },
          ...{ dial: '{number}', host: '192.0.2.10', port: 5060, transport: 'udp' },
        },
      ],
      plans: [OFFICE],
      sims: ids.map((id) => ({ simId: `${id} sim`, number: '+821000000000', plan: OFFICE.name })),
      channels: ids.map((channelId, port) => ({
        ...{ channelId, port, simId: `${channelId} sim`, gateway: 'gw1', enabled: true },
      })),
      view: ledger,
      clock,
    });
    const { agent: _, ...question } = REQUEST;
    const found = (wallMs: number) =>
      routing.decide({ ...question, trunk: { name: 'pbx', traffic: 'commercial' }, wallMs }).candidates.length;
    const cameAtMs = clock.wallMs();
    clock.advance(40_000);
    assert.equal(found(clock.wallMs()), 3);
    ledger.move('gw1/1', 'busy');
    assert.equal(found(clock.wallMs()), 0);
    clock.jumpWallTo(clock.wallMs() - 30_000);
    assert.equal(found(clock.wallMs()), 0);
    clock.advance(1_000);
    assert.equal(found(clock.wallMs()), 2);
    // A call that waited since before moves nothing.
    const { wallMs } = routing.index;
    assert.equal(found(cameAtMs), 2);
    assert.equal(routing.index.wallMs, wallMs);
    routing.close();
  });

  it('takes a channel’s cool-down back when a mobile turns out to have been ringing its SIM', () => {
    const clock = new ManualClock();
    const { ledger } = setUp();
    const gateway = { dial: '{number}', host: '192.0.2.10', port: 5060, transport: 'udp' } as const;
    const routing = createRouting({
      gateways: [{ ...gateway, name: 'gw1', codecs: ['PCMA'], terms: null, probe: false }],
      plans: [OFFICE],
      sims: [{ simId: 'gw1/1 sim', number: '+821000000000', plan: OFFICE.name }],
      channels: [{ channelId: 'gw1/1', port: 1, simId: 'gw1/1 sim', gateway: 'gw1', enabled: true }],
      view: ledger,
      clock,
    });
    const { agent: _, ...question } = REQUEST;
    const trunk = { name: 'pbx', traffic: 'commercial' } as const;
    const isOpen = () => routing.decide({ ...question, trunk, wallMs: clock.wallMs() }).best !== undefined;
    const coolDown = { of: 'channel', ms: 600_000 } as const;
    routing.attemptReported('gw1/1', { outcome: 'failed', postDialDelayMs: null, coolDown });
    assert.equal(isOpen(), false);
    clock.advance(3_000);
    routing.callReceived('gw1/1');
    routing.callReceived('gw9/1');
    assert.equal(isOpen(), true);
    routing.close();
  });

  it('begins a gateway’s cool-down when its response comes, however long ago the call was routed', () => {
    const clock = new ManualClock();
    const { ledger } = setUp();
    const gateway = { dial: '{number}', host: '192.0.2.10', port: 5060, transport: 'udp' } as const;
    const routing = createRouting({
      gateways: [{ ...gateway, name: 'gw1', codecs: ['PCMA'], terms: null, probe: false }],
      plans: [OFFICE],
      sims: [{ simId: 'gw1/1 sim', number: '+821000000000', plan: OFFICE.name }],
      channels: [{ channelId: 'gw1/1', port: 1, simId: 'gw1/1 sim', gateway: 'gw1', enabled: true }],
      view: ledger,
      clock,
    });
    clock.advance(8_000);
    const coolDown = { of: 'gateway', ms: 10_000 } as const;
    routing.attemptReported('gw1/1', { outcome: 'failed', postDialDelayMs: null, coolDown });
    clock.advance(9_999);
    assert.equal(routing.isGatewayCooling('gw1'), true);
    assert.equal(routing.gatewayState('gw1'), 'up');
    clock.advance(1);
    assert.equal(routing.isGatewayCooling('gw1'), false);
    routing.close();
  });

  it('finds calls and messages the gateways of the last config, wherever these stood in the one before', () => {
    const clock = new ManualClock();
    const plan = planOf({ name: 'texts', allowances: [allowanceOf({ id: 'sms-day', counts: 'sms', limit: 9 })] });
    const { ledger } = setUp({ gateways: [{}, {}], plans: [plan] });
    const dial = { dial: '{number}', port: 5060, transport: 'udp' } as const;
    const setupOf = (names: readonly string[]) => ({
      gateways: names.map((name) => ({
        ...dial,
        name,
        host: `${name}.test`,
        codecs: ['PCMA'],
        terms: name,
        probe: false as const,
      })),
      plans: [plan],
      sims: names.map((name) => ({ simId: `${name}/1 sim`, number: '+821000000000', plan: plan.name })),
      channels: names.map((name) => ({
        channelId: `${name}/1`,
        port: 1,
        simId: `${name}/1 sim`,
        gateway: name,
        enabled: true,
      })),
    });
    const routing = createRouting({ ...setupOf(['gw1', 'gw2']), view: ledger, clock });
    routing.reconfigure(setupOf(['gw2']));
    const { agent: _, ...asked } = REQUEST;
    const question = { ...asked, trunk: { name: 'pbx', traffic: 'commercial' }, wallMs: clock.wallMs() } as const;
    assert.equal(routing.decide(question).best?.gateway, 'gw2');
    const load = { kind: 'sms', count: 1 } as const;
    const message = { ...question, agent: null, loads: new Map([['gw2', load]]), resting: new Set<string>() };
    assert.equal(routing.decideMessage(message).best?.gateway, 'gw2');
    routing.close();
  });

  it('knows over a reload what it knew of gateways, channels and SIMs that are still what they were', () => {
    const clock = new ManualClock();
    const { ledger } = setUp({ gateways: [{}, {}] });
    const probe = { failAfter: 1, succeedAfter: 1 };
    const gateway = (name: string, over: object = {}) => ({
      ...{ name, codecs: ['PCMA'], terms: name, probe, maxCalls: 1 },
      ...{ dial: '{number}', host: `${name}.test`, port: 5060, transport: 'udp' as const },
      ...over,
    });
    const setupOf = (gateways: ReturnType<typeof gateway>[], ids: readonly string[]) => ({
      ...{ gateways, plans: [OFFICE] },
      sims: ids.map((id) => ({ simId: `${id} sim`, number: '+821000000000', plan: OFFICE.name })),
      channels: ids.map((id) => ({
        ...{ channelId: id, port: Number(id.split('/')[1]), simId: `${id} sim` },
        ...{ gateway: id.split('/')[0] ?? '', enabled: true },
      })),
    });
    const ids = ['gw1/1', 'gw1/2', 'gw2/1'];
    const routing = createRouting({ ...setupOf([gateway('gw1'), gateway('gw2')], ids), view: ledger, clock });
    const { agent: _, ...asked } = REQUEST;
    const refused = () => {
      const question = { ...asked, trunk: { name: 'pbx', traffic: 'commercial' }, wallMs: clock.wallMs() } as const;
      return routing.decide(question).summary.refused;
    };
    routing.probed('gw2', 'silent');
    routing.simState('gw1/1', { present: false, registered: false });
    const coolDown = { of: 'channel', ms: 60_000 } as const;
    routing.attemptReported('gw1/2', { outcome: 'failed', postDialDelayMs: null, coolDown });
    const known = { 'gateway-down': 1, 'sim-absent': 1, 'channel-cooling': 1 };
    assert.deepEqual(refused(), known);
    // In another order, and with other terms: nothing that was learned is lost.
    const later = () => gateway('gw1', { terms: 'other' });
    routing.reconfigure(setupOf([gateway('gw2'), later()], ['gw2/1', 'gw1/2', 'gw1/1']));
    assert.deepEqual(refused(), known);
    assert.equal(routing.gatewayState('gw2'), 'down');
    // At another address a gateway is another one; a channel that is gone and came back is a new one.
    routing.reconfigure(setupOf([gateway('gw2', { host: 'elsewhere.test' }), later()], ['gw2/1', 'gw1/1']));
    assert.deepEqual([refused(), routing.gatewayState('gw2')], [{ 'sim-absent': 1 }, 'up']);
    clock.advance(61_000);
    routing.reconfigure(setupOf([gateway('gw2'), later()], ids));
    assert.deepEqual(refused(), { 'sim-absent': 1 });
    // The call of a channel that is gone counts at its gateway until it is over.
    ledger.move('gw1/2', 'busy');
    routing.reconfigure(setupOf([gateway('gw2'), later()], ['gw2/1', 'gw1/3']));
    assert.deepEqual(refused(), { 'gateway-full': 1 });
    ledger.move('gw1/2', 'idle');
    assert.deepEqual(refused(), {});
    routing.close();
  });
});
