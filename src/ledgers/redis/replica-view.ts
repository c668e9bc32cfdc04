// What routing reads of the shared ledger on this node: of whichever memory is current, by this machine's wall clock, with the
// channels that another node holds back for itself as busy ones. It says which channels and SIMs have changed.
import type { Logger } from '../../lib/logger.js';
import { TypedEmitter } from '../../lib/typed-events.js';
import type { NumberClass } from '../../numbers/number-class.js';
import type { ChannelState, LedgerView, LedgerViewEvents } from '../../quota/ledger-view.js';
import type { FitRequest, FitResult, MessageFit, MessageRequest, QuotaStanding } from '../../quota/usage.js';
import type { LedgerMemory } from '../ledger-memory.js';
import type { RedisClock } from './redis-clock.js';

export class ReplicaView implements LedgerView {
  readonly events: TypedEmitter<LedgerViewEvents>;
  readonly #clock: RedisClock;
  #memory: LedgerMemory;
  #stopHearing: () => void = () => {};
  /** Channels that another node holds back for itself. */
  #foreign: ReadonlySet<string> = new Set();
  #quietChannel: string | undefined;

  constructor(memory: LedgerMemory, clock: RedisClock, log: Logger) {
    this.events = new TypedEmitter((error, event) => log.error({ err: error, event }, 'ledger listener failed'));
    this.#clock = clock;
    this.#memory = memory;
    this.#hear();
  }

  get memory(): LedgerMemory {
    return this.#memory;
  }

  /** Another memory is current from now on; what has changed by that is told by {@link tellChannels} and {@link touch}. */
  become(memory: LedgerMemory): void {
    this.#stopHearing();
    this.#memory = memory;
    this.#hear();
  }

  /** Tells of those of these channels that the memory before had in another state. */
  tellChannels(channelIds: Iterable<string>, before: LedgerMemory): void {
    for (const channelId of channelIds) {
      const state = this.#memory.channelState(channelId);
      if (state !== undefined && !this.#foreign.has(channelId) && state !== before.channelState(channelId))
        this.events.emit('channel:changed', channelId, state);
    }
  }

  /** Whatever was computed of the usage of these SIMs is out of date. */
  touch(simIds: Iterable<string>): void {
    for (const simId of simIds) this.events.emit('usage:changed', simId);
  }

  setForeign(foreign: ReadonlySet<string>): void {
    const before = this.#foreign;
    this.#foreign = foreign;
    for (const channelId of new Set([...before, ...foreign])) {
      const state = this.channelState(channelId);
      if (before.has(channelId) !== foreign.has(channelId) && state !== undefined) {
        this.events.emit('channel:changed', channelId, state);
      }
    }
  }

  /** What a step does to a channel that is taken already, and stays so, is not told. */
  keepingTaken<T>(channelId: string, step: () => T): T {
    this.#quietChannel = this.#memory.channelState(channelId) === 'busy' ? channelId : undefined;
    try {
      return step();
    } finally {
      this.#quietChannel = undefined;
    }
  }

  channelState(channelId: string): ChannelState | undefined {
    const state = this.#memory.channelState(channelId);
    return state !== undefined && this.#foreign.has(channelId) ? 'busy' : state;
  }

  fit(simId: string, request: FitRequest): FitResult {
    const { callee, numberClass, direction = 'out', carrier } = request;
    const wallMs = this.#clock.fromNode(request.wallMs);
    return this.#memory.fit(simId, { callee, numberClass, direction, wallMs, carrier });
  }

  standing(simId: string, numberClass: NumberClass, wallMs: number): QuotaStanding {
    const standing = this.#memory.standing(simId, numberClass, this.#clock.fromNode(wallMs));
    return { ...standing, changesAtWallMs: this.#clock.toNode(standing.changesAtWallMs) };
  }

  fitMessage(simId: string, request: MessageRequest): MessageFit {
    return this.#memory.fitMessage(simId, { ...request, wallMs: this.#clock.fromNode(request.wallMs) });
  }

  messageChangesAt(simId: string, request: MessageRequest): number {
    const asked = { ...request, wallMs: this.#clock.fromNode(request.wallMs) };
    return this.#clock.toNode(this.#memory.messageChangesAt(simId, asked));
  }

  messagesToday(simId: string, wallMs: number): number {
    return this.#memory.messagesToday(simId, this.#clock.fromNode(wallMs));
  }

  quote(simId: string, numberClass: NumberClass, wallMs: number, seconds: number): number {
    return this.#memory.quote(simId, numberClass, this.#clock.fromNode(wallMs), seconds);
  }

  today(simId: string, wallMs: number): { readonly seconds: number; readonly calls: number } {
    return this.#memory.today(simId, this.#clock.fromNode(wallMs));
  }

  simsOf(callee: string): readonly string[] {
    return this.#memory.simsOf(callee);
  }

  #hear(): void {
    const { events } = this.#memory;
    const stopChannels = events.on('channel:changed', (channelId, state) => {
      if (this.#foreign.has(channelId) || this.#quietChannel === channelId) return;
      this.events.emit('channel:changed', channelId, state);
    });
    const stopUsage = events.on('usage:changed', (simId) => this.events.emit('usage:changed', simId));
    this.#stopHearing = () => {
      stopChannels();
      stopUsage();
    };
  }
}
