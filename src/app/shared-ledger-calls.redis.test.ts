// Live calls when the shared ledger goes away: the whole application over a Redis of the test's own.
import { strict as assert } from 'node:assert';
import { type RunningApp, startApp } from '../app.js';
import type { Cdr } from '../cdr/cdr.js';
import { answers } from '../lab/callee-behaviour.js';
import { RedisProcess } from '../lab/redis-process.js';
import { Arena, until } from './testing/arena.js';

const LEASE_MS = 2_000;

describe('calls over a ledger in Redis', () => {
  let arena: Arena;
  let redis: RedisProcess;
  let app: RunningApp | undefined;

  beforeEach(async () => {
    redis = await RedisProcess.start({ appendfsync: 'always' });
    arena = await Arena.open(() => answers({ afterMs: 100 }));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    await arena.close();
    await redis.stop();
  });

  async function start(): Promise<RunningApp> {
    const settings = { url: redis.url, node: 'a', leaseMs: LEASE_MS, guardMs: 300, timeoutMs: 300, awayLimitMs: 200 };
    app = await startApp(arena.config({ ledger: { kind: 'redis', redis: settings } }));
    return app;
  }

  /** Ties are broken by the node's seed. */
  const portOf = ({ attempts }: Cdr) => Number(attempts[0]?.channel.split('/')[1]);

  it('go through, and are charged in Redis', async () => {
    const running = await start();
    const call = await arena.phone.call({ number: '01055550001' });
    assert.equal(await call.answered, true);
    call.hangUp();
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.billedSeconds, cdr.endReason], [1, 'normal']);
    await until('it is charged', () => arena.usedSeconds(running, portOf(cdr)) === 1);
  }).timeout(20_000);

  it('end on both legs with their records when the lease runs out; Redis has the charge once it is back', async () => {
    const running = await start();
    const call = await arena.phone.call({ number: '01055550001' });
    assert.equal(await call.answered, true);
    await redis.kill();
    const { endedBy, reason, talkedMs } = await call.ended;
    assert.equal(endedBy, 'callee');
    assert.match(reason, /Q\.850;cause=41;text="ledger-away"/);
    assert.ok(talkedMs < 10 * LEASE_MS, `talked ${talkedMs} ms`);
    const cdr = await arena.cdrOf(call.sipCallId);
    assert.deepEqual([cdr.endReason, cdr.endedBy, cdr.limit, cdr.sipStatus], ['ledger-away', 'simtrunk', null, 200]);
    assert.ok(cdr.billedSeconds >= 1 && cdr.billedSeconds <= Math.ceil(talkedMs / 1000) + 1, `${cdr.billedSeconds} s`);

    const refused = await (await arena.phone.call({ number: '01055550002' })).ended;
    assert.equal(refused.status, 503);
    assert.equal((await arena.cdrOf(refused.sipCallId)).endReason, 'ledger-away');

    await redis.run();
    await until('Redis has the charge', async () => {
      const { ledger } = await running.counters();
      return ledger?.isAttached === true && ledger.settling === 0;
    });
    assert.equal(arena.usedSeconds(running, portOf(cdr)), cdr.billedSeconds);
    // A Redis that was restarted grants nothing until it is sure that nobody else holds a lease.
    await until('a call goes through', async () => {
      const next = await arena.phone.call({ number: '01055550003' });
      const isAnswered = await next.answered;
      next.hangUp();
      return isAnswered;
    });
  }).timeout(30_000);
});
