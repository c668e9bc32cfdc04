// How fast a ledger commits: whole calls (reserve, confirm, settle), many at once and one at a time. A record is one step;
// its latency runs from asking until the promise is kept, which is what an INVITE, a 200 or a release waits for.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openJournal } from '../journal/journal.js';
import type { Durability } from '../journal/sqlite-file.js';
import { openJournalledLedger } from '../ledgers/journalled-memory-ledger.js';
import type { LedgerSettings } from '../ledgers/ledger-memory.js';
import { LEDGER_SCHEMA } from '../ledgers/ledger-schema.js';
import { SystemClock } from '../lib/clock.js';
import { createLogger } from '../lib/logger.js';
import type { Ledger } from '../quota/ledger.js';
import { allowanceOf, capsOf, planOf } from '../quota/plan-defaults.js';

export interface LedgerBenchResult {
  readonly benchmark: 'ledger';
  readonly ledger: string;
  readonly durability: Durability | null;
  /** Calls under way at once. */
  readonly callsAtOnce: number;
  readonly recordsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A ledger to measure; `open` leaves nothing behind when it is closed. */
export interface LedgerUnderBench {
  readonly name: string;
  readonly durability: Durability | null;
  open(settings: LedgerSettings): Promise<{ readonly ledger: Ledger; close(): Promise<void> }>;
}

const CHANNELS = 1_000;
export const CALLS_AT_ONCE: readonly number[] = [1, 44, 500];

const MONTH = { window: { kind: 'month', resetDay: 1 } } as const;
const ENDLESS = 1_000_000_000;
/** As the consumer plan counts, without its limits; its trunk has a cap, as trunks have by default. */
const SETTINGS: LedgerSettings = {
  plans: [
    planOf({
      name: 'endless',
      allowances: [
        allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: ENDLESS }),
        allowanceOf({ id: 'seconds-month', counts: 'seconds', limit: ENDLESS, ...MONTH }),
        allowanceOf({ id: 'callees-day', counts: 'callees', limit: ENDLESS }),
        allowanceOf({ id: 'callees-month', counts: 'callees', limit: ENDLESS, ...MONTH }),
      ],
    }),
  ],
  sims: Array.from({ length: CHANNELS }, (_, port) => ({ simId: `sim${port}`, plan: 'endless' })),
  channels: Array.from({ length: CHANNELS }, (_, port) => ({
    ...{ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs: 0 },
  })),
  sliceSeconds: 30,
  capsOf: (payer) => (payer === PAYERS[0] ? TRUNK_CAPS : undefined),
};
const PAYERS: readonly string[] = ['trunk:pbx'];
const TRUNK_CAPS = capsOf({
  name: 'pbx',
  allowances: [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: ENDLESS })],
});

/** The default ledger in each durability mode, its file in a temporary folder. */
export const JOURNALLED_LEDGERS: readonly LedgerUnderBench[] = (['process', 'power'] as const).map((durability) => ({
  name: 'memory',
  durability,
  async open(settings) {
    const folder = await mkdtemp(join(tmpdir(), 'simtrunk-bench-'));
    const log = createLogger({ level: 'warn', redactNumbers: false });
    const clock = new SystemClock();
    const file = join(folder, 'ledger.db');
    const journal = await openJournal({ file, durability, timeoutMs: 60_000, log, clock, schema: LEDGER_SCHEMA });
    const ledger = await openJournalledLedger({ ...settings, journal, clock, log });
    return {
      ledger,
      async close() {
        ledger.close();
        await journal.close();
        await rm(folder, { recursive: true, force: true });
      },
    };
  },
}));

/** Measures one ledger for about `durationMs`, after a warm-up of a fifth of it, for each number of calls at once. */
export async function benchLedger(
  { name, durability, open }: LedgerUnderBench,
  durationMs: number,
  onResult: (result: LedgerBenchResult) => void,
): Promise<void> {
  const opened = await open(SETTINGS);
  try {
    const load = new LedgerLoad(opened.ledger);
    for (const callsAtOnce of CALLS_AT_ONCE) {
      await load.run(callsAtOnce, durationMs / 5);
      const { latenciesMs, tookMs } = await load.run(callsAtOnce, durationMs);
      const sorted = Float64Array.from(latenciesMs).sort();
      const at = (share: number) => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 1000) / 1000;
      onResult({
        ...{ benchmark: 'ledger', ledger: name, durability, callsAtOnce },
        recordsPerSecond: Math.round((sorted.length / tookMs) * 1000),
        ...{ p50Ms: at(0.5), p99Ms: at(0.99), maxMs: Math.round((sorted.at(-1) ?? 0) * 1000) / 1000 },
      });
    }
  } finally {
    await opened.close();
  }
}

class LedgerLoad {
  readonly #ledger: Ledger;
  #count = 0;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  async run(callsAtOnce: number, durationMs: number): Promise<{ latenciesMs: readonly number[]; tookMs: number }> {
    const latenciesMs: number[] = [];
    const startedMs = performance.now();
    const untilMs = startedMs + durationMs;
    const lines = Array.from({ length: callsAtOnce }, (_, port) => this.#callAfterCall(port, untilMs, latenciesMs));
    await Promise.all(lines);
    return { latenciesMs, tookMs: performance.now() - startedMs };
  }

  async #callAfterCall(port: number, untilMs: number, latenciesMs: number[]): Promise<void> {
    while (performance.now() < untilMs) {
      const reservationId = `r${++this.#count}`;
      const wallMs = Date.now();
      const timed = async <T>(step: Promise<T>, fromMs = performance.now()): Promise<T> => {
        const result = await step;
        latenciesMs.push(performance.now() - fromMs);
        return result;
      };
      const reserved = await timed(
        this.#ledger.reserve({
          ...{ reservationId, callId: reservationId, trunk: 'pbx', direction: 'out', payers: PAYERS },
          ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee: `+82105555${this.#count % 1_000}` },
          ...{ numberClass: 'mobile', wallMs },
        }),
      );
      if (!reserved.ok) throw new Error(`The benchmark was refused: ${reserved.reason}`);
      await timed(this.#ledger.confirm(reservationId, wallMs));
      const settlement = { reservationId, answeredWallMs: wallMs, durationMs: 61_000, estimated: false };
      await timed(this.#ledger.settle({ ...settlement, channelInUse: false }));
    }
  }
}
