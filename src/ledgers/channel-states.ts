// The channels of a ledger and what state each is in: idle, busy, or resting for its gap after a call. A channel that leaves the
// config while it is in a call stays until that is over.
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
}

export class ChannelStates {
  readonly #clock: Clock;
  readonly #onChanged: (channelId: string, state: ChannelState) => void;
  readonly #byId = new Map<string, Channel>();
  /** As the settings have them. */
  #ordered: readonly Channel[] = [];

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
      const channel: Channel = { channelId, simId, gapMs, book, state: 'idle', rest: undefined };
      this.#byId.set(channelId, channel);
      return channel;
    });
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
    if (channel.state === state) return;
    channel.state = state;
    this.#onChanged(channel.channelId, state);
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

  #forget(channel: Channel): void {
    channel.rest?.cancel();
    this.#byId.delete(channel.channelId);
  }
}
