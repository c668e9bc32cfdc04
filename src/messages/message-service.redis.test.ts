// Text messages over the ledger that nodes share: the same steps by its script, and what a crash leaves.
import assert from 'node:assert/strict';
import { RedisProcess } from '../lab/redis-process.js';
import type { RedisLedger } from '../ledgers/redis/redis-ledger.js';
import { allowanceOf } from '../quota/plan-defaults.js';
import { BUSY, GAP_MS, MessageWorld, SENT } from './testing/message-kit.js';

describe('text messages over a shared ledger', function () {
  this.timeout(20_000);
  let redis: RedisProcess;
  let world: MessageWorld;
  let count = 0;

  before(async () => {
    redis = await RedisProcess.start();
  });
  after(() => redis.stop());
  afterEach(() => world.close());

  async function open(limit = 100): Promise<void> {
    const prefix = `messages-${++count}`;
    const allowances = [allowanceOf({ id: 'sms-day', counts: 'sms', limit })];
    world = await MessageWorld.open({ redis: { url: redis.url, prefix }, allowances });
  }

  it('are reserved, moved on and charged once', async () => {
    await open();
    const { message, ok } = await world.service.submit(world.request({ key: 'k' }));
    assert.ok(ok);
    await world.settled();
    world.gateway.answer(BUSY);
    await world.settled();
    world.gateway.answer(SENT);
    await world.settled();
    const sent = await world.store.find(message.messageId);
    assert.deepEqual(
      sent?.attempts.map(({ channelId, outcome }) => [channelId, outcome]),
      [
        ['gw1/1', 'refused'],
        ['gw1/2', 'sent'],
      ],
    );
    assert.equal(world.used(), 1);
    await world.service.submit(world.request({ key: 'k' }));
    assert.equal(world.gateway.sent.length, 2);
  });

  it('that were being sent at a crash are charged once as unknown', async () => {
    await open(1);
    const first = await world.service.submit(world.request());
    await world.settled();
    await world.crash();
    await world.settled();
    assert.equal((await world.store.find(first.message.messageId))?.state, 'unknown');
    assert.equal(world.used(), 1);
    world.clock.advance(GAP_MS);
    const second = await world.service.submit(world.request());
    assert.ok(second.ok);
    assert.equal(second.message.attempts[0]?.channelId, 'gw1/2');
    await world.settled();
    world.gateway.answer(SENT);
    await world.settled();
    assert.equal(world.used(), 2);
    assert.deepEqual((await world.ledger.verify()).differences, []);
  });

  it('are one when the same request comes to another node, but may be asked for anew after a refusal', async () => {
    await open();
    const other = await MessageWorld.open({ redis: { url: redis.url, prefix: `messages-${count}` }, node: 'node-b' });
    try {
      const first = await world.service.submit(world.request({ key: 'k' }));
      await world.settled();
      const second = await other.service.submit(other.request({ key: 'k' }));
      assert.deepEqual([second.ok, second.message.messageId], [true, first.message.messageId]);
      await other.settled();
      assert.equal(other.gateway.sent.length, 0);
      assert.equal(other.service.counters.repeated, 1);

      const refused = await world.service.submit(world.request({ key: 'later', text: 'a'.repeat(1_000) }));
      assert.equal(refused.ok, false);
      const taken = await other.service.submit(other.request({ key: 'later' }));
      assert.equal(taken.ok, true);
    } finally {
      await other.close();
    }
  });

  it('are refused elsewhere when their node ended while it was taking them', async () => {
    await open();
    const other = await MessageWorld.open({ redis: { url: redis.url, prefix: `messages-${count}` }, node: 'node-b' });
    try {
      const ledger = world.ledger as RedisLedger;
      assert.deepEqual(await ledger.keys.claim('k', 'lost'), { kind: 'ours' });
      const elsewhere = await other.service.submit(other.request({ key: 'k' }));
      assert.equal(elsewhere.ok ? 'taken' : elsewhere.reason, 'taken-elsewhere');
      await world.crash();
      const again = await world.service.submit(world.request({ key: 'k' }));
      assert.equal(again.ok, true, 'the node itself knows that it did not');
    } finally {
      await other.close();
    }
  });
});
