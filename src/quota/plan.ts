// Plans and caps as data: what may be used, over which window, for which number classes, and what it costs beyond.
import type { NumberClass } from '../numbers/number-class.js';

/** What an allowance counts. `spend` is what calls and messages cost; `days-over` are days on which another count ran high. */
export type Counted = 'seconds' | 'calls' | 'callees' | 'sms' | 'lms' | 'mms' | 'credits' | 'spend' | 'days-over';

/** What a day can be over in: anything that is counted day by day. */
export type CountedByDay = 'seconds' | 'calls' | 'callees' | MessageKind;

export type MessageKind = 'sms' | 'lms' | 'mms';

/** Out: a call that simtrunk places. In: one that the SIM receives; its other party takes the callee's place. */
export type Direction = 'out' | 'in';

/** How a duration becomes charged seconds: the first step, then further steps; 60/60 bills whole minutes. */
export interface Rounding {
  readonly firstSeconds: number;
  readonly thenSeconds: number;
  /** No answered call is charged less; 0 for no minimum. */
  readonly minimumSeconds: number;
}

/** In the terms' time zone: a month begins on `resetDay` at local midnight; a rolling window ends now. */
export type Window =
  | { readonly kind: 'day' }
  | { readonly kind: 'month'; readonly resetDay: number }
  | { readonly kind: 'rolling'; readonly seconds: number };

/** What happens beyond an allowance: the call is refused or ended, or the excess is charged. */
export type Beyond =
  | { readonly kind: 'forbid' }
  /** For each `stepSeconds` of seconds; of anything else for each further one, whatever `stepSeconds` says. */
  | ({ readonly kind: 'charge' } & Rate);

export interface Rate {
  /** Decimal string in the terms' currency. */
  readonly perStep: string;
  readonly stepSeconds: number;
}

/** Working days and hours over which an allowance is spread, in the terms' time zone. */
export interface Pacing {
  /** `days`: a working day's share is there at its midnight; `hours`: it comes hour by hour. */
  readonly by: 'days' | 'hours';
  /** ISO weekdays, Monday is 1. */
  readonly weekdays: readonly number[];
  /** Of the local day; work lasts from `fromMinute` to `toMinute` (at most 1,440). */
  readonly fromMinute: number;
  readonly toMinute: number;
  /** Dates such as 2026-01-01 on which nobody works. */
  readonly holidays: readonly string[];
}

export interface Allowance {
  /** Unique in its terms, such as `seconds-day`: the key of its usage and of refusals. */
  readonly id: string;
  readonly counts: Counted;
  readonly window: Window;
  /** A whole number: of seconds, calls, …; of `spend` in micros (money.ts); of `days-over` so many such days. */
  readonly limit: number;
  /** Classes that draw on this allowance. */
  readonly classes: readonly NumberClass[];
  readonly directions: readonly Direction[];
  /** When a call or callee is counted: when it is answered, or as soon as an INVITE has left. */
  readonly countsOn: 'answer' | 'attempt';
  /** Of the seconds that it counts or turns into credits. */
  readonly rounding: Rounding;
  readonly beyond: Beyond;
  /** Only of `credits`: how many each begun step takes, by class. */
  readonly credits: {
    readonly stepSeconds: number;
    readonly perStep: Readonly<Partial<Record<NumberClass, number>>>;
  } | null;
  /** Only of `days-over`: a day is over when more than `threshold` of what is named were counted on it. */
  readonly daysOver: { readonly counts: CountedByDay; readonly threshold: number } | null;
  /** Null: all of it may be used at any time. */
  readonly pacing: Pacing | null;
}

/** What usage is computed by: a SIM's plan, or the caps of whoever pays. */
export interface Terms {
  readonly name: string;
  /** IANA zone in which the windows turn. */
  readonly timeZone: string;
  readonly currency: string;
  /** A call over a window's edge is split between the windows, or charged to the one it began in. */
  readonly windowEdge: 'split' | 'start';
  readonly allowances: readonly Allowance[];
}

/** Limits of a trunk, an agent or an account, by the same model. */
export interface Caps extends Terms {}

export interface Plan extends Terms {
  readonly commercialUse: 'allowed' | 'forbidden';
  /** Classes that the plan can call at all; another class is refused with `class-not-covered`. */
  readonly classes: readonly NumberClass[];
  /** Of the seconds that `rates` charge, and of what an attempt is billed. */
  readonly rounding: Rounding;
  /** Longest single call in seconds. */
  readonly maxCallSeconds: number;
  /** Rest of its channel after each call; null: as long as the gateway says. */
  readonly gapMs: number | null;
  /** Decimal string. */
  readonly monthlyFee: string;
  /** For outgoing calls of classes whose time no allowance counts; a class that is not named costs nothing. */
  readonly rates: Readonly<Partial<Record<NumberClass, Rate>>>;
  /** Decimal strings for each message that no allowance counts; null: such a message is not sent. */
  readonly messageRates: Readonly<Record<MessageKind, string>> | null;
}
