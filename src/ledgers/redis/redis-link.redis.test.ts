import assert from 'node:assert/strict';
import { RedisProcess } from '../../lab/redis-process.js';
import { REDIS_TIME } from './lua.js';
import { RedisLink } from './redis-link.js';

describe('a link to Redis', () => {
  let redis: RedisProcess;

  before(async () => {
    redis = await RedisProcess.start();
  });

  after(() => redis.stop());

  const open = (onLog: (message: string) => void = () => undefined, timeoutMs = 2_000) =>
    RedisLink.open({ url: redis.url, prefix: 'link', timeoutMs, time: REDIS_TIME }, onLog);

  it('runs scripts and hears every change in the order of their numbers', async () => {
    const heard: string[] = [];
    const link = await open((message) => heard.push(message));
    const attached = await link.run('attach', ['0', link.runId, 'n1', '0', '60000', '0']);
    const common = ['0', String(attached[4]), 'n1'];
    assert.equal(attached[0], 'attached');
    const fence = String(attached[1]);
    const replies = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        link.run('reserve', [...common, fence, `r${index}`, '0', '{}', `gw/${index}`, `sim${index}`, '0', '0']),
      ),
    );
    assert.deepEqual(
      replies.map((reply) => reply[0]),
      Array(50).fill('booked'),
    );
    assert.deepEqual(
      heard.map((message) => Number(message.split('\n')[0])),
      Array.from({ length: 50 }, (_, index) => index + 1),
    );
    link.close();
  });

  it('runs on after an operator’s SCRIPT FLUSH', async () => {
    const link = await open();
    await redis.ask((client) => client.sendCommand(['SCRIPT', 'FLUSH']));
    assert.equal((await link.run('snapshot', ['0', link.runId, 'n1', '0', '0']))[0], '50');
    link.close();
  });

  it('is lost, and everything that waits with it, when Redis does not answer in time', async () => {
    const link = await open(undefined, 200);
    const lost = new Promise<Error>((resolve) => link.onLost(resolve));
    redis.pause();
    try {
      await assert.rejects(link.run('snapshot', ['0', link.runId, 'n1', '0', '0']));
      assert.match((await lost).message, /does not answer/);
      await assert.rejects(open(undefined, 200));
    } finally {
      redis.resume();
    }
    await assert.rejects(link.run('snapshot', ['0', link.runId, 'n1', '0', '0']), /away/);
  });

  it('finds a new run after a restart', async () => {
    const link = await open();
    const lost = new Promise<Error>((resolve) => link.onLost(resolve));
    await redis.kill();
    await lost;
    await assert.rejects(open());
    await redis.run();
    const next = await open();
    assert.notEqual(next.runId, link.runId);
    next.close();
  });
});
