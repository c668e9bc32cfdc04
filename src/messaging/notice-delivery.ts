// Tells trunks what became of their messages, and what mobiles sent them, from rows of the journal: again and again, with longer
// pauses, until the trunk has it or it is too old. At least once: each notice has an id that stays the same.
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

const AT_ONCE = 16;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 300_000;
/** Due again no later than this, though nothing woke us: rows of a journal that was away. */
const LOOK_AGAIN_MS = 30_000;

interface Row {
  readonly noticeId: number;
  readonly via: NoticeVia;
  readonly madeWallMs: number;
  readonly notice: Notice;
}

export class NoticeDelivery {
  readonly #options: NoticeDeliveryOptions;
  readonly #counts = { told: 0, failedTries: 0, givenUp: 0 };
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
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  /** Waits for what is being told now; the rest stays in the journal. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, log } = this.#options;
    let pauseMs = LOOK_AGAIN_MS;
    while (this.#wakeAgain && !this.#isClosed) {
      this.#wakeAgain = false;
      try {
        const due = await this.#due();
        await Promise.all(due.map((row) => this.#tell(row)));
        if (due.length === AT_ONCE) this.#wakeAgain = true;
        pauseMs = await this.#untilNext();
      } catch (error) {
        log.error({ err: error, alarm: 'journal' }, 'notices of messages could not be read');
      }
    }
    if (this.#isClosed) return;
    this.#timer?.cancel();
    this.#timer = clock.after(pauseMs, () => this.wake());
  }

  async #due(): Promise<readonly Row[]> {
    const { journal, clock, log } = this.#options;
    const statement = 'SELECT * FROM message_notices WHERE due_wall_ms <= ? ORDER BY notice_id LIMIT ?';
    const rows = await journal.query(statement, [clock.wallMs(), AT_ONCE]);
    const read: Row[] = [];
    for (const row of rows) {
      const noticeId = Number(row.notice_id);
      try {
        const message = JSON.parse(String(row.data)) as Message;
        const notice = { noticeId: String(noticeId), trunk: String(row.trunk), message, tries: Number(row.tries) };
        read.push({ noticeId, via: row.via as NoticeVia, madeWallMs: Number(row.made_wall_ms), notice });
      } catch (error) {
        log.error({ err: error, noticeId }, 'notice of a message cannot be read');
        await this.#drop(noticeId);
      }
    }
    return read;
  }

  async #untilNext(): Promise<number> {
    const { journal, clock } = this.#options;
    const [row] = await journal.query('SELECT min(due_wall_ms) AS due FROM message_notices', []);
    if (row === undefined || row.due === null) return LOOK_AGAIN_MS;
    return Math.max(0, Math.min(LOOK_AGAIN_MS, Number(row.due) - clock.wallMs()));
  }

  async #tell({ noticeId, via, madeWallMs, notice }: Row): Promise<void> {
    const { tellers, clock, log, giveUpAfterMs, journal } = this.#options;
    const teller = tellers[via] as Teller | undefined;
    const about = { noticeId, via, trunk: notice.trunk, messageId: notice.message.messageId };
    const result =
      teller === undefined
        ? 'refused'
        : await teller(notice).catch((error): NoticeResult => {
            log.error({ err: error, ...about }, 'notice could not be made');
            return 'failed';
          });
    if (result === 'told') {
      this.#counts.told++;
      await this.#drop(noticeId);
      return;
    }
    this.#counts.failedTries++;
    const nowMs = clock.wallMs();
    if (result === 'refused' || nowMs - madeWallMs >= giveUpAfterMs()) {
      this.#counts.givenUp++;
      log.error({ alarm: 'messages', ...about, result }, 'trunk could not be told of a message');
      await this.#drop(noticeId);
      return;
    }
    const dueMs = nowMs + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(notice.tries, 20));
    const statement = 'UPDATE message_notices SET tries = tries + 1, due_wall_ms = ? WHERE notice_id = ?';
    await journal.commit([{ statement, parameters: [dueMs, noticeId] }]);
  }

  async #drop(noticeId: number): Promise<void> {
    const { journal } = this.#options;
    await journal.commit([{ statement: 'DELETE FROM message_notices WHERE notice_id = ?', parameters: [noticeId] }]);
  }
}
