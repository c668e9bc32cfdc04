import assert from 'node:assert/strict';
import { RedisProcess } from '../../lab/redis-process.js';
import { type Operation, REDIS_TIME } from './lua.js';
import { RedisLink, type Reply } from './redis-link.js';

const ORDINARY = JSON.stringify(['', '', 'pbx', 'out', [], '+821011112222', 'mobile']);

describe('the scripts of the shared ledger', () => {
  let redis: RedisProcess;
  let link: RedisLink;
  let run: (operation: Operation, ...args: string[]) => Promise<Reply>;
  let count = 0;
  let prefix = '';

  before(async () => {
    redis = await RedisProcess.start();
  });

  after(() => redis.stop());

  beforeEach(async () => {
    prefix = `scripts-${++count}`;
    link = await RedisLink.open({ url: redis.url, prefix, timeoutMs: 10_000, time: REDIS_TIME }, () => undefined);
    const [, fence, , , dataRun] = await link.run('attach', ['0', link.runId, 'n1', '0', '60000', '0']);
    run = (operation, ...args) => link.run(operation, ['0', String(dataRun), 'n1', String(fence), ...args]);
  });

  afterEach(() => link.close());

  const command = (...words: string[]) => redis.ask((client) => client.sendCommand(words));
  const versionAndCalls = async (sim: string) =>
    String((await command('HGET', `{${prefix}}:sims`, sim)) ?? '0').split(' ');
  const reserve = async (id: string, channel: string, sim: string) =>
    run('reserve', id, 'out', ORDINARY, channel, sim, (await versionAndCalls(sim))[0] ?? '', '0');
  const settle = (id: string, isInUse: boolean, sim: string) =>
    run('settle', id, 'own', isInUse ? '1' : '0', '{}', '60000', sim);

  it('free the SIM that was booked, though the call was by another one when Redis had answered too late', async () => {
    assert.equal((await reserve('r1', 'gw1/5', 'sim5'))[0], 'booked');
    const [, seq] = await settle('r1', false, 'sim1');
    assert.deepEqual([await versionAndCalls('sim5'), await versionAndCalls('sim1')], [[seq], [seq]]);
    assert.equal((await reserve('r2', 'gw1/5', 'sim5'))[0], 'booked');
    assert.equal((await reserve('r3', 'gw1/1', 'sim1'))[0], 'booked');
  });

  it('keep the SIM that was booked until its channel is free, and no other one for it', async () => {
    assert.equal((await reserve('r1', 'gw1/5', 'sim5'))[0], 'booked');
    await settle('r1', true, 'sim1');
    assert.deepEqual(await reserve('r2', 'gw2/5', 'sim5'), ['refused', 'busy']);
    assert.equal((await reserve('r3', 'gw1/1', 'sim1'))[0], 'booked');
    await run('vacate', 'r1');
    assert.equal((await reserve('r2', 'gw1/5', 'sim5'))[0], 'booked');
  });

  it('count of the calls that stand at a SIM only those that are live there', async () => {
    await reserve('elsewhere', 'gw1/4', 'sim4');
    // As nodes of another version leave it, which know of one call only.
    await command('HSET', `{${prefix}}:sims`, 'sim5', '0 gone elsewhere', 'sim6', '0 gone', 'sim7', '0 elsewhere gone');
    const [, , channel] = await reserve('r1', 'gw1/5', 'sim5');
    assert.equal(channel, 'gw1/5');
    assert.deepEqual((await versionAndCalls('sim5')).slice(1), ['r1']);
    assert.deepEqual(await reserve('r2', 'gw2/5', 'sim5'), ['refused', 'busy']);
    const restated = await run('restate', 'r3', 'gw1/7', 'sim7', '0', '', '', '0', '0', ORDINARY);
    assert.equal(restated[0], 'restated');
    assert.deepEqual((await versionAndCalls('sim7')).slice(1), ['r3']);
    await settle('r4', false, 'sim6');
    assert.deepEqual((await versionAndCalls('sim6')).slice(1), []);
  });
});
