import assert from 'node:assert/strict';
import { ManualClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { allowanceOf, planOf } from '../../quota/plan-defaults.js';
import { LedgerMemory } from '../ledger-memory.js';
import { RedisClock } from './redis-clock.js';
import { ReplicaView } from './replica-view.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
const AHEAD_MS = 3_600_000;
const MESSAGES = allowanceOf({ id: 'sms-day', counts: 'sms', limit: 1 });

describe('what routing reads of the shared ledger', () => {
  let clock: RedisClock;
  let memory: LedgerMemory;
  let view: ReplicaView;
  let told: string[];

  function newMemory(): LedgerMemory {
    const sims = [1, 2].map((port) => ({ simId: `sim${port}`, plan: 'office' }));
    const channels = [1, 2].map((port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 }));
    const plans = [planOf({ name: 'office', allowances: [MESSAGES] })];
    const settings = { plans, sims, channels, sliceSeconds: 30, capsOf: () => undefined };
    return new LedgerMemory(settings, clock, () => {});
  }

  beforeEach(() => {
    clock = new RedisClock(new ManualClock(), log, AHEAD_MS);
    memory = newMemory();
    view = new ReplicaView(memory, clock, log);
    told = [];
    view.events.on('channel:changed', (channelId, state) => told.push(`${channelId} ${state}`));
    view.events.on('usage:changed', (simId) => told.push(simId));
  });

  it('is what the memory says, as it changes', () => {
    memory.mark('gw1/1', 'busy');
    assert.deepEqual([view.channelState('gw1/1'), view.channelState('gw1/2')], ['busy', 'idle']);
    assert.equal(view.channelState('gw9/9'), undefined);
    assert.deepEqual(told, ['gw1/1 busy']);
  });

  it('has a channel that another node holds back as a busy one, and says no more of it until it is given back', () => {
    view.setForeign(new Set(['gw1/1', 'gw9/9']));
    memory.mark('gw1/1', 'busy');
    memory.mark('gw1/1', 'idle');
    assert.equal(view.channelState('gw1/1'), 'busy');
    view.setForeign(new Set());
    assert.deepEqual([view.channelState('gw1/1'), told], ['idle', ['gw1/1 busy', 'gw1/1 idle']]);
  });

  it('does not say what happens to a channel that is taken before and after', () => {
    const retake = () => {
      memory.mark('gw1/1', 'idle');
      memory.mark('gw1/1', 'busy');
      return 'taken';
    };
    memory.mark('gw1/1', 'busy');
    assert.equal(view.keepingTaken('gw1/1', retake), 'taken');
    assert.deepEqual(told, ['gw1/1 busy']);
    memory.mark('gw1/1', 'idle');
    assert.deepEqual(told, ['gw1/1 busy', 'gw1/1 idle']);
  });

  it('says what happens to a channel after a step that failed', () => {
    const fail = () => {
      throw new Error('cannot be applied');
    };
    memory.mark('gw1/1', 'busy');
    assert.throws(() => view.keepingTaken('gw1/1', fail), /cannot be applied/);
    memory.mark('gw1/1', 'idle');
    assert.deepEqual(told, ['gw1/1 busy', 'gw1/1 idle']);
  });

  it('goes over to another memory, and says of channels that have another state there', () => {
    const next = newMemory();
    next.mark('gw1/2', 'busy');
    assert.deepEqual(told, []);
    view.become(next);
    assert.equal(view.memory, next);
    memory.mark('gw1/1', 'busy');
    memory.mark('gw1/1', 'idle');
    view.tellChannels(['gw1/1', 'gw1/2', 'gw9/9'], memory);
    view.touch(['sim1', 'sim2']);
    assert.deepEqual(told, ['gw1/2 busy', 'sim1', 'sim2']);
  });

  it('is asked by this machine’s clock, which is not that of Redis', () => {
    const redisMs = clock.wallMs();
    memory.settled({
      ...{ callId: 'm1', trunk: 'pbx', direction: 'out', payers: [], simId: 'sim1', callee: '+821055550102' },
      ...{ numberClass: 'mobile', reservedWallMs: redisMs, answeredWallMs: redisMs, durationMs: 0, billedSeconds: 0 },
      ...{ cost: '0', settledWallMs: redisMs, message: { kind: 'sms', count: 1 } },
    });
    const asked = { callee: '+821055550102', numberClass: 'mobile', kind: 'sms', count: 1 } as const;
    const nodeMs = redisMs - AHEAD_MS;
    assert.equal(view.fitMessage('sim1', { ...asked, wallMs: nodeMs }).ok, false);
    const changesAtMs = view.messageChangesAt('sim1', { ...asked, wallMs: nodeMs });
    assert.equal(changesAtMs + AHEAD_MS, memory.messageChangesAt('sim1', { ...asked, wallMs: redisMs }));
    assert.equal(view.fitMessage('sim1', { ...asked, wallMs: changesAtMs - 1 }).ok, false);
    assert.equal(view.fitMessage('sim1', { ...asked, wallMs: changesAtMs }).ok, true);
  });
});
