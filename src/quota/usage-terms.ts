// Terms made ready for counting, once for all SIMs of a plan: which allowances a call draws on by class and direction, with
// their clocks, and what each costs beyond its limit.
import { NUMBER_CLASSES, type NumberClass } from '../numbers/number-class.js';
import { type Micros, parseMoney } from './money.js';
import { PacingCalendar } from './pacing.js';
import type { Allowance, Direction, MessageKind, Plan, Rate, Rounding, Terms } from './plan.js';
import { BY_THE_SECOND } from './plan-defaults.js';
import { WindowClock } from './windows.js';

/** A day at most, where no plan says less. */
const LONGEST_CALL_SECONDS = 86_400;

/** A call must last this long to be worth placing: a second of talk and a second for the BYE. */
export const MIN_CALL_SECONDS = 2;

/** How something is counted. Time is seconds, or credits made of seconds. */
export type CounterKind = 'time' | 'calls' | 'callees' | 'spend' | MessageKind;

/** One allowance, ready for counting. */
export interface Counter {
  readonly allowance: Allowance;
  /** Its place among the terms' allowances. */
  readonly index: number;
  readonly kind: CounterKind;
  readonly limit: number;
  readonly isForbidding: boolean;
  readonly clock: WindowClock;
  /** Of `days-over`: the days in which it counts, each with this threshold; its own window then counts days. */
  readonly days: { readonly clock: WindowClock; readonly threshold: number } | undefined;
  readonly pacing: PacingCalendar | undefined;
  /** Of time: seconds a step. */
  readonly stepSeconds: number;
  /** Of time: units that a step takes, by class; a class that is not named is free. Undefined: one. */
  readonly unitsPerStep: Readonly<Partial<Record<NumberClass, number>>> | undefined;
  readonly rounding: Rounding;
  /** Cost of so many units beyond the limit; 0 when it forbids. */
  readonly beyondMicros: Micros;
  readonly beyondStep: number;
}

/** What calls of one class and direction draw on. */
export interface ClassTable {
  readonly isCovered: boolean;
  /** Those that can refuse or end a call, in order. */
  readonly limits: readonly Counter[];
  /** All that count something of a call. */
  readonly counters: readonly Counter[];
  /** Those that cost something beyond their limit. */
  readonly chargers: readonly Counter[];
  /** For time that no allowance counts. */
  readonly rate: { readonly micros: Micros; readonly stepSeconds: number } | undefined;
  readonly numberClass: NumberClass;
  readonly hasSpend: boolean;
}

export class UsageTerms {
  readonly terms: Terms;
  /** Undefined for caps. */
  readonly plan: Plan | undefined;
  readonly counters: readonly Counter[];
  readonly day: WindowClock;
  readonly maxCallSeconds: number;
  readonly minCallSeconds: number;
  /** What an attempt is billed by. */
  readonly rounding: Rounding;
  readonly #out: ReadonlyMap<NumberClass, ClassTable>;
  readonly #in: ReadonlyMap<NumberClass, ClassTable>;
  readonly #messages: ReadonlyMap<NumberClass, Readonly<Record<MessageKind, ClassTable>>>;
  readonly #messageMicros: Readonly<Record<MessageKind, Micros>> | undefined;

  constructor(terms: Plan | Terms, minCallSeconds = MIN_CALL_SECONDS) {
    this.terms = terms;
    this.plan = 'maxCallSeconds' in terms ? terms : undefined;
    this.day = new WindowClock({ kind: 'day' }, terms.timeZone);
    this.maxCallSeconds = this.plan?.maxCallSeconds ?? LONGEST_CALL_SECONDS;
    this.minCallSeconds = minCallSeconds;
    this.rounding = this.plan?.rounding ?? BY_THE_SECOND;
    this.counters = terms.allowances.map((allowance, index) => counterOf(allowance, index, terms, this.day));
    const tables = (make: (numberClass: NumberClass) => ClassTable) =>
      new Map(NUMBER_CLASSES.map((numberClass) => [numberClass, make(numberClass)]));
    this.#out = tables((numberClass) => this.#callTable(numberClass, 'out'));
    this.#in = tables((numberClass) => this.#callTable(numberClass, 'in'));
    this.#messages = new Map(
      NUMBER_CLASSES.map((numberClass) => {
        const table = (kind: MessageKind) => tableOf(this.#drawn(numberClass, 'out', kind), numberClass, true);
        return [numberClass, { sms: table('sms'), lms: table('lms'), mms: table('mms') }];
      }),
    );
    const rates = this.plan?.messageRates;
    this.#messageMicros = rates
      ? { sms: parseMoney(rates.sms), lms: parseMoney(rates.lms), mms: parseMoney(rates.mms) }
      : undefined;
  }

  /** Whether a callee is counted though it did not answer. */
  get countsCalleesOnAttempt(): boolean {
    return this.counters.some(({ kind, allowance }) => kind === 'callees' && allowance.countsOn === 'attempt');
  }

  table(numberClass: NumberClass, direction: Direction): ClassTable {
    return (direction === 'out' ? this.#out : this.#in).get(numberClass) as ClassTable;
  }

  messageTable(numberClass: NumberClass, kind: MessageKind): ClassTable {
    return (this.#messages.get(numberClass) as Readonly<Record<MessageKind, ClassTable>>)[kind];
  }

  /** Price of a message that no allowance counts; undefined when it is not sent. Caps have no prices of their own. */
  messageMicros(kind: MessageKind): Micros | undefined {
    return this.plan === undefined ? 0 : this.#messageMicros?.[kind];
  }

  #callTable(numberClass: NumberClass, direction: Direction): ClassTable {
    const { plan } = this;
    const drawn = this.counters.filter(
      ({ kind, allowance }) =>
        !isMessage(kind) && allowance.classes.includes(numberClass) && allowance.directions.includes(direction),
    );
    const isCovered = plan === undefined || direction === 'in' || plan.classes.includes(numberClass);
    const isPaidFor = direction === 'in' || drawn.some(({ kind, days }) => kind === 'time' && days === undefined);
    return tableOf(drawn, numberClass, isCovered, isPaidFor ? undefined : plan?.rates[numberClass]);
  }

  #drawn(numberClass: NumberClass, direction: Direction, message: MessageKind): Counter[] {
    return this.counters.filter(
      ({ kind, allowance }) =>
        (kind === message || kind === 'spend') &&
        allowance.classes.includes(numberClass) &&
        allowance.directions.includes(direction),
    );
  }
}

function isMessage(kind: CounterKind): kind is MessageKind {
  return kind === 'sms' || kind === 'lms' || kind === 'mms';
}

function counterOf(allowance: Allowance, index: number, terms: Terms, day: WindowClock): Counter {
  const { window, limit, beyond, credits, daysOver, pacing } = allowance;
  const counts = allowance.counts === 'days-over' ? daysOver?.counts : allowance.counts;
  if (counts === undefined) throw new TypeError(`Allowance ${allowance.id} counts nothing`);
  return {
    allowance,
    index,
    kind: counts === 'seconds' || counts === 'credits' ? 'time' : counts,
    limit,
    isForbidding: beyond.kind === 'forbid',
    clock: new WindowClock(window, terms.timeZone),
    days: allowance.counts === 'days-over' && daysOver ? { clock: day, threshold: daysOver.threshold } : undefined,
    pacing: pacing === null ? undefined : new PacingCalendar(pacing, terms.timeZone),
    stepSeconds: credits?.stepSeconds ?? 1,
    unitsPerStep: credits?.perStep,
    rounding: allowance.rounding,
    beyondMicros: beyond.kind === 'charge' ? parseMoney(beyond.perStep) : 0,
    beyondStep: beyond.kind === 'charge' && counts === 'seconds' ? beyond.stepSeconds : 1,
  };
}

function tableOf(counters: readonly Counter[], numberClass: NumberClass, isCovered: boolean, rate?: Rate): ClassTable {
  return {
    isCovered,
    counters,
    limits: counters.filter(({ isForbidding, pacing }) => isForbidding || pacing !== undefined),
    chargers: counters.filter(({ beyondMicros }) => beyondMicros > 0),
    rate: rate && { micros: parseMoney(rate.perStep), stepSeconds: rate.stepSeconds },
    numberClass,
    hasSpend: counters.some(({ kind }) => kind === 'spend'),
  };
}

/** What a begun step of a class takes. */
export function unitsOf(counter: Counter, numberClass: NumberClass): number {
  return counter.unitsPerStep === undefined ? 1 : (counter.unitsPerStep[numberClass] ?? 0);
}

/** When a call or its callee counts; null when it does not. */
export function countedAt(
  { allowance: { countsOn } }: Counter,
  { reservedWallMs, answeredWallMs }: { readonly reservedWallMs: number; readonly answeredWallMs: number | null },
): number | null {
  return countsOn === 'attempt' ? reservedWallMs : answeredWallMs;
}
