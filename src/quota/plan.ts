// Plans as data: what a SIM's subscription allows, over which window, for which number classes.
import type { NumberClass } from '../numbers/number-class.js';

/** How a duration becomes charged seconds: the first step, then further steps; 60/60 bills whole minutes. */
export interface Rounding {
  readonly firstSeconds: number;
  readonly thenSeconds: number;
}

/** A window in the plan's time zone. A month begins on `resetDay` at local midnight. */
export type Window = { readonly kind: 'day' } | { readonly kind: 'month'; readonly resetDay: number };

/** What happens beyond an allowance: the channel is refused, or the excess is charged. */
export type Beyond =
  | { readonly kind: 'forbid' }
  /** `perStep` is a decimal string in the plan's currency for each `stepSeconds` (for callees: for each further callee). */
  | { readonly kind: 'charge'; readonly perStep: string; readonly stepSeconds: number };

export interface Allowance {
  /** Unique in its plan, such as `seconds-day`: the key of its usage rows and of refusals. */
  readonly id: string;
  readonly counts: 'seconds' | 'callees';
  readonly window: Window;
  readonly limit: number;
  /** Classes that draw on this allowance. */
  readonly classes: readonly NumberClass[];
  readonly beyond: Beyond;
}

export interface Plan {
  readonly name: string;
  /** IANA zone in which the windows turn. */
  readonly timeZone: string;
  readonly currency: string;
  readonly commercialUse: 'allowed' | 'forbidden';
  /** Classes that the plan can call at all; another class is refused with `class-not-covered`. */
  readonly classes: readonly NumberClass[];
  readonly rounding: Rounding;
  /** A call over a window's edge is split between the windows, or charged to the one it began in. */
  readonly windowEdge: 'split' | 'start';
  readonly calleesCountOn: 'answer' | 'attempt';
  /** Longest single call in seconds. */
  readonly maxCallSeconds: number;
  readonly allowances: readonly Allowance[];
}
