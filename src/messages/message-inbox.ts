// What comes from gateways: messages of mobiles, which go to who wrote to that number last over that SIM or called it, else to a
// default; and reports of delivery. The same one twice counts once.
import { randomUUID } from 'node:crypto';
import type { JournalEntry } from '../lib/journal-entry.js';
import { readAtHome } from '../numbers/normalise-callee.js';
import {
  type ArrivedMessage,
  type DeliveryReport,
  type EarlyReport,
  isOver,
  type Message,
  type ReportsOfParts,
} from './message.js';
import type { LastSender, MessagePorts, MessageSettings } from './message-ports.js';

export interface InboxCounters {
  readonly received: number;
  /** Came again. */
  readonly repeated: number;
  /** Nobody's: no trunk wrote to that number, and there is no default. */
  readonly unclaimed: number;
  readonly reports: number;
  /** Of messages that are not known, or no longer. */
  readonly unknownReports: number;
}

/** Longer texts are cut: no network sends any. */
const MAX_CHARACTERS = 10_000;
const MAX_SENDER_CHARACTERS = 64;
const MAX_DETAIL_CHARACTERS = 200;
/** Networks report the parts of a long message within seconds of each other. */
const PARTS_WITHIN_MS = 60_000;

export class MessageInbox {
  readonly #ports: Pick<MessagePorts, 'books' | 'ledger' | 'clock' | 'log'>;
  #settings: Pick<MessageSettings, 'defaultTrunk' | 'affinityMs'>;
  readonly #receiving = new Map<string, Promise<void>>();
  /** By gateway: the last report that is looked at, behind all before it. */
  readonly #reporting = new Map<string, Promise<unknown>>();
  /** Reports by the id of their message, which is not over yet: as in the journal. */
  readonly #early = new Map<string, EarlyReport>();
  #isLooking = false;
  #hasNews = false;
  readonly #counts = { received: 0, repeated: 0, unclaimed: 0, reports: 0, unknownReports: 0 };

  constructor(
    ports: Pick<MessagePorts, 'books' | 'ledger' | 'clock' | 'log'>,
    settings: Pick<MessageSettings, 'defaultTrunk' | 'affinityMs'>,
  ) {
    this.#ports = ports;
    this.#settings = settings;
  }

  get counters(): InboxCounters {
    return this.#counts;
  }

  reconfigure(settings: Pick<MessageSettings, 'defaultTrunk' | 'affinityMs'>): void {
    this.#settings = settings;
  }

  /** Takes up the reports of an earlier process whose messages were not over. */
  async start(): Promise<void> {
    for (const [messageId, report] of await this.#ports.books.earlyReports()) this.#early.set(messageId, report);
    this.lookAgain();
  }

  /** Resolves when it is in the journal: only then does its gateway hear that we have it. */
  receive(arrived: ArrivedMessage): Promise<void> {
    const key = `${arrived.gateway}\n${arrived.key}`;
    const underWay = this.#receiving.get(key);
    if (underWay !== undefined) {
      this.#counts.repeated++;
      return underWay;
    }
    const receiving = this.#receive(arrived, key).finally(() => this.#receiving.delete(key));
    this.#receiving.set(key, receiving);
    return receiving;
  }

  /** Resolves when it is in the journal; false for one of a message that is not known. */
  report(report: DeliveryReport): Promise<boolean> {
    const detail = report.detail?.slice(0, MAX_DETAIL_CHARACTERS) ?? null;
    return this.#inTurn(report.gateway, () => this.#report({ ...report, detail }));
  }

  /** Something is over: reports that came before the answer of their gateway did may be of it. */
  lookAgain(): void {
    if (this.#early.size === 0) return;
    this.#hasNews = true;
    if (!this.#isLooking) void this.#lookAtEarly();
  }

  /** One after the other: two of one number are of two messages. */
  async #inTurn<T>(gateway: string, work: () => Promise<T>): Promise<T> {
    const before = this.#reporting.get(gateway) ?? Promise.resolve();
    const reporting = before.catch(() => {}).then(work);
    this.#reporting.set(gateway, reporting);
    try {
      return await reporting;
    } finally {
      if (this.#reporting.get(gateway) === reporting) this.#reporting.delete(gateway);
    }
  }

  async #report(report: DeliveryReport): Promise<boolean> {
    const { books, log } = this.#ports;
    const { gateway, channelId, status, atMs } = report;
    const reportKey = keyOf(report);
    if (reportKey !== null && (await books.isReported(reportKey))) {
      this.#counts.repeated++;
      return true;
    }
    const message = await books.findReported(report);
    if (message === null) {
      this.#counts.reports++;
      this.#counts.unknownReports++;
      const at = atMs === null ? null : new Date(atMs).toISOString();
      log.info({ gateway, channelId, status, at }, 'report of a message that is not known');
      return false;
    }
    if (isOver(message)) await this.#change(message, report);
    else await this.#keepEarly(message, report);
    return true;
  }

  async #change(message: Message, report: EarlyReport, more: readonly JournalEntry[] = []): Promise<void> {
    const { books, clock, log } = this.#ports;
    const { gateway, status } = report;
    const { messageId, state, revision } = message;
    const nowMs = clock.wallMs();
    this.#counts.reports++;
    const ofParts = partsAfter(message, report, nowMs);
    const reportKey = keyOf(report);
    // A network may say both, in either order: what has arrived has arrived.
    if (state === 'delivered' || state === status) {
      const isOfPart = message.report !== null && message.report.ofParts?.left !== ofParts?.left;
      const counted = isOfPart ? { ...message, report: { ...message.report, ofParts } } : null;
      const entries = counted === null ? [] : books.keep(counted, { reportKey, asPublished: true });
      if (entries.length + more.length > 0) await books.commit([...entries, ...more]);
      return;
    }
    const told = { detail: report.detail, atMs: nowMs, ofParts };
    const reported: Message = { ...message, state: status, report: told, revision: revision + 1 };
    await books.commit([...books.keep(reported, { reportKey, isNews: true }), ...more]);
    books.announce();
    log.info({ messageId, gateway, status }, 'message reported by its gateway');
  }

  /** A network may be faster than the answer that its gateway has taken the message. */
  async #keepEarly(message: Message, report: DeliveryReport): Promise<void> {
    const { books } = this.#ports;
    const { messageId } = message;
    const before = this.#early.get(messageId);
    const other = before !== undefined && isReportOf(message, before) ? before : null;
    // What has arrived has arrived, and of the rest the first says what became of it.
    const said = other === null || (report.status === 'delivered' && other.status !== 'delivered') ? report : other;
    // One without a key may be of a further part or come again, as later ones may: parts are usual, repetitions are not.
    const ofParts = (other?.ofParts ?? 1) + (other !== null && isOfPart(report) ? 1 : 0);
    const attemptId = message.attempts.at(-1)?.attemptId;
    const early = { ...said, ofParts, ...(attemptId !== undefined && { attemptId }) };
    await books.commit(books.keepEarly(messageId, early, keyOf(report)));
    this.#early.set(messageId, early);
    // It may be over by now.
    this.lookAgain();
  }

  async #lookAtEarly(): Promise<void> {
    this.#isLooking = true;
    while (this.#hasNews) {
      this.#hasNews = false;
      for (const [messageId, report] of [...this.#early]) {
        await this.#inTurn(report.gateway, () => this.#lookAt(messageId)).catch((err) =>
          this.#ports.log.error({ err, messageId }, 'report of a message could not be kept'),
        );
      }
    }
    this.#isLooking = false;
  }

  async #lookAt(messageId: string): Promise<void> {
    const { books, log } = this.#ports;
    const message = await books.find(messageId);
    const report = this.#early.get(messageId);
    if (report === undefined || (message !== null && !isOver(message))) return;
    const forgotten = [books.forgetEarly(messageId)];
    if (message !== null && isReportOf(message, report)) {
      await this.#change(message, report, forgotten);
    } else {
      this.#counts.reports++;
      const { gateway, channelId, status } = report;
      log.info({ messageId, gateway, channelId, status }, 'report that came early is of nothing that was sent');
      await books.commit(forgotten);
    }
    this.#early.delete(messageId);
  }

  async #receive(arrived: ArrivedMessage, said: string): Promise<void> {
    const { books, clock, log } = this.#ports;
    const { gateway, channel, from, text } = arrived;
    const nowMs = clock.wallMs();
    const key = await this.#newKey(said, nowMs, arrived.repeatedForMs);
    if (key === null) {
      this.#counts.repeated++;
      return;
    }
    const { channelId, simId, simNumber } = channel;
    const read = readAtHome(from, simNumber);
    // Half a character, where it was cut or sent so, fits into no URI.
    const calling = read.ok ? read.e164 : Buffer.from(from.slice(0, MAX_SENDER_CHARACTERS)).toString();
    const to = await this.#recipientOf(calling, simId, nowMs);
    this.#counts.received++;
    const message: Message = {
      ...{ messageId: randomUUID(), direction: 'in', state: 'received', origin: 'gateway' },
      ...{ trunk: to?.trunk ?? null, traffic: null, agent: to?.agent ?? null, account: null },
      ...{ calling, dialled: simNumber, callee: null, text: text.slice(0, MAX_CHARACTERS), pictures: [] },
      ...{ kind: null, parts: null, encoding: null, reference: null, takenAtMs: nowMs, endedAtMs: nowMs, attempts: [] },
      ...{ channelId, simId, decision: null, endReason: null, gatewayReference: null, report: null, revision: 1 },
    };
    if (to === null) {
      this.#counts.unclaimed++;
      log.warn(
        { messageId: message.messageId, gateway, channelId },
        'message from a mobile is nobody’s: it is only kept',
      );
    }
    await books.commit(books.keep(message, { key, isNews: to !== null }));
    books.announce();
  }

  /** What it is kept under; null when it is there already. */
  async #newKey(said: string, nowMs: number, repeatedForMs = Number.POSITIVE_INFINITY): Promise<string | null> {
    for (let key = said; ; ) {
      const known = await this.#ports.books.findByKey(key);
      if (known === null) return key;
      if (nowMs - known.takenAtMs < repeatedForMs) return null;
      key = `${said}\n${known.messageId}`;
    }
  }

  async #recipientOf(
    number: string,
    simId: string,
    nowMs: number,
  ): Promise<Pick<LastSender, 'trunk' | 'agent'> | null> {
    const { books, ledger } = this.#ports;
    const { affinityMs, defaultTrunk } = this.#settings;
    const wrote = await books.lastSender(number, simId, nowMs - affinityMs);
    const called = ledger.lastCallTo(number, nowMs - affinityMs) ?? null;
    const last =
      wrote !== null && called !== null ? (called.wallMs > wrote.wallMs ? called : wrote) : (wrote ?? called);
    return last ?? (defaultTrunk === null ? null : { trunk: defaultTrunk, agent: null });
  }
}

function keyOf({ gateway, key }: DeliveryReport): string | null {
  return key === null ? null : `${gateway}\n${key}`;
}

/** By nothing but its number, as each part has one: their network knows nothing of the whole. */
function isOfPart({ messageId, reference }: DeliveryReport): boolean {
  return messageId === null && reference === null;
}

/** Whether it says what became of the message: not that of an attempt which was refused, after which another one was made. */
function isReportOf({ attempts }: Message, { gateway, channelId, status, attemptId }: EarlyReport): boolean {
  const last = attempts.at(-1);
  if (attemptId === undefined) return last?.gateway === gateway && (channelId ?? last.channelId) === last.channelId;
  if (attemptId === last?.attemptId) return true;
  return status === 'delivered' && attempts.find((attempt) => attempt.attemptId === attemptId)?.outcome === 'unknown';
}

/** What may still come of its other parts, which are reported one by one. */
function partsAfter({ report, parts }: Message, told: EarlyReport, nowMs: number): ReportsOfParts | null {
  if (!isOfPart(told)) return report?.ofParts ?? null;
  const left = (report?.ofParts?.left ?? parts ?? 1) - (told.ofParts ?? 1);
  if (left <= 0) return null;
  return { left, untilMs: report?.ofParts?.untilMs ?? (told.atMs ?? nowMs) + PARTS_WITHIN_MS };
}
