// Moves ready records from the outbox to every sink: in order, in batches, again and again until a sink has them.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { Outbox } from './outbox.js';
import type { Sink } from './sink.js';

const BATCH = 256;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 30_000;
/** A sink that hangs holds up the end of the process no longer; what it has not taken stays in the journal. */
const CLOSE_LIMIT_MS = 5_000;

/** What the publisher needs of the outbox. */
export type RecordSource = Pick<Outbox, 'onReady' | 'readyFor' | 'acknowledge'>;

export interface PublisherCounters {
  readonly published: number;
  readonly failedWrites: number;
}

/** One loop for each sink, so that a slow one holds back nobody else. */
class SinkLoop {
  readonly #publisher: {
    readonly outbox: RecordSource;
    readonly clock: Clock;
    readonly log: Logger;
    readonly sinks: readonly string[];
  };
  readonly #sink: Sink;
  #running: Promise<void> | null = null;
  #wakeAgain = false;
  #closed = false;
  #retry: { timer: ClockTimer; wake: () => void } | null = null;
  published = 0;
  failedWrites = 0;

  constructor(sink: Sink, publisher: { outbox: RecordSource; clock: Clock; log: Logger; sinks: readonly string[] }) {
    this.#sink = sink;
    this.#publisher = publisher;
  }

  wake(): void {
    this.#wakeAgain = true;
    if (this.#running !== null || this.#closed) return;
    this.#running = this.#run().finally(() => {
      this.#running = null;
      if (this.#wakeAgain) this.wake();
    });
  }

  /** Lets the batch under way finish and writes what is ready, once, without retrying; within a limit. */
  async close(): Promise<void> {
    const { clock } = this.#publisher;
    let timer: ClockTimer | undefined;
    const limit = new Promise<never>((_resolve, reject) => {
      timer = clock.after(CLOSE_LIMIT_MS, () => reject(new Error(`it did not finish within ${CLOSE_LIMIT_MS} ms`)));
    });
    const finished = this.#finish();
    try {
      await Promise.race([finished, limit]);
    } catch (error) {
      this.#failed(error);
      finished.catch(() => {});
    } finally {
      timer?.cancel();
    }
  }

  async #finish(): Promise<void> {
    this.#closed = true;
    this.#retry?.timer.cancel();
    this.#retry?.wake();
    await this.#running;
    await this.#publishAll().catch((error) => this.#failed(error));
    await this.#sink.close();
  }

  async #run(): Promise<void> {
    let delayMs = FIRST_RETRY_MS;
    while (this.#wakeAgain && !this.#closed) {
      this.#wakeAgain = false;
      try {
        await this.#publishAll();
        delayMs = FIRST_RETRY_MS;
      } catch (error) {
        this.#failed(error);
        this.#wakeAgain = true;
        await this.#pause(delayMs);
        delayMs = Math.min(LONGEST_RETRY_MS, delayMs * 2);
      }
    }
  }

  async #publishAll(): Promise<void> {
    const { outbox, sinks } = this.#publisher;
    for (;;) {
      const batch = await outbox.readyFor(this.#sink.name, BATCH);
      if (batch.length === 0) return;
      await this.#sink.write(batch.map((ready) => ready.cdr));
      await outbox.acknowledge(this.#sink.name, batch, sinks);
      this.published += batch.length;
      if (batch.length < BATCH) return;
    }
  }

  #failed(error: unknown): void {
    this.failedWrites++;
    this.#publisher.log.error({ alarm: 'cdr', sink: this.#sink.name, err: error }, 'CDRs could not be written');
  }

  #pause(delayMs: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#retry = null;
        resolve();
      };
      this.#retry = { timer: this.#publisher.clock.after(delayMs, wake), wake };
    });
  }
}

export class Publisher {
  readonly #loops: readonly SinkLoop[];

  constructor(outbox: RecordSource, sinks: readonly Sink[], clock: Clock, log: Logger) {
    const names = sinks.map((sink) => sink.name);
    this.#loops = sinks.map((sink) => new SinkLoop(sink, { outbox, clock, log, sinks: names }));
    outbox.onReady(() => this.wake());
  }

  get counters(): PublisherCounters {
    return {
      published: this.#loops.reduce((sum, loop) => sum + loop.published, 0),
      failedWrites: this.#loops.reduce((sum, loop) => sum + loop.failedWrites, 0),
    };
  }

  wake(): void {
    for (const loop of this.#loops) loop.wake();
  }

  async close(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.close()));
  }
}
