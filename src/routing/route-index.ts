// What decisions are made from: every channel in its group (one gateway, one plan), the idle ones ordered by use.
// Ledger and gateway events keep it current; a decision only reads it.
import type { ChannelState, LedgerView } from '../quota/ledger-view.js';
import type { Plan } from '../quota/plan.js';
import { WindowClock, type WindowSpan } from '../quota/windows.js';
import { SortedNumbers } from './sorted-numbers.js';

export interface RoutingGateway {
  readonly name: string;
  readonly codecs: readonly string[];
  readonly maxCalls?: number | undefined;
}

export interface RoutingChannel {
  readonly channelId: string;
  readonly gateway: string;
  readonly port: number;
  readonly simId: string;
  readonly enabled: boolean;
}

export interface RoutingSettings {
  readonly gateways: readonly RoutingGateway[];
  readonly plans: readonly Plan[];
  readonly sims: readonly { readonly simId: string; readonly number: string; readonly plan: string }[];
  readonly channels: readonly RoutingChannel[];
}

export interface IndexedGateway extends RoutingGateway {
  up: boolean;
  /** Calls that its channels are in. */
  busy: number;
}

/** Channels for which gateway and plan say the same. */
export interface ChannelGroup {
  readonly gateway: IndexedGateway;
  readonly plan: Plan;
  readonly channels: IndexedChannel[];
  readonly days: WindowClock;
  /** The day (of the plan's zone) whose use `idle` is ordered by. */
  day: WindowSpan;
  /** Keys of idle, enabled channels, least used first. */
  readonly idle: SortedNumbers;
  readonly counts: Record<ChannelState | 'disabled', number>;
}

export interface IndexedChannel extends RoutingChannel {
  /** Place in the config: the last word on who is better. */
  readonly order: number;
  readonly simNumber: string;
  readonly group: ChannelGroup;
  state: ChannelState;
  /** Its key in `group.idle`, or null when it is not there. */
  key: number | null;
}

// A key is a whole number: seconds used today, then calls today, then place in the config. 2^50 at most.
const MAX_CHANNELS = 2 ** 20;
const MAX_CALLS = 2 ** 13;
const MAX_SECONDS = 2 ** 17;

export class RouteIndex {
  readonly view: LedgerView;
  readonly channels: readonly IndexedChannel[];
  readonly groups: readonly ChannelGroup[];
  readonly #byId: ReadonlyMap<string, IndexedChannel>;
  readonly #bySim: ReadonlyMap<string, IndexedChannel>;
  readonly #gateways: ReadonlyMap<string, IndexedGateway>;
  readonly #subscriptions: (() => void)[];
  #version = 0;

  constructor(settings: RoutingSettings, view: LedgerView, nowWallMs: number) {
    if (settings.channels.length > MAX_CHANNELS) throw new RangeError(`More than ${MAX_CHANNELS} channels`);
    this.view = view;
    this.#gateways = new Map(settings.gateways.map((gateway) => [gateway.name, { ...gateway, up: true, busy: 0 }]));
    const groups = new Map<string, ChannelGroup>();
    this.channels = indexChannels(settings, this.#gateways, groups, view, nowWallMs);
    this.groups = [...groups.values()];
    this.#byId = new Map(this.channels.map((channel) => [channel.channelId, channel]));
    this.#bySim = new Map(this.channels.map((channel) => [channel.simId, channel]));
    for (const channel of this.channels) {
      if (channel.state === 'busy') channel.group.gateway.busy += 1;
      channel.group.counts[channel.enabled ? channel.state : 'disabled'] += 1;
      this.#order(channel);
    }
    this.#subscriptions = [
      view.events.on('channel:changed', (channelId, state) => this.channelChanged(channelId, state)),
      view.events.on('usage:changed', (simId) => this.usageChanged(simId)),
    ];
  }

  /** Counts every change: decisions name the version that they saw. */
  get version(): number {
    return this.#version;
  }

  channelOfSim(simId: string): IndexedChannel | undefined {
    return this.#bySim.get(simId);
  }

  channel(channelId: string): IndexedChannel | undefined {
    return this.#byId.get(channelId);
  }

  /** The channel whose key in an idle order this is. */
  channelOfKey(key: number): IndexedChannel | undefined {
    return this.channels[key % MAX_CHANNELS];
  }

  channelChanged(channelId: string, state: ChannelState): void {
    const channel = this.#byId.get(channelId);
    if (channel === undefined || channel.state === state) return;
    this.#version += 1;
    const { gateway, counts } = channel.group;
    if (state === 'busy') gateway.busy += 1;
    else if (channel.state === 'busy') gateway.busy -= 1;
    if (channel.enabled) {
      counts[channel.state] -= 1;
      counts[state] += 1;
    }
    channel.state = state;
    this.#order(channel);
  }

  usageChanged(simId: string): void {
    const channel = this.#bySim.get(simId);
    if (channel === undefined) return;
    this.#version += 1;
    this.#order(channel);
  }

  gatewayChanged(name: string, up: boolean): void {
    const gateway = this.#gateways.get(name);
    if (gateway === undefined || gateway.up === up) return;
    this.#version += 1;
    gateway.up = up;
  }

  /** Orders anew the groups whose day has turned. To be called before each decision. */
  turnDays(nowWallMs: number): void {
    for (const group of this.groups) {
      if (nowWallMs >= group.day.startWallMs && nowWallMs < group.day.endWallMs) continue;
      group.day = group.days.at(nowWallMs);
      this.#version += 1;
      for (const channel of group.channels) this.#order(channel);
    }
  }

  close(): void {
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }

  #order(channel: IndexedChannel): void {
    const { idle } = channel.group;
    const key = channel.enabled && channel.state === 'idle' ? this.#keyOf(channel) : null;
    if (key === channel.key) return;
    if (channel.key !== null) idle.delete(channel.key);
    if (key !== null) idle.add(key);
    channel.key = key;
  }

  #keyOf(channel: IndexedChannel): number {
    const { seconds, calls } = this.view.today(channel.simId, channel.group.day.startWallMs);
    const use = Math.min(seconds, MAX_SECONDS - 1) * MAX_CALLS + Math.min(calls, MAX_CALLS - 1);
    return use * MAX_CHANNELS + channel.order;
  }
}

function indexChannels(
  settings: RoutingSettings,
  gateways: ReadonlyMap<string, IndexedGateway>,
  groups: Map<string, ChannelGroup>,
  view: LedgerView,
  nowWallMs: number,
): IndexedChannel[] {
  const sims = new Map(settings.sims.map((sim) => [sim.simId, sim]));
  const plans = new Map(settings.plans.map((plan) => [plan.name, plan]));
  const indexed: IndexedChannel[] = [];
  for (const channel of settings.channels) {
    const sim = sims.get(channel.simId);
    const gateway = gateways.get(channel.gateway);
    const plan = plans.get(sim?.plan ?? '');
    if (sim === undefined || gateway === undefined || plan === undefined) {
      throw new RangeError(`Channel ${channel.channelId} names a gateway, SIM or plan that is not there`);
    }
    const name = `${gateway.name} ${plan.name}`;
    const group = groups.get(name) ?? newGroup(gateway, plan, nowWallMs);
    groups.set(name, group);
    const state = view.channelState(channel.channelId) ?? 'idle';
    const entry = { ...channel, order: indexed.length, simNumber: sim.number, group, state, key: null };
    group.channels.push(entry);
    indexed.push(entry);
  }
  return indexed;
}

function newGroup(gateway: IndexedGateway, plan: Plan, nowWallMs: number): ChannelGroup {
  const days = new WindowClock({ kind: 'day' }, plan.timeZone);
  return {
    gateway,
    plan,
    channels: [],
    days,
    day: days.at(nowWallMs),
    idle: new SortedNumbers(),
    counts: { idle: 0, busy: 0, resting: 0, disabled: 0 },
  };
}
