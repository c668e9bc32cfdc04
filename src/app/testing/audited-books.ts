// The books of audited calls: what carriers have seen of each leg, by the time that passes for all, against what the process has
// written down: history, records and usage.
import { strict as assert } from 'node:assert';
import { SETTINGS } from '../../call/call-test-kit.js';
import type { FakeCaller, FakeLeg } from '../../call/fake-legs.js';
import type { SqliteFile } from '../../journal/sqlite-file.js';
import type { Ledger } from '../../quota/ledger.js';
import { formatMoney, parseMoney } from '../../quota/money.js';
import type { Rounding } from '../../quota/plan.js';
import { chargedSeconds } from '../../quota/rounding.js';
import { CHANNELS, PAYER, ROUNDINGS } from './audited-terms.js';

/** What a gateway's carrier has seen of one leg, by the time that passes for all. */
export interface SeenLeg {
  readonly leg: FakeLeg;
  readonly caller: FakeCaller;
  /** Of the plan that was in force when its channel was reserved. */
  readonly rounding: Rounding;
  readonly channelId: string;
  /** A gateway's; the PBX is no carrier. */
  readonly isCharged: boolean;
  furtherAnswers: number;
  answeredMs: number | null;
  endedMs: number | null;
  /** Its process was killed while it was up: what is charged then is an estimate. */
  isInterrupted: boolean;
  /** And the journal had its answer. */
  isHeld: boolean;
}

/** A call from a mobile, as its carrier has seen it. */
export interface SeenMobile {
  readonly caller: FakeCaller;
  readonly reservationId: string;
  /** When it had our 200. */
  answeredMs: number | null;
  endedMs: number | null;
  isInterrupted: boolean;
}

interface Charged {
  readonly isFurther: boolean;
  readonly isAnswered: boolean;
  readonly durationMs: number;
  readonly billedSeconds: number;
  readonly cost: string;
  readonly channelId: string;
}

/** What is settled, by attempt or by the reservation of a call from a mobile. */
export type History = ReadonlyMap<string, readonly Charged[]>;

interface Recorded {
  readonly attempts: readonly RecordedAttempt[];
  readonly incoming: (Omit<RecordedAttempt, 'attemptId'> & { readonly reservationId: string }) | null;
}

interface RecordedAttempt {
  readonly attemptId: string;
  readonly billedSeconds: number;
  readonly cost: string;
}

export class AuditedBooks {
  readonly legs: SeenLeg[] = [];
  readonly mobiles: SeenMobile[] = [];
  /** Seconds that were corrected by hand, by channel. */
  readonly corrected = new Map<string, number>();
  /** The wall clock was set, by which the slices of a process that died are measured. */
  hasJumped = false;
  readonly #sqlite: SqliteFile;

  constructor(sqlite: SqliteFile) {
    this.#sqlite = sqlite;
  }

  /** Of the reservations that are not settled: whether the journal has an answer. */
  held(): ReadonlyMap<string, boolean> {
    const held = this.#sqlite.query('SELECT reservation_id, answered_wall_ms FROM reservations WHERE settled = 0', []);
    return new Map(held.map((row) => [String(row.reservation_id), row.answered_wall_ms !== null]));
  }

  history(): History {
    const rows = this.#sqlite.query('SELECT * FROM settlements ORDER BY sequence', []);
    const history = new Map<string, Charged[]>();
    for (const row of rows) {
      const [attemptId = '', further] = String(row.reservation_id).split('/');
      const charged: Charged = {
        ...{ isFurther: further !== undefined, isAnswered: row.answered_wall_ms !== null },
        ...{ durationMs: Number(row.duration_ms), billedSeconds: Number(row.billed_seconds), cost: String(row.cost) },
        channelId: String(row.channel_id),
      };
      history.set(attemptId, [...(history.get(attemptId) ?? []), charged]);
    }
    return history;
  }

  /** When every call is over: nothing is left, and each is charged and recorded as its carrier has seen it. */
  assertAgree(history: History): void {
    assert.deepEqual(this.#sqlite.query('SELECT reservation_id FROM reservations', []), [], 'reservations are left');
    assert.deepEqual(this.#sqlite.query('SELECT call_id FROM live_calls', []), [], 'live calls are left');
    for (const seen of this.legs) this.#assertLegAgrees(seen, history);
    for (const mobile of this.mobiles) this.#assertMobileAgrees(mobile, history);
    this.#assertRecordsAgree(history);
  }

  /** The month holds all that happened. */
  assertUsage(history: History, ledger: Ledger, wallMs: number, rounding: Rounding): void {
    const charged = [...history.values()].flat().filter(({ isAnswered }) => isAnswered);
    for (const channelId of CHANNELS) {
      const own = charged.filter((each) => each.channelId === channelId);
      const seconds = own.reduce((sum, { durationMs }) => sum + chargedSeconds(durationMs, rounding), 0);
      const [, month] = ledger.usageOf(`sim ${channelId}`, wallMs)?.allowances ?? [];
      assert.equal(month?.used, seconds + (this.corrected.get(channelId) ?? 0), `${channelId} in its month`);
      assert.equal(month?.held, 0, `${channelId} holds nothing`);
    }
    const paid = ledger.usageOfPayer(PAYER, wallMs) ?? [];
    for (const { held } of paid) assert.equal(held, 0, `${PAYER} holds nothing`);
  }

  #assertLegAgrees(seen: SeenLeg, history: History): void {
    const { attemptId } = seen.leg.request;
    const charged = history.get(attemptId) ?? [];
    const [main, ...more] = charged.filter(({ isFurther }) => !isFurther);
    assert.equal(more.length, 0, `${attemptId} is charged once`);
    if (!seen.isCharged) {
      assert.deepEqual(charged, []);
      return;
    }
    const told = JSON.stringify({ ...seen, leg: seen.leg.state, caller: seen.caller.state, charged });
    if (seen.isInterrupted) {
      // Answered just before its process died, or ended by it: what nobody wrote down, nobody knows.
      if (seen.answeredMs === null) assert.ok(!main?.isAnswered, told);
      if (!seen.isHeld || this.hasJumped) return;
      // Until its gateway had our BYE; one that had hung up already, until then or to the end of its slice.
      const lastedMs = (seen.endedMs ?? 0) - (seen.answeredMs ?? 0);
      const mostMs = seen.leg.state === 'talking' ? lastedMs : lastedMs + SETTINGS.limits.sliceSeconds * 1_000;
      assert.ok(main?.isAnswered === true && main.durationMs >= lastedMs && main.durationMs <= mostMs, told);
      return;
    }
    assert.equal(main?.isAnswered === true, seen.answeredMs !== null, told);
    if (seen.answeredMs === null) return;
    assert.equal(main?.durationMs, (seen.endedMs ?? 0) - seen.answeredMs, told);
    assert.equal(main?.billedSeconds, chargedSeconds(main?.durationMs ?? 0, seen.rounding), told);
    assert.equal(charged.filter(({ isFurther }) => isFurther).length, seen.furtherAnswers, told);
  }

  #assertMobileAgrees({ caller, reservationId, isInterrupted, ...seen }: SeenMobile, history: History): void {
    const charged = history.get(reservationId) ?? [];
    assert.ok(charged.length <= 1, `${reservationId} is charged once`);
    if (isInterrupted) return;
    assert.equal(charged.length === 1, caller.told === 200, `${reservationId}: ${caller.told}`);
    const [main] = charged;
    // Ended by us, at some time of the second that has passed then.
    const lastedMs = (seen.endedMs ?? 0) - (seen.answeredMs ?? seen.endedMs ?? 0);
    const aheadMs = lastedMs - (main?.durationMs ?? lastedMs);
    assert.ok(aheadMs >= 0 && aheadMs <= 1_000, `${reservationId} lasted ${lastedMs} ms: ${JSON.stringify(charged)}`);
    // It may have waited for its channel, and other plans have come meanwhile.
    const billed = ROUNDINGS.map((rounding) => main && chargedSeconds(main.durationMs, rounding));
    if (main !== undefined) assert.ok(billed.includes(main.billedSeconds), `${main.billedSeconds} s of ${billed}`);
  }

  #assertRecordsAgree(history: History): void {
    const rows = this.#sqlite.query('SELECT call_id, state, record FROM cdr_outbox', []);
    const known = new Set<string>();
    for (const { call_id, state, record } of rows) {
      assert.equal(state, 'ready', `the record of ${call_id} is published`);
      const { attempts, incoming } = JSON.parse(String(record)) as Recorded;
      const legs = incoming === null ? attempts : [...attempts, { ...incoming, attemptId: incoming.reservationId }];
      for (const { attemptId, billedSeconds, cost } of legs) {
        known.add(attemptId);
        const charged = history.get(attemptId) ?? [];
        const sum = charged.reduce((seconds, each) => seconds + each.billedSeconds, 0);
        assert.equal(billedSeconds, sum, `billed seconds of ${attemptId}: ${JSON.stringify([attempts, charged])}`);
        assert.equal(cost, costOf(charged), `cost of ${attemptId}: ${JSON.stringify([attempts, charged])}`);
      }
    }
    for (const attemptId of history.keys()) assert.ok(known.has(attemptId), `${attemptId} is in a record`);
  }
}

function costOf(charged: readonly Charged[]): string {
  return formatMoney(charged.reduce((sum, { cost }) => sum + parseMoney(cost), 0));
}
