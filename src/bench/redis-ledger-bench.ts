// The ledger in Redis under the benchmark of ledgers: a redis-server of its own on this machine, nothing of it on the disk,
// so that the way to Redis and back is measured and not how it is set to persist.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openJournal } from '../journal/journal.js';
import { RedisProcess } from '../lab/redis-process.js';
import { LEDGER_SCHEMA } from '../ledgers/ledger-schema.js';
import { SHARED_LEDGER_SCHEMA } from '../ledgers/redis/local-rows.js';
import { REDIS_TIME } from '../ledgers/redis/lua.js';
import { openRedisLedger } from '../ledgers/redis/redis-ledger.js';
import { SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { LedgerUnderBench } from './ledger-bench.js';

export const REDIS_LEDGER: LedgerUnderBench = {
  name: 'redis',
  durability: 'process',
  async open(settings) {
    const redis = await RedisProcess.start();
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-bench-'));
    const log = createLogger({ level: 'warn', redactNumbers: false });
    const clock = new SystemClock();
    const journal = await openJournal({
      file: join(folder, 'ledger.db'),
      durability: 'process',
      timeoutMs: 60_000,
      log,
      clock,
      schema: [...LEDGER_SCHEMA, ...SHARED_LEDGER_SCHEMA],
    });
    const ledger = await openRedisLedger({
      ...settings,
      link: { url: redis.url, prefix: 'bench', timeoutMs: 5_000, time: REDIS_TIME },
      ...{ node: 'bench', leaseMs: 60_000, guardMs: 1_000, awayLimitMs: 1_000, whenAway: 'refuse' },
      ...{ heldBack: [], capSharePercent: 0, journal, clock, log },
    });
    return {
      ledger,
      async close() {
        await ledger.close();
        await journal.close();
        await redis.stop();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
};
