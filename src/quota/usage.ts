// What a usage book is asked, and what it is told: calls that may begin, live ones, settled ones, messages.
import type { NumberClass } from '../numbers/number-class.js';
import type { Micros } from './money.js';
import type { Counted, Direction, MessageKind } from './plan.js';

export interface FitRequest {
  /** Of a call that comes in, its caller. */
  readonly callee: string;
  readonly numberClass: NumberClass;
  /** Left out: `out`. */
  readonly direction?: Direction;
  readonly wallMs: number;
  /** Whose plan prices the call, when the book is a payer's. Left out: its price is not known yet. */
  readonly carrier?: Carrier | undefined;
}

export type FitRefusal = 'quota-exhausted' | 'too-few-seconds' | 'paced';

export type FitResult =
  | { readonly ok: true; readonly maxCallSeconds: number }
  | { readonly ok: false; readonly reason: 'class-not-covered' }
  | { readonly ok: false; readonly reason: FitRefusal; readonly allowanceId: string };

/** Whether a callee never called before may be called, and until when time alone changes nothing about it. */
export interface QuotaStanding {
  readonly refusal?: {
    readonly reason: FitRefusal | 'class-not-covered';
    readonly allowanceId?: string;
    readonly counts?: Counted;
  };
  /** Infinity: only usage changes it. */
  readonly changesAtWallMs: number;
}

/** A live call as a book counts it; known by identity, changed by its book alone. */
export interface Hold {
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly direction: Direction;
  readonly reservedWallMs: number;
  readonly answeredWallMs: number | null;
  /** End of the time that is held, from the answer or, before it, from the reservation; null while none is. */
  readonly coveredUntilWallMs: number | null;
}

/** Who can say what a call costs: the book of the SIM that carries it. */
export interface Carrier {
  /** Of an attempt as it would be settled; `whole`: all of it in the window in which it is answered. */
  priceOf(call: UsageRecord, windowEdge: 'split' | 'whole'): Micros;
  /** Lengths, in milliseconds up to `mostSeconds`, between which a longer call never costs less; the last is the longest. */
  priceEdges(call: FitRequest, mostSeconds: number): readonly number[];
}

/** What a settled attempt adds to usage. */
export interface UsageRecord {
  readonly callee: string;
  readonly numberClass: NumberClass;
  /** Left out: `out`. */
  readonly direction?: Direction;
  readonly reservedWallMs: number;
  /** Null for an attempt that was not answered. */
  readonly answeredWallMs: number | null;
  readonly durationMs: number;
  /** What the call cost on its SIM, when the book is a payer's. */
  readonly costMicros?: Micros;
}

export interface Booked {
  readonly billedSeconds: number;
  /** Decimal string of `costMicros`. */
  readonly cost: string;
  readonly costMicros: Micros;
}

/** What a text message draws on: so many messages of a kind, all or none. */
export interface MessageLoad {
  readonly kind: MessageKind;
  /** Parts that a carrier bills one by one. */
  readonly count: number;
}

export interface MessageRequest {
  readonly kind: MessageKind;
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly wallMs: number;
  /** Messages at once, all or none; left out: one. */
  readonly count?: number;
  /** What they cost on their SIM, when the book is a payer's. */
  readonly costMicros?: Micros;
}

export type MessageFit =
  | { readonly ok: true; readonly costMicros: Micros }
  | Extract<FitResult, { readonly ok: false }>;
