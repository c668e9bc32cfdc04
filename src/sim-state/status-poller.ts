// Asks one gateway for the state of its SIMs, again and again: never twice at a time, and never in step with other pollers.
// A gateway that is slow, silent or hostile costs a timeout a turn; what it said before grows old meanwhile.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { jittered, RepeatedWork } from '../lib/repeated-work.js';
import { type ReportTemplate, readReports } from './read-reports.js';
import type { SimReport } from './sim-report.js';

export interface PolledGateway {
  readonly gateway: string;
  readonly intervalMs: number;
  readonly template: ReportTemplate;
  /** Each channel by the names that its port may have in the answer. */
  readonly channels: readonly { readonly channelId: string; readonly names: readonly string[] }[];
}

export interface PollerStatus {
  readonly gateway: string;
  readonly polls: number;
  readonly failures: number;
  /** Why the last one failed; null when it did not, or there was none yet. */
  readonly trouble: string | null;
}

interface PollerParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** @throws Error that says why there is no answer */
  ask(signal: AbortSignal): Promise<unknown>;
  onReport(channelId: string, report: SimReport): void;
  /** From 0 to 1. Default: chance. */
  readonly random?: () => number;
}

export class StatusPoller {
  readonly #gateway: PolledGateway;
  readonly #parts: PollerParts;
  readonly #log: Logger;
  readonly #turns: RepeatedWork;
  #polls = 0;
  #failures = 0;
  #trouble: string | null = null;
  #missing = '';

  constructor(gateway: PolledGateway, parts: PollerParts) {
    this.#gateway = gateway;
    this.#parts = parts;
    this.#log = parts.log.child({ gateway: gateway.gateway });
    this.#turns = new RepeatedWork(parts.clock, async (signal) => {
      await this.#poll(signal);
      return jittered(gateway.intervalMs, this.#random());
    });
  }

  get status(): PollerStatus {
    const { gateway } = this.#gateway;
    return { gateway, polls: this.#polls, failures: this.#failures, trouble: this.#trouble };
  }

  /** Many begin together: each waits a part of its interval by chance. */
  start(): void {
    this.#turns.startIn(Math.min(1_000, this.#gateway.intervalMs) * this.#random());
  }

  /** Resolves when a question that is under way has ended. */
  whenIdle(): Promise<void> {
    return this.#turns.whenIdle();
  }

  close(): Promise<void> {
    return this.#turns.close();
  }

  async #poll(signal: AbortSignal): Promise<void> {
    this.#polls += 1;
    try {
      const answer = await this.#parts.ask(signal);
      if (signal.aborted) return;
      const reports = readReports(answer, this.#gateway.template);
      if (reports === null) throw new Error(`its answer has no list of ports at "${this.#gateway.template.list}"`);
      this.#take(reports);
      if (this.#trouble !== null) this.#log.info({}, 'status of the SIMs can be read again');
      this.#trouble = null;
    } catch (error) {
      if (signal.aborted) return;
      this.#failures += 1;
      const cause = error instanceof Error ? error.message : String(error);
      if (this.#trouble === null) {
        this.#log.error(
          { alarm: 'sim-status', cause },
          'status of the SIMs cannot be read: what is known of them grows old',
        );
      }
      this.#trouble = cause;
    }
  }

  #take(reports: ReadonlyMap<string, SimReport>): void {
    const missing: string[] = [];
    for (const { channelId, names } of this.#gateway.channels) {
      const name = names.find((one) => reports.has(one));
      const report = name === undefined ? undefined : reports.get(name);
      if (report === undefined) missing.push(channelId);
      else this.#parts.onReport(channelId, report);
    }
    const now = missing.join(', ');
    if (now !== '' && now !== this.#missing) {
      this.#log.warn(
        { channels: missing.slice(0, 8), missing: missing.length },
        'status says nothing of some channels',
      );
    }
    this.#missing = now;
  }

  #random(): number {
    return (this.#parts.random ?? Math.random)();
  }
}
