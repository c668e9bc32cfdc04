// A text message as it is journalled, from a trunk or the API to a SIM, or from a SIM to a trunk; and what others tell of it.
import type { NumberClass } from '../numbers/number-class.js';
import type { MessageKind } from '../quota/plan.js';
import type { TextEncoding } from './message-text.js';

export type MessageState =
  /** Taken, and waiting for a channel. */
  | 'queued'
  /** A channel is reserved for it, and its gateway is being told. */
  | 'sending'
  /** Its gateway has it. */
  | 'sent'
  /** Its gateway may have it: nobody said. It is charged, and not sent again. */
  | 'unknown'
  /** It was not sent. */
  | 'failed'
  /** The callee's phone has it. */
  | 'delivered'
  /** The network gave it up after it was sent. */
  | 'undelivered'
  /** It came from a mobile. */
  | 'received';

export interface Picture {
  /** Media type, such as image/jpeg. */
  readonly contentType: string;
  readonly base64: string;
}

export interface MessageParty {
  readonly e164: string;
  readonly national: string;
  readonly numberClass: NumberClass;
}

/** One try of one channel. */
export interface MessageAttempt {
  /** Of its reservation in the ledger. */
  readonly attemptId: string;
  readonly channelId: string;
  readonly gateway: string;
  readonly simId: string;
  readonly simNumber: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  readonly outcome: 'sent' | 'refused' | 'unsent' | 'unknown' | null;
  /** Whom a refusal means. */
  readonly means: 'channel' | 'gateway' | 'message' | null;
  /** SIP or HTTP status of the gateway. */
  readonly status: number | null;
  readonly detail: string | null;
  readonly cost: string;
  readonly currency: string | null;
  /** Charged though nobody said that it was sent. */
  readonly estimated: boolean;
}

/** Why the channel was chosen, as a call's record has it. */
export interface MessageDecision {
  readonly considered: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly winner: {
    readonly channelId: string;
    readonly score: number;
    readonly terms: Readonly<Record<string, number>>;
  } | null;
}

export interface MessageReport {
  readonly detail: string | null;
  readonly atMs: number;
  /** Reports of its other parts that may come, told by its number alone as the first was. Null or left out: none. */
  readonly ofParts?: ReportsOfParts | null;
}

export interface ReportsOfParts {
  readonly left: number;
  readonly untilMs: number;
}

export interface Message {
  readonly messageId: string;
  readonly direction: 'out' | 'in';
  readonly state: MessageState;
  /** Who brought it. */
  readonly origin: 'sip' | 'api' | 'gateway';
  /** Null for one from a mobile that is nobody's. */
  readonly trunk: string | null;
  readonly traffic: 'commercial' | 'personal' | null;
  readonly agent: string | null;
  readonly account: string | null;
  /** Who sends it: as the trunk said, or of one that came in the number of the mobile. */
  readonly calling: string;
  /** As it was asked for; of one that came in, the SIM's number. */
  readonly dialled: string;
  /** Null when what was asked for is no number. */
  readonly callee: MessageParty | null;
  readonly text: string;
  readonly pictures: readonly Picture[];
  /** On the gateway that was asked last; null while none was. */
  readonly kind: MessageKind | null;
  readonly parts: number | null;
  readonly encoding: TextEncoding | null;
  /** What its sender calls it. */
  readonly reference: string | null;
  readonly takenAtMs: number;
  readonly endedAtMs: number | null;
  readonly attempts: readonly MessageAttempt[];
  /** Of one that came in: where. */
  readonly channelId: string | null;
  readonly simId: string | null;
  readonly decision: MessageDecision | null;
  /** Why it was not sent. */
  readonly endReason: string | null;
  /** What its gateway calls it. */
  readonly gatewayReference: string | null;
  readonly report: MessageReport | null;
  /** Of its published record; 0 while there is none. */
  readonly revision: number;
}

/** A message as a trunk or the API asks for it. */
export interface MessageRequest {
  readonly origin: 'sip' | 'api';
  readonly trunk: { readonly name: string; readonly traffic: 'commercial' | 'personal' };
  readonly agent: string | null;
  readonly account: string | null;
  readonly calling: string;
  readonly dialled: string;
  readonly text: string;
  readonly pictures: readonly Picture[];
  readonly reference: string | null;
  /** The same request again has the same; null for one that can only be new. */
  readonly key: string | null;
}

/** A message that came from a mobile over a gateway. */
export interface ArrivedMessage {
  readonly gateway: string;
  readonly channel: { readonly channelId: string; readonly simId: string; readonly simNumber: string };
  /** As the gateway has it: a number, or a name. */
  readonly from: string;
  readonly text: string;
  /** The same message again has the same. */
  readonly key: string;
  /** After this time the same key is another message's: its gateway counts anew. Left out: never. */
  readonly repeatedForMs?: number;
}

/** What a gateway tells of a message that it sent. */
export interface DeliveryReport {
  readonly gateway: string;
  readonly status: 'delivered' | 'undelivered';
  readonly detail: string | null;
  /** Ours. */
  readonly messageId: string | null;
  /** The gateway's. */
  readonly reference: string | null;
  /** Where neither is told: the number that it went to, and the channel if that is told. */
  readonly number: string | null;
  readonly channelId: string | null;
  /** When, by the gateway's clock: of no message that was taken later. Null: it does not say, or nobody knows its clock. */
  readonly atMs: number | null;
  /** The same report again has the same; null where repetitions do no harm, or cannot be told. */
  readonly key: string | null;
}

/** Kept until its message is over. */
export interface EarlyReport extends DeliveryReport {
  /** The attempt that was under way when it came. Left out: an older version kept it. */
  readonly attemptId?: string;
  /** Reports of so many parts are in it. Left out: one. */
  readonly ofParts?: number;
}

export function simOf(message: Message): string | null {
  return message.simId ?? message.attempts.at(-1)?.simId ?? null;
}

/** How long it stays as it is: nothing more is sent for it. */
export function isOver({ state }: Message): boolean {
  return state !== 'queued' && state !== 'sending';
}
