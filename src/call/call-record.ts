// Everything that is known of a call when it is over: the domain's side of the CDR. Times are wall milliseconds.
import type { NumberClass } from '../numbers/number-class.js';
import { formatMoney, parseMoney } from '../quota/money.js';
import type { DestinationKind } from './call-request.js';
import type { EndReason } from './end-reason.js';
import type { MediaReport, RecordingReport } from './reports.js';
import type { ResponseMeaning } from './response-meaning.js';
import type { TransferRecord } from './transfer-record.js';

export type AttemptOutcome =
  /** Its leg was answered, in time or late. */
  | 'answered'
  /** A final response of 300 or more. */
  | 'refused'
  /** No response at all within the first clock, or none before the transaction ended. */
  | 'silent'
  /** Given up by a later clock, by the caller's CANCEL, or by an operator. */
  | 'cancelled'
  /** The INVITE could not be sent. */
  | 'unreachable'
  /** Given up because a call from a mobile came in on its channel. */
  | 'crossed'
  /** The process ended before the outcome was known. */
  | 'interrupted';

export interface AttemptRecord {
  readonly attemptId: string;
  readonly channelId: string;
  readonly gateway: string;
  readonly simId: string;
  readonly simNumber: string;
  readonly requestUri: string;
  /** Call-ID of the outbound leg, null before the INVITE was sent. */
  readonly sipCallId: string | null;
  readonly startedAtMs: number;
  readonly firstResponseAtMs: number | null;
  readonly ringingAtMs: number | null;
  readonly answeredAtMs: number | null;
  readonly endedAtMs: number | null;
  readonly outcome: AttemptOutcome | null;
  /** The final status of its INVITE. */
  readonly sipStatus: number | null;
  /** Reason headers of the gateway, raw. */
  readonly reasons: readonly string[];
  /** The Q.850 cause that they tell; null for none. */
  readonly cause: number | null;
  /** What its final refusal was taken for; null when there was none, or the call waited for it no more. */
  readonly means: ResponseMeaning | null;
  /** True when the answer came after the call had given this attempt up. */
  readonly answeredLate: boolean;
  /** Further branches of its INVITE that answered too, and were hung up on at once. Left out in rows of an earlier version. */
  readonly forkedAnswers?: number;
  /** The part of what follows that those were charged; left out: nothing. */
  readonly furtherCharge?: { readonly billedSeconds: number; readonly cost: string };
  readonly billedSeconds: number;
  readonly cost: string;
  readonly currency: string | null;
  readonly estimated: boolean;
}

/** What routing said when a channel was chosen, or none was: with what it was asked, so that it can be made again. */
export interface DecisionSummary {
  readonly considered: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Winner's score terms by name. */
  readonly winner: {
    readonly channelId: string;
    /** The sum of its terms: the lowest wins. */
    readonly score: number;
    readonly terms: Readonly<Record<string, number>>;
  } | null;
  /** The next best, best first, at most seven. */
  readonly runnersUp: readonly { readonly channelId: string; readonly score: number }[];
  /** The caller's, as the decision knew them. */
  readonly codecs: readonly string[];
  /** The instant that it was made for, by the wall clock. */
  readonly decidedWallMs: number;
  /** Of the index that the decision was read from. */
  readonly version: number;
  /** What ties were broken by. */
  readonly seed: number;
}

/** An emergency call may try every channel: its record keeps the first few decisions. */
const LATER_DECISIONS = 8;

/** What a record says when one more decision was made for the call. */
export function withDecision(
  { decision, laterDecisions }: Pick<CallRecord, 'decision' | 'laterDecisions'>,
  made: DecisionSummary | null,
): Pick<CallRecord, 'decision' | 'laterDecisions'> {
  if (decision === null || made === null) return { decision: decision ?? made, laterDecisions };
  if (laterDecisions.length >= LATER_DECISIONS) return { decision, laterDecisions };
  return { decision, laterDecisions: [...laterDecisions, made] };
}

/** The limit that ended a call. */
export interface LimitReached {
  /** `sim:ID`, a payer (`trunk:NAME`, `agent:TRUNK/USER`, `account:NAME`), or `config`: the longest call of all. */
  readonly holder: string;
  /** Null for the longest single call of plan or config. */
  readonly allowanceId: string | null;
}

export interface CallRecord {
  readonly callId: string;
  /** Call-ID of the caller's leg. */
  readonly sipCallId: string;
  readonly trunk: string;
  readonly traffic: 'commercial' | 'personal';
  readonly calling: string;
  /** Null when it is not known. */
  readonly agent: string | null;
  /** Whose caps counted the call. */
  readonly payers: readonly string[];
  /** As the PBX dialled it. */
  readonly dialled: string;
  readonly callee: string | null;
  readonly numberClass: NumberClass | null;
  readonly offeredAtMs: number;
  readonly routedAtMs: number | null;
  readonly ringingAtMs: number | null;
  readonly answeredAtMs: number | null;
  readonly endedAtMs: number | null;
  /** From the 200 to the caller until its leg ended, by the monotonic clock; 0 when not answered. */
  readonly durationMs: number;
  readonly attempts: readonly AttemptRecord[];
  /** The first one. */
  readonly decision: DecisionSummary | null;
  /** Those behind a failed attempt, at most {@link LATER_DECISIONS}. */
  readonly laterDecisions: readonly DecisionSummary[];
  readonly endedBy: 'caller' | 'callee' | 'simtrunk' | null;
  readonly endReason: EndReason | null;
  /** Null when no limit ended the call, or it is not known which. */
  readonly limit: LimitReached | null;
  /** What the caller was told: the final response, or 200 for an answered call. */
  readonly sipStatus: number | null;
  readonly q850: number | null;
  /** Audio codec of the caller's leg; null before a gateway's answer. */
  readonly codec: string | null;
  /** That of the gateway's leg. */
  readonly calleeCodec: string | null;
  /** The two differ, and each side hears the other's transcoded. */
  readonly transcoded: boolean;
  readonly media: MediaReport | null;
  readonly recording: RecordingState | null;
  /** Null for a call that a trunk placed. Its attempts are INVITEs to channels; those of a call from a mobile go to the trunk. */
  readonly incoming: IncomingRecord | null;
  /** Those that its trunk asked for, oldest first. */
  readonly transfers: readonly TransferRecord[];
  /** The call that it was placed for, or that it was joined with, by a transfer of that one. */
  readonly transferOf: string | null;
  /** A call of our own that asked whether a suspended channel is sound. */
  readonly probe: boolean;
}

/** What is known of a call from a mobile beside the rest: the channel that it came in by, and what that was charged. */
export interface IncomingRecord {
  readonly reservationId: string;
  readonly channelId: string;
  readonly gateway: string;
  readonly simId: string;
  readonly simNumber: string;
  /** The agent who had called the caller last; null when nobody had, or it is not known who. */
  readonly lastAgent: string | null;
  /** When that call began; null when there was none, or too long ago. */
  readonly lastCalledAtMs: number | null;
  /** The last one that it went to; null when there was none. */
  readonly destination: DestinationKind | null;
  /** When the gateway's charge began: with our 200. */
  readonly answeredAtMs: number | null;
  readonly billedSeconds: number;
  readonly cost: string;
  readonly currency: string | null;
  readonly estimated: boolean;
}

export interface RecordingState {
  readonly recordingId: string;
  readonly path: string;
  /** Null until the recorder has reported. */
  readonly report: RecordingReport | null;
}

type Billed = Pick<AttemptRecord, 'billedSeconds' | 'cost' | 'currency' | 'estimated'>;

const NOTHING = { billedSeconds: 0, cost: '0' };

/** What an attempt is charged once its leg is: by this charge, whatever was noted before, and for further answers. */
export function chargedWith({ furtherCharge = NOTHING }: Pick<AttemptRecord, 'furtherCharge'>, charge: Billed): Billed {
  const { currency, estimated } = charge;
  return { ...sumOf(furtherCharge, charge), currency, estimated };
}

/** What an attempt is charged with one more of its further answers. */
export function chargedFurther(attempt: AttemptRecord, charge: Billed): Partial<AttemptRecord> {
  const furtherCharge = sumOf(attempt.furtherCharge ?? NOTHING, charge);
  return { ...sumOf(attempt, charge), currency: charge.currency, furtherCharge };
}

function sumOf(a: typeof NOTHING, b: typeof NOTHING): typeof NOTHING {
  return {
    billedSeconds: a.billedSeconds + b.billedSeconds,
    cost: formatMoney(parseMoney(a.cost) + parseMoney(b.cost)),
  };
}

/** The call's billed seconds: the sum of all attempts', or those of the channel that it came in by. */
export function billedSecondsOf(record: CallRecord): number {
  if (record.incoming) return record.incoming.billedSeconds;
  return record.attempts.reduce((sum, attempt) => sum + attempt.billedSeconds, 0);
}
