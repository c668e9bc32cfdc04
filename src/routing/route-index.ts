// What decisions are made from: every channel in its group (one gateway, one plan), the idle ones ordered by use, those
// with an exhausted allowance apart, so that a decision does not pass them one by one.
// Ledger and gateway events keep it current; a decision only reads it.

import { groupBy } from '../lib/group-by.js';
import type { NumberClass } from '../numbers/number-class.js';
import type { ChannelState, LedgerView } from '../quota/ledger-view.js';
import type { Plan } from '../quota/plan.js';
import { WindowClock, type WindowSpan } from '../quota/windows.js';
import { SortedNumbers } from './sorted-numbers.js';

export interface RoutingGateway {
  readonly name: string;
  readonly codecs: readonly string[];
  /** Calls at once. */
  readonly maxCalls?: number | undefined;
  /** New calls a second; a fraction means one call in so many seconds. */
  readonly maxCallsPerSecond?: number | undefined;
}

export interface RoutingChannel {
  readonly channelId: string;
  readonly gateway: string;
  readonly port: number;
  readonly simId: string;
  readonly enabled: boolean;
  /** Channel groups that it belongs to, for trunks and agents that may use only some. Default: none. */
  readonly groups?: readonly string[] | undefined;
  /** Agents whose own channel it is, as `trunk/agent`. Default: nobody's. */
  readonly agents?: readonly string[] | undefined;
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

/** The idle, enabled channels of a group, for number classes that draw on the same forbidding allowances. */
export interface IdleOrder {
  readonly classes: readonly NumberClass[];
  /** Keys of channels that may take a new callee, least used first. Too few seconds may still refuse one. */
  readonly open: SortedNumbers;
  /** How many have an allowance exhausted until their plan's day turns, by what it counts. */
  readonly exhausted: { seconds: number; callees: number };
}

/** A channel's place in one order: its key, what it lacks, or null while it is not idle. */
export type Place = number | 'seconds' | 'callees' | null;

/** Channels for which gateway and plan say the same. */
export interface ChannelGroup {
  readonly gateway: IndexedGateway;
  readonly plan: Plan;
  readonly channels: IndexedChannel[];
  readonly days: WindowClock;
  /** The day (of the plan's zone) whose use and exhaustion `orders` reflect. */
  day: WindowSpan;
  readonly orders: readonly IdleOrder[];
  /** Which of `orders` a class has. */
  readonly orderOfClass: ReadonlyMap<NumberClass, number>;
  readonly counts: Record<ChannelState | 'disabled', number>;
}

export interface IndexedChannel extends RoutingChannel {
  /** Place in the config: the last word on who is better. */
  readonly order: number;
  readonly simNumber: string;
  readonly group: ChannelGroup;
  state: ChannelState;
  /** Its place in each of the group's orders. */
  readonly places: Place[];
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

  /** The key of an idle channel: what it would be ordered by. */
  keyOf(channel: IndexedChannel): number {
    const { seconds, calls } = this.view.today(channel.simId, channel.group.day.startWallMs);
    const use = Math.min(seconds, MAX_SECONDS - 1) * MAX_CALLS + Math.min(calls, MAX_CALLS - 1);
    return use * MAX_CHANNELS + channel.order;
  }

  #order(channel: IndexedChannel): void {
    const isIdle = channel.enabled && channel.state === 'idle';
    const key = isIdle ? this.keyOf(channel) : null;
    for (const [index, order] of channel.group.orders.entries()) {
      const place = key === null ? null : (this.#lackOf(channel, order) ?? key);
      const before = channel.places[index] ?? null;
      if (place === before) continue;
      if (typeof before === 'number') order.open.delete(before);
      else if (before !== null) order.exhausted[before] -= 1;
      if (typeof place === 'number') order.open.add(place);
      else if (place !== null) order.exhausted[place] += 1;
      channel.places[index] = place;
    }
  }

  /** What stays exhausted for a callee never called before until the day turns, whatever the hour. */
  #lackOf(channel: IndexedChannel, order: IdleOrder): 'seconds' | 'callees' | undefined {
    const [numberClass] = order.classes;
    if (numberClass === undefined) return undefined;
    const request = { callee: '', numberClass, wallMs: channel.group.day.startWallMs };
    const fit = this.view.fit(channel.simId, request);
    if (fit.ok || fit.reason !== 'quota-exhausted') return undefined;
    const lacking = channel.group.plan.allowances.find(({ id }) => id === fit.allowanceId)?.counts;
    return lacking && (lacking === 'callees' ? 'callees' : 'seconds');
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
    const entry = { ...channel, order: indexed.length, simNumber: sim.number, group, state, places: [] };
    group.channels.push(entry);
    indexed.push(entry);
  }
  return indexed;
}

function newGroup(gateway: IndexedGateway, plan: Plan, nowWallMs: number): ChannelGroup {
  const days = new WindowClock({ kind: 'day' }, plan.timeZone);
  const classes = groupBy(
    plan.classes.filter((numberClass) => numberClass !== 'emergency'),
    (numberClass) => forbiddingAllowances(plan, numberClass),
  );
  const orders = [...classes.values()].map((members) => ({
    classes: members,
    open: new SortedNumbers(),
    exhausted: { seconds: 0, callees: 0 },
  }));
  return {
    gateway,
    plan,
    channels: [],
    days,
    day: days.at(nowWallMs),
    orders,
    orderOfClass: new Map(orders.flatMap((order, index) => order.classes.map((member) => [member, index]))),
    counts: { idle: 0, busy: 0, resting: 0, disabled: 0 },
  };
}

function forbiddingAllowances(plan: Plan, numberClass: NumberClass): string {
  return plan.allowances
    .filter(({ beyond, classes }) => beyond.kind === 'forbid' && classes.includes(numberClass))
    .map(({ id }) => id)
    .join(' ');
}
