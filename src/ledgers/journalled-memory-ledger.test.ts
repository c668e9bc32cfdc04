import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, openJournal } from '../journal/journal.js';
import { ManualClock, SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import { describeLedger, type LedgerHarness, type LedgerSetup } from '../quota/ledger.contract.js';
import { type JournalledMemoryLedger, openJournalledLedger } from './journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from './ledger-schema.js';

const log = createLogger({ level: 'silent', redactNumbers: false });

class JournalledHarness implements LedgerHarness {
  readonly #clock = new ManualClock();
  readonly #folder: string;
  #setup: LedgerSetup | undefined;
  #journal: Journal | undefined;
  #ledger: JournalledMemoryLedger | undefined;

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
      // Stalls are not this suite's subject: real time, so that a ManualClock's advance is no stall.
      clock: new SystemClock(),
      schema: LEDGER_SCHEMA,
    });
    this.#ledger = await openJournalledLedger({ ...setup, journal: this.#journal, clock: this.#clock, log });
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
    this.#ledger?.close();
    await this.#journal?.close();
    this.#journal = undefined;
  }
}

describeLedger('JournalledMemoryLedger', async () => {
  return new JournalledHarness(await mkdtemp(join(tmpdir(), 'simtrunk-ledger-')));
});
