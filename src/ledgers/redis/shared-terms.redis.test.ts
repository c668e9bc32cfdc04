// Terms that change on nodes which share a ledger: each takes them over for itself, and both go on agreeing.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisProcess } from '../../lab/redis-process.js';
import { allowanceOf } from '../../quota/plan-defaults.js';
import type { LedgerSettings } from '../ledger-memory.js';
import {
  openSharedNode,
  requestFor,
  type SharedNode,
  settlementOf,
  sharedSettings,
  until,
} from './testing/shared-setup.js';

describe('terms that change on nodes which share a ledger', function () {
  this.timeout(30_000);
  let redis: RedisProcess;
  let folder: string;
  let nodes: SharedNode[];

  before(async () => {
    redis = await RedisProcess.start();
  });

  after(() => redis.stop());

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-terms-'));
    nodes = [];
    for (const node of ['a', 'b']) nodes.push(await openSharedNode({ url: redis.url, folder, node }));
  });

  afterEach(async () => {
    for (const node of nodes) await node.close();
    await rm(folder, { recursive: true, force: true });
  });

  const [ledgerOf, usedBy] = [
    (node: number) => (nodes[node] as SharedNode).ledger,
    (node: number, id: string) =>
      ledgerOf(node)
        .usageOf('sim0', Date.now())
        ?.allowances.find(({ allowanceId }) => allowanceId === id)?.used,
  ];

  const CALLS = allowanceOf({ id: 'calls-day', counts: 'calls', limit: 3 });

  function withCalls(settings: LedgerSettings): LedgerSettings {
    return { ...settings, plans: settings.plans.map((plan) => ({ ...plan, allowances: [...plan.allowances, CALLS] })) };
  }

  async function take(node: number, settings: LedgerSettings): Promise<void> {
    (await ledgerOf(node).prepare(settings)).take();
  }

  async function talk(node: number, port = 0): Promise<string> {
    const request = requestFor(port);
    const reserved = await ledgerOf(node).reserve(request);
    assert.deepEqual(reserved.ok || reserved.reason, true);
    await ledgerOf(node).confirm(request.reservationId, Date.now());
    return request.reservationId;
  }

  async function assertSound(): Promise<void> {
    for (const { ledger } of nodes) assert.deepEqual((await ledger.verify()).differences, []);
  }

  it('are counted from the history of all, refuse the next call, and cut none that lives', async () => {
    await ledgerOf(0).settle(settlementOf(await talk(0), 5));
    await ledgerOf(1).settle(settlementOf(await talk(1), 7));
    await until('both know of both', () => [0, 1].every((node) => usedBy(node, 'seconds-month') === 20));
    const live = await talk(0);
    for (const node of [0, 1]) await take(node, withCalls(sharedSettings(1_000_000_000)));
    assert.deepEqual([usedBy(0, 'calls-day'), usedBy(1, 'calls-day')], [2, 2]);
    assert.equal((await ledgerOf(0).renew(live, Date.now() + 30_000)).maxCallSeconds > 0, true);
    await ledgerOf(0).settle(settlementOf(live, 3));
    await until('both know of the third', () => [0, 1].every((node) => usedBy(node, 'calls-day') === 3));
    for (const node of [0, 1]) {
      const refused = await ledgerOf(node).reserve(requestFor(0));
      assert.deepEqual(refused.ok || refused.reason, 'quota-exhausted');
    }
    await assertSound();
  });

  it('let a node that takes a channel over later see the call that another one has there', async () => {
    const settings = sharedSettings(1_000_000_000);
    const more = {
      ...settings,
      sims: [...settings.sims, { simId: 'sim99', plan: 'endless' }],
      channels: [...settings.channels, { channelId: 'gw1/99', simId: 'sim99', gapMs: 0 }],
    };
    assert.equal((await ledgerOf(0).reserve(requestFor(99))).ok, false);
    await take(0, more);
    const live = await talk(0, 99);
    await take(1, more);
    await until('the other node knows', () => ledgerOf(1).view.channelState('gw1/99') === 'busy');
    assert.deepEqual((await ledgerOf(1).reserve(requestFor(99))).ok, false);
    await ledgerOf(0).settle(settlementOf(live, 4));
    await until('it is free', () => ledgerOf(1).view.channelState('gw1/99') === 'idle');
    await ledgerOf(1).settle(settlementOf(await talk(1, 99), 4));
    await assertSound();
    await take(0, settings);
    assert.equal((await ledgerOf(0).reserve(requestFor(99))).ok, false);
    assert.equal((await ledgerOf(1).reserve(requestFor(99))).ok, true);
  });
});
