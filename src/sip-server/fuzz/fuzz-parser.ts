// Reads damaged messages in a thread of its own with little memory, and watches that it goes on.
import { Worker } from 'node:worker_threads';
import type { FuzzOutcome } from './fuzz-outcome.js';

export interface ParserFuzzTask {
  readonly seed: number;
  readonly forMs: number;
  /** Two 32-bit numbers, then the bytes that are being read. */
  readonly watched: SharedArrayBuffer;
}

/** Of the numbers: messages begun, and the length of the last. */
export const WATCHED_COUNT = 0;
export const WATCHED_LENGTH = 1;
export const WATCHED_HEADER_BYTES = 8;

const WATCHED_BYTES = 1024 * 1024;
const HEAP_MB = 256;
/** A message takes milliseconds; the rest is for making the next one, and for a machine with other things to do. */
const STALL_MS = 15_000;
const LOOK_EACH_MS = 500;

/** @param forMs a round that has begun is ended */
export async function fuzzParser(seed: number, forMs: number): Promise<FuzzOutcome> {
  const watched = new SharedArrayBuffer(WATCHED_HEADER_BYTES + WATCHED_BYTES);
  const task: ParserFuzzTask = { seed, forMs, watched };
  const worker = new Worker(new URL('./parser-fuzz-worker.js', import.meta.url), {
    workerData: task,
    resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
  });
  const lost = (what: string): FuzzOutcome => ({
    rounds: 0,
    runs: Atomics.load(new Int32Array(watched), WATCHED_COUNT),
    failure: { property: 'neither hangs nor fills the memory', seed, report: `${what}\n${lastMessage(watched)}` },
  });
  let watch: NodeJS.Timeout | undefined;
  try {
    return await new Promise<FuzzOutcome>((resolve) => {
      worker.on('message', resolve);
      worker.on('error', (error) => resolve(lost(`The thread ended: ${error.message}`)));
      watch = watchProgress(watched, () => resolve(lost(`Nothing went on for ${STALL_MS} ms`)));
    });
  } finally {
    clearInterval(watch);
    await worker.terminate();
  }
}

function watchProgress(watched: SharedArrayBuffer, onStall: () => void): NodeJS.Timeout {
  const numbers = new Int32Array(watched, 0, 2);
  let seen = -1;
  let sinceMs = performance.now();
  return setInterval(() => {
    const count = Atomics.load(numbers, WATCHED_COUNT);
    if (count !== seen) {
      seen = count;
      sinceMs = performance.now();
    } else if (performance.now() - sinceMs > STALL_MS) onStall();
  }, LOOK_EACH_MS);
}

function lastMessage(watched: SharedArrayBuffer): string {
  const length = Atomics.load(new Int32Array(watched, 0, 2), WATCHED_LENGTH);
  const bytes = Buffer.from(new Uint8Array(watched, WATCHED_HEADER_BYTES, length));
  return `while reading ${length} bytes: ${JSON.stringify(bytes.toString('latin1'))}`;
}
