// The embedded relay over several threads: each has its share of every network's ports and of the calls. A thread that ends loses
// its own calls alone, and is started again; taps are connected to each, and anew to one that was started again.
import { availableParallelism } from 'node:os';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { MediaOpenResult, MediaPort } from '../../call/ports.js';
import type { Clock } from '../../lib/clock.js';
import { Supervised } from '../../lib/supervised.js';
import { type RelaySettings, type RunningRelay, startRelay } from './relay.js';
import type { RelayCounters, RelayNetwork } from './relay-messages.js';
import { sumCounters } from './sum-counters.js';

/** More would only wait for the memory and the network card. */
const MOST_BY_CORES = 8;

export interface RelayThreadsSettings extends RelaySettings {
  /** `auto`: one for every two cores. Never more than a network has ports for. */
  readonly threads: number | 'auto';
  readonly clock: Clock;
}

export interface TapConnection {
  readonly name: string;
  /** How long a packet may wait for others. */
  readonly flushMs?: number;
  /** Takes the tap's end of a channel from one thread. */
  readonly connect: (port: MessagePort) => void;
}

export class RelayThreads {
  readonly port: MediaPort;
  readonly #threads: readonly Supervised<RunningRelay>[];
  readonly #taps: Map<string, TapConnection>;
  /** Refusals of one thread that another made good. */
  #refusedOnce = 0;

  private constructor(threads: readonly Supervised<RunningRelay>[], taps: Map<string, TapConnection>) {
    this.#threads = threads;
    this.#taps = taps;
    const [first] = threads as [Supervised<RunningRelay>];
    this.port = { capabilities: first.latest.port.capabilities, open: (request) => this.#open(request) };
  }

  /** @throws {SimtrunkError} of `startRelay`; no thread is left then. */
  static async start(settings: RelayThreadsSettings): Promise<RelayThreads> {
    const { clock, log } = settings;
    const taps = new Map<string, TapConnection>();
    const threads: Supervised<RunningRelay>[] = [];
    try {
      const shares = shareNetworks(settings.networks, settings.threads);
      for (const [index, networks] of shares.entries()) {
        threads.push(
          await Supervised.start<RunningRelay>({
            name: `relay-${index + 1}`,
            start: () => startRelay(Object.assign({}, settings, { networks, relayThreads: shares.length })),
            onRestart: (relay) => {
              for (const tap of taps.values()) connect(relay, tap);
            },
            clock,
            log,
          }),
        );
      }
    } catch (error) {
      for (const thread of threads) await thread.close();
      throw error;
    }
    return new RelayThreads(threads, taps);
  }

  get restarts(): number {
    return this.#threads.reduce((sum, thread) => sum + thread.restarts, 0);
  }

  get threads(): number {
    return this.#threads.length;
  }

  /** Connects a tap to every thread, now and whenever one is started again; it replaces an earlier one of its name. */
  connectTap(tap: TapConnection): void {
    this.#taps.set(tap.name, tap);
    for (const thread of this.#threads) if (thread.isUp) connect(thread.latest, tap);
  }

  /** Of all threads that run; null when none does. */
  async counters(): Promise<RelayCounters | null> {
    const each = await Promise.all(this.#threads.map((thread) => thread.latest.counters()));
    const known = each.filter((counters) => counters !== null);
    if (known.length === 0) return null;
    const sum = sumCounters(known);
    return Object.assign(sum, { refusedNoPorts: Math.max(0, sum.refusedNoPorts - this.#refusedOnce) });
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.close()));
  }

  /** The thread with the fewest calls takes the next one; another, when that has no ports left or has just ended. */
  async #open(request: Parameters<MediaPort['open']>[0]): Promise<MediaOpenResult> {
    const byLoad = this.#threads.toSorted((a, b) => Number(b.isUp) - Number(a.isUp) || a.latest.load - b.latest.load);
    let refusal: MediaOpenResult = { ok: false, reason: 'relay-down' };
    let refusals = 0;
    for (const { latest } of byLoad) {
      const result = await latest.port.open(request);
      if (result.ok) {
        this.#refusedOnce += refusals;
        return result;
      }
      if (result.reason === 'no-media-ports') {
        refusals += 1;
        refusal = result;
      }
    }
    this.#refusedOnce += Math.max(0, refusals - 1);
    return refusal;
  }
}

function connect(relay: RunningRelay, { name, flushMs, connect: give }: TapConnection): void {
  const { port1, port2 } = new MessageChannel();
  relay.connectTap(port1, flushMs === undefined ? { name } : { name, flushMs });
  give(port2);
}

/** For each thread every network with its own part of the ports: whole pairs, as many as any other or one more. */
export function shareNetworks(networks: readonly RelayNetwork[], threads: number | 'auto'): RelayNetwork[][] {
  const wanted = threads === 'auto' ? Math.min(MOST_BY_CORES, availableParallelism() >> 1) : threads;
  // A call within one network takes two pairs.
  const mostOf = ({ mediaPorts }: RelayNetwork) => pairsOf(mediaPorts) >> 1;
  const count = Math.max(1, Math.min(wanted, ...networks.map(mostOf)));
  return Array.from({ length: count }, (_, thread) =>
    networks.map(({ name, bind, advertise, mediaPorts }) => {
      const first = mediaPorts.from + (mediaPorts.from % 2);
      const pairs = pairsOf(mediaPorts);
      const from = first + 2 * Math.floor((thread * pairs) / count);
      const to = first + 2 * Math.floor(((thread + 1) * pairs) / count) - 1;
      return { name, bind, advertise, mediaPorts: { from, to } };
    }),
  );
}

function pairsOf({ from, to }: { readonly from: number; readonly to: number }): number {
  return Math.max(0, (to + 1 - (from + (from % 2))) >> 1);
}
