import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisProcess } from '../../lab/redis-process.js';
import { furtherAnswerId } from '../../quota/further-answer.js';
import { openSharedNode, requestFor, type SharedNode, settlementOf, until } from './testing/shared-setup.js';

describe('calls that nodes with one Redis have settled', () => {
  let redis: RedisProcess;
  let folder: string;
  const nodes: SharedNode[] = [];

  beforeEach(async () => {
    redis = await RedisProcess.start();
    folder = await mkdtemp(join(tmpdir(), 'simtrunk-shared-calls-'));
  });

  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()));
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('are counted by channel, whichever of them settled it, without further answers, and not without Redis', async () => {
    for (const node of ['a', 'b']) nodes.push(await openSharedNode({ url: redis.url, folder, node }));
    const [a, b] = nodes.map(({ ledger }) => ledger);
    assert.ok(a !== undefined && b !== undefined);
    const sinceWallMs = Date.now() - 60_000;
    for (const [ledger, port, seconds] of [
      [a, 1, 20],
      [b, 1, 30],
      [b, 2, 5],
    ] as const) {
      await until('the channel is free', () => ledger.view.channelState(`gw1/${port}`) === 'idle');
      const request = requestFor(port);
      assert.equal((await ledger.reserve(request)).ok, true);
      await ledger.confirm(request.reservationId, Date.now() - seconds * 1_000);
      await ledger.chargeFurther(request.reservationId, furtherAnswerId(request.reservationId, 1), Date.now());
      await ledger.settle(settlementOf(request.reservationId, seconds));
    }
    const count = async (since: number) => {
      const span = { sinceWallMs: since, untilWallMs: Date.now() + 60_000, bothDirections: false };
      return [...(await a.settledCalls(span))].sort(([one], [other]) => one.localeCompare(other));
    };
    assert.deepEqual(await count(sinceWallMs), [
      ['gw1/1', { calls: 2, seconds: 50 }],
      ['gw1/2', { calls: 1, seconds: 5 }],
    ]);
    assert.deepEqual(await count(Date.now() + 30_000), []);
    await redis.kill();
    await assert.rejects(count(sinceWallMs));
  }).timeout(20_000);
});
