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
  /** Called after each start but the first, before `current` is used by others. */
  readonly onRestart: (part: T) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Supervised<T extends RunningPart> {
  readonly #options: SupervisedOptions<T>;
  #current: T | null;
  #pauseMs = FIRST_PAUSE_MS;
  #timer: ClockTimer | null = null;
  #starting: Promise<void> | null = null;
  #closed = false;
  #restarts = 0;

  private constructor(options: SupervisedOptions<T>, part: T) {
    this.#options = options;
    this.#current = part;
    this.#watch(part);
  }

  /** The first start is the caller's: its failure is thrown, not retried. */
  static async start<T extends RunningPart>(options: SupervisedOptions<T>): Promise<Supervised<T>> {
    return new Supervised(options, await options.start());
  }

  /** Null while the part is down. */
  get current(): T | null {
    return this.#current;
  }

  get restarts(): number {
    return this.#restarts;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#starting;
    await this.#current?.close();
    this.#current = null;
  }

  #watch(part: T): void {
    part.onExit((cause) => {
      if (this.#closed) return;
      const { name, log } = this.#options;
      log.error(
        { alarm: 'thread', part: name, err: cause, restartInMs: this.#pauseMs },
        'part ended; it is started again',
      );
      this.#current = null;
      this.#restartLater();
    });
  }

  #restartLater(): void {
    this.#timer = this.#options.clock.after(this.#pauseMs, () => {
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
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#watch(part);
      this.#options.onRestart(part);
      this.#current = part;
      log.warn({ part: name }, 'part runs again');
    } catch (error) {
      log.error({ alarm: 'thread', part: name, err: error }, 'part could not be started');
      if (!this.#closed) this.#restartLater();
    }
  }
}
