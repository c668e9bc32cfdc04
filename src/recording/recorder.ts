// The recorder: the recording port over one thread that writes and hashes. Forked packets reach it past this thread.
// When the thread ends, its recordings lose audio and say so; their files are repaired when they are finished.
import { type MessagePort, Worker } from 'node:worker_threads';
import type { RecordingHandle, RecordingLossCause, RecordingPort, RecordingRequest } from '../call/ports.js';
import type { RecordingReport } from '../call/reports.js';
import type { Clock } from '../lib/clock.js';
import { SimtrunkError } from '../lib/errors.js';
import type { Logger } from '../lib/logger.js';
import { hashFile } from './file-hash.js';
import type { RepairedRecording } from './partial-files.js';
import type { RecorderInput, RecorderOutput, RecorderThreadSettings } from './recorder-messages.js';
import { Recording } from './recording.js';
import { diskFiles } from './recording-files.js';
import { recordingPaths, repairedPathOf } from './recording-paths.js';
import { durationMsOf, wholeFrameBytes } from './wav-file.js';

export interface RecorderSettings extends RecorderThreadSettings {
  readonly log: Logger;
  /** Its monotonic time must be the process's own: the relay stamps packets with it. */
  readonly clock: Clock;
}

export interface RunningRecorder {
  readonly port: RecordingPort;
  /** Takes forked packets from the holder of the channel's other end. */
  connectTap(tap: MessagePort): void;
  /** Repairs what an earlier process left unfinished. */
  recover(): Promise<readonly RepairedRecording[]>;
  /** What the disk has of a recording that was to be at this path, finished or repaired; null when nothing. */
  find(path: string): Promise<RecordingReport | null>;
  /** Called once if the thread ends by itself; every recording was told before. */
  onExit(listener: (cause: Error) => void): void;
  /** Finishes every recording, then ends the thread. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts the recording thread.
 * @throws {SimtrunkError} RECORDING_UNAVAILABLE when the folder cannot be written.
 */
export async function startRecorder(settings: RecorderSettings): Promise<RunningRecorder> {
  const recorder = new Recorder(settings);
  await recorder.ready;
  return recorder;
}

class Recorder implements RunningRecorder, RecordingPort {
  readonly port: RecordingPort = this;
  readonly ready: Promise<void>;
  readonly #settings: RecorderSettings;
  readonly #worker: Worker;
  readonly #handles = new Map<string, Recording>();
  readonly #exitListeners: ((cause: Error) => void)[] = [];
  readonly #recovering: ((repaired: readonly RepairedRecording[]) => void)[] = [];
  #unready: RecordingLossCause | null = null;
  #hasEnded = false;
  #closing: Promise<void> | null = null;

  constructor(settings: RecorderSettings) {
    this.#settings = settings;
    const { dir, minFreeBytes } = settings;
    const workerData: RecorderThreadSettings = { dir, minFreeBytes };
    this.#worker = new Worker(new URL('./recorder-worker.js', import.meta.url), { workerData, name: 'recorder' });
    this.ready = new Promise((resolve, reject) => {
      let failure: Error | null = null;
      this.#worker.on('message', (message: RecorderOutput) => {
        if (message.type === 'ready') {
          this.#unready = message.unready;
          resolve();
        } else if (message.type === 'failed') {
          const text = `Recordings cannot be written to ${dir}: ${message.message}. Make it writable, or change recording.dir.`;
          reject(new SimtrunkError('RECORDING_UNAVAILABLE', text));
          void this.#worker.terminate();
        } else {
          this.#onMessage(message);
        }
      });
      this.#worker.on('error', (error) => {
        failure = error;
      });
      this.#worker.on('exit', (code) => {
        const cause = failure ?? new Error(`the recording thread ended with code ${code}`);
        reject(new SimtrunkError('RECORDING_UNAVAILABLE', 'The recorder did not start.', { cause }));
        this.#onEnd(cause);
      });
    });
  }

  readiness(): ReturnType<RecordingPort['readiness']> {
    if (this.#hasEnded) return { ok: false, cause: 'recorder-down' };
    return this.#unready === null ? { ok: true } : { ok: false, cause: this.#unready };
  }

  begin(request: RecordingRequest): RecordingHandle {
    const { recordingId, codecs } = request;
    const begun = this.#handles.get(recordingId);
    if (begun !== undefined) return begun;
    const ready = this.readiness();
    const paths = recordingPaths(this.#settings.dir, request, request.startedWallMs);
    const startMs = this.#settings.clock.monotonicMs();
    const recording = new Recording(request, paths, {
      setCodecs: (next) => this.#post({ type: 'codecs', recordingId, codecs: next }),
      finish: () => this.#post({ type: 'finish', recordingId, endMs: this.#settings.clock.monotonicMs() }),
      isDown: () => this.#hasEnded || !ready.ok,
      onDone: () => this.#handles.delete(recordingId),
    });
    this.#handles.set(recordingId, recording);
    if (ready.ok) this.#post({ type: 'begin', recordingId, paths, codecs, startMs });
    else recording.lose(ready.cause);
    return recording;
  }

  connectTap(tap: MessagePort): void {
    if (this.#hasEnded) tap.close();
    else this.#worker.postMessage({ type: 'tap', port: tap } satisfies RecorderInput, [tap]);
  }

  recover(): Promise<readonly RepairedRecording[]> {
    if (this.#hasEnded) return Promise.resolve([]);
    return new Promise((resolve) => {
      this.#recovering.push(resolve);
      this.#post({ type: 'recover' });
    });
  }

  async find(path: string): Promise<RecordingReport | null> {
    return (await readReport(path, 'complete')) ?? (await readReport(repairedPathOf(path), 'partial'));
  }

  onExit(listener: (cause: Error) => void): void {
    this.#exitListeners.push(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#hasEnded) return;
    await Promise.all([...this.#handles.values()].map((recording) => recording.finish()));
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()));
    this.#post({ type: 'shutdown' });
    await ended;
  }

  #onMessage(message: RecorderOutput): void {
    const { log } = this.#settings;
    switch (message.type) {
      case 'readiness':
        this.#unready = message.unready;
        if (message.unready === null) log.info({ detail: message.message }, 'recording can go on');
        else log.error({ alarm: 'recording', cause: message.unready, detail: message.message }, 'recording stopped');
        return;
      case 'loss':
        log.error({ recordingId: message.recordingId, cause: message.cause, detail: message.message }, 'audio lost');
        this.#handles.get(message.recordingId)?.lose(message.cause);
        return;
      case 'finished':
        this.#handles.get(message.recordingId)?.settle(message.report);
        return;
      case 'recovered':
        for (const failure of message.failures) log.error(failure, 'partial recording not repaired');
        this.#recovering.shift()?.(message.repaired);
    }
  }

  #onEnd(cause: Error): void {
    this.#hasEnded = true;
    for (const resolve of this.#recovering.splice(0)) resolve([]);
    if (this.#closing !== null) return;
    this.#settings.log.error({ err: cause, recordings: this.#handles.size }, 'recording thread ended');
    for (const recording of [...this.#handles.values()]) recording.lose('recorder-down');
    for (const listener of this.#exitListeners) listener(cause);
  }

  #post(input: RecorderInput): void {
    if (!this.#hasEnded) this.#worker.postMessage(input);
  }
}

/** Null when there is no such file. */
async function readReport(path: string, state: 'complete' | 'partial'): Promise<RecordingReport | null> {
  try {
    const { sha256, bytes } = await hashFile(diskFiles, path);
    const durationMs = durationMsOf(wholeFrameBytes(bytes));
    return { state, path, sha256, bytes, durationMs, packets: null, reanchored: null, lostPackets: null };
  } catch {
    return null;
  }
}
