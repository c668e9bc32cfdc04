// Doubles of journal, outbox and ledger: what a crash would find is always to be seen, and commits wait or fail at will.
import type { Clock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import type {
  AdjustResult,
  Charge,
  Grant,
  LastCall,
  Ledger,
  OrphanReservation,
  PastAdjustments,
  PayersFit,
  Release,
  ReserveRequest,
  ReserveResult,
  Settlement,
  VerifyReport,
} from '../quota/ledger.js';
import type { CallRecord } from './call-record.js';
import type { CallBooks, LiveCall } from './ports.js';

const RETRY_PAUSE_MS = 1_000;

/** Commits in order; each as a whole, at once, later or not at all. */
export class FakeJournal {
  readonly live = new Map<string, LiveCall>();
  readonly open = new Map<string, CallRecord>();
  readonly reservations = new Map<string, OrphanReservation>();
  /** Billed seconds of every settlement, by reservation. */
  readonly charged = new Map<string, number>();
  readonly published: { readonly record: CallRecord; readonly revision: number }[] = [];
  /** Revisions that were committed behind a later one. */
  readonly superseded: { readonly callId: string; readonly revision: number }[] = [];
  failures = 0;
  /** Commits from now on fail: the process is at its end. */
  isClosed = false;
  readonly #waiting: { readonly entries: readonly JournalEntry[]; readonly done: () => void }[] = [];
  readonly #trace: string[];
  #isStalled = false;

  constructor(trace: string[]) {
    this.#trace = trace;
  }

  stall(): void {
    this.#isStalled = true;
  }

  goOn(): void {
    this.#isStalled = false;
    for (const { entries, done } of this.#waiting.splice(0)) {
      this.#apply(entries);
      done();
    }
  }

  /** Ends the process; what had committed is what the next one opens. */
  kill(): FakeJournal {
    this.isClosed = true;
    this.#waiting.length = 0;
    const next = new FakeJournal(this.#trace);
    for (const [id, call] of this.live) next.live.set(id, call);
    for (const [id, record] of this.open) next.open.set(id, record);
    for (const [id, reservation] of this.reservations) next.reservations.set(id, reservation);
    for (const [id, seconds] of this.charged) next.charged.set(id, seconds);
    next.published.push(...this.published);
    return next;
  }

  async commit(entries: readonly JournalEntry[]): Promise<void> {
    if (this.isClosed) throw new Error('journal closed');
    if (this.failures > 0) {
      this.failures -= 1;
      throw new Error('disk full');
    }
    if (this.#isStalled) await new Promise<void>((done) => this.#waiting.push({ entries, done }));
    else {
      await null;
      this.#apply(entries);
    }
  }

  /** Commits, however often it takes, as ledger and outbox do. */
  async persist(entries: readonly JournalEntry[], clock: Clock): Promise<void> {
    for (;;) {
      try {
        await this.commit(entries);
        return;
      } catch (error) {
        if (this.isClosed) throw error;
        await new Promise<void>((resolve) => {
          clock.after(RETRY_PAUSE_MS, resolve);
        });
      }
    }
  }

  #apply(entries: readonly JournalEntry[]): void {
    if (entries.length === 0) return;
    this.#trace.push(
      `commit ${entries.map(({ statement, parameters }) => `${statement} ${parameters[0]}`).join(', ')}`,
    );
    for (const { statement, parameters } of entries) {
      this.#applyStep(statement, parameters.map(String));
      const [callId, json] = parameters.map(String) as [string, string];
      if (statement === 'live') this.live.set(callId, JSON.parse(json) as LiveCall);
      if (statement === 'open') this.open.set(callId, JSON.parse(json) as CallRecord);
      if (statement !== 'ready') continue;
      this.live.delete(callId);
      this.open.delete(callId);
      const revision = Number(parameters[2]);
      const isLater = this.published.some(
        ({ record, revision: other }) => record.callId === callId && other > revision,
      );
      if (isLater) this.superseded.push({ callId, revision });
      else this.published.push({ record: JSON.parse(json) as CallRecord, revision });
    }
  }

  #applyStep(step: string, [id = '', detail = '', seconds = '']: readonly string[]): void {
    const held = this.reservations.get(id);
    if (step === 'reserve') this.reservations.set(id, JSON.parse(detail) as OrphanReservation);
    if (step === 'confirm' && held !== undefined) {
      const answeredWallMs = Number(detail);
      this.reservations.set(id, { ...held, answeredWallMs, coveredUntilWallMs: answeredWallMs + 30_000 });
    }
    if (step === 'charge further') this.charged.set(id, (this.charged.get(id) ?? 0) + Number(seconds));
    if (step === 'settle') {
      this.charged.set(id, (this.charged.get(id) ?? 0) + Number(seconds));
      if (held !== undefined && detail === 'in use') this.reservations.set(id, { ...held, settled: true });
      else this.reservations.delete(id);
    }
    if (step === 'vacate' || step === 'release') this.reservations.delete(id);
  }
}

export class FakeBooks implements CallBooks {
  readonly #journal: FakeJournal;
  readonly #clock: Clock;
  announced = 0;

  constructor(journal: FakeJournal, clock: Clock) {
    this.#journal = journal;
    this.#clock = clock;
  }

  keepLive(call: LiveCall): readonly JournalEntry[] {
    return [{ statement: 'live', parameters: [call.record.callId, JSON.stringify(call)] }];
  }

  keepRecord(record: CallRecord, revision: number | null): readonly JournalEntry[] {
    const statement = revision === null ? 'open' : 'ready';
    return [{ statement, parameters: [record.callId, JSON.stringify(record), revision] }];
  }

  commit(entries: readonly JournalEntry[]): Promise<void> {
    return this.#journal.persist(entries, this.#clock);
  }

  announce(): void {
    this.announced += 1;
  }
}

interface Held {
  readonly request: ReserveRequest;
  answeredWallMs: number | null;
  isSettled: boolean;
}

/** A ledger with one call a channel and no quota; it notes every step that its contract does not allow. */
export class FakeLedger implements Ledger {
  readonly charges = new Map<string, Charge>();
  /** Released reservations, and whether their INVITE had left. */
  readonly released = new Map<string, boolean>();
  readonly #held = new Map<string, Held>();
  readonly #expired = new Set<string>();
  readonly #settling = new Map<string, Promise<Charge>>();
  /** Further answers, by the reservation that they are charged beside. */
  readonly #charging = new Map<string, Promise<unknown>>();
  readonly #journal: FakeJournal;
  readonly #clock: Clock;
  readonly #trace: string[];
  maxCallSeconds = 600;
  /** What a further answer of an INVITE is charged. */
  furtherSeconds = 60;
  /** What the next confirmations and renewals grant, in their order; then 600 s for good. */
  readonly grants: Grant[] = [];
  /** Renewals from now on get no answer. */
  isDeaf = false;
  /** What each renewal asked for. */
  readonly renewedUntil: number[] = [];
  readonly violations: string[] = [];
  /** Whether an attempt may lose its channel now. */
  mayFree: (reservationId: string) => boolean = () => true;
  orphaned: OrphanReservation[] = [];
  /** By callee, who called it last. */
  readonly lastCalls = new Map<string, LastCall>();

  constructor(journal: FakeJournal, clock: Clock, trace: string[]) {
    this.#journal = journal;
    this.#clock = clock;
    this.#trace = trace;
  }

  get busyChannels(): readonly string[] {
    return [...this.#held.values()].map(({ request }) => request.channelId);
  }

  isBusy(channelId: string): boolean {
    return this.busyChannels.includes(channelId);
  }

  async reserve(request: ReserveRequest, alongside: readonly JournalEntry[] = []): Promise<ReserveResult> {
    const { reservationId, channelId } = request;
    if (this.isBusy(channelId)) return { ok: false, reason: 'channel-busy' };
    this.#held.set(reservationId, { request, answeredWallMs: null, isSettled: false });
    try {
      const orphan: OrphanReservation = {
        ...{ reservationId, callId: request.callId, channelId, simId: request.simId, callee: request.callee },
        ...{ answeredWallMs: null, coveredUntilWallMs: null, renewedWallMs: null, settled: false },
      };
      const entry = { statement: 'reserve', parameters: [reservationId, JSON.stringify(orphan)] };
      await this.#journal.commit([entry, ...alongside]);
    } catch {
      this.#held.delete(reservationId);
      return { ok: false, reason: 'journal-stalled' };
    }
    return { ok: true, reservationId, maxCallSeconds: this.maxCallSeconds };
  }

  async confirm(
    reservationId: string,
    answeredWallMs: number,
    alongside: readonly JournalEntry[] = [],
  ): Promise<Grant> {
    const held = this.#held.get(reservationId);
    this.#require(held !== undefined && !held.isSettled, `confirm ${reservationId}`);
    held.answeredWallMs = answeredWallMs;
    const grant = this.#nextGrant();
    await this.#persist('confirm', [reservationId, answeredWallMs], alongside);
    return grant;
  }

  async renew(reservationId: string, coveredUntilWallMs: number): Promise<Grant> {
    this.renewedUntil.push(coveredUntilWallMs);
    this.#trace.push(`renew ${reservationId}`);
    if (this.isDeaf) await new Promise(() => {});
    const grant = this.#nextGrant();
    await this.#journal.commit([{ statement: 'renew', parameters: [reservationId] }]);
    return grant;
  }

  settle(settlement: Settlement, alongside: (charge: Charge) => readonly JournalEntry[] = () => []): Promise<Charge> {
    const { reservationId } = settlement;
    this.#require(!this.charges.has(reservationId), `${reservationId} is charged once`);
    const settling = this.#settle(settlement, alongside);
    this.#settling.set(reservationId, settling);
    return settling;
  }

  async #settle(settlement: Settlement, alongside: (charge: Charge) => readonly JournalEntry[]): Promise<Charge> {
    const { reservationId, durationMs, estimated, channelInUse } = settlement;
    const held = this.#held.get(reservationId);
    this.#require(held !== undefined, `settle ${reservationId}: it is reserved`);
    // A carrier bills each answer.
    const billedSeconds = Math.max(1, Math.ceil(durationMs / 1000));
    const simId = held.request.simId;
    const charge: Charge = { reservationId, simId, billedSeconds, cost: '0', currency: 'KRW', estimated };
    this.charges.set(reservationId, charge);
    held.isSettled = true;
    const entries = alongside(charge);
    const before = this.#charging.get(reservationId);
    if (before !== undefined) await before;
    await this.#persist('settle', [reservationId, channelInUse ? 'in use' : 'free', billedSeconds], entries);
    if (!channelInUse) this.#free(reservationId);
    return charge;
  }

  async chargeFurther(
    reservationId: string,
    answerId: string,
    _answeredWallMs: number,
    alongside: (charge: Charge) => readonly JournalEntry[] = () => [],
  ): Promise<Charge | null> {
    const held = this.#held.get(reservationId);
    if (held === undefined) return null;
    this.#require(!this.charges.has(answerId), `${answerId} is charged once`);
    const { simId } = held.request;
    const billedSeconds = this.furtherSeconds;
    const charge: Charge = {
      ...{ reservationId: answerId, simId, billedSeconds, cost: '1.5', currency: 'KRW', estimated: false },
    };
    this.charges.set(answerId, charge);
    const entries = alongside(charge);
    // As the steps of one call are committed in their order.
    const before = [this.#settling.get(reservationId), this.#charging.get(reservationId)];
    const charging = Promise.all(before).then(() =>
      this.#persist('charge further', [reservationId, answerId, billedSeconds], entries),
    );
    this.#charging.set(reservationId, charging);
    await charging;
    return charge;
  }

  /** Its lease has run out, as those of a node that stood still: its channel is free. */
  expire(reservationId: string): void {
    this.#held.delete(reservationId);
    this.#expired.add(reservationId);
  }

  async vacate(reservationId: string): Promise<void> {
    await Promise.all([this.#settling.get(reservationId), this.#charging.get(reservationId)]);
    if (this.#expired.has(reservationId)) return;
    const held = this.#held.get(reservationId);
    this.#require(held?.isSettled === true, `vacate ${reservationId}: it is settled and held`);
    await this.#persist('vacate', [reservationId], []);
    this.#free(reservationId);
  }

  async release(
    reservationId: string,
    { invited }: Release,
    alongside: (charge: Charge | null) => readonly JournalEntry[] = () => [],
  ): Promise<void> {
    const held = this.#held.get(reservationId);
    this.#require(held !== undefined && !held.isSettled, `release ${reservationId}: it is held and not settled`);
    this.released.set(reservationId, invited);
    await this.#persist('release', [reservationId], alongside(null));
    this.#free(reservationId);
  }

  usageOf(): undefined {
    return undefined;
  }

  usageOfPayer(): undefined {
    return undefined;
  }

  fitPayers(): PayersFit {
    return { ok: true, maxCallSeconds: this.maxCallSeconds };
  }

  attemptsTo(): number {
    return 0;
  }

  lastCallTo(callee: string): LastCall | undefined {
    return this.lastCalls.get(callee);
  }

  adjust(): Promise<AdjustResult> {
    return Promise.resolve({ ok: false, reason: 'unknown-holder' });
  }

  adjustments(): Promise<PastAdjustments> {
    return Promise.resolve({ adjustments: [], isCut: false, isPartOnly: false });
  }

  verify(): Promise<VerifyReport> {
    return Promise.resolve({ ok: true, settlements: 0, adjustments: 0, differences: [] });
  }

  orphans(): readonly OrphanReservation[] {
    return this.orphaned;
  }

  /** A reservation that an earlier process left. */
  addOrphan(orphan: OrphanReservation): void {
    const { reservationId, callId, channelId, simId, callee, answeredWallMs, settled } = orphan;
    const request: ReserveRequest = {
      ...{ reservationId, callId, trunk: 'pbx', channelId, simId, callee },
      ...{ numberClass: 'mobile', wallMs: 0, direction: 'out', payers: [] },
    };
    this.#held.set(reservationId, { request, answeredWallMs, isSettled: settled });
    this.orphaned.push(orphan);
  }

  #nextGrant(): Grant {
    return this.grants.shift() ?? { maxCallSeconds: this.maxCallSeconds, isFinal: true };
  }

  #require(isTrue: boolean, what: string): asserts isTrue {
    if (isTrue) return;
    this.violations.push(what);
    throw new Error(what);
  }

  #free(reservationId: string): void {
    this.#trace.push(`channel freed ${reservationId}`);
    if (!this.mayFree(reservationId)) this.violations.push(`${reservationId} lost its channel before its last word`);
    this.#held.delete(reservationId);
    this.orphaned = this.orphaned.filter((orphan) => orphan.reservationId !== reservationId);
  }

  #persist(
    statement: string,
    parameters: JournalEntry['parameters'],
    alongside: readonly JournalEntry[],
  ): Promise<void> {
    return this.#journal.persist([{ statement, parameters }, ...alongside], this.#clock);
  }
}
