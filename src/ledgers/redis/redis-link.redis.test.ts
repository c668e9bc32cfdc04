import assert from 'node:assert/strict';
import { RedisProcess } from '../../lab/redis-process.js';
import { ManualClock } from '../../lib/clock.js';
import { REDIS_TIME } from './lua.js';
import { RedisLink } from './redis-link.js';

describe('a link to Redis', () => {
  let redis: RedisProcess;

  before(async () => {
    redis = await RedisProcess.start();
  });

  after(() => redis.stop());

  const open = (onLog: (message: string) => void = () => undefined) =>
    RedisLink.open({ url: redis.url, prefix: 'link', timeoutMs: 10_000, time: REDIS_TIME }, onLog);

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
    // Whatever else the machine has to do: only this clock's time counts.
    const clock = new ManualClock();
    const options = { url: redis.url, prefix: 'link', timeoutMs: 200, time: REDIS_TIME, clock };
    const link = await RedisLink.open(options, () => undefined);
    const lost = new Promise<Error>((resolve) => link.onLost(resolve));
    redis.pause();
    try {
      const [waiting, opening] = [
        link.run('snapshot', ['0', link.runId, 'n1', '0', '0']),
        RedisLink.open(options, () => undefined),
      ];
      clock.advance(199);
      assert.equal(link.isLost, false);
      clock.advance(1);
      await assert.rejects(waiting);
      assert.match((await lost).message, /does not answer/);
      await assert.rejects(opening, /did not answer in time/);
    } finally {
      redis.resume();
    }
    await assert.rejects(link.run('snapshot', ['0', link.runId, 'n1', '0', '0']), /away/);
  });

  it('tells of a dead node in ten minutes at the latest, though the clock of Redis was set back by hours', async () => {
    const time = `local now = tonumber(redis.call('GET', 'the-time'))`;
    const link = await RedisLink.open({ url: redis.url, prefix: 'set-back', timeoutMs: 10_000, time }, () => undefined);
    const startMs = 1_800_000_000_000;
    const setTime = (ms: number) => redis.ask((client) => client.sendCommand(['SET', 'the-time', String(ms)]));
    const attach = async (node: string) => {
      const [, fence, , , run] = await link.run('attach', ['0', link.runId, node, '0', '60000', '0']);
      return () => link.run('heartbeat', ['0', String(run), node, String(fence), '60000']);
    };
    await setTime(startMs);
    await attach('dead');
    await setTime(startMs - 5 * 3_600_000);
    assert.deepEqual((await (await attach('other'))()).slice(2), []);
    await setTime(startMs - 5 * 3_600_000 + 600_000);
    assert.deepEqual((await (await attach('other'))()).slice(2), ['dead']);
    link.close();
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
