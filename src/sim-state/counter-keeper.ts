// Compares once a day how many calls a gateway has counted on each channel with what the ledger has: calls that one of the two does
// not know are calls that somebody else made, or that nobody pays for. A channel is compared while it is idle at both ends of the
// span; one that is in a call keeps the beginning of its span for the next day.
import { DateTime } from 'luxon';
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import { type CallCount, type CountTolerance, compareCounts } from './compare-counts.js';
import type { Baseline, Comparison, CounterBook } from './counter-book.js';
import { type CounterTemplate, type GatewayCount, readCounts } from './read-counts.js';

export interface CountedGateway extends CountTolerance {
  readonly gateway: string;
  /** When, in minutes since midnight there. */
  readonly atMinute: number;
  readonly timeZone: string;
  readonly bothDirections: boolean;
  readonly template: CounterTemplate;
  readonly channels: readonly { readonly channelId: string; readonly names: readonly string[] }[];
}

export interface CountSpan {
  readonly sinceWallMs: number;
  readonly untilWallMs: number;
}

interface CounterParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly book: CounterBook;
  /** Of calls, those of the span. @throws Error that says why there is no answer */
  ask(span: CountSpan, signal: AbortSignal): Promise<unknown>;
  isIdle(channelId: string): boolean;
  /** What the ledger has settled, by channel. */
  settled(span: CountSpan, bothDirections: boolean): Promise<ReadonlyMap<string, CallCount>>;
}

const NO_CALLS: CallCount = { calls: 0, seconds: 0 };
const NOTHING: GatewayCount = { calls: 0, seconds: 0 };
/** A gateway that does not answer is asked again so often, this far apart. */
const RETRIES = 6;
const RETRY_MS = 600_000;
const DAY_MS = 86_400_000;
const MOST_NAMED = 8;

export class CounterKeeper {
  readonly #gateway: CountedGateway;
  readonly #parts: CounterParts;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  #timer: ClockTimer | undefined;
  #work: Promise<unknown> = Promise.resolve();

  constructor(gateway: CountedGateway, parts: CounterParts) {
    this.#gateway = gateway;
    this.#parts = parts;
    this.#log = parts.log.child({ gateway: gateway.gateway });
  }

  start(): void {
    this.#armDaily();
  }

  /** Resolves when a comparison that is under way has ended. */
  async whenIdle(): Promise<void> {
    await this.#work;
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#closing.abort();
    await this.#work;
  }

  /** Compares now, too; rejects when the gateway cannot be asked. */
  compare(): Promise<readonly Comparison[]> {
    const compared = this.#work.then(() => this.#compare());
    this.#work = compared.catch(() => undefined);
    return compared;
  }

  #armDaily(): void {
    const { atMinute, timeZone } = this.#gateway;
    const nowMs = this.#parts.clock.wallMs();
    const dueMs = nextAt(nowMs, atMinute, timeZone);
    this.#timer = this.#parts.clock.after(dueMs - nowMs, () => {
      // The wall clock was set back meanwhile.
      if (this.#parts.clock.wallMs() < dueMs) this.#armDaily();
      else this.#try(RETRIES);
    });
  }

  #try(retries: number): void {
    void this.compare().then(
      () => this.#unlessClosed(() => this.#armDaily()),
      (error: unknown) =>
        this.#unlessClosed(() => {
          const cause = error instanceof Error ? error.message : String(error);
          if (retries === RETRIES) {
            this.#log.error({ alarm: 'counter', cause }, 'calls that the gateway has counted cannot be read');
          }
          if (retries === 0) this.#armDaily();
          else this.#timer = this.#parts.clock.after(RETRY_MS, () => this.#try(retries - 1));
        }),
    );
  }

  #unlessClosed(action: () => void): void {
    if (!this.#closing.signal.aborted) action();
  }

  async #compare(): Promise<readonly Comparison[]> {
    const { clock, book, isIdle } = this.#parts;
    const { channels, template, bothDirections } = this.#gateway;
    const baselines = await book.baselines();
    const untilWallMs = clock.wallMs();
    const idle = channels.filter(({ channelId }) => isIdle(channelId));
    const asked = await this.#parts.ask(
      { sinceWallMs: this.#earliest(baselines, untilWallMs), untilWallMs },
      this.#closing.signal,
    );
    const counts = readCounts(asked, template);
    if (counts === null) throw new Error(`its answer has no list of counts at "${template.list}"`);
    // A call that began and ended while the gateway was asked may be in its count or not.
    const meanwhile = await this.#parts.settled({ sinceWallMs: untilWallMs, untilWallMs: clock.wallMs() + 1 }, true);
    const quiet = idle.filter(({ channelId }) => isIdle(channelId) && !meanwhile.has(channelId));
    const settledSince = new Map<number, Promise<ReadonlyMap<string, CallCount>>>();
    const ledgerOf = async (span: CountSpan, channelId: string) => {
      const settled = settledSince.get(span.sinceWallMs) ?? this.#parts.settled(span, bothDirections);
      settledSince.set(span.sinceWallMs, settled);
      return (await settled).get(channelId) ?? NO_CALLS;
    };
    const comparisons: Comparison[] = [];
    const next: Baseline[] = [];
    for (const { channelId, names } of quiet) {
      const name = names.find((one) => counts.has(one));
      // A list of calls does not name the ports that had none.
      const count = name === undefined ? (template.counts === 'calls' ? NOTHING : undefined) : counts.get(name);
      if (count === undefined) continue;
      next.push({ ...count, channelId, atWallMs: untilWallMs });
      const baseline = baselines.get(channelId);
      if (baseline === undefined || !this.#isOfThisSpan(baseline, baselines)) continue;
      const span = { sinceWallMs: baseline.atWallMs, untilWallMs };
      const ledger = await ledgerOf(span, channelId);
      const before = template.counts === 'calls' ? NOTHING : baseline;
      comparisons.push({ channelId, ...span, ...compareCounts(before, count, ledger, this.#gateway) });
    }
    await book.write(comparisons, next, untilWallMs);
    this.#tell(comparisons, channels.length - quiet.length);
    return comparisons;
  }

  /** Calls are asked for from one instant on: a channel whose span began at another one begins anew. */
  #isOfThisSpan({ atWallMs }: Baseline, baselines: ReadonlyMap<string, Baseline>): boolean {
    return this.#gateway.template.counts === 'totals' || atWallMs === this.#latest(baselines);
  }

  #latest(baselines: ReadonlyMap<string, Baseline>): number | undefined {
    const begun = this.#gateway.channels.flatMap(({ channelId }) => baselines.get(channelId)?.atWallMs ?? []);
    return begun.length === 0 ? undefined : Math.max(...begun);
  }

  #earliest(baselines: ReadonlyMap<string, Baseline>, untilWallMs: number): number {
    return this.#latest(baselines) ?? untilWallMs - DAY_MS;
  }

  #tell(comparisons: readonly Comparison[], left: number): void {
    const sums = { gatewayCalls: 0, ledgerCalls: 0, gatewaySeconds: 0, ledgerSeconds: 0 };
    for (const one of comparisons) {
      for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += one[key] ?? 0;
    }
    const named = (outcome: Comparison['outcome']) =>
      comparisons.filter((one) => one.outcome === outcome).map(({ channelId }) => channelId);
    const differing = named('differs');
    const reset = named('reset');
    if (reset.length > 0) {
      const words = 'gateway has begun to count anew: nothing to compare';
      this.#log.warn({ channels: reset.slice(0, MOST_NAMED), resets: reset.length }, words);
    }
    if (differing.length === 0) {
      const words = 'calls that the gateway has counted are those of the ledger';
      if (comparisons.length > 0) this.#log.info({ ...sums, channels: comparisons.length, inCall: left }, words);
      return;
    }
    this.#log.error(
      { alarm: 'counter', channels: differing.slice(0, MOST_NAMED), differing: differing.length, ...sums },
      'calls that the gateway has counted are not those of the ledger',
    );
  }
}

/** The next instant at which it is so many minutes past midnight in the zone. */
export function nextAt(nowWallMs: number, minute: number, timeZone: string): number {
  const now = DateTime.fromMillis(nowWallMs, { zone: timeZone });
  const at = (day: DateTime) =>
    day.set({ hour: Math.floor(minute / 60), minute: minute % 60, second: 0, millisecond: 0 });
  const today = at(now).toMillis();
  return today > nowWallMs ? today : at(now.plus({ days: 1 })).toMillis();
}
