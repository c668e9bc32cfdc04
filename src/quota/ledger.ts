// The ledger is the only thing that changes usage. Domain interface; implementations live in ledgers/.
import type { JournalEntry } from '../lib/journal-entry.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { Counted, Window } from './plan.js';
import type { MessageLoad } from './usage.js';

/** Of a call: from a trunk to a SIM, or from a SIM to a trunk. */
export type Direction = 'out' | 'in';

export interface ReserveRequest {
  /** Made by the caller of the ledger; the idempotence key of everything that follows. */
  readonly reservationId: string;
  readonly callId: string;
  /** Name of the trunk that the call came from or goes to. */
  readonly trunk: string;
  readonly direction: Direction;
  /** Whose caps count the call: `trunk:NAME`, `agent:TRUNK/USER`, `account:NAME`. */
  readonly payers: readonly string[];
  readonly channelId: string;
  /** Where the channel stands among those of the config, as far as is known: it spares looking it up. */
  readonly channelNumber?: number;
  readonly simId: string;
  /**
   * Canonical E.164 number, or the short code itself for special and emergency numbers; of a call from a mobile, who calls
   * (`anonymous` when it does not say).
   */
  readonly callee: string;
  readonly numberClass: NumberClass;
  readonly wallMs: number;
  /**
   * Of a text message, which takes its channel as a call does; left out for a call. Settled, it is charged whole; released, not
   * at all.
   */
  readonly message?: MessageLoad;
}

export type ReserveRefusal =
  | 'channel-busy'
  | 'channel-resting'
  | 'quota-exhausted'
  | 'too-few-seconds'
  /** What is left is spread over the working time that remains. */
  | 'paced'
  | 'class-not-covered'
  /** A payer's cap has nothing left, or less than a shortest call costs on that channel. */
  | 'cap-exhausted'
  | 'unknown-channel'
  | 'journal-stalled'
  /** The shared ledger cannot be reached. */
  | 'ledger-away';

export type ReserveResult =
  | {
      readonly ok: true;
      readonly reservationId: string;
      /** Longest call from an answer now that is granted already; the one to keep is what `confirm` says. */
      readonly maxCallSeconds: number;
    }
  | {
      readonly ok: false;
      readonly reason: ReserveRefusal;
      readonly allowanceId?: string;
      /** Whose cap it is. */
      readonly payer?: string;
    };

/** What bounds a grant. */
export interface GrantLimit {
  /** `sim:ID`, or a payer. */
  readonly holder: string;
  /** Null: the plan's longest single call. */
  readonly allowanceId: string | null;
}

/** Of several channels that were asked for at once: the one that was booked, or why none was. */
export type ReserveFirstResult =
  | (Extract<ReserveResult, { ok: true }> & { readonly channelId: string })
  | Extract<ReserveResult, { ok: false }>;

export interface Grant {
  /**
   * When the call must end unless a later renewal grants more: seconds from the answer whose rounded charge still fits,
   * less a second for the BYE; 0: end it.
   */
  readonly maxCallSeconds: number;
  /** No renewal will grant more. */
  readonly isFinal: boolean;
  /**
   * Of a final grant: the limit that ends the call then, for its record. Left out when it is not known; of a grant of 0 when
   * nothing is held for the call (any more): it must end at once.
   */
  readonly limit?: GrantLimit;
}

export type PayersQuestion = Pick<ReserveRequest, 'callee' | 'numberClass' | 'direction' | 'wallMs'> & {
  /** Whose plan says what the call costs; left out: not known yet. */
  readonly simId?: string;
  /** Of a text message. */
  readonly message?: MessageLoad;
};

/** Whether payers' caps let a call begin. */
export type PayersFit =
  | { readonly ok: true; readonly maxCallSeconds: number }
  | { readonly ok: false; readonly reason: 'cap-exhausted'; readonly payer: string; readonly allowanceId: string };

/** A call that went to a callee: of which trunk, and of whom there. */
export interface LastCall {
  readonly trunk: string;
  /** Null when it is not known. */
  readonly agent: string | null;
  /** When it reserved its channel. */
  readonly wallMs: number;
}

/** A correction of usage: history like a settlement, never an edit of it. */
export interface Adjustment {
  /** Made by the caller; the same adjustment twice counts once. */
  readonly adjustmentId: string;
  /** `sim:ID`, or a payer. */
  readonly holder: string;
  readonly allowanceId: string;
  /** What is added to the use of the window that holds `wallMs`, in what the allowance counts; may be negative. */
  readonly amount: number;
  readonly reason: string;
  /** Who asked for it. */
  readonly by: string;
  readonly wallMs: number;
}

/** As history has it. */
export interface PastAdjustment extends Adjustment {
  /** When it was asked for, by the ledger's clock; null in what an earlier version has written. */
  readonly madeWallMs: number | null;
}

export interface AdjustmentsQuery {
  /** Null: anybody's. */
  readonly holder: string | null;
  /** Made since. */
  readonly sinceWallMs: number;
  /** The last ones, if there are more. */
  readonly most: number;
}

export interface PastAdjustments {
  /** Oldest first. */
  readonly adjustments: readonly PastAdjustment[];
  /** Older ones were left out. */
  readonly isCut: boolean;
  /** Those of other nodes are not known now. */
  readonly isPartOnly: boolean;
}

export type AdjustResult =
  /** `used` is the window's use after it. */
  | { readonly ok: true; readonly used: number }
  | { readonly ok: false; readonly reason: 'unknown-holder' | 'unknown-allowance' | 'ledger-away' };

/** Usage that is not what history says. */
export interface UsageDifference {
  /** `sim:ID`, or a payer. */
  readonly holder: string;
  readonly allowanceId: string;
  readonly windowStartWallMs: number;
  /** What the running ledger decides by. */
  readonly used: number;
  /** What settlements and adjustments add up to. */
  readonly recomputed: number;
}

export interface VerifyReport {
  readonly ok: boolean;
  /** Records of history that were counted. */
  readonly settlements: number;
  readonly adjustments: number;
  readonly differences: readonly UsageDifference[];
}

export interface Settlement {
  readonly reservationId: string;
  /** Wall time of the gateway's 200; the windows charged follow from it. */
  readonly answeredWallMs: number;
  /** Time from the gateway's 200 to the BYE on that leg, by the monotonic clock, milliseconds. */
  readonly durationMs: number;
  /** True when the end is not known exactly (after a crash). */
  readonly estimated: boolean;
  /** True while our BYE awaits its final response: the charge is booked, the channel stays busy until `vacate`. */
  readonly channelInUse: boolean;
}

export interface Release {
  /** Whether an INVITE left, or may have: a plan that counts callees on attempt counts no other. */
  readonly invited: boolean;
}

export interface Charge {
  readonly reservationId: string;
  readonly simId: string;
  /** Rounded by the plan's steps. */
  readonly billedSeconds: number;
  /** Decimal string in the plan's currency; '0' inside the allowances. */
  readonly cost: string;
  readonly currency: string;
  readonly estimated: boolean;
}

/** One allowance's state at an instant. */
export interface AllowanceUsage {
  readonly allowanceId: string;
  readonly counts: Counted;
  readonly window: Window['kind'];
  readonly windowStartWallMs: number;
  readonly used: number;
  readonly held: number;
  readonly limit: number;
}

export interface SimUsage {
  readonly simId: string;
  readonly allowances: readonly AllowanceUsage[];
}

/** A reservation found at start that its process did not finish. */
export interface OrphanReservation {
  readonly reservationId: string;
  readonly callId: string;
  readonly channelId: string;
  readonly simId: string;
  readonly callee: string;
  /** Null when the attempt was not answered. */
  readonly answeredWallMs: number | null;
  /** End of the last slice that was journalled, wall time; null when not answered. */
  readonly coveredUntilWallMs: number | null;
  /** When its last slice was asked for, wall time; null when that was at its answer, or an earlier version did not say. */
  readonly renewedWallMs: number | null;
  /** True when the charge was booked with `channelInUse` and only `vacate` is missing. */
  readonly settled: boolean;
  /** Of a text message; left out for a call. */
  readonly isMessage?: boolean;
}

/** Answered calls of a channel, and how long they lasted as they were measured, not as they were billed. */
export interface SettledCalls {
  readonly calls: number;
  readonly seconds: number;
}

export interface SettledSpan {
  readonly sinceWallMs: number;
  /** Not itself in the span. */
  readonly untilWallMs: number;
  /** Calls from mobiles too. */
  readonly bothDirections: boolean;
}

/** What was settled, as a gateway counts it. */
export interface SettledHistory {
  /** By channel, of all nodes that share the ledger; a channel without any is not there. No text messages, no further answers. */
  settledCalls(span: SettledSpan): Promise<ReadonlyMap<string, SettledCalls>>;
}

/**
 * Reserve → confirm → renew… → settle (→ vacate), or reserve → release. Every method applies to memory before its first
 * await and resolves after its record has committed. All but `reserve` are idempotent by reservation id.
 * `alongside` entries commit in the same transaction, where the ledger lives in the journal.
 */
export interface Ledger {
  reserve(request: ReserveRequest, alongside?: readonly JournalEntry[]): Promise<ReserveResult>;
  /**
   * Where one step of the ledger's store can try several channels: books the first that passes. All requests have the same
   * reservation id and differ in channel and SIM. Refused with the first one's reason, or with what no channel would change.
   */
  reserveFirst?(
    requests: readonly ReserveRequest[],
    alongside?: (booked: ReserveRequest) => readonly JournalEntry[],
  ): Promise<ReserveFirstResult>;
  confirm(reservationId: string, answeredWallMs: number, alongside?: readonly JournalEntry[]): Promise<Grant>;
  /** Extends what is held for an answered call to `coveredUntilWallMs`, a slice from now, as far as its payers' caps reach. */
  renew(reservationId: string, coveredUntilWallMs: number): Promise<Grant>;
  /** Charges usage and frees the channel (after its gap). A second settlement returns the first one's charge. */
  settle(settlement: Settlement, alongside?: (charge: Charge) => readonly JournalEntry[]): Promise<Charge>;
  /**
   * Charges one more answer to a reservation's INVITE, of another branch of a forked one, as a call of its own that ended at once:
   * history has it under `answerId`. What the reservation holds stays held. Null, and nothing charged, when its channel is free
   * already.
   */
  chargeFurther(
    reservationId: string,
    answerId: string,
    answeredWallMs: number,
    alongside?: (charge: Charge) => readonly JournalEntry[],
  ): Promise<Charge | null>;
  /** Frees the channel (after its gap) of a reservation that was settled with `channelInUse`. */
  vacate(reservationId: string): Promise<void>;
  /**
   * Frees an unanswered reservation and its channel (after its gap). `alongside` is told what an attempt is charged where a plan
   * charges attempts; null for one of which no INVITE left, or that is over already.
   */
  release(
    reservationId: string,
    release: Release,
    alongside?: (charge: Charge | null) => readonly JournalEntry[],
  ): Promise<void>;
  usageOf(simId: string, wallMs: number): SimUsage | undefined;
  /** Undefined for a payer without caps. */
  usageOfPayer(payer: string, wallMs: number): readonly AllowanceUsage[] | undefined;
  /** Whether the payers' caps let a call begin: asked once a call; `reserve` asks again and holds. */
  fitPayers(payers: readonly string[], question: PayersQuestion): PayersFit;
  /** Calls to a callee, live or over, of which an INVITE left since an instant at most two days ago. */
  attemptsTo(callee: string, sinceWallMs: number): number;
  /** The last call since an instant of which an INVITE went to a callee, answered or not, once it is over. */
  lastCallTo(callee: string, sinceWallMs: number): LastCall | undefined;
  adjust(adjustment: Adjustment): Promise<AdjustResult>;
  /** Corrections that were made, of all nodes that share the ledger. */
  adjustments(query: AdjustmentsQuery): Promise<PastAdjustments>;
  /** Recomputes usage from settled history and compares it with what is decided by. Changes nothing. */
  verify(): Promise<VerifyReport>;
  /** Reservations left by an earlier process; their channels stay busy until each is settled (and vacated) or released. */
  orphans(): readonly OrphanReservation[];
}
