// Who is banned, and until when. Bans of the operator are kept apart from those that offences brought: only the latter are
// forgotten, oldest first, when there are too many.
import type { SipBan, SipBanRefusal } from '../control.js';
import type { SourceAddress } from './source-address.js';
import { SourceTable } from './source-table.js';

class Bans {
  readonly table: SourceTable;
  readonly untilMs: Float64Array;

  constructor(capacity: number) {
    this.untilMs = new Float64Array(capacity);
    this.table = new SourceTable(capacity, (slot) => {
      this.untilMs[slot] = 0;
    });
  }

  has(address: SourceAddress, nowMs: number): boolean {
    if (this.table.size === 0) return false;
    const slot = this.table.find(address);
    if (slot === -1) return false;
    if (nowMs < (this.untilMs[slot] as number)) return true;
    this.table.remove(slot);
    return false;
  }

  forgetExpired(nowMs: number): void {
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

  /** @param capacity of either kind */
  constructor(capacity: number) {
    this.#byOffence = new Bans(capacity);
    this.#byOperator = new Bans(capacity);
  }

  /** @param isKnown a known peer is kept out by the operator's bans alone */
  has(address: SourceAddress, nowMs: number, isKnown: boolean): boolean {
    return this.#byOperator.has(address, nowMs) || (!isKnown && this.#byOffence.has(address, nowMs));
  }

  /** Bans for what a source did; the oldest such ban makes room. */
  addOffender(address: SourceAddress, untilMs: number): void {
    const slot = this.#byOffence.table.touch(address);
    this.#byOffence.untilMs[slot] = untilMs;
  }

  /** @param untilMs `Infinity` for a ban without end */
  addByOperator(address: SourceAddress, untilMs: number, nowMs: number): { ok: true } | SipBanRefusal {
    const { table } = this.#byOperator;
    if (table.find(address) === -1 && table.size === table.capacity) {
      this.#byOperator.forgetExpired(nowMs);
      if (table.size === table.capacity) return { ok: false, reason: 'ban-list-full' };
    }
    this.#byOperator.untilMs[table.touch(address)] = untilMs;
    return { ok: true };
  }

  /** Lifts both kinds; false when there was none in force. */
  lift(address: SourceAddress, nowMs: number): boolean {
    const wasBanned = this.has(address, nowMs, false);
    this.#byOffence.remove(address);
    this.#byOperator.remove(address);
    return wasBanned;
  }

  /** Bans in force, newest first, the operator's before the others. */
  list(nowMs: number): SipBan[] {
    return [this.#byOperator, this.#byOffence].flatMap((bans) => {
      bans.forgetExpired(nowMs);
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

  count(nowMs: number): number {
    this.#byOffence.forgetExpired(nowMs);
    this.#byOperator.forgetExpired(nowMs);
    return this.#byOffence.table.size + this.#byOperator.table.size;
  }
}
