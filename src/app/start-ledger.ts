// The ledger that the config asks for: the default one in this process, or the one that several nodes share through Redis.
import { hostname } from 'node:os';
import type { Config } from '../config/config.js';
import { hasSameCaps, type LedgerParts, ledgerParts } from '../config/ledger-parts.js';
import type { Journal } from '../journal/journal.js';
import { openJournalledLedger, type PreparedTerms } from '../ledgers/journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../ledgers/ledger-schema.js';
import { SHARED_LEDGER_SCHEMA } from '../ledgers/redis/local-rows.js';
import { REDIS_TIME } from '../ledgers/redis/lua.js';
import type { SharedKeys } from '../ledgers/redis/shared-keys.js';
import type { RedisLedgerCounters } from '../ledgers/redis/shared-parts.js';
import type { Clock } from '../lib/clock.js';
import type { ClosingStack } from '../lib/closing-stack.js';
import type { Logger } from '../lib/logger.js';
import type { Ledger, SettledHistory } from '../quota/ledger.js';
import type { LedgerView } from '../quota/ledger-view.js';
import type { Prepared } from './reload.js';

/** Tables of both ledgers: a folder may go from one to the other. */
export const LEDGER_TABLES = [...LEDGER_SCHEMA, ...SHARED_LEDGER_SCHEMA];

export interface StartedLedger extends Ledger, SettledHistory {
  readonly view: LedgerView;
}

export interface LedgerSide {
  readonly ledger: StartedLedger;
  /** Calls whose reservations the ledger cannot hold any longer; never called by the default ledger. */
  onReservationsLost(listener: (reservationIds: readonly string[]) => void): void;
  /** Makes other plans, SIMs, channels and caps ready. */
  prepare(next: Config, before: Config): Promise<Prepared>;
  /** Null with the default ledger. */
  counters(): RedisLedgerCounters | null;
  /** Of requests that any node may get; null with the default ledger. */
  readonly keys: SharedKeys | null;
}

export async function startLedger(
  config: Config,
  journal: Journal,
  clock: Clock,
  log: Logger,
  opened: ClosingStack,
): Promise<LedgerSide> {
  const { redis } = config.ledger;
  if (redis === undefined) {
    const parts = ledgerParts(config);
    const ledger = opened.add('ledger', await openJournalledLedger({ ...parts, journal, clock, log }));
    return {
      ledger,
      onReservationsLost: () => undefined,
      prepare: preparing(ledger, parts),
      counters: () => null,
      keys: null,
    };
  }
  const { url, prefix, timeoutMs, node = hostname(), ...settings } = redis;
  const parts = ledgerParts(config);
  // The client of Redis is half of all modules that there are to load: only those who share a ledger wait for it.
  const { openRedisLedger } = await import('../ledgers/redis/redis-ledger.js');
  const ledger = opened.add(
    'ledger',
    await openRedisLedger({
      ...parts,
      ...settings,
      node,
      link: { url, prefix, timeoutMs, time: REDIS_TIME },
      ...{ journal, clock, log },
    }),
  );
  return {
    ledger,
    prepare: preparing(ledger, parts),
    onReservationsLost: (listener) => ledger.events.on('reservations:lost', listener),
    counters: () => ledger.counters,
    keys: ledger.keys,
  };
}

/** `parts`: what it was opened with. */
function preparing(
  ledger: { prepare(settings: LedgerParts): Promise<PreparedTerms> },
  parts: LedgerParts,
): LedgerSide['prepare'] {
  let inForce = parts;
  return async (next, before) => {
    const nextParts = ledgerParts(next, hasSameCaps(before, next) ? inForce.capsOf : next.capsOf);
    const { take, discard } = await ledger.prepare(nextParts);
    return {
      discard,
      take: () => {
        take();
        inForce = nextParts;
      },
    };
  };
}
