import { strict as assert } from 'node:assert';
import { ManualClock } from '../../lib/clock.js';
import { DnsCache } from './dns-cache.js';
import type { Answer, DnsClient } from './dns-client.js';

describe('DnsCache', () => {
  let clock: ManualClock;
  let asked: string[];
  let answer: Answer<string>;
  let cache: DnsCache;
  beforeEach(() => {
    clock = new ManualClock();
    asked = [];
    answer = { records: ['192.0.2.1'], ttlSeconds: 60 };
    const client: DnsClient = {
      naptr: async () => ({ records: [], ttlSeconds: 60 }),
      srv: async () => {
        throw new Error('No name server');
      },
      addresses: async (name) => {
        asked.push(name);
        return answer;
      },
    };
    cache = new DnsCache(client, clock);
  });

  async function ask(): Promise<readonly string[]> {
    return (await cache.addresses('a.test')).records;
  }

  it('asks once for all who wait, and again when the time to live is over', async () => {
    await Promise.all([ask(), ask()]);
    clock.advance(59_999);
    await ask();
    assert.equal(asked.length, 1);
    clock.advance(2);
    answer = { records: ['192.0.2.2'], ttlSeconds: 60 };
    assert.deepEqual(await ask(), ['192.0.2.2']);
  });

  it('asks again at once for what may not be remembered', async () => {
    answer = { records: ['192.0.2.1'], ttlSeconds: 0 };
    await ask();
    await ask();
    assert.equal(asked.length, 2);
  });

  it('remembers that there is nothing for five seconds, however long it was told to', async () => {
    answer = { records: [], ttlSeconds: 86_400 };
    await ask();
    clock.advance(4_999);
    await ask();
    assert.equal(asked.length, 1);
    clock.advance(2);
    await ask();
    assert.equal(asked.length, 2);
  });

  it('takes a failure for nothing', async () => {
    assert.deepEqual(await cache.srv('a.test'), { records: [], ttlSeconds: 5 });
  });

  it('holds a bounded number of answers', async () => {
    for (let count = 0; count < 1_500; count++) await cache.addresses(`${count}.test`);
    assert.equal(cache.size, 1_000);
  });
});
