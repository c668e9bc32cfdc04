// One recording as call control holds it: told of losses once, finished once, with a report whatever happens.
import type { RecordingHandle, RecordingLossCause, RecordingRequest } from '../call/ports.js';
import type { RecordingReport } from '../call/reports.js';
import { hashFile } from './file-hash.js';
import { repairPartialFile } from './partial-files.js';
import { diskFiles } from './recording-files.js';
import type { RecordingPaths } from './recording-paths.js';
import { durationMsOf, wholeFrameBytes } from './wav-file.js';

/** What a recording asks of the recorder that it belongs to. */
export interface RecordingOwner {
  setCodecs(codecs: RecordingRequest['codecs']): void;
  finish(): void;
  isDown(): boolean;
  onDone(): void;
}

export class Recording implements RecordingHandle {
  readonly recordingId: string;
  readonly path: string;
  readonly #callId: string;
  readonly #paths: RecordingPaths;
  readonly #owner: RecordingOwner;
  readonly #lossListeners: ((cause: RecordingLossCause) => void)[] = [];
  #loss: RecordingLossCause | null = null;
  #finishing: Promise<RecordingReport> | null = null;
  #settle: ((report: RecordingReport) => void) | null = null;

  constructor(request: RecordingRequest, paths: RecordingPaths, owner: RecordingOwner) {
    this.recordingId = request.recordingId;
    this.#callId = request.callId;
    this.path = paths.finished;
    this.#paths = paths;
    this.#owner = owner;
  }

  setCodecs(codecs: RecordingRequest['codecs']): void {
    this.#owner.setCodecs(codecs);
  }

  finish(): Promise<RecordingReport> {
    this.#finishing ??= this.#finish();
    return this.#finishing;
  }

  onLoss(listener: (cause: RecordingLossCause) => void): void {
    const loss = this.#loss;
    if (loss !== null) queueMicrotask(() => listener(loss));
    else this.#lossListeners.push(listener);
  }

  /** Ends a finish that waits; without a report, by what is on disk. */
  settle(report: RecordingReport | null): void {
    if (this.#settle === null) return;
    if (report === null) void this.#salvage().then(this.#settle);
    else this.#settle(report);
  }

  /** Audio is being lost: told once. A recorder that is down also settles a finish that waits for it. */
  lose(cause: RecordingLossCause): void {
    if (cause === 'recorder-down') this.settle(null);
    if (this.#loss !== null) return;
    this.#loss = cause;
    for (const listener of this.#lossListeners.splice(0)) listener(cause);
  }

  async #finish(): Promise<RecordingReport> {
    const report = this.#owner.isDown()
      ? this.#salvage()
      : new Promise<RecordingReport>((resolve) => {
          this.#settle = resolve;
          this.#owner.finish();
        });
    const settled = await report;
    this.#owner.onDone();
    return settled;
  }

  /** The thread is gone: what it had written is repaired here, unless it or the next recorder has named it already. */
  async #salvage(): Promise<RecordingReport> {
    const { repaired, finished } = this.#paths;
    const partial = { callId: this.#callId, recordingId: this.recordingId, paths: this.#paths };
    await repairPartialFile(diskFiles, partial).catch(() => null);
    const unknown = { packets: null, reanchored: null, lostPackets: null };
    for (const path of [repaired, finished]) {
      const file = await hashFile(diskFiles, path).catch(() => null);
      if (file === null) continue;
      return { ...unknown, ...file, state: 'partial', path, durationMs: durationMsOf(wholeFrameBytes(file.bytes)) };
    }
    return { ...unknown, state: 'lost', path: finished, sha256: null, bytes: 0, durationMs: 0 };
  }
}
