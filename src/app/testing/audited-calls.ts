// Real calls over the real ledger and outbox, in one SQLite file that outlives killed processes, with gateways that keep books of
// their own: what the carrier bills of each leg.
import { strict as assert } from 'node:assert';
import { ANSWER, CallBench, SETTINGS, settled } from '../../call/call-test-kit.js';
import type { FakeCaller, FakeLeg } from '../../call/fake-legs.js';
import { FakeReferral } from '../../call/fake-referral.js';
import { destinationAt, incomingOn } from '../../call/incoming-test-kit.js';
import { recoverCalls } from '../../call/recovery.js';
import { OUTBOX_SCHEMA, Outbox } from '../../cdr/outbox.js';
import type { Journal } from '../../journal/journal.js';
import { SqliteFile } from '../../journal/sqlite-file.js';
import { type JournalledMemoryLedger, openJournalledLedger } from '../../ledgers/journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../../ledgers/ledger-schema.js';
import { ManualClock } from '../../lib/clock.js';
import type { JournalEntry, JournalValue } from '../../lib/journal-entry.js';
import { createLogger } from '../../lib/logger.js';
import { TypedEmitter } from '../../lib/typed-events.js';
import { formatMoney, parseMoney } from '../../quota/money.js';
import type { Plan, Rounding } from '../../quota/plan.js';
import { allowanceOf, capsOf, planOf } from '../../quota/plan-defaults.js';
import { chargedSeconds } from '../../quota/rounding.js';

const AGENT = '201';
const PAYER = `agent:pbx/${AGENT}`;
const CHANNELS = ['gw1/1', 'gw1/2', 'gw2/1'];
const SECONDS_A_DAY = 300;
const PAYER_SECONDS_A_DAY = 400;
const HOLD_SECONDS = 40;
const ROUNDINGS: readonly [Rounding, Rounding] = [
  { firstSeconds: 10, thenSeconds: 5, minimumSeconds: 0 },
  { firstSeconds: 60, thenSeconds: 60, minimumSeconds: 0 },
];
/** Ten minutes before a midnight in Seoul, in the midst of a month. */
const START = Date.UTC(2026, 0, 14, 14, 50);
const log = createLogger({ level: 'silent', redactNumbers: false });

const BOTH_WAYS = { directions: ['out', 'in'] } as const;

function planWith(rounding: Rounding): Plan {
  const charge = { kind: 'charge', perStep: '7.5', stepSeconds: 1 } as const;
  return planOf({
    name: 'audited',
    rounding,
    maxCallSeconds: 200,
    allowances: [
      allowanceOf({ ...BOTH_WAYS, id: 'seconds-day', counts: 'seconds', limit: SECONDS_A_DAY, rounding }),
      allowanceOf({
        ...{ id: 'seconds-month', counts: 'seconds', limit: 250, rounding, beyond: { ...charge, perStep: '1.98' } },
        ...BOTH_WAYS,
        window: { kind: 'month', resetDay: 1 },
      }),
      allowanceOf({ id: 'calls-day', counts: 'calls', countsOn: 'attempt', limit: 2, beyond: charge }),
    ],
  });
}

const [CAPS, OTHER_CAPS] = [PAYER_SECONDS_A_DAY, PAYER_SECONDS_A_DAY - 70].map((limit) =>
  capsOf({
    name: 'agents',
    allowances: [
      allowanceOf({ ...BOTH_WAYS, id: 'seconds-day', counts: 'seconds', limit }),
      allowanceOf({ id: 'spend-day', counts: 'spend', limit: 2_000_000_000 }),
    ],
  }),
);

/** Commits at once, as many times as it may: then the process is dead, and says nothing any more. */
class MortalJournal {
  readonly events = new TypedEmitter(() => {});
  readonly isOpen = true;
  readonly isStalled = false;
  commitsLeft = Number.POSITIVE_INFINITY;
  readonly #sqlite: SqliteFile;

  constructor(sqlite: SqliteFile) {
    this.#sqlite = sqlite;
  }

  commit(entries: readonly JournalEntry[]): Promise<void> {
    if (this.commitsLeft <= 0) return new Promise(() => {});
    this.commitsLeft -= 1;
    this.#sqlite.execute('BEGIN');
    for (const { statement, parameters } of entries) this.#sqlite.run(statement, parameters);
    this.#sqlite.execute('COMMIT');
    return Promise.resolve();
  }

  query(statement: string, parameters: readonly JournalValue[] = []) {
    return Promise.resolve(this.#sqlite.query(statement, parameters));
  }
}

/** What a gateway's carrier has seen of one leg, by the time that passes for all. */
interface SeenLeg {
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
interface SeenMobile {
  readonly caller: FakeCaller;
  readonly reservationId: string;
  /** When it had our 200. */
  answeredMs: number | null;
  endedMs: number | null;
  isInterrupted: boolean;
}

export type AuditedStep =
  | { readonly kind: 'mobile'; readonly index: number; readonly paid: boolean }
  | { readonly kind: 'talk' | 'dial'; readonly paid: boolean }
  | {
      readonly kind: 'gateway';
      readonly index: number;
      readonly does: 'rings' | 'answers' | 'answers again' | 'is busy' | 'has no SIM' | 'hangs up' | 'clears';
    }
  | { readonly kind: 'caller'; readonly index: number; readonly does: 'connects' | 'hangs up' | 'cancels' | 'clears' }
  | { readonly kind: 'pass' | 'jump'; readonly ms: number }
  | { readonly kind: 'transfer'; readonly index: number }
  | { readonly kind: 'adjust'; readonly index: number; readonly amount: number }
  | { readonly kind: 'replan' }
  | { readonly kind: 'kill'; readonly commits: number };

interface Life {
  readonly bench: CallBench;
  readonly ledger: JournalledMemoryLedger;
  readonly journal: MortalJournal;
  readonly outbox: Outbox;
}

export class AuditedCalls {
  readonly #sqlite = new SqliteFile(':memory:', 'process');
  readonly #seen: SeenLeg[] = [];
  readonly #mobiles: SeenMobile[] = [];
  #life!: Life;
  /** The time that had passed when this life began. */
  #beganMs = 0;
  #plan = planWith(ROUNDINGS[0]);
  #adjustments = 0;
  #hasJumped = false;
  readonly #corrected = new Map<string, number>();

  static async open(): Promise<AuditedCalls> {
    const calls = new AuditedCalls();
    for (const each of [...LEDGER_SCHEMA, ...OUTBOX_SCHEMA]) {
      if (typeof each === 'string') calls.#sqlite.execute(each);
      else if (calls.#sqlite.query(each.unless, []).length === 0) calls.#sqlite.execute(each.statement);
    }
    await calls.#live(START);
    return calls;
  }

  close(): void {
    this.#life.ledger.close();
    this.#sqlite.close();
  }

  // ---- what happens --------------------------------------------------------------------------------------------------

  async happen(step: AuditedStep): Promise<void> {
    const { bench } = this.#life;
    switch (step.kind) {
      case 'talk':
      case 'dial':
        await this.#call(step.paid, step.kind === 'talk');
        break;
      case 'mobile':
        await this.#callFromMobile(CHANNELS[step.index % CHANNELS.length] ?? '', step.paid);
        break;
      case 'gateway':
        this.#gateway(this.#legs[step.index % Math.max(1, this.#legs.length)], step.does);
        break;
      case 'caller':
        this.#caller(bench.callers[step.index % Math.max(1, bench.callers.length)], step.does);
        break;
      case 'pass':
        await this.#pass(step.ms);
        break;
      case 'jump':
        this.#hasJumped = true;
        bench.clock.jumpWallTo(bench.clock.wallMs() + step.ms);
        break;
      case 'transfer':
        await this.#transfer(step.index);
        break;
      case 'adjust':
        await this.#adjust(CHANNELS[step.index % CHANNELS.length] ?? '', step.amount);
        break;
      case 'replan':
        await this.#replan();
        break;
      case 'kill':
        this.#life.journal.commitsLeft = step.commits;
    }
    await this.#settle();
  }

  /** Everybody goes home. */
  async end(): Promise<void> {
    for (let round = 0; round < 6; round += 1) {
      const { bench } = this.#life;
      for (const caller of [...bench.callers])
        for (const does of ['connects', 'hangs up', 'cancels', 'clears'] as const) this.#caller(caller, does);
      await this.#settle();
      for (const leg of [...this.#legs])
        for (const does of ['is busy', 'hangs up', 'clears'] as const) this.#gateway(leg, does);
      await this.#settle();
      await this.#pass(500);
    }
    await this.#pass(40_000);
    this.#life.journal.commitsLeft = Number.POSITIVE_INFINITY;
  }

  get #legs(): readonly SeenLeg[] {
    return this.#seen.filter(({ leg }) => this.#life.bench.dialler.legs.includes(leg));
  }

  get #nowMs(): number {
    return this.#beganMs + this.#life.bench.clock.monotonicMs();
  }

  async #call(paid: boolean, isTalk: boolean): Promise<void> {
    const { bench } = this.#life;
    const before = bench.dialler.legs.length;
    const caller = await bench.offer(paid ? { agent: AGENT } : {});
    this.#see(caller);
    if (!isTalk || bench.dialler.legs.length === before) return;
    this.#gateway(this.#seen.at(-1), 'answers');
    await settled();
    this.#caller(caller, 'connects');
  }

  /** A mobile rings a SIM; the PBX is asked to take it. */
  async #callFromMobile(channelId: string, paid: boolean): Promise<void> {
    const reservationId = `in-${this.#mobiles.length}`;
    const destinations = [destinationAt('default', '700')];
    const made = incomingOn(destinations, { reservationId, channelId, simId: `sim ${channelId}` });
    const caller = await this.#life.bench.offer({ ...made, agent: paid ? AGENT : null });
    this.#mobiles.push({ caller, reservationId, answeredMs: null, endedMs: null, isInterrupted: false });
    this.#see(caller);
  }

  /** INVITEs that have left since it was last asked. */
  #see(caller: FakeCaller): void {
    const { bench } = this.#life;
    for (const leg of bench.dialler.legs) {
      if (this.#seen.some((seen) => seen.leg === leg)) continue;
      leg.sent();
      const { channelId } = leg.request;
      const isCharged = CHANNELS.includes(channelId);
      this.#seen.push({
        isCharged,
        ...{ leg, caller, channelId, rounding: this.#plan.rounding, furtherAnswers: 0 },
        ...{ answeredMs: null, endedMs: null, isInterrupted: false, isHeld: false },
      });
    }
  }

  #gateway(seen: SeenLeg | undefined, does: Extract<AuditedStep, { kind: 'gateway' }>['does']): void {
    if (seen === undefined || this.#isDead) return;
    const { leg } = seen;
    // 64·T1 after our CANCEL or BYE nothing more is waited for.
    if (leg.hasEnded(SETTINGS.limits.abandonTimeoutMs)) return;
    if (leg.state === 'calling') {
      if (does === 'rings') leg.listener.progressed(180, null);
      else if (does === 'is busy') leg.fail(486);
      else if (does === 'has no SIM') leg.fail(503);
      else if (does === 'answers') {
        seen.answeredMs = this.#nowMs;
        leg.answer(ANSWER);
      }
    } else if (does === 'answers again' && (leg.state === 'talking' || leg.state === 'hanging-up')) {
      seen.furtherAnswers += 1;
      leg.listener.answeredAgain?.();
    } else if (leg.state === 'talking' && does === 'hangs up') {
      seen.endedMs = this.#nowMs;
      leg.hangsUp();
    } else if (leg.state === 'hanging-up' && does === 'clears') leg.clear();
    this.#noteEnds();
  }

  /** Our BYEs, at the instant at which they were sent. */
  #noteEnds(): void {
    for (const seen of this.#legs) {
      if (seen.answeredMs === null || seen.endedMs !== null || seen.leg.state !== 'hanging-up') continue;
      seen.endedMs = this.#beganMs + (seen.leg.endWantedMs ?? 0);
    }
    for (const mobile of this.#mobiles) {
      if (mobile.caller.state === 'talking') mobile.answeredMs ??= this.#nowMs;
      if (mobile.caller.state === 'over') mobile.endedMs ??= this.#nowMs;
    }
  }

  #caller(caller: FakeCaller | undefined, does: Extract<AuditedStep, { kind: 'caller' }>['does']): void {
    if (caller === undefined || this.#isDead) return;
    if (does === 'connects' && caller.hasConnectUnderWay) caller.connected();
    else if (does === 'hangs up' && caller.state === 'talking') caller.hangsUp();
    else if (does === 'cancels' && caller.state === 'ringing') caller.cancel();
    else if (does === 'clears' && caller.awaitsAnswer) caller.clears();
    this.#noteEnds();
  }

  /** Second by second, so that what follows from a timer happens when it fires. */
  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0 && !this.#isDead; left -= 1_000) {
      await this.#life.bench.advance(Math.min(left, 1_000));
      this.#noteEnds();
      await settled();
    }
  }

  async #transfer(index: number): Promise<void> {
    const { bench } = this.#life;
    const caller = bench.callers[index % Math.max(1, bench.callers.length)];
    if (caller?.state !== 'talking' || this.#isDead) return;
    caller.listener.referred(new FakeReferral({ user: '01055550103' }));
    await settled();
    this.#see(caller);
  }

  async #adjust(channelId: string, amount: number): Promise<void> {
    const { ledger, bench, journal } = this.#life;
    if (journal.commitsLeft < Number.POSITIVE_INFINITY) return;
    const holder = `sim:sim ${channelId}`;
    const adjustment = { holder, allowanceId: 'seconds-month', amount, reason: 'audit', by: 'auditor' };
    this.#adjustments += 1;
    await ledger.adjust({ ...adjustment, adjustmentId: `a${this.#adjustments}`, wallMs: bench.clock.wallMs() });
    this.#corrected.set(channelId, (this.#corrected.get(channelId) ?? 0) + amount);
  }

  async #replan(): Promise<void> {
    if (this.#life.journal.commitsLeft < Number.POSITIVE_INFINITY) return;
    this.#plan = planWith(this.#plan.rounding === ROUNDINGS[0] ? ROUNDINGS[1] : ROUNDINGS[0]);
    const { take } = await this.#life.ledger.prepare(this.#settings());
    take();
  }

  /** What was waiting for promises goes as far as it can; a process that has died is followed by the next. */
  async #settle(): Promise<void> {
    await settled();
    this.#noteEnds();
    for (const caller of this.#life.bench.callers) this.#see(caller);
    if (this.#isDead) await this.#restart();
  }

  get #isDead(): boolean {
    return this.#life.journal.commitsLeft <= 0;
  }

  // ---- processes -----------------------------------------------------------------------------------------------------

  #settings() {
    const caps = this.#plan.rounding === ROUNDINGS[0] ? CAPS : OTHER_CAPS;
    return {
      plans: [this.#plan],
      sims: CHANNELS.map((id) => ({ simId: `sim ${id}`, plan: this.#plan.name })),
      channels: CHANNELS.map((channelId) => ({ channelId, simId: `sim ${channelId}`, gapMs: 0 })),
      sliceSeconds: SETTINGS.limits.sliceSeconds,
      capsOf: (payer: string) => (payer === PAYER ? caps : undefined),
    };
  }

  async #live(wallMs: number): Promise<void> {
    const clock = new ManualClock(wallMs);
    const journal = new MortalJournal(this.#sqlite);
    const ofLedger = { ...this.#settings(), journal: journal as unknown as Journal, clock, log };
    const ledger = await openJournalledLedger(ofLedger);
    const outbox = new Outbox(journal, clock, log);
    const bench = new CallBench(
      { recording: { ...SETTINGS.recording, enabled: false } },
      { clock, ledger, books: outbox },
    );
    bench.channels = CHANNELS;
    bench.transfers = 'simtrunk';
    this.#life = { bench, ledger, journal, outbox };
  }

  /** The process is dead: gateways hear nothing until the next one ends what was left; that one may be killed as well. */
  async #restart(): Promise<void> {
    const before = this.#life;
    const held = this.#sqlite.query('SELECT reservation_id, answered_wall_ms FROM reservations WHERE settled = 0', []);
    const left = new Map(held.map((row) => [String(row.reservation_id), row.answered_wall_ms !== null]));
    const legs = this.#legs.filter(({ leg }) => leg.state !== 'over' || left.has(leg.request.attemptId));
    this.#beganMs = this.#nowMs;
    await this.#live(before.bench.clock.wallMs());
    for (const died of [true, false]) {
      const { bench, ledger, outbox, journal } = this.#life;
      journal.commitsLeft = died ? this.#seen.length % 4 : Number.POSITIVE_INFINITY;
      for (const { leg } of legs)
        bench.dialler.orphanAnswers.set(leg.request.attemptId, leg.state === 'over' ? 481 : 200);
      const [live, open] = [await outbox.leftLive(), await outbox.leftOpen()];
      const ports = { ledger, dialler: bench.dialler, books: outbox, clock: bench.clock, log };
      const settings = { holdSeconds: HOLD_SECONDS, sliceSeconds: SETTINGS.limits.sliceSeconds };
      void recoverCalls(ports, { live, open, recordings: new Map() }, settings, new AbortController().signal);
      await settled();
      if (!died) await bench.advance(HOLD_SECONDS * 1_000);
      for (const seen of legs) {
        seen.isInterrupted = true;
        seen.isHeld = left.get(seen.leg.request.attemptId) === true;
        seen.endedMs ??= this.#nowMs;
      }
      for (const mobile of this.#mobiles) mobile.isInterrupted ||= left.has(mobile.reservationId);
      if (died) await this.#live(bench.clock.wallMs());
    }
    await settled();
  }

  // ---- what the books say --------------------------------------------------------------------------------------------

  /** Nothing that forbids was gone beyond. */
  assertWithinLimits(): void {
    const { ledger, bench } = this.#life;
    const wallMs = bench.clock.wallMs();
    for (const channelId of CHANNELS) {
      const used = ledger.usageOf(`sim ${channelId}`, wallMs)?.allowances[0]?.used ?? 0;
      assert.ok(used <= SECONDS_A_DAY, `${channelId} has used ${used} of ${SECONDS_A_DAY} s`);
    }
    const paid = ledger.usageOfPayer(PAYER, wallMs)?.[0]?.used ?? 0;
    assert.ok(paid <= PAYER_SECONDS_A_DAY, `${PAYER} has used ${paid} of ${PAYER_SECONDS_A_DAY} s`);
  }

  /** Carrier, history, usage and records agree, in this process and in the next one. */
  async assertBooksAgree(): Promise<void> {
    const history = this.#history();
    assert.deepEqual(this.#sqlite.query('SELECT reservation_id FROM reservations', []), [], 'reservations are left');
    assert.deepEqual(this.#sqlite.query('SELECT call_id FROM live_calls', []), [], 'live calls are left');
    assert.equal(this.#life.bench.registry.size, 0);
    for (const seen of this.#seen) this.#assertCarrierAgrees(seen, history);
    for (const mobile of this.#mobiles) this.#assertMobileAgrees(mobile, history);
    this.#assertRecordsAgree(history);
    this.#assertUsage(history);
    const { ok, differences } = await this.#life.ledger.verify();
    assert.deepEqual([ok, differences], [true, []]);
    const { bench, ledger } = this.#life;
    ledger.close();
    await this.#live(bench.clock.wallMs());
    this.#assertUsage(history);
    assert.equal((await this.#life.ledger.verify()).ok, true);
  }

  #history(): History {
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

  #assertCarrierAgrees(seen: SeenLeg, history: History): void {
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
      if (!seen.isHeld || this.#hasJumped) return;
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

  /** The month holds all that happened. */
  #assertUsage(history: History): void {
    const { ledger, bench } = this.#life;
    const charged = [...history.values()].flat().filter(({ isAnswered }) => isAnswered);
    for (const channelId of CHANNELS) {
      const own = charged.filter((each) => each.channelId === channelId);
      const seconds = own.reduce((sum, { durationMs }) => sum + chargedSeconds(durationMs, this.#plan.rounding), 0);
      const [, month] = ledger.usageOf(`sim ${channelId}`, bench.clock.wallMs())?.allowances ?? [];
      assert.equal(month?.used, seconds + (this.#corrected.get(channelId) ?? 0), `${channelId} in its month`);
      assert.equal(month?.held, 0, `${channelId} holds nothing`);
    }
    const paid = ledger.usageOfPayer(PAYER, bench.clock.wallMs()) ?? [];
    for (const { held } of paid) assert.equal(held, 0, `${PAYER} holds nothing`);
  }
}

interface Charged {
  readonly isFurther: boolean;
  readonly isAnswered: boolean;
  readonly durationMs: number;
  readonly billedSeconds: number;
  readonly cost: string;
  readonly channelId: string;
}

type History = ReadonlyMap<string, readonly Charged[]>;

interface Recorded {
  readonly attempts: readonly RecordedAttempt[];
  readonly incoming: (Omit<RecordedAttempt, 'attemptId'> & { readonly reservationId: string }) | null;
}

interface RecordedAttempt {
  readonly attemptId: string;
  readonly billedSeconds: number;
  readonly cost: string;
}

function costOf(charged: readonly Charged[]): string {
  return formatMoney(charged.reduce((sum, { cost }) => sum + parseMoney(cost), 0));
}
