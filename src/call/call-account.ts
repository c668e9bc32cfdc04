// What one call owes the books: the ledger's steps for its attempts, the row of the live call, and its record, each
// committed with the step that it belongs to (semantics.md, "The journal").
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { furtherAnswerId } from '../quota/further-answer.js';
import type { Charge, Grant, Ledger } from '../quota/ledger.js';
import type { CallEffect } from './call-events.js';
import type { AttemptRecord } from './call-record.js';
import { type Attempt, type CallState, recordOf } from './call-state.js';
import type { CallBooks, LiveCall } from './ports.js';
import { RecordRelease } from './record-release.js';

/** The call as its account sees it. */
export interface AccountHolder {
  state(): CallState;
  /** What the journal needs to end its legs after a crash. */
  legs(): Pick<LiveCall, 'caller' | 'callees'>;
  /** What an attempt is charged, or more of it. */
  noteCharge(attemptId: string, charge: Charge): void;
  /** Reports of relay and recorder that its record waits for. */
  waitsForReports(): boolean;
  /** A commit has ended, well or not. */
  onCommitted(): void;
}

export interface AccountPorts {
  readonly ledger: Ledger;
  readonly books: CallBooks;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The books as a call keeps them: by its attempts, or by the channel that it came in by. */
export interface Account {
  /** Whether commits are under way. */
  readonly isBusy: boolean;
  completeRecord(): void;
  writeRecord(): void;
  liveCallWith(attempt: AttemptRecord): LiveCall;
  keepLive(): void;
  confirm(attemptId: string): Promise<Grant | null>;
  renew(attemptId: string, sliceSeconds: number): Promise<Grant | null>;
  /** Charges one more answer of an attempt, and resolves as `confirm` does. */
  chargeFurther(attemptId: string, furtherAnswers: number, sliceSeconds: number): Promise<Grant | null>;
  vacate(attemptId: string): void;
  book(effect: Extract<CallEffect, { type: 'settle' | 'release' }>, withRecord: boolean): void;
}

/** A live call goes on without the books' answer, as long as it was granted before: both sides are on the line. */
export async function withinTime(
  answer: Promise<Grant>,
  clock: Clock,
  timeoutMs: number,
  onFailed: (error: unknown) => void,
): Promise<Grant | null> {
  let timer: ClockTimer | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = clock.after(timeoutMs, () => reject(new Error('journal stalled')));
  });
  try {
    return await Promise.race([answer, timeout]);
  } catch (error) {
    onFailed(error);
    return null;
  } finally {
    timer?.cancel();
  }
}

export class CallAccount implements Account {
  readonly #ports: AccountPorts;
  readonly #journalTimeoutMs: number;
  readonly #holder: AccountHolder;
  readonly #release: RecordRelease;
  #isComplete = false;
  /** Charges of further answers that are noted and not in the journal yet: no row may tell of what the ledger does not know. */
  #uncommittedCharges = 0;
  /** The row was to be kept meanwhile. */
  #isRowDue = false;

  constructor(ports: AccountPorts, journalTimeoutMs: number, holder: AccountHolder) {
    this.#ports = ports;
    this.#journalTimeoutMs = journalTimeoutMs;
    this.#holder = holder;
    this.#release = new RecordRelease(ports.books, {
      record: () => recordOf(holder.state()),
      isComplete: () => this.#isComplete && !holder.waitsForReports(),
      onCommitted: () => holder.onCommitted(),
      onFailed: (what, error) => this.#notCommitted(what, error),
    });
  }

  /** Whether commits are under way. */
  get isBusy(): boolean {
    return this.#release.isBusy;
  }

  /** No attempt can change the record any more. */
  completeRecord(): void {
    this.#isComplete = true;
  }

  /** Keeps the record by itself; of a call that is not over it keeps nothing. */
  writeRecord(): void {
    this.#release.write();
  }

  /** The live call with an attempt that is being reserved: a crash right after must find it. */
  liveCallWith(attempt: AttemptRecord): LiveCall {
    return this.#liveCall([attempt]);
  }

  /** Keeps the live call's row, once both sides talk. */
  keepLive(): void {
    const { books } = this.#ports;
    this.#isRowDue = this.#uncommittedCharges > 0;
    if (this.#isRowDue) return;
    this.#release.track('live call', books.commit(books.keepLive(this.#liveCall())));
  }

  /** Resolves with how long the call may last, or with null when the ledger does not say in time. */
  confirm(attemptId: string): Promise<Grant | null> {
    const { books, clock, ledger } = this.#ports;
    const answeredAtMs = this.#attempt(attemptId)?.record.answeredAtMs ?? clock.wallMs();
    const committed = ledger.confirm(attemptId, answeredAtMs, books.keepLive(this.#liveCall()));
    this.#release.track('answer', committed);
    return this.#inTime('answer', committed);
  }

  /** Renews what is held for an answered attempt, a slice from how long it lasts; resolves as `confirm` does. */
  renew(attemptId: string, sliceSeconds: number): Promise<Grant | null> {
    const { clock } = this.#ports;
    const attempt = this.#attempt(attemptId);
    // Not from the wall clock: set back it would renew nothing, and set ahead it would take what others may use.
    const lastedMs = clock.monotonicMs() - (attempt?.answeredMonotonicMs ?? clock.monotonicMs());
    const until = (attempt?.record.answeredAtMs ?? clock.wallMs()) + Math.ceil(lastedMs) + sliceSeconds * 1000;
    return this.#inTime('renewal', this.#ports.ledger.renew(attemptId, until));
  }

  async chargeFurther(attemptId: string, furtherAnswers: number, sliceSeconds: number): Promise<Grant | null> {
    const { books, clock, ledger } = this.#ports;
    const alongside = (charge: Charge) => {
      this.#holder.noteCharge(attemptId, charge);
      const isOver = this.#holder.state().record.endReason !== null;
      return isOver ? this.#release.entries() : books.keepLive(this.#liveCall());
    };
    const answerId = furtherAnswerId(attemptId, furtherAnswers);
    this.#uncommittedCharges += 1;
    const charging = ledger.chargeFurther(attemptId, answerId, clock.wallMs(), alongside);
    const committed = () => {
      this.#uncommittedCharges -= 1;
      if (this.#isRowDue && this.#holder.state().record.endReason === null) this.keepLive();
    };
    charging.then(committed, committed);
    this.#release.track('further answer', charging);
    return this.#attempt(attemptId)?.phase === 'answered' ? this.renew(attemptId, sliceSeconds) : null;
  }

  vacate(attemptId: string): void {
    this.#ports.ledger.vacate(attemptId).catch((error) => this.#notCommitted('vacation', error));
  }

  /** Settles or releases an attempt, with the call's record in the same transaction when it is over. */
  book(effect: Extract<CallEffect, { type: 'settle' | 'release' }>, withRecord: boolean): void {
    const { books, clock, ledger } = this.#ports;
    const { attemptId } = effect;
    const alongside = (charge: Charge | null) => {
      if (charge !== null) this.#holder.noteCharge(attemptId, charge);
      if (withRecord) return this.#release.entries();
      // The call goes on (a late answer, a caller still to be connected): after a crash its row must know of the charge.
      const isOwed = charge !== null && (charge.billedSeconds > 0 || charge.cost !== '0');
      return isOwed && this.#holder.state().record.endReason === null ? books.keepLive(this.#liveCall()) : [];
    };
    if (effect.type === 'release') {
      this.#release.track('release', ledger.release(attemptId, { invited: effect.invited }, alongside));
      return;
    }
    const attempt = this.#attempt(attemptId);
    if (attempt === undefined) return;
    const settlement = {
      reservationId: attemptId,
      answeredWallMs: attempt.record.answeredAtMs ?? clock.wallMs(),
      durationMs: attempt.billableMs ?? 0,
      estimated: false,
      channelInUse: effect.channelInUse,
    };
    this.#release.track('settlement', ledger.settle(settlement, alongside));
  }

  #inTime(what: string, answer: Promise<Grant>): Promise<Grant | null> {
    return withinTime(answer, this.#ports.clock, this.#journalTimeoutMs, (error) => this.#notCommitted(what, error));
  }

  #liveCall(more: readonly AttemptRecord[] = []): LiveCall {
    const record = recordOf(this.#holder.state());
    return { record: { ...record, attempts: [...record.attempts, ...more] }, ...this.#holder.legs() };
  }

  #attempt(attemptId: string): Attempt | undefined {
    return this.#holder.state().attempts.find((attempt) => attempt.channel.attemptId === attemptId);
  }

  #notCommitted(what: string, error: unknown): void {
    this.#ports.log.error({ alarm: 'journal', what, err: error }, 'journal did not commit in time');
  }
}
