// What systemd is told of the service (sd_notify(3)): that it is ready, that it lives, that it is stopping. Node cannot send to
// a Unix datagram socket, so `systemd-notify`, which is part of systemd, does. Without a service manager nothing is done.
import { execFile } from 'node:child_process';
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';

export interface ServiceManagerOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Resolves when every part answers that has to; a thread that hangs keeps it from doing so. */
  isAlive(): Promise<unknown>;
  /** One line for `systemctl status`. */
  status(): string;
}

/** Said three times in the time after which systemd takes us for dead, so that one look may fail; at most so often. */
const LOOKS = 3;
const LEAST_INTERVAL_MS = 500;

export class ServiceManager {
  readonly #options: ServiceManagerOptions;
  readonly #isThere: boolean;
  readonly #intervalMs: number | null;
  #timer: ClockTimer | undefined;
  #hasFailed = false;
  #isClosed = false;

  constructor(options: ServiceManagerOptions) {
    this.#options = options;
    const { NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID } = options.env;
    this.#isThere = NOTIFY_SOCKET !== undefined && NOTIFY_SOCKET !== '';
    const isForUs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === options.pid;
    const limitMs = Number(WATCHDOG_USEC) / 1_000;
    this.#intervalMs = isForUs && limitMs > 0 ? Math.max(LEAST_INTERVAL_MS, limitMs / LOOKS) : null;
  }

  /** The service takes calls; from now on it says that it lives, as long as it does. */
  async ready(): Promise<void> {
    if (!this.#isThere) return;
    await this.#notify('READY=1', `MAINPID=${this.#options.pid}`, `STATUS=${this.#options.status()}`);
    if (this.#intervalMs !== null) this.#watch(this.#intervalMs);
  }

  async stopping(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    if (this.#isThere) await this.#notify('STOPPING=1', 'STATUS=live calls get a BYE, their records are written');
  }

  #watch(intervalMs: number): void {
    this.#timer = this.#options.clock.after(intervalMs, () => {
      // Who does not answer says nothing, and the next look waits for it: systemd hears of nobody, and starts us again.
      this.#options.isAlive().then(
        async () => {
          if (this.#isClosed) return;
          await this.#notify('WATCHDOG=1', `STATUS=${this.#options.status()}`);
          if (!this.#isClosed) this.#watch(intervalMs);
        },
        (err) => {
          this.#options.log.error({ err, alarm: 'watchdog' }, 'a part does not answer: the watchdog is not told');
          if (!this.#isClosed) this.#watch(intervalMs);
        },
      );
    });
  }

  /** Resolves when it is said, or cannot be. */
  #notify(...said: readonly string[]): Promise<void> {
    const { env, log } = this.#options;
    return new Promise((resolve) => {
      execFile('systemd-notify', said, { env: { ...env }, timeout: 5_000 }, (err) => {
        if (err !== null && !this.#hasFailed) {
          this.#hasFailed = true;
          log.error({ err, alarm: 'watchdog' }, 'systemd cannot be told: is systemd-notify installed?');
        }
        resolve();
      });
    });
  }
}
