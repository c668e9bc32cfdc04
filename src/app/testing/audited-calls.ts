// Real calls over the real ledger and outbox, in one SQLite file that outlives killed processes, with gateways that keep books of
// their own: what the carrier bills of each leg.
import { strict as assert } from 'node:assert';
import { ANSWER, CallBench, SETTINGS, settled } from '../../call/call-test-kit.js';
import type { FakeCaller } from '../../call/fake-legs.js';
import { FakeReferral } from '../../call/fake-referral.js';
import { destinationAt, incomingOn } from '../../call/incoming-test-kit.js';
import { recoverCalls } from '../../call/recovery.js';
import { OUTBOX_SCHEMA, Outbox } from '../../cdr/outbox.js';
import type { Journal } from '../../journal/journal.js';
import { SqliteFile } from '../../journal/sqlite-file.js';
import { type JournalledMemoryLedger, openJournalledLedger } from '../../ledgers/journalled-memory-ledger.js';
import { LEDGER_SCHEMA } from '../../ledgers/ledger-schema.js';
import { ManualClock } from '../../lib/clock.js';
import { createLogger } from '../../lib/logger.js';
import { AuditedBooks, type History, type SeenLeg } from './audited-books.js';
import { AGENT, CAPS, CHANNELS, PAYER, PAYER_SECONDS, planWith, ROUNDINGS, SECONDS_A_DAY } from './audited-terms.js';
import { MortalJournal } from './mortal-journal.js';

const HOLD_SECONDS = 40;
/** Ten minutes before a midnight in Seoul, in the midst of a month. */
const START = Date.UTC(2026, 0, 14, 14, 50);
const log = createLogger({ level: 'silent', redactNumbers: false });

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
  | { readonly kind: 'replan'; readonly payerSeconds: (typeof PAYER_SECONDS)[number] }
  | { readonly kind: 'kill'; readonly commits: number };

interface Life {
  readonly bench: CallBench;
  readonly ledger: JournalledMemoryLedger;
  readonly journal: MortalJournal;
  readonly outbox: Outbox;
}

export class AuditedCalls {
  readonly #sqlite = new SqliteFile(':memory:', 'process');
  readonly #books = new AuditedBooks(this.#sqlite);
  #life!: Life;
  /** The time that had passed when this life began. */
  #beganMs = 0;
  #plan = planWith(ROUNDINGS[0]);
  #payerSeconds: (typeof PAYER_SECONDS)[number] = PAYER_SECONDS[0];
  #adjustments = 0;

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
        this.#books.hasJumped = true;
        bench.clock.jumpWallTo(bench.clock.wallMs() + step.ms);
        break;
      case 'transfer':
        await this.#transfer(step.index);
        break;
      case 'adjust':
        await this.#adjust(CHANNELS[step.index % CHANNELS.length] ?? '', step.amount);
        break;
      case 'replan':
        await this.#replan(step.payerSeconds);
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
    return this.#books.legs.filter(({ leg }) => this.#life.bench.dialler.legs.includes(leg));
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
    this.#gateway(this.#books.legs.at(-1), 'answers');
    await settled();
    this.#caller(caller, 'connects');
  }

  /** A mobile rings a SIM; the PBX is asked to take it. */
  async #callFromMobile(channelId: string, paid: boolean): Promise<void> {
    const reservationId = `in-${this.#books.mobiles.length}`;
    const destinations = [destinationAt('default', '700')];
    const made = incomingOn(destinations, { reservationId, channelId, simId: `sim ${channelId}` });
    const caller = await this.#life.bench.offer({ ...made, agent: paid ? AGENT : null });
    this.#books.mobiles.push({ caller, reservationId, answeredMs: null, endedMs: null, isInterrupted: false });
    this.#see(caller);
  }

  /** INVITEs that have left since it was last asked. */
  #see(caller: FakeCaller): void {
    const { bench } = this.#life;
    for (const leg of bench.dialler.legs) {
      if (this.#books.legs.some((seen) => seen.leg === leg)) continue;
      leg.sent();
      const { channelId } = leg.request;
      const isCharged = CHANNELS.includes(channelId);
      this.#books.legs.push({
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
    for (const mobile of this.#books.mobiles) {
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
    const { corrected } = this.#books;
    corrected.set(channelId, (corrected.get(channelId) ?? 0) + amount);
  }

  async #replan(payerSeconds: (typeof PAYER_SECONDS)[number]): Promise<void> {
    if (this.#life.journal.commitsLeft < Number.POSITIVE_INFINITY) return;
    this.#payerSeconds = payerSeconds;
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
    const caps = CAPS.get(this.#payerSeconds);
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
    const left = this.#books.held();
    const legs = this.#legs.filter(({ leg }) => leg.state !== 'over' || left.has(leg.request.attemptId));
    this.#beganMs = this.#nowMs;
    await this.#live(before.bench.clock.wallMs());
    for (const died of [true, false]) {
      const { bench, ledger, outbox, journal } = this.#life;
      journal.commitsLeft = died ? this.#books.legs.length % 4 : Number.POSITIVE_INFINITY;
      for (const { leg } of legs)
        bench.dialler.orphanAnswers.set(leg.request.attemptId, leg.state === 'over' ? 481 : 200);
      const [live, open] = [await outbox.leftLive(), await outbox.leftOpen()];
      const ports = { ledger, dialler: bench.dialler, books: outbox, clock: bench.clock, log };
      const settings = { holdSeconds: HOLD_SECONDS };
      void recoverCalls(ports, { live, open, recordings: new Map() }, settings, new AbortController().signal);
      await settled();
      if (!died) await bench.advance(HOLD_SECONDS * 1_000);
      for (const seen of legs) {
        seen.isInterrupted = true;
        seen.isHeld = left.get(seen.leg.request.attemptId) === true;
        seen.endedMs ??= this.#nowMs;
      }
      for (const mobile of this.#books.mobiles) mobile.isInterrupted ||= left.has(mobile.reservationId);
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
    this.assertWithinCaps();
  }

  /** By whichever caps its calls went. */
  assertWithinCaps(): void {
    const { ledger, bench } = this.#life;
    const most = Math.max(...PAYER_SECONDS);
    const paid = ledger.usageOfPayer(PAYER, bench.clock.wallMs())?.[0]?.used ?? 0;
    assert.ok(paid <= most, `${PAYER} has used ${paid} of ${most} s`);
  }

  /** Carrier, history, usage and records agree, in this process and in the next one. */
  async assertBooksAgree(): Promise<void> {
    const history = this.#books.history();
    this.#books.assertAgree(history);
    assert.equal(this.#life.bench.registry.size, 0);
    this.#assertUsage(history);
    const { ok, differences } = await this.#life.ledger.verify();
    assert.deepEqual([ok, differences], [true, []]);
    const { bench, ledger } = this.#life;
    ledger.close();
    await this.#live(bench.clock.wallMs());
    this.#assertUsage(history);
    assert.equal((await this.#life.ledger.verify()).ok, true);
  }

  #assertUsage(history: History): void {
    const { ledger, bench } = this.#life;
    this.#books.assertUsage(history, ledger, bench.clock.wallMs(), this.#plan.rounding);
  }
}
