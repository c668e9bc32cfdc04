// Tells trunks what became of their messages, and what mobiles sent them, from rows of the journal: again and again, with longer
// pauses, until the trunk has it or it is too old. At least once: each notice has an id that stays the same. A trunk that cannot be
// told holds up no other.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Message } from '../messages/message.js';
import type { NoticeVia, StoreJournal } from './message-store.js';

export interface Notice {
  /** The same each time that it is told. */
  readonly noticeId: string;
  readonly trunk: string;
  readonly message: Message;
  readonly tries: number;
}

/** `refused`: telling it again would change nothing. */
export type NoticeResult = 'told' | 'failed' | 'refused';

export type Teller = (notice: Notice) => Promise<NoticeResult>;

export interface NoticeCounters {
  readonly told: number;
  readonly failedTries: number;
  /** Refused by the trunk, or told in vain for too long. */
  readonly givenUp: number;
}

export interface NoticeDeliveryOptions {
  readonly journal: StoreJournal;
  readonly tellers: Readonly<Record<NoticeVia, Teller>>;
  /** For how long a trunk is told again. */
  giveUpAfterMs(): number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** To one destination; one alone while it fails. */
const AT_ONCE = 16;
const READ_AT_ONCE = 256;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** Due again no later than this, though nothing woke us: rows of a journal that was away. */
const LOOK_AGAIN_MS = 30_000;

/** Trunks and ways that have rows: from one to the next by their index, however many rows each has. */
const DESTINATIONS = `WITH RECURSIVE
  trunks (trunk) AS (SELECT min(trunk) FROM message_notices UNION ALL
    SELECT (SELECT min(trunk) FROM message_notices AS row WHERE row.trunk > trunks.trunk) FROM trunks WHERE trunk IS NOT NULL),
  ways (trunk, via) AS (
    SELECT trunk, (SELECT min(via) FROM message_notices AS row WHERE row.trunk = trunks.trunk) FROM trunks WHERE trunk IS NOT NULL
    UNION ALL
    SELECT trunk, (SELECT min(via) FROM message_notices AS row WHERE row.trunk = ways.trunk AND row.via > ways.via)
    FROM ways WHERE via IS NOT NULL)
  SELECT trunk, via FROM ways WHERE via IS NOT NULL ORDER BY trunk, via`;
const OLDEST = `SELECT notice_id, made_wall_ms, due_wall_ms FROM message_notices WHERE trunk = ? AND via = ?
  ORDER BY due_wall_ms, notice_id LIMIT ?`;
const DROP = 'DELETE FROM message_notices WHERE notice_id IN (SELECT value FROM json_each(?))';
const PUT_OFF = 'UPDATE message_notices SET tries = tries + 1, due_wall_ms = ? WHERE notice_id = ?';

/** A trunk by one way. One that fails rests as a whole, and holds up no other. */
interface Destination {
  readonly trunk: string;
  readonly via: NoticeVia;
  /** By their ids. */
  readonly underWay: Map<number, Promise<void>>;
  /** In a row. */
  failures: number;
  restsUntilMs: number;
}

interface Row {
  readonly noticeId: number;
  readonly madeWallMs: number;
  readonly dueWallMs: number;
}

export class NoticeDelivery {
  readonly #options: NoticeDeliveryOptions;
  readonly #counts = { told: 0, failedTries: 0, givenUp: 0 };
  readonly #destinations = new Map<string, Destination>();
  #timer: ClockTimer | undefined;
  #running: Promise<void> | null = null;
  #wakeAgain = false;
  #isClosed = false;

  constructor(options: NoticeDeliveryOptions) {
    this.#options = options;
  }

  get counters(): NoticeCounters {
    return this.#counts;
  }

  /** Something is due, or may be. */
  wake(): void {
    if (this.#isClosed) return;
    this.#wakeAgain = true;
    this.#running ??= this.#run();
  }

  /** Waits for what is being told now; the rest stays in the journal. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#running;
    await Promise.all([...this.#destinations.values()].flatMap(({ underWay }) => [...underWay.values()]));
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    let nextMs = 0;
    while (this.#wakeAgain && !this.#isClosed) {
      this.#wakeAgain = false;
      nextMs = clock.wallMs() + LOOK_AGAIN_MS;
      try {
        for (const destination of await this.#withRows()) {
          nextMs = Math.min(nextMs, await this.#startDue(destination));
        }
      } catch (error) {
        log.error({ err: error, alarm: 'journal' }, 'notices of messages could not be read');
      }
    }
    this.#running = null;
    if (this.#isClosed) return;
    this.#timer?.cancel();
    this.#timer = clock.after(Math.max(0, nextMs - clock.wallMs()), () => this.wake());
  }

  async #withRows(): Promise<readonly Destination[]> {
    const rows = await this.#options.journal.query(DESTINATIONS, []);
    return rows.map((row) => {
      const trunk = String(row.trunk);
      const via = row.via as NoticeVia;
      const name = `${trunk}\n${via}`;
      const known = this.#destinations.get(name);
      const destination = known ?? { trunk, via, underWay: new Map(), failures: 0, restsUntilMs: 0 };
      if (known === undefined) this.#destinations.set(name, destination);
      return destination;
    });
  }

  /** Resolves with when something of it is due next; what is being told wakes us by itself. */
  async #startDue(destination: Destination): Promise<number> {
    const { clock } = this.#options;
    const { underWay, failures, restsUntilMs } = destination;
    if (restsUntilMs > clock.wallMs()) return restsUntilMs;
    const mostUnderWay = failures > 0 ? 1 : AT_ONCE;
    if (underWay.size >= mostUnderWay) return Number.POSITIVE_INFINITY;
    for (const row of await this.#oldest(destination, underWay.size + mostUnderWay)) {
      if (underWay.has(row.noticeId)) continue;
      if (row.dueWallMs > clock.wallMs()) return row.dueWallMs;
      if (this.#isClosed || underWay.size >= mostUnderWay) break;
      underWay.set(row.noticeId, this.#tell(destination, row));
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Without those that it has failed to take for too long, untried ones too. */
  async #oldest(destination: Destination, count: number): Promise<readonly Row[]> {
    const { journal, clock, log, giveUpAfterMs } = this.#options;
    const { trunk, via, failures, underWay } = destination;
    for (;;) {
      const atOnce = failures > 0 ? READ_AT_ONCE : count;
      const rows = (await journal.query(OLDEST, [trunk, via, atOnce])).map((row): Row => {
        return {
          noticeId: Number(row.notice_id),
          madeWallMs: Number(row.made_wall_ms),
          dueWallMs: Number(row.due_wall_ms),
        };
      });
      // A rest is no time in which it could have been told.
      const untilMs = clock.wallMs() - Math.max(giveUpAfterMs(), LONGEST_PAUSE_MS);
      const isTooOld = ({ noticeId, madeWallMs, dueWallMs }: Row) =>
        failures > 0 && madeWallMs <= untilMs && dueWallMs <= clock.wallMs() && !underWay.has(noticeId);
      const tooOld = rows.filter(isTooOld).map(({ noticeId }) => noticeId);
      if (tooOld.length > 0) {
        this.#counts.givenUp += tooOld.length;
        log.error({ alarm: 'messages', trunk, via, notices: tooOld.length }, 'trunk could not be told of messages');
        await this.#drop(tooOld);
      }
      if (tooOld.length < rows.length || rows.length === 0) return rows.filter((row) => !isTooOld(row)).slice(0, count);
    }
  }

  /** Null for a row that cannot be read. */
  async #noticeOf(noticeId: number): Promise<Notice | null> {
    const { journal, log } = this.#options;
    const [row] = await journal.query('SELECT * FROM message_notices WHERE notice_id = ?', [noticeId]);
    try {
      const message = JSON.parse(String(row?.data)) as Message;
      return { noticeId: String(noticeId), trunk: String(row?.trunk), message, tries: Number(row?.tries) };
    } catch (error) {
      log.error({ err: error, noticeId }, 'notice of a message cannot be read');
      return null;
    }
  }

  /** Never rejects. */
  async #tell(destination: Destination, { noticeId, madeWallMs }: Row): Promise<void> {
    const { log } = this.#options;
    try {
      const notice = await this.#noticeOf(noticeId);
      if (notice === null) await this.#drop([noticeId]);
      else await this.#settle(destination, noticeId, madeWallMs, notice);
    } catch (error) {
      log.error({ err: error, alarm: 'journal', noticeId }, 'what became of a notice could not be kept');
      this.#rest(destination);
    }
    destination.underWay.delete(noticeId);
    this.wake();
  }

  async #settle(destination: Destination, noticeId: number, madeWallMs: number, notice: Notice): Promise<void> {
    const { clock, log, giveUpAfterMs, journal } = this.#options;
    const { via } = destination;
    const about = { noticeId, via, trunk: notice.trunk, messageId: notice.message.messageId };
    const result = await this.#resultOf(via, notice, about);
    if (result !== 'failed') [destination.failures, destination.restsUntilMs] = [0, 0];
    if (result === 'told') {
      this.#counts.told++;
      await this.#drop([noticeId]);
      return;
    }
    this.#counts.failedTries++;
    if (result === 'failed') this.#rest(destination);
    const nowMs = clock.wallMs();
    if (result === 'refused' || nowMs - madeWallMs >= giveUpAfterMs()) {
      this.#counts.givenUp++;
      log.error({ alarm: 'messages', ...about, result }, 'trunk could not be told of a message');
      await this.#drop([noticeId]);
      return;
    }
    await journal.commit([{ statement: PUT_OFF, parameters: [nowMs + pauseAfter(notice.tries), noticeId] }]);
  }

  async #resultOf(via: NoticeVia, notice: Notice, about: object): Promise<NoticeResult> {
    const { tellers, log } = this.#options;
    const teller = tellers[via] as Teller | undefined;
    if (teller === undefined) return 'refused';
    return teller(notice).catch((error): NoticeResult => {
      log.error({ err: error, ...about }, 'notice could not be made');
      return 'failed';
    });
  }

  /** Several that fail together are one failure. */
  #rest(destination: Destination): void {
    const nowMs = this.#options.clock.wallMs();
    if (destination.restsUntilMs > nowMs) return;
    destination.restsUntilMs = nowMs + pauseAfter(destination.failures);
    destination.failures += 1;
  }

  #drop(noticeIds: readonly number[]): Promise<void> {
    return this.#options.journal.commit([{ statement: DROP, parameters: [JSON.stringify(noticeIds)] }]);
  }
}

/** After so many failures before. */
function pauseAfter(failures: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 20));
}
