// What text messages need of the outside: who may send, channels, the ledger, gateways that send, and rows in the journal.
import type { Clock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import type { MessageAdmission } from '../policy/admit-message.js';
import type { Ledger } from '../quota/ledger.js';
import type { MessageLoad } from '../quota/usage.js';
import type { MessageQuestion, RouteAnswer } from '../routing/routing.js';
import type { DeliveryReport, EarlyReport, Message, MessageParty, Picture } from './message.js';
import type { TextEncoding, TextLimits } from './message-text.js';

/** A gateway that sends messages. */
export interface MessageGateway {
  readonly name: string;
  /** The same object for gateways that have the same: a text is measured once for each. */
  readonly limits: TextLimits;
  /** Rest of a channel from message to message. */
  readonly gapMs: number;
  /** When nobody says whether it was sent: leave it at that, or send it over another channel too. */
  readonly onSilence: 'stop' | 'next';
}

export interface SendRequest {
  readonly messageId: string;
  readonly attemptId: string;
  readonly gateway: string;
  readonly channelId: string;
  readonly simNumber: string;
  readonly callee: MessageParty;
  readonly text: string;
  readonly pictures: readonly Picture[];
  readonly load: MessageLoad;
  readonly encoding: TextEncoding;
}

export type SendOutcome =
  /** The gateway has it; `reference` is what it calls it. */
  | { readonly kind: 'sent'; readonly status: number; readonly reference: string | null }
  /** It will not send it. */
  | {
      readonly kind: 'refused';
      readonly means: 'channel' | 'gateway' | 'message';
      readonly status: number;
      readonly detail: string | null;
    }
  /** Nothing of it can have left us. */
  | { readonly kind: 'unsent'; readonly detail: string }
  /** It left, or may have, and nobody said what became of it. */
  | { readonly kind: 'silent'; readonly detail: string };

/** Hands messages to gateways. Never rejects. */
export interface MessageSender {
  send(request: SendRequest): Promise<SendOutcome>;
}

export interface MessageRoutes {
  decideMessage(
    question: MessageQuestion,
  ): Pick<RouteAnswer<{ readonly name: string }>, 'best' | 'candidates' | 'summary' | 'refusal'>;
}

/** Rows of messages in the journal; what has happened to one is told to its trunk from there. */
export interface MessageBooks {
  /**
   * Entries that keep it as it is now; `key` makes a repetition of its request find it, `reportKey` one of the report that changed
   * it. Its trunk is told when `isNews`; no record is published when it is `asPublished`.
   */
  keep(
    message: Message,
    options?: {
      readonly key?: string | null;
      readonly reportKey?: string | null;
      readonly isNews?: boolean;
      readonly asPublished?: boolean;
    },
  ): readonly JournalEntry[];
  /** Entries that keep a report of a message that is not over yet; `reportKey` makes a repetition find it. */
  keepEarly(messageId: string, report: EarlyReport, reportKey: string | null): readonly JournalEntry[];
  /** An entry by which it is kept no more. */
  forgetEarly(messageId: string): JournalEntry;
  /** By the id of their message. */
  earlyReports(): Promise<ReadonlyMap<string, EarlyReport>>;
  /** Tries until the journal has them. */
  commit(entries: readonly JournalEntry[]): Promise<void>;
  /** Something that others are to be told of has been committed. */
  announce(): void;
  find(messageId: string): Promise<Message | null>;
  findByKey(key: string): Promise<Message | null>;
  /** Those of an earlier process that were not over. */
  left(): Promise<readonly Message[]>;
  /** The latest message that a report may mean. */
  findReported(report: DeliveryReport): Promise<Message | null>;
  /** Whether a report with this key was kept lately. */
  isReported(reportKey: string): Promise<boolean>;
  /** Who last sent a message to a number over a SIM, not longer ago than `sinceMs`. */
  lastSender(callee: string, simId: string, sinceMs: number): Promise<LastSender | null>;
}

export interface LastSender {
  readonly trunk: string;
  readonly agent: string | null;
  readonly wallMs: number;
}

/** Keys of requests, where several nodes may get the same one. */
export interface RequestKeys {
  claim(
    key: string,
    messageId: string,
  ): Promise<
    | { readonly kind: 'ours' }
    | { readonly kind: 'taken'; readonly id: string }
    /** Another node is taking it, or was when it ended: whether it did nobody can say. */
    | { readonly kind: 'pending' }
  >;
  /** It is in the journal. */
  keep(key: string): Promise<void>;
  /** It was refused. */
  giveUp(key: string): Promise<void>;
}

export interface MessagePorts {
  readonly admission: {
    admitMessage(request: { readonly trunk: { readonly name: string }; readonly dialled: string }): MessageAdmission;
  };
  readonly routes: MessageRoutes;
  readonly ledger: Pick<Ledger, 'reserve' | 'reserveFirst' | 'settle' | 'release' | 'orphans' | 'lastCallTo'>;
  readonly sender: MessageSender;
  /** Left out: this node is alone. */
  readonly keys?: RequestKeys | undefined;
  /** False while the service is drained; left out: always true. */
  isAccepting?(): boolean;
  readonly books: MessageBooks;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface MessageSettings {
  readonly gateways: readonly MessageGateway[];
  /** Channels tried for one message. */
  readonly maxAttempts: number;
  /** How long one may wait for a channel. */
  readonly maxWaitMs: number;
  readonly maxQueued: number;
  /** Whose messages from mobiles are that nobody has written to; null: nobody's. */
  readonly defaultTrunk: string | null;
  /** How long an answer goes to who wrote last. */
  readonly affinityMs: number;
}
