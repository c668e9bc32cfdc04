// How fast a channel is decided on and reserved in memory, by number of channels. Half of the channels are busy throughout,
// a tenth of the SIMs have their allowance of callees full, and every settled call moves its SIM in the ranking.
import { performance } from 'node:perf_hooks';
import { LedgerMemory, type Live } from '../ledgers/ledger-memory.js';
import { ManualClock } from '../lib/clock.js';
import type { ReserveRequest } from '../quota/ledger.js';
import type { Plan, Window } from '../quota/plan.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { createRouting } from '../routing/routing.js';

export interface RouteBenchResult {
  readonly benchmark: 'route';
  readonly channels: number;
  readonly decisionsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export const CHANNEL_COUNTS: readonly number[] = [44, 1_000, 10_000, 100_000];

const CHANNELS_PER_GATEWAY = 500;
const CALLEES_PER_DAY = 100;
const NO_PAYERS: readonly string[] = [];
const PEOPLE = ['mobile', 'landline', 'internet'] as const;

const ROOMY = planWith('roomy', 1_000_000_000);
/** Of SIMs that have called as many callees as they may today. */
const FULL = planWith('full', CALLEES_PER_DAY);

function planWith(name: string, calleesPerDay: number): Plan {
  return planOf({
    name,
    classes: PEOPLE,
    allowances: [
      allowance('seconds-day', 'seconds', 'day', 1_000_000_000),
      allowance('seconds-month', 'seconds', 'month', 1_000_000_000),
      allowance('callees-day', 'callees', 'day', calleesPerDay),
    ],
  });
}

function allowance(id: string, counts: 'seconds' | 'callees', kind: 'day' | 'month', limit: number) {
  const window: Window = kind === 'day' ? { kind } : { kind, resetDay: 1 };
  return allowanceOf({ id, counts, window, limit, classes: PEOPLE });
}

/** Measures for about `durationMs`, after a warm-up of a fifth of it. */
export function benchRoute(channelCount: number, durationMs: number): RouteBenchResult {
  const bench = new RouteBench(channelCount);
  bench.run(durationMs / 5);
  const timesUs = bench.run(durationMs).sort();
  const totalUs = timesUs.reduce((sum, time) => sum + time, 0);
  return {
    benchmark: 'route',
    channels: channelCount,
    decisionsPerSecond: Math.round((timesUs.length / totalUs) * 1e6),
    p50Us: percentile(timesUs, 0.5),
    p99Us: percentile(timesUs, 0.99),
  };
}

function percentile(sorted: Float64Array, share: number): number {
  return Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 100) / 100;
}

class RouteBench {
  readonly #clock = new ManualClock();
  readonly #memory: LedgerMemory;
  readonly #routing: ReturnType<typeof createRouting<string>>;
  /** Live calls, oldest first, from `#oldest` on. */
  #calls: Live[] = [];
  #oldest = 0;
  #count = 0;
  #random = 1;

  constructor(channelCount: number) {
    const ports = Array.from({ length: channelCount }, (_, index) => index);
    const sims = ports.map((port) => {
      const plan = port % 10 === 9 ? FULL.name : ROOMY.name;
      return { simId: `sim${port}`, number: '+821012340001', plan };
    });
    const channels = ports.map((port) => {
      const gateway = `gw${Math.floor(port / CHANNELS_PER_GATEWAY)}`;
      return { channelId: `${gateway}/${port}`, gateway, port, simId: `sim${port}`, enabled: true, gapMs: 0 };
    });
    this.#memory = new LedgerMemory(
      { plans: [ROOMY, FULL], sims, channels, sliceSeconds: 30 },
      this.#clock,
      (error) => {
        throw error;
      },
    );
    for (const { simId } of sims.filter(({ plan }) => plan === FULL.name)) this.#fillCallees(simId);
    const gateways = [...new Set(channels.map((channel) => channel.gateway))].map((name) => ({
      name,
      codecs: ['PCMA'],
      probe: false as const,
      terms: name,
      dial: '{port}#{number}',
      host: '127.0.0.1',
      port: 5080,
      transport: 'udp' as const,
    }));
    const settings = { gateways, plans: [ROOMY, FULL], sims, channels };
    this.#routing = createRouting({ ...settings, view: this.#memory, clock: this.#clock });
    for (let busy = 0; busy < channelCount / 2; busy++) this.#place();
  }

  /** Times of decide and reserve, in microseconds. */
  run(durationMs: number): Float64Array {
    const times: number[] = [];
    const endMs = performance.now() + durationMs;
    for (let nowMs = 0; nowMs < endMs; ) {
      this.#endOldest();
      const startedMs = performance.now();
      const live = this.#place();
      nowMs = performance.now();
      times.push((nowMs - startedMs) * 1000);
      if (!live) throw new Error('the benchmark ran out of channels');
    }
    return Float64Array.from(times);
  }

  #place(): boolean {
    const wallMs = this.#clock.wallMs();
    const e164 = `+8210${this.#next(10_000)}`;
    const decision = this.#routing.decide({
      trunk: { name: 'pbx', traffic: 'commercial' },
      callee: { e164, national: e164, numberClass: 'mobile' },
      codecs: ['PCMA'],
      excludeChannels: [],
      excludeGateways: [],
      wallMs,
    });
    const best = decision.candidates[0];
    if (best === undefined) return false;
    const reservationId = `r${++this.#count}`;
    const { channelId, simId } = best;
    const request: ReserveRequest = {
      reservationId,
      callId: reservationId,
      trunk: 'pbx',
      direction: 'out',
      payers: NO_PAYERS,
      channelId,
      simId,
      callee: e164,
      numberClass: 'mobile',
      wallMs,
    };
    if (!this.#memory.reserve(request).ok) return false;
    const live = this.#memory.live.get(reservationId);
    if (live !== undefined) this.#calls.push(live);
    return true;
  }

  #endOldest(): void {
    const live = this.#calls[this.#oldest++];
    if (live === undefined) return;
    this.#memory.charge(live, this.#clock.wallMs(), this.#next(30_000), false);
    this.#memory.finish(live);
    if (this.#oldest < 100_000) return;
    this.#calls = this.#calls.slice(this.#oldest);
    this.#oldest = 0;
  }

  #fillCallees(simId: string): void {
    const wallMs = this.#clock.wallMs();
    for (let callee = 0; callee < CALLEES_PER_DAY; callee++) {
      this.#memory.bookOf(simId)?.book({
        callee: `+8270${callee}`,
        numberClass: 'mobile',
        reservedWallMs: wallMs,
        answeredWallMs: wallMs,
        durationMs: 1,
      });
    }
  }

  /** A seeded generator (Numerical Recipes), so that runs can be compared. */
  #next(below: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * below);
  }
}
