// What payers (trunks, agents, accounts) have used of their caps. Their calls run in parallel: each live call holds one
// slice ahead of every payer with caps, from its reservation on, so that together they never use more than is left.
import type { Clock } from '../lib/clock.js';
import { isSameValue } from '../lib/same-value.js';
import type { GrantLimit, PayersFit, ReserveRequest } from '../quota/ledger.js';
import type { Micros } from '../quota/money.js';
import type { Caps } from '../quota/plan.js';
import type { FitRequest, Hold, MessageRequest, UsageRecord } from '../quota/usage.js';
import { type HeldFit, UsageBook } from '../quota/usage-book.js';
import { UsageTerms } from '../quota/usage-terms.js';

/** The caps of a payer; undefined when nothing limits it. The same object for the same terms, whoever is asked about. */
export type CapsOf = (payer: string) => Caps | undefined;

/** The caps in force, ready for counting: the same terms for all payers of which the config says the same. */
class CapTerms {
  readonly capsOf: CapsOf;
  readonly #minCallSeconds: number | undefined;
  readonly #before: readonly UsageTerms[];
  readonly #known = new Map<Caps, UsageTerms>();

  /** Terms that say what earlier ones do are these. */
  constructor(capsOf: CapsOf, minCallSeconds: number | undefined, before?: CapTerms) {
    this.capsOf = capsOf;
    this.#minCallSeconds = minCallSeconds;
    this.#before = before === undefined ? [] : [...before.#known.values()];
  }

  of(payer: string): UsageTerms | undefined {
    const caps = this.capsOf(payer);
    if (caps === undefined) return undefined;
    const known = this.#known.get(caps);
    if (known !== undefined) return known;
    const same = this.#before.find(({ terms }) => isSameValue(terms, caps));
    const terms = same ?? new UsageTerms(caps, this.#minCallSeconds);
    this.#known.set(caps, terms);
    return terms;
  }
}

/** Caps that are to be in force next: books of payers whose caps have changed, to be counted from history. */
export class PayerChange {
  readonly terms: CapTerms;
  readonly #before: CapTerms;
  readonly #fresh = new Map<string, UsageBook>();

  constructor(capsOf: CapsOf, minCallSeconds: number | undefined, before: CapTerms) {
    this.#before = before;
    this.terms = capsOf === before.capsOf ? before : new CapTerms(capsOf, minCallSeconds, before);
  }

  /** False: all caps are what they were. */
  get isAny(): boolean {
    return this.terms !== this.#before;
  }

  /** The next book of a payer whose caps have changed; undefined for one whose book goes on, and without caps. */
  bookOf(payer: string): UsageBook | undefined {
    if (!this.isAny) return undefined;
    const known = this.#fresh.get(payer);
    if (known !== undefined) return known;
    const terms = this.terms.of(payer);
    if (terms === undefined || terms === this.#before.of(payer)) return undefined;
    const book = new UsageBook(terms);
    this.#fresh.set(payer, book);
    return book;
  }

  get fresh(): ReadonlyMap<string, UsageBook> {
    return this.#fresh;
  }
}

/** What a live call holds of one payer. */
export interface PayerHold {
  readonly payer: string;
  readonly book: UsageBook;
  readonly hold: Hold;
}

/** How far the payers' caps carry a call. */
export interface PayersGrant {
  /** Whole seconds from the answer that are held now, the one for the BYE included. */
  readonly heldSeconds: number;
  /** Whether a payer has nothing left beyond them. */
  readonly isFinal: boolean;
  /** Of a final one: the payer that has least left, and its cap. */
  readonly limit: GrantLimit | null;
}

interface LeastLeft {
  /** From the answer, the one for the BYE included. */
  readonly seconds: number;
  /** Null: nothing bounds the call. */
  readonly by: (HeldFit & { readonly payer: string }) | null;
}

const NO_BOOKS: readonly UsageBook[] = [];
export const NO_HOLDS: readonly PayerHold[] = [];
const NO_LIMIT: PayersGrant = { heldSeconds: Number.MAX_SAFE_INTEGER, isFinal: false, limit: null };
/** Longer than any call: what a cap allows is a matter of its allowances alone. */
const ANY_CALL_SECONDS = 86_400;
/** Of an emergency call, and of payers without caps: nothing is held of them. */
export const ANY_LENGTH: PayersFit = { ok: true, maxCallSeconds: ANY_CALL_SECONDS };
/** Books are looked through for idle ones when as many have been added as there were, but no sooner than this. */
const MIN_SWEEP = 1_024;

export class PayerBooks {
  #terms: CapTerms;
  readonly #sliceMs: number;
  readonly #minCallSeconds: number | undefined;
  readonly #clock: Pick<Clock, 'wallMs'>;
  readonly #books = new Map<string, UsageBook>();
  /**
   * Books whose place another has taken, by payer, and how many live calls began with each: these go on being granted their time by
   * them, so that whatever else the payer uses counts in them, too.
   */
  readonly #former = new Map<string, Map<UsageBook, number>>();
  #untilSweep = MIN_SWEEP;

  constructor(
    capsOf: CapsOf,
    { sliceSeconds, minCallSeconds }: { readonly sliceSeconds: number; readonly minCallSeconds?: number },
    clock: Pick<Clock, 'wallMs'>,
  ) {
    this.#clock = clock;
    this.#terms = new CapTerms(capsOf, minCallSeconds);
    this.#sliceMs = sliceSeconds * 1000;
    this.#minCallSeconds = minCallSeconds;
  }

  /** Undefined for a payer without caps. */
  bookOf(payer: string): UsageBook | undefined {
    const known = this.#books.get(payer);
    if (known !== undefined) return known;
    const terms = this.#terms.of(payer);
    return terms && new UsageBook(terms);
  }

  /** Caps that are to take the place of these. */
  change(capsOf: CapsOf): PayerChange {
    return new PayerChange(capsOf, this.#minCallSeconds, this.#terms);
  }

  /** Counts by the changed caps from now on; live calls keep the books that they began with, and are held in the next ones, too. */
  take(change: PayerChange, live: Iterable<readonly PayerHold[]>): void {
    if (!change.isAny) return;
    this.#terms = change.terms;
    for (const [payer, book] of [...this.#books]) {
      const terms = this.#terms.of(payer);
      if (terms === undefined) this.#books.delete(payer);
      else if (terms !== book.terms) this.#books.set(payer, change.bookOf(payer) ?? new UsageBook(terms));
    }
    for (const [payer, book] of change.fresh) this.#keep(payer, book);
    this.#former.clear();
    for (const holds of live) {
      for (const { payer, book, hold } of holds) {
        const next = this.bookOf(payer);
        // One that is charged has left already, though its channel is still in use.
        if (next === book || !book.isHeld(hold)) continue;
        const former = this.#former.get(payer) ?? new Map<UsageBook, number>();
        this.#former.set(payer, former.set(book, (former.get(book) ?? 0) + 1));
        if (next === undefined) continue;
        this.#keep(payer, next);
        book.holdInNext(hold, next);
      }
    }
  }

  #formerOf(payer: string): Iterable<UsageBook> {
    return this.#former.size === 0 ? NO_BOOKS : (this.#former.get(payer)?.keys() ?? NO_BOOKS);
  }

  /** A live call that began with a book is over. */
  #leave(payer: string, book: UsageBook): void {
    const former = this.#former.get(payer);
    const left = (former?.get(book) ?? 0) - 1;
    if (former === undefined || left < 0) return;
    if (left > 0) former.set(book, left);
    else former.delete(book);
    if (former.size === 0) this.#former.delete(payer);
  }

  /** Payers of which something is counted or held. */
  known(): IterableIterator<string> {
    return this.#books.keys();
  }

  /** `carrier` is the book of the SIM that would carry the call. */
  fit(payers: readonly string[], request: FitRequest, carrier?: UsageBook): PayersFit {
    if (request.numberClass === 'emergency') return ANY_LENGTH;
    let maxCallSeconds = ANY_CALL_SECONDS;
    let question: FitRequest | undefined;
    for (const payer of payers) {
      const book = this.bookOf(payer);
      if (book === undefined) continue;
      question ??= carrier === undefined ? request : { ...request, carrier };
      const fit = book.fit(question);
      if (!fit.ok) {
        const allowanceId = fit.reason === 'class-not-covered' ? '' : fit.allowanceId;
        return { ok: false, reason: 'cap-exhausted', payer, allowanceId };
      }
      maxCallSeconds = Math.min(maxCallSeconds, fit.maxCallSeconds);
    }
    return question === undefined ? ANY_LENGTH : { ok: true, maxCallSeconds };
  }

  /** Holds the first slice of a reservation that fits: counted from now, as if it were answered. */
  hold(request: ReserveRequest, maxCallSeconds: number, carrier: UsageBook | undefined): readonly PayerHold[] {
    if (request.numberClass === 'emergency') return NO_HOLDS;
    let holds: PayerHold[] | undefined;
    for (const payer of request.payers) {
      const book = this.bookOf(payer);
      if (book === undefined) continue;
      this.#keep(payer, book);
      const coveredUntilWallMs = request.wallMs + Math.min(this.#sliceMs, (maxCallSeconds + 1) * 1000);
      const hold = book.hold({ ...request, carrier }, coveredUntilWallMs);
      for (const former of this.#formerOf(payer)) book.holdInNext(hold, former, false);
      holds ??= [];
      holds.push({ payer, book, hold });
    }
    return holds ?? NO_HOLDS;
  }

  /** Moves what a call that was answered then holds on to `coveredUntilWallMs`, as far as the caps reach; never back. */
  extend(
    holds: readonly PayerHold[],
    request: FitRequest,
    answeredWallMs: number,
    coveredUntilWallMs: number,
  ): PayersGrant {
    if (holds.length === 0) return NO_LIMIT;
    const wantedSeconds = Math.ceil((coveredUntilWallMs - answeredWallMs) / 1000);
    const { seconds, by } = this.#leastOf(holds, request, answeredWallMs);
    // What was granted is held, whatever has been corrected since: the call goes by it.
    const heldSeconds = Math.min(wantedSeconds, Math.max(seconds, heldSecondsOf(holds)));
    for (const { book, hold } of holds) book.cover(hold, answeredWallMs, answeredWallMs + heldSeconds * 1000);
    const isFinal = seconds <= wantedSeconds;
    if (!isFinal || by === null) return { heldSeconds, isFinal, limit: null };
    const { payer, book, hold } = by;
    const question = { ...request, wallMs: answeredWallMs };
    return { heldSeconds, isFinal, limit: { holder: payer, allowanceId: book.boundBy(question, hold) } };
  }

  /** Something was charged beside an answered call: it goes on holding no more than is left; whole seconds from its answer. */
  takeBack(holds: readonly PayerHold[], request: FitRequest, answeredWallMs: number): number {
    if (holds.length === 0) return NO_LIMIT.heldSeconds;
    const { seconds } = this.#leastOf(holds, request, answeredWallMs);
    const heldSeconds = Math.min(seconds, heldSecondsOf(holds));
    for (const { book, hold } of holds) book.cover(hold, answeredWallMs, answeredWallMs + heldSeconds * 1000);
    return heldSeconds;
  }

  /** How long a call that was answered then may last by the payer who has least left. */
  #leastOf(holds: readonly PayerHold[], request: FitRequest, answeredWallMs: number): LeastLeft {
    const question = { ...request, wallMs: answeredWallMs };
    let least: LeastLeft = { seconds: ANY_CALL_SECONDS, by: null };
    for (const { payer, book, hold } of holds) {
      // Caps that are gone bound nobody.
      if (this.#terms.of(payer) === undefined) continue;
      const held = book.fitKindest(question, hold);
      const seconds = held.fit.ok ? held.fit.maxCallSeconds + 1 : 0;
      if (seconds < least.seconds) least = { seconds, by: { ...held, payer } };
    }
    return least;
  }

  /** Puts back what a reservation that was read from the journal holds. */
  restoreHold(
    request: ReserveRequest,
    answeredWallMs: number | null,
    coveredUntilWallMs: number | null,
    carrier: UsageBook | undefined,
  ) {
    const holds = this.hold(request, ANY_CALL_SECONDS, carrier);
    for (const { book, hold } of holds) {
      const untilWallMs = coveredUntilWallMs ?? hold.coveredUntilWallMs;
      if (answeredWallMs !== null || coveredUntilWallMs !== null) book.cover(hold, answeredWallMs, untilWallMs);
    }
    return holds;
  }

  /** Whether the caps let text messages be sent that cost so much on their SIM. */
  fitMessage(payers: readonly string[], request: MessageRequest): PayersFit {
    if (request.numberClass === 'emergency') return ANY_LENGTH;
    for (const payer of payers) {
      const fit = this.bookOf(payer)?.fitMessage(request);
      if (fit === undefined || fit.ok) continue;
      const allowanceId = fit.reason === 'class-not-covered' ? '' : fit.allowanceId;
      return { ok: false, reason: 'cap-exhausted', payer, allowanceId };
    }
    return ANY_LENGTH;
  }

  /** Holds text messages of everyone who pays for them; their cost is known. */
  holdMessage(payers: readonly string[], request: MessageRequest): readonly PayerHold[] {
    if (request.numberClass === 'emergency') return NO_HOLDS;
    return payers.flatMap((payer) => {
      const book = this.bookOf(payer);
      if (book === undefined) return [];
      this.#keep(payer, book);
      const hold = book.holdMessage(request);
      for (const former of this.#formerOf(payer)) book.holdInNext(hold, former, false);
      return [{ payer, book, hold }];
    });
  }

  /** Books text messages with everyone who pays for them; of history, days that ended before `sinceWallMs` are left out. */
  bookMessage(payers: readonly string[], request: MessageRequest, sinceWallMs?: number): void {
    for (const payer of payers) {
      for (const former of this.#formerOf(payer)) former.bookMessage(request, sinceWallMs);
      const book = this.bookOf(payer);
      if (book === undefined) continue;
      this.#keep(payer, book);
      book.bookMessage(request, sinceWallMs);
    }
  }

  drop(holds: readonly PayerHold[]): void {
    for (const { payer, book, hold } of holds) if (book.drop(hold) && this.#former.size > 0) this.#leave(payer, book);
  }

  /** Books a settled attempt with everyone who pays for it. */
  book(payers: readonly string[], record: UsageRecord): void {
    for (const payer of payers) {
      for (const former of this.#formerOf(payer)) former.book(record);
      const book = this.bookOf(payer);
      if (book === undefined) continue;
      this.#keep(payer, book);
      book.book(record);
    }
  }

  /** Corrects a payer's usage; returns it, or what is not known. */
  adjust(payer: string, allowanceId: string, amount: number, wallMs: number): number | 'holder' | 'allowance' {
    const book = this.bookOf(payer);
    if (book === undefined) return 'holder';
    const used = book.adjust(allowanceId, amount, wallMs);
    if (used === undefined) return 'allowance';
    this.#keep(payer, book);
    for (const former of this.#formerOf(payer)) former.adjust(allowanceId, amount, wallMs);
    return used;
  }

  /** The same for a record of history. */
  recount(payers: readonly string[], record: UsageRecord & { readonly costMicros: Micros }, sinceWallMs: number): void {
    for (const payer of payers) {
      for (const former of this.#formerOf(payer)) former.recount(record, sinceWallMs);
      const book = this.bookOf(payer);
      if (book === undefined) continue;
      this.#keep(payer, book);
      book.recount(record, sinceWallMs);
    }
  }

  #keep(payer: string, book: UsageBook): void {
    if (this.#books.has(payer)) return;
    this.#books.set(payer, book);
    this.#untilSweep -= 1;
    if (this.#untilSweep > 0) return;
    // By the time that it is, whatever is booked late.
    const nowWallMs = this.#clock.wallMs();
    for (const [name, old] of this.#books) if (name !== payer && old.isIdle(nowWallMs)) this.#books.delete(name);
    this.#untilSweep = Math.max(MIN_SWEEP, this.#books.size);
  }
}

/** Whole seconds from its answer that an answered call holds. */
function heldSecondsOf([first]: readonly PayerHold[]): number {
  const { answeredWallMs = null, coveredUntilWallMs = null } = first?.hold ?? {};
  if (answeredWallMs === null || coveredUntilWallMs === null) return 0;
  return Math.ceil((coveredUntilWallMs - answeredWallMs) / 1000);
}
