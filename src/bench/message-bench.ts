// How fast a text message's channel is decided on and reserved in memory, by number of channels, and how long the same decision
// takes by a scan of all. Messages of three loads; before each, one is over and a call begins or ends on some channel.
import { performance } from 'node:perf_hooks';
import { LedgerMemory } from '../ledgers/ledger-memory.js';
import type { Live } from '../ledgers/live-reservation.js';
import { ManualClock } from '../lib/clock.js';
import { allowanceOf, planOf } from '../quota/plan-defaults.js';
import type { MessageLoad } from '../quota/usage.js';
import { explainMessage } from '../routing/explain-message.js';
import { createRouting, type MessageQuestion } from '../routing/routing.js';

export interface MessageBenchResult {
  readonly benchmark: 'messages';
  readonly channels: number;
  /** Decisions with their reservation, by the time that they took. */
  readonly decisionsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Of a decision by a scan, without its reservation. */
  readonly scanUs: number;
}

const CHANNELS_PER_GATEWAY = 44;
/** Under way, and on channels that rest after one: at most so many, and an eighth of the channels. */
const AT_ONCE = 16;
const RESTING = 64;
const WARM_UP = 5_000;
const SCANS = 20;
const PASSED_MS = 10;
const LOADS: readonly MessageLoad[] = [
  { kind: 'sms', count: 1 },
  { kind: 'sms', count: 2 },
  { kind: 'lms', count: 1 },
];
const PLAN = planOf({
  name: 'texts',
  messageRates: { sms: '22', lms: '44', mms: '220' },
  allowances: [
    allowanceOf({ id: 'sms-day', counts: 'sms', limit: 1_000_000_000 }),
    allowanceOf({ id: 'sms-month', counts: 'sms', limit: 1_000_000_000, window: { kind: 'month', resetDay: 1 } }),
  ],
});
const TRUNK = { name: 'pbx', traffic: 'commercial' } as const;

/** Measures for about `durationMs`, after a warm-up. */
export function benchMessages(channelCount: number, durationMs: number): MessageBenchResult {
  const bench = new MessageBench(channelCount);
  for (let done = 0; done < WARM_UP; done++) bench.place();
  const times: number[] = [];
  for (const endMs = performance.now() + durationMs; performance.now() < endMs; ) times.push(bench.place());
  times.sort((a, b) => a - b);
  const at = (share: number) => Math.round((times[Math.floor(times.length * share)] ?? 0) * 100) / 100;
  const totalUs = times.reduce((sum, time) => sum + time, 0);
  const scanUs = bench.scan();
  bench.close();
  return {
    ...{ benchmark: 'messages', channels: channelCount, p50Us: at(0.5), p99Us: at(0.99), scanUs },
    decisionsPerSecond: Math.round((times.length / totalUs) * 1e6),
  };
}

class MessageBench {
  readonly #clock = new ManualClock();
  readonly #memory: LedgerMemory;
  readonly #routing: ReturnType<typeof createRouting<string>>;
  readonly #loads: readonly ReadonlyMap<string, MessageLoad>[];
  readonly #live: Live[] = [];
  readonly #resting: string[] = [];
  readonly #calls: string[] = [];
  readonly #channelIds: readonly string[];
  #count = 0;

  constructor(channelCount: number) {
    const ports = Array.from({ length: channelCount }, (_, index) => index);
    const sims = ports.map((port) => ({ simId: `sim${port}`, number: '+821012340001', plan: PLAN.name }));
    const channels = ports.map((port) => {
      const gateway = `gw${Math.floor(port / CHANNELS_PER_GATEWAY)}`;
      return { channelId: `${gateway}/${port}`, gateway, port, simId: `sim${port}`, enabled: true, gapMs: 0 };
    });
    this.#channelIds = channels.map(({ channelId }) => channelId);
    this.#memory = new LedgerMemory({ plans: [PLAN], sims, channels, sliceSeconds: 30 }, this.#clock, (error) => {
      throw error;
    });
    const names = [...new Set(channels.map(({ gateway }) => gateway))];
    const gateways = names.map((name) => ({
      ...{ name, codecs: [], probe: false as const, terms: name, dial: '{number}', host: '127.0.0.1', port: 5080 },
      transport: 'udp' as const,
    }));
    const settings = { gateways, plans: [PLAN], sims, channels, ranking: { seed: 1 } };
    this.#routing = createRouting({ ...settings, view: this.#memory, clock: this.#clock });
    this.#loads = LOADS.map((load) => new Map(names.map((name) => [name, load])));
  }

  close(): void {
    this.#routing.close();
    this.#memory.close();
  }

  /** The time of a decision and its reservation, in microseconds. */
  place(): number {
    this.#goOn();
    const question = this.#question();
    const startedMs = performance.now();
    const { best } = this.#routing.decideMessage(question);
    if (best === undefined) throw new Error('the benchmark ran out of channels');
    const reservationId = String(this.#count);
    const reserved = this.#memory.reserve({
      ...{ reservationId, callId: reservationId, trunk: TRUNK.name, direction: 'out', payers: ['trunk:pbx'] },
      ...{ channelId: best.channelId, simId: best.simId, callee: question.callee.e164, numberClass: 'mobile' },
      ...{ wallMs: question.wallMs, message: question.loads.get(best.gateway) as MessageLoad },
    });
    const tookUs = (performance.now() - startedMs) * 1000;
    if (!reserved.ok) throw new Error(`the benchmark lost its channel: ${reserved.reason}`);
    this.#live.push(reserved.live);
    return tookUs;
  }

  /** The mean time of a decision by a scan, in microseconds. */
  scan(): number {
    const question = this.#question();
    const { callee, excludeChannels, excludeGateways } = question;
    const request = {
      ...{ callee, trunk: TRUNK.name, traffic: TRUNK.traffic, agent: null, channelGroups: null },
      ...{ agentChannelGroups: null, codecs: [], excludeChannels, excludeGateways },
    };
    const startedMs = performance.now();
    for (let done = 0; done < SCANS; done++) explainMessage(request, question, this.#routing.index);
    return Math.round(((performance.now() - startedMs) * 1000) / SCANS);
  }

  /** Time passes, the oldest message is over, and a call begins or ends. */
  #goOn(): void {
    this.#count += 1;
    this.#clock.advance(PASSED_MS);
    const most = this.#channelIds.length / 8;
    if (this.#live.length >= Math.min(AT_ONCE, most)) {
      const live = this.#live.shift() as Live;
      this.#memory.charge(live, this.#clock.wallMs(), 0, false);
      this.#memory.finish(live);
      this.#resting.push(live.request.channelId);
      if (this.#resting.length > Math.min(RESTING, most)) this.#resting.shift();
    }
    const channelId = this.#channelIds[(this.#count * 7_919) % this.#channelIds.length] as string;
    const called = this.#calls.length > this.#channelIds.length / 2 ? this.#calls.shift() : undefined;
    if (called !== undefined) this.#routing.index.channelChanged(called, 'idle');
    else if (this.#routing.index.channel(channelId)?.state === 'idle') {
      this.#calls.push(channelId);
      this.#routing.index.channelChanged(channelId, 'busy');
    }
  }

  #question(): MessageQuestion {
    const e164 = `+8210${10_000_000 + this.#count}`;
    return {
      ...{ callee: { e164, national: e164, numberClass: 'mobile' }, trunk: TRUNK, agent: null },
      ...{ excludeChannels: [], excludeGateways: [], wallMs: this.#clock.wallMs() },
      loads: this.#loads[this.#count % this.#loads.length] as ReadonlyMap<string, MessageLoad>,
      resting: new Set(this.#resting),
    };
  }
}
