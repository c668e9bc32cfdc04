// How fast a channel is decided on and reserved in memory, by number of channels, up to the journal's record in its queue.
// Half of the channels are busy throughout, a tenth of the SIMs have their allowance of callees full, every weight counts,
// and every call that ends moves its SIM in the ranking, outside of the timed part. Nothing is subtracted from the times.
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { LedgerMemory } from '../ledgers/ledger-memory.js';
import { insertReservation } from '../ledgers/ledger-tables.js';
import type { Live } from '../ledgers/live-reservation.js';
import { ManualClock } from '../lib/clock.js';
import type { JournalEntry } from '../lib/journal-entry.js';
import type { ReserveRequest } from '../quota/ledger.js';
import type { Plan } from '../quota/plan.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import { createRouting, type RouteQuestion } from '../routing/routing.js';

export interface RouteBenchResult {
  readonly benchmark: 'route';
  readonly channels: number;
  /** Decisions with their reservation and its record, by the time that they took, the timer's own included. */
  readonly decisionsPerSecond: number;
  /** The same by the CPU time that the process used for them, all its threads together: what other processes take is not in it. */
  readonly decisionsPerCpuSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Ledger and index, without what the SIMs' callees need. */
  readonly bytesPerChannel: number;
  /** What reading the timer twice adds to each decision. */
  readonly timerUs: number;
}

export const CHANNEL_COUNTS: readonly number[] = [44, 1_000, 10_000, 100_000];

const CHANNELS_PER_GATEWAY = 500;
/** What a SIM with a full allowance may call, and has called. */
const FULL_CALLEES = 100;
/** What every SIM may meet in a month. */
const CALLEES_PER_SIM = 1_000;
const PEOPLE = ['mobile', 'landline', 'internet'] as const;
/** As many entries as the journal takes in a group. */
const DRAINED_AT = 256;
/** A fifth of the calls go to one of the last callees. */
const RECENT = 4_096;
const MAX_SAMPLES = 2_000_000;
const MAX_BATCH = 256;
const WARM_UP_CALLS = 200_000;
/** Time passes as it does at 100,000 calls a second. */
const PASSED_MS = 0.01;

const ROOMY = planWith('roomy', 1_000_000_000);
/** Of SIMs that have called as many callees as they may. */
const FULL = planWith('full', FULL_CALLEES);

function planWith(name: string, callees: number): Plan {
  const limit = 1_000_000_000;
  const month = { kind: 'month', resetDay: 1 } as const;
  return planOf({
    name,
    classes: PEOPLE,
    allowances: [
      allowanceOf({ id: 'seconds-day', counts: 'seconds', limit, classes: PEOPLE }),
      allowanceOf({ id: 'seconds-month', counts: 'seconds', window: month, limit, classes: PEOPLE }),
      allowanceOf({ id: 'callees-month', counts: 'callees', window: month, limit: callees, classes: PEOPLE }),
    ],
  });
}

/** Measures for about `durationMs` each by the clock and by CPU time, after a warm-up: what runs is optimised code. */
export function benchRoute(channelCount: number, durationMs: number): RouteBenchResult {
  const months = new Months(channelCount);
  // The first one also loads code, which is not to be counted for channels.
  months.begin();
  const before = usedBytes();
  const one = new RouteBench(channelCount);
  const bytesPerChannel = Math.round((usedBytes() - before) / channelCount);
  one.close();
  months.run(WARM_UP_CALLS, Number.POSITIVE_INFINITY, (bench) => bench.placeTimed());
  const times = new Float64Array(MAX_SAMPLES);
  let samples = 0;
  months.run(MAX_SAMPLES, durationMs, (bench) => {
    times[samples++] = bench.placeTimed();
  });
  const timesUs = times.slice(0, samples).sort();
  const totalUs = timesUs.reduce((sum, time) => sum + time, 0);
  let cpuUs = 0;
  let placed = 0;
  months.run(MAX_SAMPLES, durationMs, (bench) => {
    const { calls, usedUs } = bench.placeBatch();
    cpuUs += usedUs;
    placed += calls;
  });
  return {
    benchmark: 'route',
    channels: channelCount,
    decisionsPerSecond: Math.round((samples / totalUs) * 1e6),
    decisionsPerCpuSecond: Math.round((placed / cpuUs) * 1e6),
    p50Us: percentile(timesUs, 0.5),
    p99Us: percentile(timesUs, 0.99),
    bytesPerChannel,
    timerUs: timerUs(),
  };
}

/** Lets everything begin anew after as many calls as a month has, so that no SIM knows more callees than it would. */
class Months {
  readonly #channelCount: number;
  #bench: RouteBench | undefined;

  constructor(channelCount: number) {
    this.#channelCount = channelCount;
  }

  begin(): RouteBench {
    this.#bench?.close();
    this.#bench = new RouteBench(this.#channelCount);
    this.#bench.fillAllowances();
    return this.#bench;
  }

  run(steps: number, durationMs: number, step: (bench: RouteBench) => void): void {
    let bench = this.#bench ?? this.begin();
    let leftMs = durationMs;
    let lastMs = performance.now();
    for (let done = 0; done < steps && leftMs > 0; done++) {
      if (bench.placed > this.#channelCount * CALLEES_PER_SIM) {
        bench = this.begin();
        lastMs = performance.now();
      }
      step(bench);
      const nowMs = performance.now();
      leftMs -= nowMs - lastMs;
      lastMs = nowMs;
    }
  }
}

function percentile(sorted: Float64Array, share: number): number {
  return Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 100) / 100;
}

/** What is in use when everything unused has been collected. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What the first finds unused outside of the heap, only the second frees.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function timerUs(): number {
  const pairs = 100_000;
  let readMs = 0;
  const startedMs = performance.now();
  for (let pair = 0; pair < pairs; pair++) readMs += performance.now() - performance.now();
  const tookMs = performance.now() - startedMs;
  return readMs > 0 ? 0 : Math.round((tookMs / pairs) * 1e6) / 1000;
}

class RouteBench {
  readonly #clock = new ManualClock();
  readonly #memory: LedgerMemory;
  readonly #routing: ReturnType<typeof createRouting<string>>;
  readonly #fullSims: readonly string[];
  /** Records on their way to the journal. */
  #records: JournalEntry[] = [];
  /** Live calls, oldest first, from `#oldest` on; what is over is not kept. */
  #calls: (Live | undefined)[] = [];
  #oldest = 0;
  #count = 0;
  #random = 1;
  readonly #half: number;
  /** Calls of which the CPU time is taken together. */
  readonly #batch: number;

  constructor(channelCount: number) {
    const ports = Array.from({ length: channelCount }, (_, index) => index);
    const sims = ports.map((port) => {
      const plan = port % 10 === 9 ? FULL.name : ROOMY.name;
      return { simId: `sim${port}`, number: '+821012340001', plan };
    });
    this.#fullSims = sims.filter(({ plan }) => plan === FULL.name).map(({ simId }) => simId);
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
    const settings = { gateways, plans: [ROOMY, FULL], sims, channels, ranking: { seed: 1 } };
    this.#routing = createRouting({ ...settings, view: this.#memory, clock: this.#clock });
    this.#batch = Math.max(1, Math.min(MAX_BATCH, Math.floor(channelCount / 4)));
    this.#half = Math.floor(channelCount / 2);
    for (let busy = 0; busy < this.#half; busy++) {
      const call = this.#nextCall();
      this.#place(call);
      this.#keep(call);
    }
  }

  fillAllowances(): void {
    const wallMs = this.#clock.wallMs();
    for (const simId of this.#fullSims) {
      for (let callee = 0; callee < FULL_CALLEES; callee++) {
        this.#memory.bookOf(simId)?.book({
          ...{ callee: `+8270${callee}`, numberClass: 'mobile', direction: 'out' },
          ...{ reservedWallMs: wallMs, answeredWallMs: wallMs, durationMs: 1 },
        });
      }
      this.#memory.events.emit('usage:changed', simId);
    }
  }

  /** Calls that were placed. */
  get placed(): number {
    return this.#count;
  }

  close(): void {
    this.#routing.close();
    this.#memory.close();
  }

  /** Ends a call and places the next; the time of decide, reserve and its record, in microseconds. */
  placeTimed(): number {
    const call = this.#makeRoom();
    const startedMs = performance.now();
    const isPlaced = this.#place(call);
    const tookUs = (performance.now() - startedMs) * 1000;
    if (!isPlaced) throw new Error('the benchmark ran out of channels');
    this.#keep(call);
    return tookUs;
  }

  /** The same of some calls in a row, by CPU time of the whole process. */
  placeBatch(): { calls: number; usedUs: number } {
    const calls: Call[] = [];
    // As many are over half of the channels afterwards as were under it before.
    const isFirst = this.#calls.length - this.#oldest === this.#half;
    for (let call = 0; call < this.#batch; call++) {
      calls.push(isFirst && call < this.#batch / 2 ? this.#nextCall() : this.#makeRoom());
    }
    const before = process.cpuUsage();
    for (const call of calls) this.#place(call);
    const { user, system } = process.cpuUsage(before);
    for (const call of calls) this.#keep(call);
    return { calls: this.#batch, usedUs: user + system };
  }

  /** Ends the oldest call, so that there is a channel for the next. */
  #makeRoom(): Call {
    this.#endOldest();
    this.#clock.advance(PASSED_MS);
    return this.#nextCall();
  }

  /** What is measured. */
  #place({ reservationId, question }: Call): boolean {
    const { best } = this.#routing.decide(question);
    if (best === undefined) return false;
    const { wallMs, callee } = question;
    const request: ReserveRequest = {
      reservationId,
      callId: reservationId,
      trunk: TRUNK.name,
      direction: 'out',
      payers: PAYERS,
      channelId: best.channelId,
      channelNumber: best.channelNumber,
      simId: best.simId,
      callee: callee.e164,
      numberClass: callee.numberClass,
      wallMs,
    };
    if (!this.#memory.reserve(request).ok) return false;
    this.#records.push(insertReservation(request, null));
    if (this.#records.length === DRAINED_AT) this.#records = [];
    return true;
  }

  #nextCall(): Call {
    const repeated = this.#count > RECENT && this.#next(5) === 0;
    const number = repeated ? this.#count - 1 - this.#next(RECENT) : this.#count;
    // Joined, they are strings in one piece, as a number that policy has looked up and an id that was drawn are.
    const e164 = ['+8210', 10_000_000 + number].join('');
    const reservationId = ['c13b1b52-5e0c-4b5e-9a5d-', ++this.#count].join('');
    return {
      reservationId,
      question: {
        trunk: TRUNK,
        callee: { e164, national: e164, numberClass: 'mobile' },
        codecs: CODECS,
        excludeChannels: NONE,
        excludeGateways: NONE,
        wallMs: this.#clock.wallMs(),
      },
    };
  }

  #keep({ reservationId }: Call): void {
    const live = this.#memory.live.get(reservationId);
    if (live !== undefined) this.#calls.push(live);
  }

  #endOldest(): void {
    const live = this.#calls[this.#oldest];
    if (live === undefined) return;
    this.#calls[this.#oldest++] = undefined;
    const { channelId } = live.request;
    const answered = this.#next(10) > 0;
    this.#routing.attemptReported(channelId, {
      outcome: answered ? 'answered' : 'callee',
      postDialDelayMs: this.#next(6_000),
    });
    this.#memory.charge(live, answered ? this.#clock.wallMs() : null, this.#next(30_000), false);
    this.#memory.finish(live);
    if (this.#oldest < 100_000) return;
    this.#calls = this.#calls.slice(this.#oldest);
    this.#oldest = 0;
  }

  /** A seeded generator (Numerical Recipes), so that runs can be compared. */
  #next(below: number): number {
    this.#random = (Math.imul(this.#random, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#random / 2 ** 32) * below);
  }
}

interface Call {
  readonly reservationId: string;
  readonly question: RouteQuestion;
}

const TRUNK = { name: 'pbx', traffic: 'commercial' } as const;
const CODECS = ['PCMA', 'PCMU'];
const PAYERS = ['trunk:pbx'];
const NONE: readonly string[] = [];
