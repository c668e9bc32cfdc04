// What relay and recorder owe a call's record: the recording from the answer on, and after the end both reports, or a deadline
// without them.
import type { Clock } from '../lib/clock.js';
import type { Logger } from '../lib/logger.js';
import type { CallMedia } from './call-media.js';
import type { CallRecord } from './call-record.js';
import { CallRecording } from './call-recording.js';
import type { MediaSession, RecordingLossCause, RecordingPort, RecordingRequest } from './ports.js';
import type { MediaReport } from './reports.js';

export interface ReportPorts {
  readonly recorder: RecordingPort | null;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The call as its reports see it. */
export interface ReportHolder {
  readonly callId: string;
  amend(change: Partial<CallRecord>): void;
  /** The relay's report with what it could not hear. */
  withKeyed(report: MediaReport | null): MediaReport | null;
  /** The reports are in, or overdue: the record can go out as it stands. */
  onReady(): void;
}

export class CallReports {
  readonly #ports: ReportPorts;
  readonly #deadlineMs: number;
  readonly #holder: ReportHolder;
  #recording: CallRecording | null = null;
  #mediaReport: MediaReport | null = null;
  #isAwaited = false;
  #isOverdue = false;

  constructor(ports: ReportPorts, deadlineMs: number, holder: ReportHolder) {
    this.#ports = ports;
    this.#deadlineMs = deadlineMs;
    this.#holder = holder;
  }

  /** Reports are still to come. */
  get areAwaited(): boolean {
    return this.#isAwaited;
  }

  /** The record goes out without them. */
  get areOverdue(): boolean {
    return this.#isOverdue;
  }

  /** From its first session on, a call's record waits for the relay's report. False when it did so before. */
  expect(session: MediaSession | null): session is MediaSession {
    if (session === null || this.#isAwaited) return false;
    this.#isAwaited = true;
    return true;
  }

  startRecording(media: CallMedia, onLoss: (cause: RecordingLossCause) => void): void {
    const { recorder, clock, log } = this.#ports;
    const { session } = media;
    if (recorder === null || session === null) return;
    const { callId } = this.#holder;
    this.#recording = CallRecording.begin(recorder, session, {
      ...{ recordingId: callId, callId, startedWallMs: clock.wallMs(), codecs: media.recordedCodecs() },
    });
    this.#holder.amend({ recording: this.#recording.state });
    this.#recording.onLoss((cause) => {
      log.error({ alarm: 'recording', cause }, 'call is not recorded, or not all of it');
      onLoss(cause);
    });
  }

  /** After a renegotiation; nothing where nothing is recorded. */
  setCodecs(codecs: RecordingRequest['codecs']): void {
    this.#recording?.setCodecs(codecs);
  }

  /** Ends the recording and frees the ports; the record follows with both reports, or without at the deadline. */
  close(session: MediaSession | null): void {
    const finished = this.#recording?.finish();
    const closed = session?.close();
    if (finished === undefined && closed === undefined) return;
    const deadline = this.#ports.clock.after(this.#deadlineMs, () => {
      this.#ports.log.warn({}, 'recording has not been reported in time');
      this.#isOverdue = true;
      this.#holder.onReady();
    });
    const mediaDone = closed?.then((report) => {
      this.#mediaReport = report;
    });
    void Promise.allSettled([mediaDone, finished]).then(() => {
      deadline.cancel();
      this.#isAwaited = false;
      this.#holder.amend({
        media: this.#holder.withKeyed(this.#mediaReport),
        recording: this.#recording?.state ?? null,
      });
      this.#holder.onReady();
    });
  }
}
