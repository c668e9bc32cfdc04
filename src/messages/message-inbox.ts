// What comes from gateways: messages of mobiles, which go to who wrote to that number last over that SIM or called it, else to a
// default; and reports of delivery. The same one twice counts once.
import { randomUUID } from 'node:crypto';
import { readAtHome } from '../numbers/normalise-callee.js';
import { type ArrivedMessage, type DeliveryReport, isOver, type Message } from './message.js';
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
const MOST_EARLY = 256;

export class MessageInbox {
  readonly #ports: Pick<MessagePorts, 'books' | 'ledger' | 'clock' | 'log'>;
  #settings: Pick<MessageSettings, 'defaultTrunk' | 'affinityMs'>;
  readonly #receiving = new Map<string, Promise<void>>();
  /** By gateway: the last report that is looked at, behind all before it. */
  readonly #reporting = new Map<string, Promise<unknown>>();
  /** Reports by the id of their message, which is not over yet. */
  readonly #early = new Map<string, DeliveryReport>();
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

  /** False for one of a message that is not known. One after the other: two of one number are of two messages. */
  report(report: DeliveryReport): Promise<boolean> {
    const { gateway } = report;
    const before = this.#reporting.get(gateway) ?? Promise.resolve();
    const reporting = before.catch(() => {}).then(() => this.#report(report));
    this.#reporting.set(gateway, reporting);
    return reporting.finally(() => {
      if (this.#reporting.get(gateway) === reporting) this.#reporting.delete(gateway);
    });
  }

  async #report(report: DeliveryReport): Promise<boolean> {
    const { books, clock, log } = this.#ports;
    const { gateway, status } = report;
    const reportKey = report.key === null ? null : `${gateway}\n${report.key}`;
    if (reportKey !== null && (await books.isReported(reportKey))) {
      this.#counts.repeated++;
      return true;
    }
    const message = await books.findReported(report);
    if (message !== null && !isOver(message)) return this.#isEarly(message.messageId, report);
    this.#counts.reports++;
    if (message === null) {
      this.#counts.unknownReports++;
      const at = report.atMs === null ? null : new Date(report.atMs).toISOString();
      log.info({ gateway, channelId: report.channelId, status, at }, 'report of a message that is not known');
      return false;
    }
    // A network may say both, in either order: what has arrived has arrived.
    if (message.state === 'delivered' || message.state === status) return true;
    const detail = report.detail?.slice(0, MAX_DETAIL_CHARACTERS) ?? null;
    const reported: Message = {
      ...message,
      state: status,
      report: { detail, atMs: clock.wallMs() },
      revision: message.revision + 1,
    };
    await books.commit(books.keep(reported, { reportKey, isNews: true }));
    books.announce();
    log.info({ messageId: message.messageId, gateway, status }, 'message reported by its gateway');
    return true;
  }

  /** Something is over: reports that came before the answer of their gateway did may be of it. */
  lookAgain(): void {
    if (this.#early.size === 0) return;
    const early = [...this.#early];
    this.#early.clear();
    for (const [messageId, report] of early) {
      this.report(report).catch((err) =>
        this.#ports.log.error({ err, messageId }, 'report of a message could not be kept'),
      );
    }
  }

  /** A network may be faster than the answer that its gateway has taken the message. */
  #isEarly(messageId: string, report: DeliveryReport): boolean {
    const mayBeKept = this.#early.has(messageId) || this.#early.size < MOST_EARLY;
    if (mayBeKept) this.#early.set(messageId, report);
    return mayBeKept;
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
