// What decisions are made from: every channel in its pool, the idle ones in order, the others counted by what refuses them.
// Events of the ledger, of gateways and of calls keep it current, and `turnTo` what time alone changes; a decision reads it.
import type { ChannelState, LedgerView } from '../quota/ledger-view.js';
import type { Plan } from '../quota/plan.js';
import { Agenda } from './agenda.js';
import { CallRate } from './call-rate.js';
import type { AttemptReport, ChannelHealth } from './channel-health.js';
import { HealthBook } from './health-book.js';
import type { IndexedGateway, RoutingChannel, RoutingGateway, SimState } from './indexed-channel.js';
import { MessageOrders } from './message-orders.js';
import { Cell, Pool, type PooledChannel } from './pool.js';
import { type PoolPlace, type Profile, ProfileCache } from './profile-cache.js';
import { DEFAULT_RANKING, type RankingSettings } from './ranking.js';
import { codeOf, countOne, NOT_REFUSED, noCounts } from './refusal-counts.js';
import { type RoutingRequest, refusalOfChannel, refusalOfGateway, refusalOfPool } from './rules.js';
import { Scorer } from './scorer.js';
import { TIES } from './standing.js';
import { seededOrder } from './tie-order.js';

export interface RoutingSettings {
  readonly gateways: readonly RoutingGateway[];
  readonly plans: readonly Plan[];
  readonly sims: readonly { readonly simId: string; readonly number: string; readonly plan: string }[];
  readonly channels: readonly RoutingChannel[];
  readonly ranking?: Partial<RankingSettings>;
}

/** Wall time that jumps back further than calls wait for each other was set by somebody. */
const BACKWARD_JUMP_MS = 60_000;

export class RouteIndex {
  readonly view: LedgerView;
  readonly ranking: RankingSettings;
  readonly channels: readonly PooledChannel[];
  readonly pools: readonly Pool[];
  readonly scorer: Scorer;
  readonly #byId: ReadonlyMap<string, PooledChannel>;
  readonly #bySim: ReadonlyMap<string, PooledChannel>;
  readonly #byTie: readonly PooledChannel[];
  readonly #cellByTie: readonly Cell[];
  readonly #ofAgent = new Map<string, PooledChannel[]>();
  readonly #gateways: ReadonlyMap<string, IndexedGateway>;
  readonly #gatewayList: readonly IndexedGateway[];
  readonly #profiles = new ProfileCache();
  readonly #health: HealthBook;
  /** When time alone changes a channel's standings: by wall time. */
  readonly #turns: Agenda;
  /** When gateways at their rate or in their cool-down take calls again: by elapsed time. */
  readonly #gatewayTurns: Agenda;
  readonly #subscriptions: (() => void)[];
  /** The channel of the last decision: what changes next is most often it, and need not be looked up. */
  #decided: PooledChannel | undefined;
  /** Null until a text message is asked for. */
  #messageOrders: MessageOrders | null = null;
  /** Busy channels that left the config: their calls count at their gateways until they are over. */
  readonly #leaving = new Map<string, IndexedGateway>();
  #version = 0;
  #wallMs: number;
  /** Time that has passed: wall time that jumps back does not move it. */
  #elapsedMs = 0;

  constructor(settings: RoutingSettings, view: LedgerView, nowWallMs: number) {
    const { channels, gateways, plans } = settings;
    if (channels.length > TIES) throw new RangeError(`More than ${TIES} channels`);
    this.view = view;
    this.ranking = { ...DEFAULT_RANKING, ...settings.ranking };
    this.scorer = new Scorer(view, this.ranking, plans);
    this.#wallMs = nowWallMs;
    this.#turns = new Agenda(channels.length);
    this.#gatewayTurns = new Agenda(gateways.length);
    this.#health = new HealthBook(this.ranking.health, channels.length, (number, health) =>
      this.#healthChanged(number, health),
    );
    this.#gatewayList = gateways.map(indexGateway);
    this.#gateways = new Map(this.#gatewayList.map((gateway) => [gateway.name, gateway]));
    const pools = new Map<string, Pool>();
    this.channels = indexChannels(settings, this.#gateways, pools, this.ranking.seed, view);
    this.pools = [...pools.values()];
    this.#byId = new Map(this.channels.map((channel) => [channel.channelId, channel]));
    this.#bySim = new Map(this.channels.map((channel) => [channel.simId, channel]));
    this.#byTie = [...this.channels].sort((a, b) => a.tie - b.tie);
    this.#cellByTie = this.#byTie.map(({ cell }) => cell);
    for (const channel of this.channels) {
      for (const agent of channels[channel.number]?.agents ?? []) {
        this.#ofAgent.set(agent, [...this.channelsOf(agent), channel]);
      }
      if (channel.state === 'busy') channel.gateway.busy += 1;
      channel.refusal = codeOf(refusalOfChannel(channel));
      channel.cell.add(channel.refusal);
      if (channel.refusal === NOT_REFUSED) this.#place(channel);
    }
    for (const gateway of this.#gatewayList) this.#judgeGateway(gateway);
    this.#subscriptions = [
      view.events.on('channel:changed', (channelId, state) => this.channelChanged(channelId, state)),
      view.events.on('usage:changed', (simId) => this.usageChanged(simId)),
    ];
  }

  /**
   * Goes on where another index ends, which is closed: what is known of gateways, channels and SIMs that are still there. To be
   * called before anything is asked. `isSameGateway`: what was learned of a gateway holds for it still.
   */
  inherit(before: RouteIndex, isSameGateway: (name: string) => boolean): void {
    before.close();
    this.#version = before.#version + 1;
    this.#wallMs = before.#wallMs;
    this.#elapsedMs = before.#elapsedMs;
    for (const gateway of this.#gatewayList) {
      const known = before.#gateways.get(gateway.name);
      if (known === undefined || !isSameGateway(gateway.name)) continue;
      gateway.up = known.up;
      gateway.coolsUntilMs = known.coolsUntilMs;
      gateway.rate?.inherit(known.rate);
    }
    this.#inheritLeaving(before);
    const numberOf = (number: number) => {
      const { channelId, simId } = before.channels[number] as PooledChannel;
      const channel = this.#byId.get(channelId);
      return channel?.simId === simId ? channel.number : undefined;
    };
    for (const { number, sim, suspended } of before.channels) {
      if (sim === null && !suspended) continue;
      const channel = this.channels[numberOf(number) ?? -1];
      if (channel === undefined) continue;
      channel.sim = sim;
      channel.suspended = suspended;
      this.#judge(channel);
    }
    this.#health.inherit(before.#health, numberOf, this.#elapsedMs);
    for (const gateway of this.#gatewayList) this.#judgeGateway(gateway);
  }

  #inheritLeaving(before: RouteIndex): void {
    const busy = before.channels.flatMap(({ channelId, gateway, state }): [string, IndexedGateway][] =>
      state === 'busy' ? [[channelId, gateway]] : [],
    );
    for (const [channelId, { name }] of [...busy, ...before.#leaving]) {
      const gateway = this.#gateways.get(name);
      if (gateway === undefined || this.#byId.has(channelId)) continue;
      this.#leaving.set(channelId, gateway);
      gateway.busy += 1;
    }
  }

  /** Counts every change: decisions name the version that they saw. */
  get version(): number {
    return this.#version;
  }

  /** The instant that the index is turned to. */
  get wallMs(): number {
    return this.#wallMs;
  }

  channelOfSim(simId: string): PooledChannel | undefined {
    return this.#bySim.get(simId);
  }

  channel(channelId: string): PooledChannel | undefined {
    return this.#byId.get(channelId);
  }

  noteDecided(channel: PooledChannel | undefined): void {
    this.#decided = channel;
  }

  /** The channel whose key in an order this is. */
  channelOfKey(key: number): PooledChannel {
    return this.#byTie[key % TIES] as PooledChannel;
  }

  /** Its cell: without touching the channel. */
  cellOfKey(key: number): Cell {
    return this.#cellByTie[key % TIES] as Cell;
  }

  gateway(name: string): IndexedGateway | undefined {
    return this.#gateways.get(name);
  }

  get hasOwnChannels(): boolean {
    return this.#ofAgent.size > 0;
  }

  /** The own channels of an agent, who is named `trunk/agent`. */
  channelsOf(agent: string): readonly PooledChannel[] {
    return this.#ofAgent.get(agent) ?? NONE;
  }

  /** The pools whose rules a request passes. */
  profileOf(request: RoutingRequest): Profile {
    const known = this.#profiles.get(request);
    if (known !== undefined) return known;
    const refused = noCounts();
    const places: PoolPlace[] = [];
    for (const pool of this.pools) {
      const code = codeOf(refusalOfPool(pool, request));
      if (code !== NOT_REFUSED) countOne(refused, code, pool.size);
      else places.push({ pool, order: pool.orderOf(request.callee.numberClass) as number });
    }
    return this.#profiles.add(request, { places, refused });
  }

  /** Orders of text messages, which are kept current from now on. */
  get messageOrders(): MessageOrders {
    this.#messageOrders ??= new MessageOrders(this);
    return this.#messageOrders;
  }

  // ---- events --------------------------------------------------------------------------------------------------------

  channelChanged(channelId: string, state: ChannelState): void {
    const channel = this.#decided?.channelId === channelId ? this.#decided : this.#byId.get(channelId);
    if (channel === undefined) this.#left(channelId, state);
    if (channel === undefined || channel.state === state) return;
    this.#version += 1;
    const { gateway } = channel;
    if (state === 'busy') {
      gateway.busy += 1;
      gateway.rate?.begin(this.#elapsedMs);
    } else if (channel.state === 'busy') gateway.busy -= 1;
    channel.state = state;
    // Where nothing stood against it, only its state can.
    if (channel.refusal === NOT_REFUSED) this.#refuse(channel, CODE_OF_STATE[state]);
    else this.#judge(channel);
    if (gateway.isLimited) this.#judgeGateway(gateway);
  }

  usageChanged(simId: string): void {
    const channel = this.#bySim.get(simId);
    if (channel === undefined) return;
    this.#version += 1;
    this.#standAnew(channel);
  }

  gatewayChanged(name: string, up: boolean): void {
    const gateway = this.#gateways.get(name);
    if (gateway === undefined || gateway.up === up) return;
    this.#version += 1;
    gateway.up = up;
    this.#judgeGateway(gateway);
  }

  simChanged(channelId: string, sim: SimState | null): void {
    const channel = this.#byId.get(channelId);
    if (channel === undefined) return;
    this.#version += 1;
    channel.sim = sim;
    this.#judge(channel);
  }

  channelSuspended(channelId: string, suspended: boolean): void {
    const channel = this.#byId.get(channelId);
    if (channel === undefined || channel.suspended === suspended) return;
    this.#version += 1;
    channel.suspended = suspended;
    this.#judge(channel);
  }

  attemptReported(channelId: string, report: AttemptReport): void {
    const channel = this.#byId.get(channelId);
    if (channel === undefined) return;
    this.#health.report(channel.number, report, this.#elapsedMs);
    const { coolDown } = report;
    if (coolDown?.of === 'gateway' && coolDown.ms > 0) this.#coolGateway(channel.gateway, coolDown.ms);
  }

  /** A call from a mobile has come in by the channel: if it has just failed, it was for that. */
  callReceived(channelId: string): void {
    const channel = this.#byId.get(channelId);
    if (channel !== undefined) this.#health.excuse(channel.number, this.#elapsedMs);
  }

  /** Changes what time alone changes. To be called before each decision. */
  turnTo(wallMs: number): void {
    if (wallMs <= this.#wallMs) {
      // Calls that waited for something ask with the time at which they came.
      if (wallMs <= this.#wallMs - BACKWARD_JUMP_MS) this.turnBack(wallMs);
      return;
    }
    this.#elapsedMs += wallMs - this.#wallMs;
    this.#wallMs = wallMs;
    for (let due = this.#turns.takeDue(wallMs); due >= 0; due = this.#turns.takeDue(wallMs)) {
      this.#version += 1;
      this.#standAnew(this.channels[due] as PooledChannel);
    }
    const turns = this.#gatewayTurns;
    for (let due = turns.takeDue(this.#elapsedMs); due >= 0; due = turns.takeDue(this.#elapsedMs)) {
      this.#version += 1;
      this.#judgeGateway(this.#gatewayList[due] as IndexedGateway);
    }
    if (this.#health.nextMs <= this.#elapsedMs) this.#health.turnTo(this.#elapsedMs);
  }

  /** Wall time was set back. */
  turnBack(wallMs: number): void {
    this.#wallMs = wallMs;
    this.#version += 1;
    for (const channel of this.channels) this.#standAnew(channel);
  }

  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }

  /** The last call of a channel that is not there any more is over. */
  #left(channelId: string, state: ChannelState): void {
    const gateway = this.#leaving.get(channelId);
    if (gateway === undefined || state === 'busy') return;
    this.#leaving.delete(channelId);
    this.#version += 1;
    gateway.busy -= 1;
    this.#judgeGateway(gateway);
  }

  #healthChanged(number: number, health: ChannelHealth | null): void {
    const channel = this.channels[number] as PooledChannel;
    this.#version += 1;
    channel.health = health;
    if (!this.#judge(channel)) this.#standAnew(channel);
  }

  /** Asks the channel's own rules anew; true when their answer has changed. */
  #judge(channel: PooledChannel): boolean {
    return this.#refuse(channel, codeOf(refusalOfChannel(channel)));
  }

  /** True when it is another refusal, or none any more. */
  #refuse(channel: PooledChannel, refusal: number): boolean {
    const before = channel.refusal;
    if (refusal === before) return false;
    if (before === NOT_REFUSED) channel.cell.displace(channel);
    channel.refusal = refusal;
    channel.cell.moved(before, refusal);
    this.#messageOrders?.touch(channel.number);
    if (refusal === NOT_REFUSED) this.#place(channel);
    return true;
  }

  #standAnew(channel: PooledChannel): void {
    if (channel.refusal !== NOT_REFUSED) return;
    this.#messageOrders?.touch(channel.number);
    channel.cell.displace(channel);
    this.#place(channel);
  }

  #place(channel: PooledChannel): void {
    const changesAtWallMs = this.scorer.stand(channel, channel.pool.classes, this.#wallMs);
    // What is due now would be due again at once.
    this.#turns.set(channel.number, Math.max(changesAtWallMs, this.#wallMs + 1));
    channel.cell.place(channel);
  }

  /** The longer of two ends holds. */
  #coolGateway(gateway: IndexedGateway, ms: number): void {
    this.#version += 1;
    gateway.coolsUntilMs = Math.max(gateway.coolsUntilMs, this.#elapsedMs + ms);
    this.#judgeGateway(gateway);
  }

  #judgeGateway(gateway: IndexedGateway): void {
    const freeAtMs = gateway.rate?.freeAtMs ?? 0;
    gateway.rateLimited = freeAtMs > this.#elapsedMs;
    gateway.cooling = gateway.coolsUntilMs > this.#elapsedMs;
    const freedAtMs = Math.min(
      gateway.rateLimited ? freeAtMs : Number.POSITIVE_INFINITY,
      gateway.cooling ? gateway.coolsUntilMs : Number.POSITIVE_INFINITY,
    );
    this.#gatewayTurns.set(gateway.number, freedAtMs);
    const code = codeOf(refusalOfGateway(gateway));
    for (const pool of this.pools) pool.cells.get(gateway)?.setGatewayRefusal(code);
  }
}

const NONE: readonly PooledChannel[] = [];

/** What stands against a channel that is in a state, if nothing else does. */
const CODE_OF_STATE: Readonly<Record<ChannelState, number>> = {
  idle: NOT_REFUSED,
  busy: codeOf('channel-busy'),
  resting: codeOf('channel-resting'),
};

function indexGateway({ name, maxCalls, maxCallsPerSecond }: RoutingGateway, number: number): IndexedGateway {
  const rate = maxCallsPerSecond === undefined ? null : new CallRate(maxCallsPerSecond);
  const isLimited = maxCalls !== undefined || rate !== null;
  const standing = { up: true, coolsUntilMs: 0, cooling: false, busy: 0, rateLimited: false };
  return { name, maxCalls, number, rate, isLimited, ...standing };
}

function indexChannels(
  settings: RoutingSettings,
  gateways: ReadonlyMap<string, IndexedGateway>,
  pools: Map<string, Pool>,
  seed: number,
  view: LedgerView,
): PooledChannel[] {
  const sims = new Map(settings.sims.map((sim) => [sim.simId, sim]));
  const plans = new Map(settings.plans.map((plan) => [plan.name, plan]));
  const terms = new Map(settings.gateways.map((gateway) => [gateway.name, gateway]));
  const ties = seededOrder(settings.channels.length, seed);
  return settings.channels.map((channel, number) => {
    const { channelId, port, line, simId, enabled, groups = [] } = channel;
    const sim = sims.get(simId);
    const gateway = gateways.get(channel.gateway);
    const plan = plans.get(sim?.plan ?? '');
    if (sim === undefined || gateway === undefined || plan === undefined) {
      throw new RangeError(`Channel ${channelId} names a gateway, SIM or plan that is not there`);
    }
    const { codecs: gatewayCodecs = [], takesSrtp = false } = terms.get(gateway.name) ?? {};
    const codecs = channel.codecs ?? gatewayCodecs;
    const key = JSON.stringify([plan.name, [...codecs].sort(), takesSrtp, [...groups].sort()]);
    const pool = pools.get(key) ?? new Pool({ plan, codecs, takesSrtp, groups });
    pools.set(key, pool);
    // No spread: V8 would give each channel a shape of its own, 600 bytes of it and slow to read.
    return {
      channelId,
      port,
      line,
      simId,
      enabled,
      number,
      gateway,
      plan,
      pool,
      simNumber: sim.number,
      tie: ties[number] ?? number,
      cell: pool.cells.get(gateway) ?? new Cell(pool, gateway),
      state: view.channelState(channelId) ?? 'idle',
      sim: null,
      suspended: false,
      health: null,
      refusal: NOT_REFUSED,
      standings: [],
    };
  });
}
