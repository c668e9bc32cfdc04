// Channels, plan and caps of the suites in which several nodes share one Redis, and how such a node is opened.
import { join } from 'node:path';
import { type Journal, openJournal } from '../../../journal/journal.js';
import { SystemClock } from '../../../lib/clock.js';
import { createLogger } from '../../../lib/logger.js';
import type { ReserveRequest } from '../../../quota/ledger.js';
import { allowanceOf, capsOf, planOf } from '../../../quota/plan-defaults.js';
import type { LedgerSettings } from '../../ledger-memory.js';
import { LEDGER_SCHEMA } from '../../ledger-schema.js';
import { SHARED_LEDGER_SCHEMA } from '../local-rows.js';
import { REDIS_TIME } from '../lua.js';
import { openRedisLedger, type RedisLedger } from '../redis-ledger.js';
import type { RedisLedgerOptions } from '../shared-parts.js';

const CHANNELS = 12;
export const PAYER = 'trunk:pbx';
const ROUNDING = { firstSeconds: 10, thenSeconds: 1, minimumSeconds: 0 };

export function sharedSettings(capSeconds: number, gapMs = 0): LedgerSettings {
  const caps = capsOf({
    name: 'pbx',
    allowances: [allowanceOf({ id: 'seconds-day', counts: 'seconds', limit: capSeconds, rounding: ROUNDING })],
  });
  return {
    plans: [
      planOf({
        name: 'endless',
        rounding: ROUNDING,
        allowances: [
          allowanceOf({
            ...{ id: 'seconds-month', counts: 'seconds', limit: 1_000_000_000, rounding: ROUNDING },
            window: { kind: 'month', resetDay: 1 },
          }),
        ],
      }),
    ],
    sims: Array.from({ length: CHANNELS }, (_, port) => ({ simId: `sim${port}`, plan: 'endless' })),
    channels: Array.from({ length: CHANNELS }, (_, port) => ({ channelId: `gw1/${port}`, simId: `sim${port}`, gapMs })),
    sliceSeconds: 30,
    capsOf: (payer) => (payer === PAYER ? caps : undefined),
  };
}

export interface SharedNode {
  readonly ledger: RedisLedger;
  close(): Promise<void>;
}

export interface SharedNodeOptions extends Partial<RedisLedgerOptions> {
  readonly url: string;
  readonly folder: string;
  readonly node: string;
  readonly capSeconds?: number;
  readonly timeoutMs?: number;
}

/** Opens a node on its own journal, with leases short enough for a test and long enough for a busy machine. */
export async function openSharedNode(options: SharedNodeOptions): Promise<SharedNode> {
  const { url, folder, node, capSeconds = 1_000_000_000, timeoutMs = 1_000, ...rest } = options;
  const log = createLogger({ level: process.env.SIMTRUNK_TEST_LOG ? 'debug' : 'silent', redactNumbers: false });
  const clock = new SystemClock();
  const journal: Journal = await openJournal({
    file: join(folder, `${node}.db`),
    durability: 'process',
    timeoutMs: 20_000,
    log,
    clock,
    schema: [...LEDGER_SCHEMA, ...SHARED_LEDGER_SCHEMA],
  });
  const ledger = await openRedisLedger({
    ...sharedSettings(capSeconds),
    link: { url, prefix: 'shared', timeoutMs, time: REDIS_TIME },
    node,
    leaseMs: 3_000,
    guardMs: 400,
    awayLimitMs: 200,
    whenAway: 'refuse',
    heldBack: [],
    capSharePercent: 50,
    journal,
    clock,
    log,
    ...rest,
  });
  return {
    ledger,
    async close() {
      await ledger.close();
      await journal.close();
    },
  };
}

let count = 0;

export function requestFor(port: number, changes: Partial<ReserveRequest> = {}): ReserveRequest {
  const reservationId = `r${process.pid}-${++count}`;
  return {
    ...{ reservationId, callId: reservationId, trunk: 'pbx', direction: 'out', payers: [PAYER] },
    ...{ channelId: `gw1/${port}`, simId: `sim${port}`, callee: '+821011112222', numberClass: 'mobile' },
    wallMs: Date.now(),
    ...changes,
  };
}

export function settlementOf(reservationId: string, seconds: number, answeredWallMs = Date.now()) {
  return { reservationId, answeredWallMs, durationMs: seconds * 1000, estimated: false, channelInUse: false };
}

/** Asks again and again, without a pause of a fixed length, until it holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, limitMs = 15_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
