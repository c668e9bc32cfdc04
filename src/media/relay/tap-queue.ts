// The way of forked packets to one tap: batches of a few milliseconds, and a bound on what the tap has not given back.
// A slow tap makes batches fuller, then loses its own packets, counted for each fork; the relay never waits.
import type { MessagePort } from 'node:worker_threads';
import { TAP_BATCH_BYTES, TapBatchWriter, type TapMessage, type TapReturn } from '../../rtp/tap-batch.js';

/** Waking another thread costs as much as relaying dozens of packets: a tap that need not hear at once waits a little. */
const FLUSH_MS = 100;
/** A stall has filled these; they are not kept for the next one. */
const MAX_SPARE_BATCHES = 16;
/** While this many batches are with the tap, another goes out only when it is full. */
const EAGER_BATCHES = 4;

export interface TapQueueCounters {
  forkedPackets: number;
  lostPackets: number;
}

export interface TapQueueSettings {
  /** What the tap may have, and not have given back, before packets are lost. */
  readonly maxBatches: number;
  /** How long a packet may wait for others; less for a tap that is listened to. */
  readonly flushMs?: number;
}

export class TapQueue {
  readonly counters: TapQueueCounters = { forkedPackets: 0, lostPackets: 0 };
  readonly #port: MessagePort;
  readonly #maxBatches: number;
  readonly #flushMs: number;
  readonly #spare: ArrayBuffer[] = [];
  readonly #lostByFork = new Map<number, number>();
  #batch: TapBatchWriter | null = null;
  #lent = 0;
  #flushTimer: NodeJS.Timeout | null = null;
  #isClosed = false;

  /** `onClose` is called when the tap's end goes away. */
  constructor(port: MessagePort, settings: TapQueueSettings, onClose: () => void) {
    this.#port = port;
    this.#maxBatches = settings.maxBatches;
    this.#flushMs = settings.flushMs ?? FLUSH_MS;
    port.on('message', (message: TapReturn) => {
      this.#lent -= 1;
      if (this.#spare.length < MAX_SPARE_BATCHES) this.#spare.push(message.buffer);
      if (this.#flushTimer === null) this.#flushWhenCalm();
    });
    port.on('close', () => {
      this.close();
      onClose();
    });
  }

  begin(fork: number, recordingId: string): void {
    this.#lostByFork.set(fork, 0);
    this.#post({ type: 'fork', fork, recordingId });
  }

  add(fork: number, isCallee: boolean, arrivalMs: number, packet: Uint8Array): void {
    if (this.#isClosed) return;
    if (this.#batch?.add(fork, isCallee, arrivalMs, packet)) {
      this.counters.forkedPackets += 1;
      return;
    }
    if (this.#batch !== null) this.#flush();
    const buffer = this.#borrowBuffer();
    if (buffer === null) {
      this.counters.lostPackets += 1;
      this.#lostByFork.set(fork, (this.#lostByFork.get(fork) ?? 0) + 1);
      return;
    }
    this.#batch = new TapBatchWriter(buffer);
    this.#batch.add(fork, isCallee, arrivalMs, packet);
    this.counters.forkedPackets += 1;
    this.#planFlush();
  }

  end(fork: number): void {
    this.#flush();
    this.#post({ type: 'unfork', fork, lostPackets: this.#lostByFork.get(fork) ?? 0 });
    this.#lostByFork.delete(fork);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    if (this.#flushTimer !== null) clearTimeout(this.#flushTimer);
    this.#flushTimer = null;
    this.#port.close();
  }

  /** Apart from `add`: with a function made in it, that would make a context for each packet. */
  #planFlush(): void {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = null;
      this.#flushWhenCalm();
    }, this.#flushMs);
  }

  #borrowBuffer(): ArrayBuffer | null {
    if (this.#lent >= this.#maxBatches) return null;
    return this.#spare.pop() ?? new ArrayBuffer(TAP_BATCH_BYTES);
  }

  #flushWhenCalm(): void {
    if (this.#lent < EAGER_BATCHES) this.#flush();
  }

  #flush(): void {
    const batch = this.#batch;
    if (batch === null || this.#isClosed) return;
    this.#batch = null;
    this.#lent += 1;
    this.#port.postMessage({ type: 'packets', buffer: batch.buffer, bytes: batch.bytes } satisfies TapMessage, [
      batch.buffer,
    ]);
  }

  #post(message: TapMessage): void {
    if (!this.#isClosed) this.#port.postMessage(message);
  }
}
