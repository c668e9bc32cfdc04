import { RedisProcess } from '../../lab/redis-process.js';
import { describeLedger } from '../../quota/ledger.contract.js';
import { JournalledHarness } from '../journalled-harness.js';
import { LEDGER_SCHEMA } from '../ledger-schema.js';
import { SHARED_LEDGER_SCHEMA } from './local-rows.js';
import { CALLERS_TIME } from './lua.js';
import { openRedisLedger } from './redis-ledger.js';

/** The suite moves its clock by days: leases are not its subject. */
const ENDLESS_MS = 1e12;

let redis: RedisProcess;
let count = 0;

before(async () => {
  redis = await RedisProcess.start();
});

after(() => redis.stop());

describeLedger('RedisLedger', () => {
  count += 1;
  const prefix = `contract-${count}`;
  return JournalledHarness.create({
    schema: [...LEDGER_SCHEMA, ...SHARED_LEDGER_SCHEMA],
    open: (setup, parts) =>
      openRedisLedger({
        ...setup,
        ...parts,
        link: { url: redis.url, prefix, timeoutMs: 10_000, time: CALLERS_TIME },
        node: 'node-a',
        leaseMs: ENDLESS_MS,
        guardMs: 0,
        awayLimitMs: 1_000,
        whenAway: 'refuse',
        heldBack: [],
        capSharePercent: 0,
      }),
  });
});
