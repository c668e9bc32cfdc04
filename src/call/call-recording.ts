// The recording of one call: begins at the answer, forks the relay's session, ends with a report.
import type { RecordingState } from './call-record.js';
import type { MediaSession, RecordingHandle, RecordingLossCause, RecordingPort, RecordingRequest } from './ports.js';
import type { RecordingReport } from './reports.js';

export class CallRecording {
  readonly #handle: RecordingHandle;
  readonly #session: MediaSession;
  #report: RecordingReport | null = null;

  private constructor(handle: RecordingHandle, session: MediaSession) {
    this.#handle = handle;
    this.#session = session;
  }

  static begin(recorder: RecordingPort, session: MediaSession, request: RecordingRequest): CallRecording {
    const handle = recorder.begin(request);
    session.fork({ recordingId: request.recordingId });
    return new CallRecording(handle, session);
  }

  get state(): RecordingState {
    return { recordingId: this.#handle.recordingId, path: this.#handle.path, report: this.#report };
  }

  onLoss(listener: (cause: RecordingLossCause) => void): void {
    this.#handle.onLoss(listener);
  }

  setCodecs(codecs: RecordingRequest['codecs']): void {
    this.#handle.setCodecs(codecs);
  }

  /** Stops the fork, then waits for the file to be finished and hashed. */
  async finish(): Promise<void> {
    this.#session.unfork();
    this.#report = await this.#handle.finish();
  }
}
