// Terms that are to hold next: plans, SIMs and caps of a config that was read again. SIMs and payers whose terms say the same
// keep their books; the others get new ones, counted from history while calls go on, and from what is booked meanwhile.
import { isSameValue } from '../lib/same-value.js';
import type { Adjustment } from '../quota/ledger.js';
import { parseMoney } from '../quota/money.js';
import type { Plan } from '../quota/plan.js';
import type { MessageRequest, UsageRecord } from '../quota/usage.js';
import { UsageBook } from '../quota/usage-book.js';
import { UsageTerms } from '../quota/usage-terms.js';
import type { HistoryReader, HistoryRecord } from './ledger-history.js';
import type { PayerChange } from './payer-books.js';

/** A day that ended longer ago is not counted anew: a call over its edge may still have reached the one after. */
export const DAYS_KEPT_MS = 3 * 86_400_000;
/** What names of SIMs as holders of usage begin with. */
const SIM = 'sim:';

interface PlannedSims {
  readonly plans: readonly Plan[];
  readonly sims: readonly { readonly simId: string; readonly plan: string }[];
  readonly minCallSeconds?: number | undefined;
}

/** A book for each SIM that has a plan: the one that it had where its plan says the same. */
export function booksOf(
  { plans, sims, minCallSeconds }: PlannedSims,
  before: ReadonlyMap<string, UsageBook>,
): ReadonlyMap<string, UsageBook> {
  const inForce = new Set([...before.values()].map(({ terms }) => terms));
  const terms = new Map(
    plans.map((plan) => {
      const same = [...inForce].find((known) => isSameValue(known.plan, plan));
      return [plan.name, same ?? new UsageTerms(plan, minCallSeconds)];
    }),
  );
  const books = new Map<string, UsageBook>();
  for (const { simId, plan } of sims) {
    const planned = terms.get(plan);
    const known = before.get(simId);
    if (planned !== undefined) books.set(simId, known?.terms === planned ? known : new UsageBook(planned));
  }
  return books;
}

type Charged = UsageRecord & { readonly costMicros: number };

export class TermsChange implements HistoryReader {
  /** Of all SIMs; to be decided by when the change is taken. */
  readonly books: ReadonlyMap<string, UsageBook>;
  readonly payers: PayerChange;
  readonly channels: readonly { readonly channelId: string; readonly simId: string; readonly gapMs: number }[];
  /** History has to be read up to here; what comes behind it is told. */
  readonly sequence: number;
  readonly #fresh: ReadonlyMap<string, UsageBook>;
  readonly #sinceWallMs: number;
  readonly #counted: (callee: string, simId: string) => void;
  readonly #later: (() => void)[] = [];

  constructor(
    parts: Pick<TermsChange, 'books' | 'payers' | 'channels' | 'sequence'> & {
      readonly before: ReadonlyMap<string, UsageBook>;
    },
    { nowWallMs, counted }: { readonly nowWallMs: number; counted(callee: string, simId: string): void },
  ) {
    this.books = parts.books;
    this.payers = parts.payers;
    this.channels = parts.channels;
    this.sequence = parts.sequence;
    this.#fresh = new Map([...parts.books].filter(([simId, book]) => parts.before.get(simId) !== book));
    this.#sinceWallMs = nowWallMs - DAYS_KEPT_MS;
    this.#counted = counted;
  }

  /** False: nothing is counted otherwise than it was. */
  get needsHistory(): boolean {
    return this.#fresh.size > 0 || this.payers.isAny;
  }

  settled(record: HistoryRecord): void {
    const { callee, numberClass, direction, simId, payers, reservedWallMs, answeredWallMs, durationMs } = record;
    const costMicros = record.cost === '0' ? 0 : parseMoney(record.cost);
    if (record.message !== undefined) {
      const wallMs = answeredWallMs ?? reservedWallMs;
      this.#countSent(simId, payers, { ...record.message, callee, numberClass, wallMs, costMicros });
      return;
    }
    const charged = { callee, numberClass, direction, reservedWallMs, answeredWallMs, durationMs, costMicros };
    this.#count(simId, payers, charged);
  }

  adjusted({ holder, allowanceId, amount, wallMs }: Adjustment): void {
    const isSim = holder.startsWith(SIM);
    const book = isSim ? this.#fresh.get(holder.slice(SIM.length)) : this.payers.bookOf(holder);
    book?.adjust(allowanceId, amount, wallMs);
  }

  /** An attempt was booked after the history that is read. */
  booked(simId: string, payers: readonly string[], charged: Charged): void {
    this.#later.push(() => this.#count(simId, payers, charged));
  }

  /** The same for what another node has booked. */
  recorded(record: HistoryRecord): void {
    this.#later.push(() => this.settled(record));
  }

  /** The same for text messages. */
  sent(simId: string, payers: readonly string[], charged: MessageRequest): void {
    this.#later.push(() => this.#countSent(simId, payers, charged));
  }

  /** The same for a correction. */
  corrected(adjustment: Adjustment): void {
    this.#later.push(() => this.adjusted(adjustment));
  }

  /** Counts what came behind the history, in its order. */
  finish(): void {
    for (const count of this.#later.splice(0)) count();
  }

  #countSent(simId: string, payers: readonly string[], charged: MessageRequest): void {
    this.#fresh.get(simId)?.bookMessage(charged, this.#sinceWallMs);
    for (const payer of payers) this.payers.bookOf(payer)?.bookMessage(charged, this.#sinceWallMs);
  }

  #count(simId: string, payers: readonly string[], charged: Charged): void {
    const book = this.#fresh.get(simId);
    book?.recount(charged, this.#sinceWallMs);
    if (charged.answeredWallMs === null && book?.terms.countsCalleesOnAttempt) this.#counted(charged.callee, simId);
    for (const payer of payers) this.payers.bookOf(payer)?.recount(charged, this.#sinceWallMs);
  }
}
