// What a call from a mobile owes the books: the reservation is its channel's, from the INVITE to the end of that leg, whatever its
// destinations do; so it is settled, or released, once, with the record at the call's end.
//
// held ──► confirmed ──► settled, channel in use ──► vacated
//   │          │ connected                    (our BYE awaited)
//   └──────────┴──► released: the gateway never got our 200
import type { Charge, Grant } from '../quota/ledger.js';
import { type Account, type AccountHolder, type AccountPorts, withinTime } from './call-account.js';
import type { CallEffect } from './call-events.js';
import type { IncomingRecord } from './call-record.js';
import type { IncomingCall } from './call-request.js';
import { recordOf } from './call-state.js';
import type { LiveCall } from './ports.js';
import { RecordRelease } from './record-release.js';

/** How far our answer to the caller has come. */
export type AnswerProgress = 'unanswered' | 'answering' | 'answered' | 'over';

export interface IncomingAccountHolder extends AccountHolder {
  answerProgress(): AnswerProgress;
  amendIncoming(change: Partial<IncomingRecord>): void;
}

export class IncomingAccount implements Account {
  readonly #ports: AccountPorts;
  readonly #journalTimeoutMs: number;
  readonly #incoming: IncomingCall;
  readonly #holder: IncomingAccountHolder;
  readonly #release: RecordRelease;
  #state: 'none' | 'held' | 'settled' | 'over' = 'none';
  #isComplete = false;
  #lateMs = 0;
  #answered: { readonly wallMs: number; readonly monotonicMs: number } | null = null;

  constructor(ports: AccountPorts, journalTimeoutMs: number, incoming: IncomingCall, holder: IncomingAccountHolder) {
    this.#ports = ports;
    this.#journalTimeoutMs = journalTimeoutMs;
    this.#incoming = incoming;
    this.#holder = holder;
    this.#release = new RecordRelease(ports.books, {
      record: () => recordOf(holder.state()),
      // What the channel was charged is the last word on it, and may wait for what became of our 200.
      isComplete: () => this.#isComplete && this.#state !== 'held' && !holder.waitsForReports(),
      onCommitted: () => holder.onCommitted(),
      onFailed: (what, error) => this.#notCommitted(what, error),
    });
  }

  get isBusy(): boolean {
    return this.#release.isBusy || (this.#state === 'held' && this.#holder.state().record.endReason !== null);
  }

  get reservationId(): string {
    return this.#incoming.reservationId;
  }

  get holdsChannel(): boolean {
    return this.#state === 'held' || this.#state === 'settled';
  }

  /** The channel is this call's from now on. */
  reserved(): void {
    this.#state = 'held';
  }

  /** Our 200 has left, for which journal and PRACK were waited: the carrier's clock runs from here. */
  callerAnswered(): void {
    if (this.#answered === null) return;
    const { clock } = this.#ports;
    this.#answered = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    this.#holder.amendIncoming({ answeredAtMs: this.#answered.wallMs });
  }

  /** The gateway's BYE came `lateMs` ago: the carrier's clock stood still since (docs/decisions/billed-from-arrival.md). */
  callerHungUp(lateMs: number): void {
    this.#lateMs = lateMs;
  }

  /** The caller's leg has ended, or our BYE on it was answered: the channel is free. */
  callerGone(): void {
    if (this.#state !== 'settled') return;
    this.#state = 'over';
    this.#ports.ledger.vacate(this.reservationId).catch((error) => this.#notCommitted('vacation', error));
  }

  completeRecord(): void {
    this.#isComplete = true;
  }

  writeRecord(): void {
    if (!this.#end()) this.#release.write();
  }

  liveCallWith(): LiveCall {
    return this.#liveCall();
  }

  keepLive(): void {
    const { books } = this.#ports;
    this.#release.track('live call', books.commit(books.keepLive(this.#liveCall())));
  }

  /** The destination has answered; time is held from now on, for our 200 follows. */
  confirm(): Promise<Grant | null> {
    const { books, clock, ledger } = this.#ports;
    this.#answered = { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    const { wallMs } = this.#answered;
    this.#holder.amendIncoming({ answeredAtMs: wallMs });
    const committed = ledger.confirm(this.reservationId, wallMs, books.keepLive(this.#liveCall()));
    this.#release.track('answer', committed);
    return this.#inTime('answer', committed);
  }

  renew(_attemptId: string, sliceSeconds: number): Promise<Grant | null> {
    const { clock, ledger } = this.#ports;
    const { wallMs, monotonicMs } = this.#answered ?? { wallMs: clock.wallMs(), monotonicMs: clock.monotonicMs() };
    const until = wallMs + Math.ceil(clock.monotonicMs() - monotonicMs) + sliceSeconds * 1000;
    return this.#inTime('renewal', ledger.renew(this.reservationId, until));
  }

  /** A destination's leg has nothing in the ledger. */
  vacate(): void {}

  async chargeFurther(): Promise<null> {
    return null;
  }

  book(_effect: Extract<CallEffect, { type: 'settle' | 'release' }>, withRecord: boolean): void {
    if (withRecord) this.writeRecord();
  }

  /** Ends the reservation with the record; false when there is nothing to end, or not yet. */
  #end(): boolean {
    if (this.#state !== 'held' || this.#holder.state().record.endReason === null) return false;
    const progress = this.#holder.answerProgress();
    // Whether our 200 came to the gateway before its CANCEL is not known yet: the record follows when it is.
    if (progress === 'answering') return false;
    const { ledger, clock } = this.#ports;
    const { reservationId } = this;
    if (this.#answered === null || progress === 'unanswered') {
      this.#state = 'over';
      this.#holder.amendIncoming({ answeredAtMs: null });
      const released = ledger.release(reservationId, { invited: false }, () => this.#release.entries());
      this.#release.track('release', released);
      return true;
    }
    const channelInUse = progress === 'answered';
    this.#state = channelInUse ? 'settled' : 'over';
    const settlement = {
      reservationId,
      answeredWallMs: this.#answered.wallMs,
      durationMs: Math.max(0, clock.monotonicMs() - this.#lateMs - this.#answered.monotonicMs),
      estimated: false,
      channelInUse,
    };
    const alongside = ({ billedSeconds, cost, currency, estimated }: Charge) => {
      this.#holder.amendIncoming({ billedSeconds, cost, currency, estimated });
      return this.#release.entries();
    };
    this.#release.track('settlement', ledger.settle(settlement, alongside));
    return true;
  }

  #inTime(what: string, answer: Promise<Grant>): Promise<Grant | null> {
    return withinTime(answer, this.#ports.clock, this.#journalTimeoutMs, (error) => this.#notCommitted(what, error));
  }

  #liveCall(): LiveCall {
    return { record: recordOf(this.#holder.state()), ...this.#holder.legs() };
  }

  #notCommitted(what: string, error: unknown): void {
    this.#ports.log.error({ alarm: 'journal', what, err: error }, 'journal did not commit in time');
  }
}
