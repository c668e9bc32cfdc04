// A part that runs in a thread of its own and is started again when that thread ends by itself.
import type { Clock, ClockTimer } from './clock.js';
import type { Logger } from './logger.js';

export interface RunningPart {
  /** Called once if the part ends by itself. */
  onExit(listener: (cause: Error) => void): void;
  close(): Promise<void>;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export interface SupervisedOptions<T> {
  readonly name: string;
  readonly start: () => Promise<T>;
  /** Called after each start but the first. */
  readonly onRestart: (part: T) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Supervised<T extends RunningPart> {
  readonly #options: SupervisedOptions<T>;
  #latest: T;
  #isUp = true;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: ClockTimer | null = null;
  #starting: Promise<void> | null = null;
  #closed = false;
  #restarts = 0;
  #startedMs = 0;

  private constructor(options: SupervisedOptions<T>, part: T) {
    this.#options = options;
    this.#latest = part;
    this.#watch(part);
  }

  /** The first start is the caller's: its failure is thrown, not retried. */
  static async start<T extends RunningPart>(options: SupervisedOptions<T>): Promise<Supervised<T>> {
    return new Supervised(options, await options.start());
  }

  /** The part, or while it is down the one that ended last: parts answer for themselves when they have ended. */
  get latest(): T {
    return this.#latest;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  get restarts(): number {
    return this.#restarts;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#starting;
    await this.#latest.close();
    this.#isUp = false;
  }

  #watch(part: T): void {
    this.#startedMs = this.#options.clock.monotonicMs();
    part.onExit((cause) => {
      if (this.#closed) return;
      const { name, log } = this.#options;
      log.error(
        { alarm: 'thread', part: name, err: cause, restartInMs: this.#pauseMs },
        'part ended; it is started again',
      );
      this.#isUp = false;
      this.#restartLater();
    });
  }

  #restartLater(): void {
    const { clock } = this.#options;
    // A part that ends again soon after each start is not started ten times a second.
    if (clock.monotonicMs() - this.#startedMs >= LONGEST_PAUSE_MS) this.#pauseMs = FIRST_PAUSE_MS;
    this.#timer = clock.after(this.#pauseMs, () => {
      this.#starting = this.#restart().finally(() => {
        this.#starting = null;
      });
    });
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  async #restart(): Promise<void> {
    const { name, log } = this.#options;
    try {
      const part = await this.#options.start();
      if (this.#closed) {
        await part.close();
        return;
      }
      this.#restarts++;
      this.#watch(part);
      this.#latest = part;
      this.#isUp = true;
      this.#options.onRestart(part);
      log.warn({ part: name }, 'part runs again');
    } catch (error) {
      log.error({ alarm: 'thread', part: name, err: error }, 'part could not be started');
      if (!this.#closed) this.#restartLater();
    }
  }
}
