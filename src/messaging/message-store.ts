// Messages in the journal: a row each, found again by the key of their request, by what a gateway calls them, and by number; and
// what their trunks are still to be told of them. Kept for some days, so that a late repetition or report finds its message.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { JournalEntry, JournalValue } from '../lib/journal-entry.js';
import type { Logger } from '../lib/logger.js';
import { type DeliveryReport, type EarlyReport, isOver, type Message } from '../messages/message.js';
import type { LastSender, MessageBooks } from '../messages/message-ports.js';

/** Tables, given to the journal at its start. */
export const MESSAGES_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS messages (
     message_id TEXT PRIMARY KEY,
     message_key TEXT UNIQUE,
     state TEXT NOT NULL,
     direction TEXT NOT NULL,
     trunk TEXT,
     agent TEXT,
     callee TEXT,
     national TEXT,
     gateway TEXT,
     channel_id TEXT,
     sim_id TEXT,
     gateway_reference TEXT,
     taken_wall_ms INTEGER NOT NULL,
     data TEXT NOT NULL
   ) WITHOUT ROWID`,
  "CREATE INDEX IF NOT EXISTS messages_left ON messages (state) WHERE state IN ('queued', 'sending')",
  'CREATE INDEX IF NOT EXISTS messages_by_callee ON messages (callee, taken_wall_ms)',
  'CREATE INDEX IF NOT EXISTS messages_by_national ON messages (national)',
  'CREATE INDEX IF NOT EXISTS messages_by_reference ON messages (gateway, gateway_reference)',
  'CREATE INDEX IF NOT EXISTS messages_by_time ON messages (taken_wall_ms)',
  // Reports that may come again and would be taken for another message's then.
  `CREATE TABLE IF NOT EXISTS message_reports (report_key TEXT PRIMARY KEY, wall_ms INTEGER NOT NULL) WITHOUT ROWID`,
  'CREATE INDEX IF NOT EXISTS message_reports_by_time ON message_reports (wall_ms)',
  // Reports that were faster than their gateway's answer.
  'CREATE TABLE IF NOT EXISTS message_early_reports (message_id TEXT PRIMARY KEY, data TEXT NOT NULL) WITHOUT ROWID',
  // What a trunk is to be told, once for each way; gone when it has been.
  `CREATE TABLE IF NOT EXISTS message_notices (
     notice_id INTEGER PRIMARY KEY AUTOINCREMENT,
     message_id TEXT NOT NULL,
     trunk TEXT NOT NULL,
     via TEXT NOT NULL,
     data TEXT NOT NULL,
     made_wall_ms INTEGER NOT NULL,
     due_wall_ms INTEGER NOT NULL,
     tries INTEGER NOT NULL
   )`,
  'CREATE INDEX IF NOT EXISTS message_notices_by_trunk ON message_notices (trunk, via, due_wall_ms)',
];

const KEEP = `INSERT INTO messages (message_id, message_key, state, direction, trunk, agent, callee, national, gateway, channel_id,
  sim_id, gateway_reference, taken_wall_ms, data) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (message_id) DO UPDATE SET state = excluded.state, gateway = excluded.gateway, channel_id = excluded.channel_id,
    sim_id = excluded.sim_id, gateway_reference = excluded.gateway_reference, data = excluded.data`;
const NOTIFY = `INSERT INTO message_notices (message_id, trunk, via, data, made_wall_ms, due_wall_ms, tries)
  VALUES (?, ?, ?, ?, ?, ?, 0)`;
/**
 * Messages to a number as a gateway may have it: canonical, as dialled at home, or without the "+". The "+" before other columns
 * keeps them out of the choice of an index: a gateway has nearly all messages, a number few.
 */
const SENT_TO = `SELECT data FROM messages WHERE (callee = ? OR callee = '+' || ? OR national = ?) AND +gateway = ?
  AND (? IS NULL OR channel_id = ?) AND direction = 'out'`;
/** One that the gateway has before one that it is being told of. */
const REPORTED_BY_NUMBER = `${SENT_TO} AND +taken_wall_ms <= ? AND +state IN ('sent', 'unknown', 'sending')
  ORDER BY state = 'sending', taken_wall_ms DESC LIMIT 1`;
/** A further part of one that has been reported just now. */
const REPORTED_IN_PART = `${SENT_TO} AND +state IN ('delivered', 'undelivered')
  AND json_extract(data, '$.report.ofParts.left') > 0 AND json_extract(data, '$.report.ofParts.untilMs') >= ?
  ORDER BY json_extract(data, '$.report.atMs') DESC LIMIT 1`;
const LAST_SENDER = `SELECT trunk, agent, taken_wall_ms FROM messages WHERE callee = ? AND sim_id = ? AND taken_wall_ms >= ?
  AND direction = 'out' AND state IN ('sent', 'unknown', 'delivered', 'undelivered') ORDER BY taken_wall_ms DESC LIMIT 1`;
const KEEP_REPORT = `INSERT INTO message_reports (report_key, wall_ms) VALUES (?, ?)
  ON CONFLICT (report_key) DO UPDATE SET wall_ms = excluded.wall_ms`;
const KEEP_EARLY = `INSERT INTO message_early_reports (message_id, data) VALUES (?, ?)
  ON CONFLICT (message_id) DO UPDATE SET data = excluded.data`;
const FORGET_EARLY = 'DELETE FROM message_early_reports WHERE message_id = ?';
const FORGET_REPORTS = 'DELETE FROM message_reports WHERE wall_ms < ?';
const FORGET = "DELETE FROM messages WHERE taken_wall_ms < ? AND state NOT IN ('queued', 'sending')";

/** A gateway's clock may be behind by so much. */
const CLOCK_BEHIND_MS = 300_000;
const RETRY_PAUSE_MS = 1_000;
const FORGET_EVERY_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** Gateways say a report again within seconds, and count them anew when they are switched on. */
const REPORT_REPEATED_FOR_MS = 3_600_000;

export interface StoreJournal {
  readonly isOpen: boolean;
  commit(entries: readonly JournalEntry[]): Promise<void>;
  query(statement: string, parameters: readonly JournalValue[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
}

/** A way to tell a trunk something. */
export type NoticeVia = 'sip' | 'webhook';

export interface MessageStoreOptions {
  readonly journal: StoreJournal;
  /** How a trunk is told of a message as it is now. */
  noticesOf(message: Message): readonly NoticeVia[];
  /** Entries by which a record of it is published. */
  recordOf(message: Message): readonly JournalEntry[];
  /** After so many days a message is forgotten. */
  keepDays(): number;
  readonly clock: Clock;
  readonly log: Logger;
}

export class MessageStore implements MessageBooks {
  readonly #options: MessageStoreOptions;
  #timer: ClockTimer | undefined;
  #onNews: () => void = () => {};

  constructor(options: MessageStoreOptions) {
    this.#options = options;
  }

  /** Forgets old messages from now on. */
  start(): void {
    const { clock, keepDays, journal, log } = this.#options;
    const nowMs = clock.wallMs();
    const entries = [
      { statement: FORGET, parameters: [nowMs - keepDays() * DAY_MS] },
      { statement: FORGET_REPORTS, parameters: [nowMs - REPORT_REPEATED_FOR_MS] },
    ];
    journal.commit(entries).catch((error) => log.warn({ err: error }, 'old messages could not be forgotten'));
    this.#timer = clock.after(FORGET_EVERY_MS, () => this.start());
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Called when something may have to be told or published. */
  onNews(listener: () => void): void {
    this.#onNews = listener;
  }

  announce(): void {
    this.#onNews();
  }

  keep(
    message: Message,
    {
      key = null,
      reportKey = null,
      isNews = false,
      asPublished = false,
    }: NonNullable<Parameters<MessageBooks['keep']>[1]> = {},
  ): readonly JournalEntry[] {
    const { clock, noticesOf, recordOf } = this.#options;
    const { messageId, state, direction, trunk, agent, callee, gatewayReference, takenAtMs } = message;
    const last = message.attempts.at(-1);
    // What is over sends no pictures any more.
    const kept = isOver(message)
      ? { ...message, pictures: message.pictures.map(({ contentType }) => ({ contentType, base64: '' })) }
      : message;
    const data = JSON.stringify(kept);
    const channelId = message.channelId ?? last?.channelId ?? null;
    const entries: JournalEntry[] = [
      {
        statement: KEEP,
        parameters: [
          ...[messageId, key, state, direction, trunk, agent],
          ...[callee?.e164 ?? null, callee?.national ?? null],
          ...[gatewayOf(channelId), channelId, message.simId ?? last?.simId ?? null],
          ...[gatewayReference, takenAtMs, data],
        ],
      },
    ];
    entries.push(...this.#keepReport(reportKey));
    if (isOver(message) && !asPublished) entries.push(...recordOf(message));
    if (isNews && trunk !== null) {
      const nowMs = clock.wallMs();
      for (const via of noticesOf(message)) {
        entries.push({ statement: NOTIFY, parameters: [messageId, trunk, via, data, nowMs, nowMs] });
      }
    }
    return entries;
  }

  keepEarly(messageId: string, report: EarlyReport, reportKey: string | null): readonly JournalEntry[] {
    const kept = { statement: KEEP_EARLY, parameters: [messageId, JSON.stringify(report)] };
    return [kept, ...this.#keepReport(reportKey)];
  }

  forgetEarly(messageId: string): JournalEntry {
    return { statement: FORGET_EARLY, parameters: [messageId] };
  }

  async earlyReports(): Promise<ReadonlyMap<string, EarlyReport>> {
    const rows = await this.#options.journal.query('SELECT message_id, data FROM message_early_reports', []);
    return new Map(
      rows.flatMap(({ message_id: id, data }) => this.#read<EarlyReport>(data).map((read) => [String(id), read])),
    );
  }

  async commit(entries: readonly JournalEntry[]): Promise<void> {
    const { journal, log, clock } = this.#options;
    for (;;) {
      try {
        await journal.commit(entries);
        return;
      } catch (error) {
        if (!journal.isOpen) throw error;
        log.error({ err: error, alarm: 'journal' }, 'message not written; it is tried again');
        await new Promise<void>((resolve) => {
          clock.after(RETRY_PAUSE_MS, resolve);
        });
      }
    }
  }

  find(messageId: string): Promise<Message | null> {
    return this.#first('SELECT data FROM messages WHERE message_id = ?', [messageId]);
  }

  findByKey(key: string): Promise<Message | null> {
    return this.#first('SELECT data FROM messages WHERE message_key = ?', [key]);
  }

  async left(): Promise<readonly Message[]> {
    const rows = await this.#options.journal.query(
      "SELECT data FROM messages WHERE state IN ('queued', 'sending') ORDER BY taken_wall_ms",
      [],
    );
    return rows.flatMap(({ data }) => this.#read(data));
  }

  async findReported(report: DeliveryReport): Promise<Message | null> {
    const { gateway, messageId, reference, number, channelId, atMs } = report;
    if (messageId !== null) {
      const found = await this.find(messageId);
      // A gateway tells nothing about another one's messages.
      return found !== null && gatewayOf(found.attempts.at(-1)?.channelId ?? null) === gateway ? found : null;
    }
    if (reference !== null) {
      const statement = `SELECT data FROM messages WHERE gateway = ? AND gateway_reference = ?
        ORDER BY taken_wall_ms DESC LIMIT 1`;
      return this.#first(statement, [gateway, reference]);
    }
    if (number === null) return null;
    const plain = number.replaceAll(/[^+\d]/g, '');
    const sentTo = [plain, plain, plain, gateway, channelId, channelId];
    const partly = await this.#first(REPORTED_IN_PART, [...sentTo, atMs ?? this.#options.clock.wallMs()]);
    if (partly !== null) return partly;
    const untilMs = atMs === null ? Number.MAX_SAFE_INTEGER : atMs + CLOCK_BEHIND_MS;
    return this.#first(REPORTED_BY_NUMBER, [...sentTo, untilMs]);
  }

  async isReported(reportKey: string): Promise<boolean> {
    const { journal, clock } = this.#options;
    const statement = 'SELECT 1 FROM message_reports WHERE report_key = ? AND wall_ms > ?';
    return (await journal.query(statement, [reportKey, clock.wallMs() - REPORT_REPEATED_FOR_MS])).length > 0;
  }

  async lastSender(callee: string, simId: string, sinceMs: number): Promise<LastSender | null> {
    const [row] = await this.#options.journal.query(LAST_SENDER, [callee, simId, sinceMs]);
    if (row === undefined) return null;
    const agent = row.agent === null ? null : String(row.agent);
    return { trunk: String(row.trunk), agent, wallMs: Number(row.taken_wall_ms) };
  }

  #keepReport(reportKey: string | null): readonly JournalEntry[] {
    if (reportKey === null) return [];
    return [{ statement: KEEP_REPORT, parameters: [reportKey, this.#options.clock.wallMs()] }];
  }

  async #first(statement: string, parameters: readonly JournalValue[]): Promise<Message | null> {
    const [row] = await this.#options.journal.query(statement, parameters);
    return row === undefined ? null : (this.#read(row.data)[0] ?? null);
  }

  #read<T = Message>(data: unknown): T[] {
    try {
      return [JSON.parse(String(data)) as T];
    } catch (error) {
      this.#options.log.error({ err: error }, 'row of a message cannot be read');
      return [];
    }
  }
}

/** A gateway's name has no slash. */
function gatewayOf(channelId: string | null): string | null {
  return channelId?.split('/')[0] ?? null;
}
