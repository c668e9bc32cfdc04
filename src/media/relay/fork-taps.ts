// The taps of one thread by their names, and which of them each forked call goes to. Every tap has its own queue, so that a slow
// one loses its own packets and a dead one is forgotten, while the relay and the other taps go on.
import type { MessagePort } from 'node:worker_threads';
import type { TapCounters } from './relay-messages.js';
import type { ForkSink } from './relayed-stream.js';
import { TapQueue, type TapQueueSettings } from './tap-queue.js';

/** The tap that a fork goes to when it names none. */
export const RECORDER_TAP = 'recorder';

interface Fork {
  readonly recordingId: string;
  readonly names: readonly string[];
  /** Of those names that are connected. */
  queues: TapQueue[];
}

export class ForkTaps implements ForkSink {
  readonly #taps = new Map<string, TapQueue>();
  readonly #forks = new Map<number, Fork>();
  /** Totals of taps that are gone. */
  readonly #ended = new Map<string, { forkedPackets: number; lostPackets: number }>();
  #nextFork = 1;

  /** Begins to fork a call to the taps of these names, those that connect later included; returns the fork's number. */
  begin(recordingId: string, names: readonly string[] = [RECORDER_TAP]): number {
    const id = this.#nextFork++;
    const fork: Fork = { recordingId, names, queues: [] };
    this.#forks.set(id, fork);
    this.#findQueues(fork);
    for (const queue of fork.queues) queue.begin(id, recordingId);
    return id;
  }

  add(fork: number, isCallee: boolean, arrivalMs: number, packet: Uint8Array): void {
    const queues = this.#forks.get(fork)?.queues;
    if (queues === undefined) return;
    for (let at = 0; at < queues.length; at += 1) queues[at]?.add(fork, isCallee, arrivalMs, packet);
  }

  end(id: number): void {
    const fork = this.#forks.get(id);
    if (fork === undefined) return;
    this.#forks.delete(id);
    for (const queue of fork.queues) queue.end(id);
  }

  /** Connects a tap, in the place of an earlier one of its name; it gets what is forked to that name already. */
  connect(name: string, port: MessagePort, settings: TapQueueSettings): void {
    const before = this.#taps.get(name);
    const queue = new TapQueue(port, settings, () => this.#forget(name, queue));
    this.#taps.set(name, queue);
    if (before !== undefined) this.#retire(name, before);
    for (const [id, fork] of this.#forks) {
      if (!fork.names.includes(name)) continue;
      this.#findQueues(fork);
      queue.begin(id, fork.recordingId);
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
    for (const fork of this.#forks.values()) if (fork.queues.includes(queue)) this.#findQueues(fork);
    this.#retire(name, queue);
  }

  #retire(name: string, queue: TapQueue): void {
    queue.close();
    const ended = this.#ended.get(name) ?? { forkedPackets: 0, lostPackets: 0 };
    ended.forkedPackets += queue.counters.forkedPackets;
    ended.lostPackets += queue.counters.lostPackets;
    this.#ended.set(name, ended);
  }

  #findQueues(fork: Fork): void {
    fork.queues = [...new Set(fork.names)].flatMap((name) => this.#taps.get(name) ?? []);
  }
}
