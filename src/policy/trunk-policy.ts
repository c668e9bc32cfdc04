// What a trunk may do, as the config says it: the data that the rules read.
import type { DiallingRules } from '../numbers/dialling-rules.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { CallingHours } from './calling-hours.js';

/** Numbers that begin so are in that zone, whatever else their country has. */
export interface CalleeZone {
  /** With "+". */
  readonly prefix: string;
  readonly timeZone: string;
}

export interface TrunkPolicy {
  readonly name: string;
  readonly dialling: DiallingRules;
  readonly classes: readonly NumberClass[];
  /** Of its days, and of callees whose country is not known. */
  readonly timeZone: string;
  /** Empty: at any hour. */
  readonly callingHours: readonly CallingHours[];
  /** The longest prefix that fits decides. */
  readonly calleeZones: readonly CalleeZone[];
  /** Names of the do-not-call lists that hold for it. */
  readonly doNotCall: readonly string[];
  /** Calls to one callee in a day of `timeZone`; null for any number. */
  readonly attemptsPerCalleePerDay: number | null;
  /** Calls at once; null for any number. */
  readonly maxCalls: number | null;
  /** New calls in any second; null for any number. */
  readonly maxCallsPerSecond: number | null;
  /** Text messages in any second; null or left out for any number. */
  readonly maxMessagesPerSecond?: number | null;
}

/** A trunk without limits of its own: what is not said. */
export const OPEN_POLICY: Omit<TrunkPolicy, 'name' | 'dialling' | 'classes' | 'timeZone'> = {
  callingHours: [],
  calleeZones: [],
  doNotCall: [],
  attemptsPerCalleePerDay: null,
  maxCalls: null,
  maxCallsPerSecond: null,
};
