// What every holder of usage has used, SIMs by their plans and payers by their caps, and what changes it: settlements, history,
// corrections, and other terms that take the place of these while calls go on.
import type { Clock } from '../lib/clock.js';
import type { Adjustment, AllowanceUsage, PayersFit, PayersQuestion } from '../quota/ledger.js';
import { parseMoney } from '../quota/money.js';
import type { Plan } from '../quota/plan.js';
import { BY_THE_SECOND } from '../quota/plan-defaults.js';
import { chargedSeconds } from '../quota/rounding.js';
import type { Booked, MessageLoad } from '../quota/usage.js';
import type { UsageBook } from '../quota/usage-book.js';
import type { ChannelSettings } from './channel-states.js';
import type { HistoryRecord } from './ledger-history.js';
import { type Live, messageRequestOf } from './live-reservation.js';
import { type CapsOf, PayerBooks } from './payer-books.js';
import { booksOf, DAYS_KEPT_MS, TermsChange } from './terms-change.js';

export interface HolderTerms {
  readonly plans: readonly Plan[];
  readonly sims: readonly { readonly simId: string; readonly plan: string }[];
  readonly sliceSeconds: number;
  /** A shorter call is not worth placing; left out: two seconds. */
  readonly minCallSeconds?: number;
  /** Left out: nobody who pays has caps. */
  readonly capsOf?: CapsOf;
}

/** What names of SIMs as holders of usage begin with. */
export const SIM = 'sim:';

const NO_CAPS: CapsOf = () => undefined;

export class HolderUsage {
  readonly payers: PayerBooks;
  readonly #clock: Clock;
  readonly #minCallSeconds: number | undefined;
  #books: ReadonlyMap<string, UsageBook>;
  /** Terms that are being made ready: they are told of everything that is booked meanwhile. */
  readonly #changes = new Set<TermsChange>();

  constructor(terms: HolderTerms, clock: Clock) {
    this.#clock = clock;
    this.#minCallSeconds = terms.minCallSeconds;
    this.#books = booksOf(terms, new Map());
    this.payers = new PayerBooks(terms.capsOf ?? NO_CAPS, terms, clock);
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  /** By SIM. */
  get books(): ReadonlyMap<string, UsageBook> {
    return this.#books;
  }

  bookOf(simId: string): UsageBook | undefined {
    return this.#books.get(simId);
  }

  fitPayers(payers: readonly string[], question: PayersQuestion): PayersFit {
    const { simId, message } = question;
    const carrier = simId === undefined ? undefined : this.#books.get(simId);
    if (message === undefined) return this.payers.fit(payers, question, carrier);
    const request = messageRequestOf(question, message);
    return this.payers.fitMessage(payers, { ...request, costMicros: carrier?.quoteMessage(request) ?? 0 });
  }

  ofPayer(payer: string, wallMs: number): readonly AllowanceUsage[] | undefined {
    return this.payers.bookOf(payer)?.usage(wallMs);
  }

  /** Of a SIM (as `sim:ID`), or of a payer. */
  ofHolder(holder: string, wallMs: number): readonly AllowanceUsage[] | undefined {
    if (!holder.startsWith(SIM)) return this.ofPayer(holder, wallMs);
    return this.#books.get(holder.slice(SIM.length))?.usage(wallMs);
  }

  /** Of every SIM (as `sim:ID`) and of every payer of which something is counted. */
  *all(wallMs: number): Generator<readonly [holder: string, allowances: readonly AllowanceUsage[]]> {
    for (const [simId, book] of this.#books) yield [`${SIM}${simId}`, book.usage(wallMs)];
    for (const payer of this.payers.known()) yield [payer, this.ofPayer(payer, wallMs) ?? []];
  }

  // ---- counting ----------------------------------------------------------------------------------------------------

  /** Books an attempt or a message that is over. */
  settle(live: Live, answeredWallMs: number | null, durationMs: number): Pick<Booked, 'billedSeconds' | 'cost'> {
    const { request, book } = live;
    if (request.message !== undefined) return this.#settleMessage(live, request.message, answeredWallMs);
    const { simId, payers, callee, numberClass, direction, wallMs: reservedWallMs } = request;
    const booked = book?.book({ callee, numberClass, direction, reservedWallMs, answeredWallMs, durationMs });
    const costMicros = booked?.costMicros ?? 0;
    const charged = { callee, numberClass, direction, reservedWallMs, answeredWallMs, durationMs, costMicros };
    // By the terms that the call began with; where others hold by now, they count what it was charged.
    const current = this.#books.get(simId);
    if (current !== book) current?.book(charged);
    this.payers.book(payers, charged);
    for (const change of this.#changes) change.booked(simId, payers, charged);
    if (booked !== undefined) return booked;
    // A SIM that has left the config has no plan to round by.
    return { billedSeconds: answeredWallMs === null ? 0 : chargedSeconds(durationMs, BY_THE_SECOND), cost: '0' };
  }

  #settleMessage({ request, book }: Live, message: MessageLoad, sentWallMs: number | null) {
    const { simId, payers, callee, numberClass } = request;
    const sent = messageRequestOf({ callee, numberClass, wallMs: sentWallMs ?? request.wallMs }, message);
    const booked = book?.bookMessage(sent);
    const charged = { ...sent, costMicros: booked?.costMicros ?? 0 };
    const current = this.#books.get(simId);
    if (current !== book) current?.bookMessage(charged);
    this.payers.bookMessage(payers, charged);
    for (const change of this.#changes) change.sent(simId, payers, charged);
    return { billedSeconds: 0, cost: booked?.cost ?? '0' };
  }

  /** Counts a record of history. */
  recount(record: HistoryRecord, nowWallMs: number): void {
    for (const change of this.#changes) change.recorded(record);
    const { callee, numberClass, direction, simId, payers, reservedWallMs, answeredWallMs, durationMs } = record;
    // What it cost is what was charged then, whatever the plan says now.
    const costMicros = record.cost === '0' ? 0 : parseMoney(record.cost);
    const sinceWallMs = nowWallMs - DAYS_KEPT_MS;
    if (record.message !== undefined) {
      const wallMs = answeredWallMs ?? reservedWallMs;
      const sent = { ...messageRequestOf({ callee, numberClass, wallMs }, record.message), costMicros };
      this.#books.get(simId)?.bookMessage(sent, sinceWallMs);
      this.payers.bookMessage(payers, sent, sinceWallMs);
      return;
    }
    const booking = { callee, numberClass, direction, reservedWallMs, answeredWallMs, durationMs, costMicros };
    this.#books.get(simId)?.recount(booking, sinceWallMs);
    this.payers.recount(payers, booking, sinceWallMs);
  }

  /** Counts a correction; what is used then, or what there is not. */
  adjust(adjustment: Adjustment): number | 'holder' | 'allowance' {
    const used = this.#adjust(adjustment);
    // What is refused is in no history, whatever the next terms know.
    if (typeof used === 'number') for (const change of this.#changes) change.corrected(adjustment);
    return used;
  }

  /** Counts a correction that history has: of a holder that these terms do not know the next ones may. */
  readjust(adjustment: Adjustment): void {
    for (const change of this.#changes) change.corrected(adjustment);
    this.#adjust(adjustment);
  }

  #adjust(adjustment: Adjustment): number | 'holder' | 'allowance' {
    const { holder, allowanceId, amount, wallMs } = adjustment;
    if (!holder.startsWith(SIM)) return this.payers.adjust(holder, allowanceId, amount, wallMs);
    const book = this.#books.get(holder.slice(SIM.length));
    return book === undefined ? 'holder' : (book.adjust(allowanceId, amount, wallMs) ?? 'allowance');
  }

  // ---- other terms -------------------------------------------------------------------------------------------------

  /**
   * Terms that are to take the place of these: made ready while calls go on, then taken or given up. History up to `sequence` is
   * counted by them anew; `counted`: a SIM has counted a callee at an attempt.
   */
  change(
    terms: HolderTerms & { readonly channels: readonly ChannelSettings[] },
    sequence: number,
    counted: (callee: string, simId: string) => void,
  ): TermsChange {
    const payers = this.payers.change(terms.capsOf ?? NO_CAPS);
    const books = booksOf({ ...terms, minCallSeconds: this.#minCallSeconds }, this.#books);
    const change = new TermsChange(
      { books, before: this.#books, payers, channels: terms.channels, sequence },
      { nowWallMs: this.#clock.wallMs(), counted },
    );
    this.#changes.add(change);
    return change;
  }

  giveUp(change: TermsChange): void {
    this.#changes.delete(change);
  }

  /** From now on the changed terms hold for what is reserved; what lives keeps those that it began with. */
  take(change: TermsChange, lives: readonly Live[]): void {
    this.#changes.delete(change);
    change.finish();
    this.#books = change.books;
    for (const { request, book, hold, settled } of lives) {
      const next = this.#books.get(request.simId);
      if (!settled && next !== undefined) book?.holdInNext(hold, next);
    }
    this.payers.take(
      change.payers,
      lives.map(({ payerHolds }) => payerHolds),
    );
  }
}
