// What the parts of the shared ledger are made from, and what they share: a node's own reservations above all.
import type { Journal } from '../../journal/journal.js';
import type { Clock } from '../../lib/clock.js';
import type { Logger } from '../../lib/logger.js';
import type { ReserveRequest } from '../../quota/ledger.js';
import type { LedgerSettings } from '../ledger-memory.js';
import type { OrderedWrites } from '../ordered-writes.js';
import type { LocalShare } from './local-share.js';
import type { RedisClock } from './redis-clock.js';
import type { RedisLinkOptions } from './redis-link.js';
import type { Replica } from './replica.js';
import type { RedisSession } from './session.js';
import type { SharedHistory } from './shared-history.js';

export interface RedisLedgerOptions extends LedgerSettings {
  readonly link: RedisLinkOptions;
  /** Its name; what makes it unique is kept in the journal. */
  readonly node: string;
  readonly leaseMs: number;
  readonly guardMs: number;
  /** New calls wait so long for a Redis that has just gone away; then `whenAway` holds. */
  readonly awayLimitMs: number;
  readonly whenAway: 'refuse' | 'local-share';
  /** Channels that no other node books; with `local-share` this one goes on with them while Redis is away. */
  readonly heldBack: readonly string[];
  /** Part of what a payer has left that this node may use while Redis is away, percent. */
  readonly capSharePercent: number;
  readonly journal: Journal;
  /** Of this machine: whatever the ledger is asked by others is of its wall clock. */
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RedisLedgerEvents {
  /** Reservations that this node may not count on any more: their calls have to end. */
  'reservations:lost': readonly [reservationIds: readonly string[]];
}

export interface RedisLedgerCounters {
  readonly isAttached: boolean;
  readonly reservations: number;
  /** Reservations of which another node had a candidate first. */
  readonly lostRaces: number;
  readonly lostRacesPerThousand: number;
  readonly attachments: number;
  readonly lapses: number;
  readonly reaped: number;
  /** Settlements that Redis does not have yet. */
  readonly settling: number;
}

/** A reservation of this node, until it is over; its instants are of the clock of Redis. */
export interface Own {
  readonly request: ReserveRequest;
  answeredWallMs: number | null;
  /** What its instants differ by from those that its call knows, which are of this machine's wall clock. */
  aheadMs: number;
  /** Of one that was not answered: what its payers hold. */
  coveredUntilWallMs: number | null;
  /** Null: not since its answer. */
  renewedWallMs: number | null;
  settled: boolean;
  readonly isOrphan: boolean;
  /** Its lease has run out. */
  isLost: boolean;
}

/** What has happened since the start. */
export interface SharedCounts {
  reservations: number;
  lostRaces: number;
  attachments: number;
  lapses: number;
  reaped: number;
}

export interface SharedParts {
  /** Whose clock is that of the ledger. */
  readonly options: RedisLedgerOptions & { readonly clock: RedisClock };
  readonly replica: Replica;
  readonly session: RedisSession;
  readonly history: SharedHistory;
  readonly share: LocalShare;
  readonly own: Map<string, Own>;
  readonly writes: OrderedWrites;
  readonly counts: SharedCounts;
}

/** Whether Redis says nothing of what payers have left: it is away, or may have forgotten what it had granted. */
export function isAlone({ session }: SharedParts): boolean {
  return !session.isAttached || session.quarantineMs > 0;
}

/** While Redis is away a node goes on with the channels that only it may use, if its setting says so. */
export function isOfShare({ options, share }: SharedParts, { channelId }: ReserveRequest): boolean {
  return options.whenAway === 'local-share' && share.has(channelId);
}
