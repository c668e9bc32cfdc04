// Asks one gateway, again and again, for the text messages and reports that it keeps until it is asked. Each is in the journal
// before the place behind it is: a crash between the two asks for it again, and it is known. Never two questions at a time.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { jittered, RepeatedWork } from '../lib/repeated-work.js';
import type { ArrivedMessage, DeliveryReport } from '../messages/message.js';
import {
  type ChannelSaid,
  digestOf,
  entriesAt,
  type FieldTest,
  fits,
  readToldMessage,
  readToldReport,
  type ToldEntry,
  type ToldMessageFields,
  type ToldReportFields,
  textAt,
} from '../messages/told-messages.js';
import { type HeldMessages, PUSHED } from './held-messages.js';
import type { PollBook, PollReading } from './poll-book.js';
import { askedAt, firstPlace, isSamePlace, nextPlace, type PollCursor } from './poll-place.js';

export interface PollQuestion {
  /** Under which its place is kept: the same after a restart, and after a change of what is not asked. */
  readonly name: string;
  readonly everyMs: number;
  /** What an answer has that is no refusal; undefined: a list, empty or not. */
  readonly accepted: FieldTest | undefined;
  /** Where entries are; null: the answer is the list. */
  readonly list: string | null;
  /** Null: all is told each time. */
  readonly cursor: PollCursor | null;
  readonly message: ToldMessageFields | null;
  readonly report: ToldReportFields | null;
}

export interface MessagePollerParts {
  readonly gateway: string;
  readonly questions: readonly PollQuestion[];
  readonly book: PollBook;
  readonly held: HeldMessages;
  readonly clock: Clock;
  readonly log: Logger;
  /** `from`: where to read on, empty for a question without a cursor. @throws Error that says why there is no answer */
  ask(question: PollQuestion, from: string, signal: AbortSignal): Promise<unknown>;
  readonly channelOf: ChannelSaid;
  receive(message: ArrivedMessage): Promise<void>;
  report(report: DeliveryReport): Promise<boolean>;
  /** From 0 to 1. Default: chance. */
  readonly random?: () => number;
}

export interface PollCounters {
  readonly polls: number;
  readonly failures: number;
  readonly messages: number;
  readonly reports: number;
  /** Of channels or messages that are not known. */
  readonly unknown: number;
  /** Reports from before it was first asked: nobody can say of which message. */
  readonly passedOver: number;
}

/** Answers are bounded: what is more is asked for at once, so often. */
const MOST_ANSWERS = 100;
/** Of an answer, in the log. */
const MAX_SAID_CHARACTERS = 100;
/** A gateway's clock that is ahead by more says nothing of when something was. */
const CLOCK_AHEAD_MS = 300_000;

export class MessagePoller {
  readonly #parts: MessagePollerParts;
  readonly #log: Logger;
  readonly #turns: RepeatedWork;
  readonly #due = new Map<string, number>();
  readonly #troubled = new Set<string>();
  /** Channels may be known that were not before. */
  #hasNewChannels = true;
  readonly #counts = { polls: 0, failures: 0, messages: 0, reports: 0, unknown: 0, passedOver: 0 };

  constructor(parts: MessagePollerParts) {
    this.#parts = parts;
    this.#log = parts.log.child({ gateway: parts.gateway });
    this.#turns = new RepeatedWork(parts.clock, () => this.#askDue());
  }

  get counters(): PollCounters {
    return { ...this.#counts };
  }

  /** Many begin together: each waits a part of its interval by chance. */
  start(): void {
    const shortest = Math.min(...this.#parts.questions.map(({ everyMs }) => everyMs));
    this.#turns.startIn(Math.min(1_000, shortest) * this.#random());
  }

  /** What is held for channels that were not known is tried again. */
  channelsChanged(): void {
    this.#hasNewChannels = true;
  }

  /** Resolves when what is under way has ended. */
  whenIdle(): Promise<void> {
    return this.#turns.whenIdle();
  }

  /** What is being kept is kept first; a question that is under way is given up. */
  close(): Promise<void> {
    return this.#turns.close();
  }

  /** How long nothing is due after. */
  async #askDue(): Promise<number> {
    const { questions, clock } = this.#parts;
    await this.#takeHeld();
    for (const question of questions) {
      if (this.#turns.closing.aborted) break;
      if ((this.#due.get(question.name) ?? 0) > clock.monotonicMs()) continue;
      await this.#ask(question);
      this.#due.set(question.name, clock.monotonicMs() + jittered(question.everyMs, this.#random()));
    }
    const nextMs = Math.min(...questions.map(({ name }) => this.#due.get(name) ?? 0)) - clock.monotonicMs();
    return Math.max(1, nextMs);
  }

  async #ask(question: PollQuestion): Promise<void> {
    const { name } = question;
    this.#counts.polls += 1;
    try {
      await this.#readAll(question);
      if (this.#troubled.delete(name)) this.#log.info({ question: name }, 'messages can be asked for again');
    } catch (error) {
      if (this.#turns.closing.aborted) return;
      this.#counts.failures += 1;
      if (this.#troubled.has(name)) return;
      this.#troubled.add(name);
      const cause = error instanceof Error ? error.message : String(error);
      this.#log.error(
        { alarm: 'messages', question: name, cause },
        'messages cannot be asked for: they stay in the gateway',
      );
    }
  }

  async #takeHeld(): Promise<void> {
    if (!this.#hasNewChannels) return;
    this.#hasNewChannels = false;
    const { gateway, held } = this.#parts;
    const unreadable = new Set<string>();
    const take = async (source: string, entry: ToldEntry) => {
      if (source === PUSHED) return false;
      const question = this.#readerOf(source);
      if (question === undefined) unreadable.add(source);
      return question !== undefined && (await this.#takeMessage(question, entry)) === 'taken';
    };
    try {
      await held.offer(gateway, take, () => this.#turns.closing.aborted);
    } catch (err) {
      this.#hasNewChannels = true;
      if (!this.#turns.closing.aborted) this.#log.error({ err }, 'messages that are held could not be taken');
    }
    for (const question of unreadable) {
      this.#log.warn(
        { alarm: 'messages', question },
        'messages are held that came by a question which is another now: no one question for messages can read them',
      );
    }
  }

  /** Asked for otherwise now, it is for the one question for messages: with several, its fields may mean other things to each. */
  #readerOf(source: string): PollQuestion | undefined {
    const readers = this.#parts.questions.filter(({ message }) => message !== null);
    return readers.find(({ name }) => name === source) ?? (readers.length === 1 ? readers[0] : undefined);
  }

  /** Until there is nothing new. */
  async #readAll(question: PollQuestion): Promise<void> {
    const { gateway, book } = this.#parts;
    const { name, cursor } = question;
    let reading = await book.reading(gateway, name);
    let hasBegunAnew = false;
    for (let answers = 0; answers < MOST_ANSWERS; answers++) {
      const place = cursor === null ? null : (reading.place ?? firstPlace(cursor));
      const from = cursor === null || place === null ? '' : askedAt(cursor, place);
      const answer = await this.#parts.ask(question, from, this.#turns.closing);
      const entries = this.#entriesOf(question, answer);
      const next = cursor === null || place === null ? null : nextPlace(cursor, place, answer, entries);
      if (cursor !== null && next === null) {
        if (hasBegunAnew) throw new Error('its store begins anew with each answer: does the template fit it?');
        hasBegunAnew = true;
        this.#log.info({ question: name }, 'store of messages has begun anew: it is read from its start');
        reading = { place: firstPlace(cursor), hasCaughtUp: reading.hasCaughtUp };
        await book.keep(gateway, name, reading);
        continue;
      }
      const fresh = await this.#freshOf(entries);
      const isFurther = next !== null && cursor !== null && askedAt(cursor, next) !== from;
      const isAtEnd = cursor === null || (fresh.length === 0 && !isFurther);
      const after = { place: next, hasCaughtUp: reading.hasCaughtUp || isAtEnd };
      const isOver = !(await this.#take(question, fresh, reading, after));
      if (isOver || isAtEnd) return;
      reading = after;
    }
  }

  #entriesOf(question: PollQuestion, answer: unknown): readonly IdentifiedEntry[] {
    const { accepted, list } = question;
    if (accepted !== undefined && !fits(answer, accepted)) {
      const said = textAt(answer, accepted.field)?.slice(0, MAX_SAID_CHARACTERS);
      throw new Error(`it answered ${accepted.field} ${said ?? 'without a value'}`);
    }
    const entries = entriesAt(answer, list);
    if (entries === null && accepted === undefined) throw new Error(`its answer has no list at "${list ?? ''}"`);
    // Reports that are alike are of the parts of one message.
    const byIdentity = new Map((entries ?? []).map((entry) => [this.#identityOf(question, entry), entry]));
    return [...byIdentity].map(([identity, entry]) => ({ identity, entry }));
  }

  async #freshOf(entries: readonly IdentifiedEntry[]): Promise<readonly IdentifiedEntry[]> {
    const { gateway, book } = this.#parts;
    const identities = entries.map(({ identity }) => identity);
    const seen = await book.seen(gateway, identities);
    return entries.filter(({ identity }) => !seen.has(identity));
  }

  /** False when it is closed meanwhile: the others are asked for again, and those that were kept are known then. */
  async #take(
    question: PollQuestion,
    fresh: readonly IdentifiedEntry[],
    before: PollReading,
    after: PollReading,
  ): Promise<boolean> {
    const { gateway, book, held } = this.#parts;
    const { name, message } = question;
    const toHold: ToldEntry[] = [];
    for (const { entry, identity } of fresh) {
      if (this.#turns.closing.aborted) return false;
      const taken = await this.#takeMessage(question, entry);
      if (taken === 'unknown') toHold.push(entry);
      if (taken === 'other') await this.#takeReport(question, entry, identity, before.hasCaughtUp);
    }
    const isMoved = after.hasCaughtUp !== before.hasCaughtUp || !isSamePlace(after.place, before.place);
    const channelIn = (entry: ToldEntry) => (message?.channel ? textAt(entry, message.channel) : null);
    await book.keep(
      gateway,
      name,
      isMoved ? after : null,
      fresh.map(({ identity }) => identity),
      toHold.flatMap((entry) => held.hold(gateway, name, entry, channelIn(entry))),
    );
    this.#counts.unknown += toHold.length;
    return true;
  }

  /** `unknown`: of a channel that is not there; `other`: it is no message. */
  async #takeMessage({ message }: PollQuestion, entry: ToldEntry): Promise<'taken' | 'unknown' | 'other'> {
    const { gateway, channelOf } = this.#parts;
    const arrived = message === null ? 'other' : readToldMessage(entry, message, gateway, channelOf);
    if (arrived === 'other') return 'other';
    if (arrived === null) return 'unknown';
    await this.#parts.receive(arrived);
    this.#counts.messages += 1;
    return 'taken';
  }

  async #takeReport({ report }: PollQuestion, entry: ToldEntry, identity: string, hasCaughtUp: boolean): Promise<void> {
    const { gateway, channelOf, clock } = this.#parts;
    const said = report === null ? null : readToldReport(entry, report, gateway, channelOf);
    if (said === null) return;
    const isAhead = said.atMs !== null && said.atMs > clock.wallMs() + CLOCK_AHEAD_MS;
    const told = { ...said, atMs: isAhead ? null : said.atMs, key: said.key ?? `poll\n${identity}` };
    // What a gateway has kept since before it was asked may be of messages that are not ours, to the same numbers.
    if (!hasCaughtUp && told.messageId === null && told.atMs === null) this.#counts.passedOver += 1;
    else if (await this.#parts.report(told)) this.#counts.reports += 1;
    else this.#counts.unknown += 1;
  }

  #identityOf({ name, message, report }: PollQuestion, entry: ToldEntry): string {
    const { gateway, channelOf } = this.#parts;
    const said = (field: string | null | undefined) => (field ? textAt(entry, field) : null);
    const { from, text, channel, id, time } = message ?? {};
    const ofMessage = [from, text, channel, id, time].map(said);
    const ofReport = [report?.number, report?.channel, report?.id, report?.reference, report?.status, report?.time].map(
      said,
    );
    const isTold = [id, time, report?.id, report?.reference, report?.time].some((field) => said(field) !== null);
    // Of two messages that say the same, all else in their entries tells one from the other. Not so of reports: one that is taken
    // for another says of a message to the same number what is not known, and one that is passed over says nothing.
    const isWhole = !isTold && message !== null && readToldMessage(entry, message, gateway, channelOf) !== 'other';
    return digestOf(JSON.stringify([name, ofMessage, ofReport, ...(isWhole ? [entry] : [])]));
  }

  #random(): number {
    return (this.#parts.random ?? Math.random)();
  }
}

interface IdentifiedEntry {
  readonly entry: ToldEntry;
  /**
   * The same for the same entry whenever it is told, whatever else its gateway has changed in it: but for a message with a value
   * neither at `id` nor at `time`, which is another one then.
   */
  readonly identity: string;
}
