// How the shared suite of ledgers opens one with a journal: a file in a folder of its own, which outlives the process that ends as by
// a crash.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Journal, openJournal } from '../journal/journal.js';
import { ManualClock, SystemClock } from '../lib/clock.js';
import { createLogger, type Logger } from '../lib/logger.js';
import type { LedgerHarness, LedgerSetup } from '../quota/ledger.contract.js';
import type { Ledger } from '../quota/ledger.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { PreparedTerms } from './journalled-memory-ledger.js';

interface JournalledLedger extends Ledger {
  readonly view: LedgerView;
  prepare(setup: LedgerSetup): Promise<PreparedTerms>;
  close(): void | Promise<void>;
}

interface LedgerParts {
  readonly journal: Journal;
  readonly clock: ManualClock;
  readonly log: Logger;
}

interface LedgerKind {
  readonly schema: Parameters<typeof openJournal>[0]['schema'];
  open(setup: LedgerSetup, parts: LedgerParts): Promise<JournalledLedger>;
}

export class JournalledHarness implements LedgerHarness {
  readonly #kind: LedgerKind;
  readonly #folder: string;
  readonly #clock = new ManualClock();
  readonly #log = createLogger({ level: 'silent', redactNumbers: false });
  #setup: LedgerSetup | undefined;
  #journal: Journal | undefined;
  #ledger: JournalledLedger | undefined;

  private constructor(kind: LedgerKind, folder: string) {
    this.#kind = kind;
    this.#folder = folder;
  }

  static async create(kind: LedgerKind): Promise<JournalledHarness> {
    return new JournalledHarness(kind, await mkdtemp(join(tmpdir(), 'simtrunk-ledger-')));
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
      log: this.#log,
      // Stalls are not the suite's subject: real time, so that a ManualClock's advance is no stall.
      clock: new SystemClock(),
      schema: this.#kind.schema,
    });
    const ledger = await this.#kind.open(setup, { journal: this.#journal, clock: this.#clock, log: this.#log });
    this.#ledger = ledger;
    return { ledger, view: ledger.view };
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
