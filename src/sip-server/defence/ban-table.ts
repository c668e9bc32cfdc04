// Who is banned, and until when. Bans of the operator are kept apart from those that offences brought: only the latter are
// forgotten, oldest first, when there are too many.
import type { SipBan, SipBanRefusal } from '../control.js';
import type { TimeCell } from './coarse-time.js';
import type { SourceAddress } from './source-address.js';
import { SourceTable } from './source-table.js';

class Bans {
  readonly table: SourceTable;
  readonly untilMs: Float64Array;
  readonly #now: TimeCell;

  constructor(capacity: number, now: TimeCell) {
    this.#now = now;
    this.untilMs = new Float64Array(capacity);
    this.table = new SourceTable(capacity, (slot) => {
      this.untilMs[slot] = 0;
    });
  }

  has(address: SourceAddress): boolean {
    if (this.table.size === 0) return false;
    const slot = this.table.find(address);
    if (slot === -1) return false;
    if ((this.#now[0] as number) < (this.untilMs[slot] as number)) return true;
    this.table.remove(slot);
    return false;
  }

  forgetExpired(): void {
    const nowMs = this.#now[0] as number;
    for (const slot of this.table.slots()) if ((this.untilMs[slot] as number) <= nowMs) this.table.remove(slot);
  }

  remove(address: SourceAddress): boolean {
    const slot = this.table.find(address);
    if (slot !== -1) this.table.remove(slot);
    return slot !== -1;
  }
}

export class BanTable {
  readonly #byOffence: Bans;
  readonly #byOperator: Bans;

  readonly #now: TimeCell;

  /** @param capacity of either kind */
  constructor(capacity: number, now: TimeCell) {
    this.#byOffence = new Bans(capacity, now);
    this.#byOperator = new Bans(capacity, now);
    this.#now = now;
  }

  /** @param isKnown a known peer is kept out by the operator's bans alone */
  has(address: SourceAddress, isKnown: boolean): boolean {
    return this.#byOperator.has(address) || (!isKnown && this.#byOffence.has(address));
  }

  /** Bans for what a source did; the oldest such ban makes room. */
  addOffender(address: SourceAddress, untilMs: number): void {
    const slot = this.#byOffence.table.touch(address);
    this.#byOffence.untilMs[slot] = untilMs;
  }

  /** @param untilMs `Infinity` for a ban without end */
  addByOperator(address: SourceAddress, untilMs: number): { ok: true } | SipBanRefusal {
    const { table } = this.#byOperator;
    if (table.find(address) === -1 && table.size === table.capacity) {
      this.#byOperator.forgetExpired();
      if (table.size === table.capacity) return { ok: false, reason: 'ban-list-full' };
    }
    this.#byOperator.untilMs[table.touch(address)] = untilMs;
    return { ok: true };
  }

  /** Lifts both kinds; false when there was none in force. */
  lift(address: SourceAddress): boolean {
    const wasBanned = this.has(address, false);
    this.#byOffence.remove(address);
    this.#byOperator.remove(address);
    return wasBanned;
  }

  /** Bans in force, newest first, the operator's before the others. */
  list(): SipBan[] {
    const nowMs = this.#now[0] as number;
    return [this.#byOperator, this.#byOffence].flatMap((bans) => {
      bans.forgetExpired();
      return bans.table.slots().map((slot) => {
        const leftMs = (bans.untilMs[slot] as number) - nowMs;
        return {
          source: bans.table.textOf(slot),
          by: bans === this.#byOperator ? ('operator' as const) : ('offences' as const),
          remainingSeconds: leftMs === Number.POSITIVE_INFINITY ? null : Math.ceil(leftMs / 1_000),
        };
      });
    });
  }

  count(): number {
    this.#byOffence.forgetExpired();
    this.#byOperator.forgetExpired();
    return this.#byOffence.table.size + this.#byOperator.table.size;
  }
}
