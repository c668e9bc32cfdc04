// Everything that the recording thread does, apart from being a thread: recordings, taps, the disk's state.
// Writes are synchronous: a stalled disk stalls this thread alone, and the taps' queues bound what that costs.
import { join } from 'node:path';
import type { RecordingLossCause, RecordingRequest } from '../call/ports.js';
import type { RecordingReport } from '../call/reports.js';
import { readTapBatch, type TapMessage, type TapReturn } from '../rtp/tap-batch.js';
import { type RepairedRecording, repairPartialFiles } from './partial-files.js';
import type { RecordingFiles } from './recording-files.js';
import { type RecordingPaths, UNFINISHED_FOLDER } from './recording-paths.js';
import { lossCauseOf, RecordingWriter } from './recording-writer.js';

/** A finish waits this long for the packets that the relay still holds. */
const FORK_END_MS = 400;
/** Below this a disk is full whatever the setting: a write would fail soon. */
const LEAST_FREE_BYTES = 1_048_576;

/** The tap's end of a channel from a relay. */
export interface TapPort {
  postMessage(message: TapReturn, transferred: readonly ArrayBuffer[]): void;
  /** Messages that have come and were not handled yet, in order. */
  drain(): TapMessage[];
}

export interface RecorderEvents {
  readiness(unready: RecordingLossCause | null, message: string): void;
  loss(recordingId: string, cause: RecordingLossCause, message: string): void;
}

interface Live {
  readonly writer: RecordingWriter;
  /** Forks of this recording that have not ended. */
  openForks: number;
  onForksEnded: (() => void) | null;
  hasToldLoss: boolean;
}

interface Fork {
  readonly recordingId: string;
  live: Live | null;
}

interface Tap {
  readonly port: TapPort;
  readonly forks: Map<number, Fork>;
}

export class RecorderCore {
  readonly #files: RecordingFiles;
  readonly #dir: string;
  readonly #minFreeBytes: number;
  readonly #nowMs: () => number;
  readonly #events: RecorderEvents;
  readonly #live = new Map<string, Live>();
  readonly #taps = new Map<TapPort, Tap>();
  #unready: RecordingLossCause | null = null;

  constructor(
    settings: { readonly dir: string; readonly minFreeBytes: number },
    files: RecordingFiles,
    nowMs: () => number,
    events: RecorderEvents,
  ) {
    this.#dir = settings.dir;
    this.#minFreeBytes = Math.max(settings.minFreeBytes, LEAST_FREE_BYTES);
    this.#files = files;
    this.#nowMs = nowMs;
    this.#events = events;
  }

  get unready(): RecordingLossCause | null {
    return this.#unready;
  }

  get recordings(): number {
    return this.#live.size;
  }

  /** Makes the folders. Throws when recordings could not be written there. */
  prepare(): void {
    const unfinished = join(this.#dir, UNFINISHED_FOLDER);
    this.#files.makeFolder(unfinished);
    this.#files.checkWritable(this.#dir);
    this.#files.checkWritable(unfinished);
    this.checkDisk();
  }

  begin(request: {
    recordingId: string;
    paths: RecordingPaths;
    codecs: RecordingRequest['codecs'];
    startMs: number;
  }): void {
    const { recordingId } = request;
    if (this.#live.has(recordingId)) return;
    const live: Live = {
      writer: new RecordingWriter(this.#files, request, (cause, error) => this.#onLoss(recordingId, cause, error)),
      openForks: 0,
      onForksEnded: null,
      hasToldLoss: false,
    };
    this.#live.set(recordingId, live);
  }

  setCodecs(recordingId: string, codecs: RecordingRequest['codecs']): void {
    this.#live.get(recordingId)?.writer.setCodecs(codecs);
  }

  /** Null for a recording that never began. */
  async finish(recordingId: string, endMs: number): Promise<RecordingReport | null> {
    const live = this.#live.get(recordingId);
    if (live === undefined) return null;
    this.drainTaps();
    if (live.openForks > 0) await forksEnded(live);
    this.#live.delete(recordingId);
    return live.writer.finish(endMs);
  }

  connectTap(port: TapPort): void {
    this.#taps.set(port, { port, forks: new Map() });
  }

  /** The relay's end is gone: its forks will bring nothing more. */
  disconnectTap(port: TapPort): void {
    for (const fork of this.#taps.get(port)?.forks.values() ?? []) this.#endFork(fork);
    this.#taps.delete(port);
  }

  handle(port: TapPort, message: TapMessage): void {
    const tap = this.#taps.get(port);
    if (tap === undefined) return;
    switch (message.type) {
      case 'fork': {
        const fork: Fork = { recordingId: message.recordingId, live: null };
        tap.forks.set(message.fork, fork);
        this.#liveOf(fork);
        return;
      }
      case 'packets':
        readTapBatch(message.buffer, message.bytes, (id, isCallee, arrivalMs, packet) => {
          const fork = tap.forks.get(id);
          if (fork !== undefined) this.#liveOf(fork)?.writer.add(isCallee, arrivalMs, packet);
        });
        port.postMessage({ type: 'returned', buffer: message.buffer }, [message.buffer]);
        return;
      case 'unfork': {
        const fork = tap.forks.get(message.fork);
        if (fork === undefined) return;
        tap.forks.delete(message.fork);
        this.#liveOf(fork)?.writer.addLost(message.lostPackets);
        this.#endFork(fork);
      }
    }
  }

  /** Handles what the taps hold already, so that no packet is late only because this thread was. */
  drainTaps(): void {
    for (const port of this.#taps.keys()) for (const message of port.drain()) this.handle(port, message);
  }

  /** Writes what is settled in every recording. */
  tick(): void {
    this.drainTaps();
    const nowMs = this.#nowMs();
    for (const { writer } of this.#live.values()) writer.writeSettled(nowMs);
  }

  /** Asks the disk; tells when the answer has changed. */
  checkDisk(): void {
    try {
      const freeBytes = this.#files.freeBytes(this.#dir);
      if (freeBytes < this.#minFreeBytes) {
        this.#setReadiness('disk-full', `${freeBytes} bytes free, ${this.#minFreeBytes} wanted`);
        return;
      }
      if (this.#unready === 'write-error') this.#files.checkWritable(join(this.#dir, UNFINISHED_FOLDER));
      this.#setReadiness(null, `${freeBytes} bytes free`);
    } catch (error) {
      this.#setReadiness(lossCauseOf(error), String(error));
    }
  }

  recover(onFailure: (path: string, error: unknown) => void): Promise<RepairedRecording[]> {
    return repairPartialFiles(this.#files, this.#dir, (recordingId) => this.#live.has(recordingId), onFailure);
  }

  /** The recording of a fork, as soon as it has begun: begin and fork come by different ways. */
  #liveOf(fork: Fork): Live | null {
    if (fork.live === null) {
      fork.live = this.#live.get(fork.recordingId) ?? null;
      if (fork.live !== null) fork.live.openForks += 1;
    }
    return fork.live;
  }

  #endFork(fork: Fork): void {
    const { live } = fork;
    if (live === null) return;
    fork.live = null;
    live.openForks -= 1;
    if (live.openForks === 0) live.onForksEnded?.();
  }

  #onLoss(recordingId: string, cause: RecordingLossCause, error: unknown): void {
    this.#setReadiness(cause, String(error));
    const live = this.#live.get(recordingId);
    if (live === undefined || live.hasToldLoss) return;
    live.hasToldLoss = true;
    this.#events.loss(recordingId, cause, String(error));
  }

  #setReadiness(unready: RecordingLossCause | null, message: string): void {
    if (unready === this.#unready) return;
    this.#unready = unready;
    this.#events.readiness(unready, message);
  }
}

/** Resolves when the last fork of a recording has ended, or at the latest after {@link FORK_END_MS}. */
function forksEnded(live: Live): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, FORK_END_MS);
    live.onForksEnded = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}
