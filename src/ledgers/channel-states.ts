// The channels of a ledger and what state each is in: idle, busy, or resting for its gap after a call. A channel that leaves the
// config while it is in a call stays until that is over; one to which a SIM has moved rests until the SIM's calls where it was are.
import type { Clock, ClockTimer } from '../lib/clock.js';
import type { ReserveRequest } from '../quota/ledger.js';
import type { ChannelState } from '../quota/ledger-view.js';
import type { UsageBook } from '../quota/usage-book.js';

export interface ChannelSettings {
  readonly channelId: string;
  readonly simId: string;
  readonly gapMs: number;
}

export interface Channel {
  readonly channelId: string;
  simId: string;
  gapMs: number;
  /** Undefined when the SIM has no plan, or the channel has left the config: such a channel is unknown. */
  book: UsageBook | undefined;
  state: ChannelState;
  rest: ClockTimer | undefined;
  /** Its SIM is in a call where it was: what would be idle rests, without a timer. */
  isAwaiting: boolean;
}

export class ChannelStates {
  readonly #clock: Clock;
  readonly #onChanged: (channelId: string, state: ChannelState) => void;
  readonly #byId = new Map<string, Channel>();
  /** As the settings have them. */
  #ordered: readonly Channel[] = [];
  /** Where each SIM stands. */
  #bySim: ReadonlyMap<string, Channel> = new Map();
  /** Reservations that live where their SIM stands no more, by SIM. */
  readonly #elsewhere = new Map<string, Set<string>>();

  constructor(clock: Clock, onChanged: (channelId: string, state: ChannelState) => void) {
    this.#clock = clock;
    this.#onChanged = onChanged;
  }

  /** Those that there were keep their state. */
  keep(channels: readonly ChannelSettings[], books: ReadonlyMap<string, UsageBook>): void {
    const leaving = new Set(this.#byId.keys());
    this.#ordered = channels.map(({ channelId, simId, gapMs }) => {
      leaving.delete(channelId);
      const known = this.#byId.get(channelId);
      const book = books.get(simId);
      if (known !== undefined) return Object.assign(known, { simId, gapMs, book });
      const channel: Channel = { channelId, simId, gapMs, book, state: 'idle', rest: undefined, isAwaiting: false };
      this.#byId.set(channelId, channel);
      return channel;
    });
    this.#bySim = new Map(this.#ordered.map((channel) => [channel.simId, channel]));
    for (const channelId of leaving) {
      const channel = this.#byId.get(channelId) as Channel;
      channel.book = undefined;
      if (channel.state !== 'busy') this.#forget(channel);
    }
  }

  get(channelId: string): Channel | undefined {
    return this.#byId.get(channelId);
  }

  /** Where the request says that it stands, else wherever it is. */
  of({ channelId, channelNumber }: ReserveRequest): Channel | undefined {
    const there = channelNumber === undefined ? undefined : this.#ordered[channelNumber];
    return there?.channelId === channelId ? there : this.#byId.get(channelId);
  }

  enter(channel: Channel, state: ChannelState): void {
    channel.rest?.cancel();
    channel.rest = undefined;
    const entered = state === 'idle' && channel.isAwaiting ? 'resting' : state;
    if (channel.state === entered) return;
    channel.state = entered;
    this.#onChanged(channel.channelId, entered);
  }

  /** All that live, after SIMs may have moved. */
  reconsider(requests: Iterable<ReserveRequest>): void {
    this.#elsewhere.clear();
    for (const request of requests) this.#noteElsewhere(request);
    for (const channel of this.#ordered) this.#await(channel, this.#elsewhere.has(channel.simId));
  }

  /** One lives that was not reserved by these settings: by an earlier process, or by another node. */
  found(request: ReserveRequest): void {
    const channel = this.#noteElsewhere(request);
    if (channel !== undefined) this.#await(channel, true);
  }

  /** One is over. */
  over({ reservationId, simId }: ReserveRequest): void {
    const left = this.#elsewhere.size === 0 ? undefined : this.#elsewhere.get(simId);
    if (left === undefined || !left.delete(reservationId) || left.size > 0) return;
    this.#elsewhere.delete(simId);
    const channel = this.#bySim.get(simId);
    if (channel !== undefined) this.#await(channel, false);
  }

  /** Its call is over: idle after the gap, or gone. */
  free(channel: Channel): void {
    this.rest(channel, channel.gapMs);
    if (channel.book === undefined) this.#forget(channel);
  }

  rest(channel: Channel, restMs: number): void {
    if (restMs <= 0) {
      this.enter(channel, 'idle');
      return;
    }
    this.enter(channel, 'resting');
    channel.rest = this.#clock.after(restMs, () => this.enter(channel, 'idle'));
  }

  close(): void {
    for (const channel of this.#byId.values()) channel.rest?.cancel();
  }

  /** Returns where its SIM stands, if that is somewhere else. */
  #noteElsewhere({ reservationId, channelId, simId }: ReserveRequest): Channel | undefined {
    const channel = this.#bySim.get(simId);
    if (channel === undefined || channel.channelId === channelId) return undefined;
    const others = this.#elsewhere.get(simId);
    if (others === undefined) this.#elsewhere.set(simId, new Set([reservationId]));
    else others.add(reservationId);
    return channel;
  }

  #await(channel: Channel, isAwaiting: boolean): void {
    channel.isAwaiting = isAwaiting;
    // In a call, or in its gap after one, it stays what it is until that is over.
    if (channel.state !== 'busy' && channel.rest === undefined) this.enter(channel, 'idle');
  }

  #forget(channel: Channel): void {
    channel.rest?.cancel();
    this.#byId.delete(channel.channelId);
  }
}
