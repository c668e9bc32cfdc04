// The taps of one thread by their names, and which of them each forked call goes to. Every tap has its own queue, so that a slow
// one loses its own packets and a dead one is forgotten, while the relay and the other taps go on.
import type { MessagePort } from 'node:worker_threads';
import type { TapCounters } from './relay-messages.js';
import { TapQueue, type TapQueueSettings } from './tap-queue.js';

/** The tap that a fork goes to when it names none. */
export const RECORDER_TAP = 'recorder';

/** A forked call: what is added to it goes to its taps. */
export class ForkedCall {
  /** Its number at the taps. */
  readonly id: number;
  readonly recordingId: string;
  readonly names: readonly string[];
  /** Of those names that are connected. */
  queues: readonly TapQueue[] = [];

  constructor(id: number, recordingId: string, names: readonly string[]) {
    this.id = id;
    this.recordingId = recordingId;
    this.names = names;
  }

  add(isCallee: boolean, arrivalMs: number, packet: Uint8Array): void {
    const { queues } = this;
    for (let at = 0; at < queues.length; at += 1) queues[at]?.add(this.id, isCallee, arrivalMs, packet);
  }
}

export class ForkTaps {
  readonly #taps = new Map<string, TapQueue>();
  readonly #forks = new Set<ForkedCall>();
  /** Totals of taps that are gone. */
  readonly #ended = new Map<string, { forkedPackets: number; lostPackets: number }>();
  #nextFork = 1;

  /** Begins to fork a call to the taps of these names, those that connect later included. */
  begin(recordingId: string, names: readonly string[] = [RECORDER_TAP]): ForkedCall {
    const fork = new ForkedCall(this.#nextFork++, recordingId, names);
    this.#forks.add(fork);
    this.#findQueues(fork);
    for (const queue of fork.queues) queue.begin(fork.id, recordingId);
    return fork;
  }

  /** Nothing that is added to it later goes anywhere. */
  end(fork: ForkedCall): void {
    if (!this.#forks.delete(fork)) return;
    for (const queue of fork.queues) queue.end(fork.id);
    fork.queues = [];
  }

  /** Connects a tap, in the place of an earlier one of its name; it gets what is forked to that name already. */
  connect(name: string, port: MessagePort, settings: TapQueueSettings): void {
    const before = this.#taps.get(name);
    const queue = new TapQueue(port, settings, () => this.#forget(name, queue));
    this.#taps.set(name, queue);
    if (before !== undefined) this.#retire(name, before);
    for (const fork of this.#forks) {
      if (!fork.names.includes(name)) continue;
      this.#findQueues(fork);
      queue.begin(fork.id, fork.recordingId);
    }
  }

  /** By name, of taps that are gone too. */
  counters(): Record<string, TapCounters> {
    const totals: Record<string, { forkedPackets: number; lostPackets: number }> = {};
    for (const [name, { forkedPackets, lostPackets }] of this.#ended) totals[name] = { forkedPackets, lostPackets };
    for (const [name, { counters }] of this.#taps) {
      totals[name] ??= { forkedPackets: 0, lostPackets: 0 };
      totals[name].forkedPackets += counters.forkedPackets;
      totals[name].lostPackets += counters.lostPackets;
    }
    return totals;
  }

  close(): void {
    for (const [name, queue] of [...this.#taps]) this.#forget(name, queue);
  }

  #forget(name: string, queue: TapQueue): void {
    if (this.#taps.get(name) !== queue) return;
    this.#taps.delete(name);
    for (const fork of this.#forks) if (fork.queues.includes(queue)) this.#findQueues(fork);
    this.#retire(name, queue);
  }

  #retire(name: string, queue: TapQueue): void {
    queue.close();
    const ended = this.#ended.get(name) ?? { forkedPackets: 0, lostPackets: 0 };
    ended.forkedPackets += queue.counters.forkedPackets;
    ended.lostPackets += queue.counters.lostPackets;
    this.#ended.set(name, ended);
  }

  #findQueues(fork: ForkedCall): void {
    fork.queues = [...new Set(fork.names)].flatMap((name) => this.#taps.get(name) ?? []);
  }
}
