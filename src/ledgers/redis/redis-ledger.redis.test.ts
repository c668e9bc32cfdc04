import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, openJournal } from '../../journal/journal.js';
import { RedisProcess } from '../../lab/redis-process.js';
import { ManualClock, SystemClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { describeLedger, type LedgerHarness, type LedgerSetup } from '../../quota/ledger.contract.js';
import { LEDGER_SCHEMA } from '../ledger-schema.js';
import { SHARED_LEDGER_SCHEMA } from './local-rows.js';
import { CALLERS_TIME } from './lua.js';
import { openRedisLedger, type RedisLedger } from './redis-ledger.js';

const log = createLogger({ level: 'silent', redactNumbers: false });
/** The suite moves its clock by days: leases are not its subject. */
const ENDLESS_MS = 1e12;

let redis: RedisProcess;
let count = 0;

class RedisHarness implements LedgerHarness {
  readonly #clock = new ManualClock();
  readonly #folder: string;
  readonly #prefix = `contract-${++count}`;
  #setup: LedgerSetup | undefined;
  #journal: Journal | undefined;
  #ledger: RedisLedger | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  advance(ms: number): Promise<void> {
    this.#clock.advance(ms);
    return Promise.resolve();
  }

  async open(setup: LedgerSetup) {
    this.#setup = setup;
    this.#journal = await openJournal({
      file: join(this.#folder, 'ledger.db'),
      durability: 'process',
      timeoutMs: 60_000,
      log,
      clock: new SystemClock(),
      schema: [...LEDGER_SCHEMA, ...SHARED_LEDGER_SCHEMA],
    });
    this.#ledger = await openRedisLedger({
      ...setup,
      link: { url: redis.url, prefix: this.#prefix, timeoutMs: 10_000, time: CALLERS_TIME },
      node: 'node-a',
      leaseMs: ENDLESS_MS,
      guardMs: 0,
      awayLimitMs: 1_000,
      whenAway: 'refuse',
      heldBack: [],
      capSharePercent: 0,
      journal: this.#journal,
      clock: this.#clock,
      log,
    });
    return { ledger: this.#ledger, view: this.#ledger.view };
  }

  async reopen(setup = this.#setup) {
    assert.ok(setup !== undefined);
    await this.#stop();
    return this.open(setup);
  }

  async reload(setup: LedgerSetup) {
    const prepared = await this.#ledger?.prepare(setup);
    prepared?.take();
    this.#setup = setup;
  }

  async dispose() {
    await this.#stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #stop() {
    await this.#ledger?.close();
    await this.#journal?.close();
    this.#journal = undefined;
  }
}

before(async () => {
  redis = await RedisProcess.start();
});

after(() => redis.stop());

describeLedger('RedisLedger', async () => {
  return new RedisHarness(await mkdtemp(join(tmpdir(), 'simtrunk-ledger-')));
});
